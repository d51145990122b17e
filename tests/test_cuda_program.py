from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from torch import Tensor

from gesture_app.vision.cuda_program import Program

EAGER_RUNS = 2
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA"))]


def weighted(numbers: Tensor, weights: Tensor) -> Tensor:
    return numbers.float() * weights


@pytest.fixture(params=DEVICES)
def program(request: pytest.FixtureRequest) -> Program:
    inputs = [((2, 3), torch.uint8), ((2, 3), torch.float32)]
    return Program(weighted, inputs, torch.cuda.Stream() if request.param == "cuda" else None, EAGER_RUNS)


def rows(*values: float) -> list[np.ndarray]:
    return [np.full(3, value, np.uint8) for value in values]


def test_every_run_has_its_result(program: Program) -> None:
    for number in range(EAGER_RUNS + 3):
        got = program(rows(number, 2), [np.full(3, 0.5, np.float32)] * 2)
        assert isinstance(got, np.ndarray)
        assert got.tolist() == [[number / 2] * 3, [1.0] * 3]


def test_a_batch_that_is_not_full_leaves_the_rest(program: Program) -> None:
    ones = [np.ones(3, np.float32)] * 2
    program(rows(1, 2), ones)
    assert program(rows(7), ones).tolist() == [[7.0] * 3, [2.0] * 3]
    assert program(rows(8, 9), [np.full(2, 4, np.float32)])[0].tolist() == [32.0, 32.0, 8.0]


def test_arrays_of_any_strides_that_may_not_be_written(program: Program) -> None:
    mirrored = np.arange(6, dtype=np.uint8)[::-2]
    mirrored.flags.writeable = False
    assert program([mirrored], [np.ones(3, np.float32)])[0].tolist() == [5.0, 3.0, 1.0]


def test_threads_take_turns(program: Program) -> None:
    seen = []
    for number in range(EAGER_RUNS + 3):
        thread = threading.Thread(target=lambda n=number: seen.append(program(rows(n), [np.ones(3, np.float32)])[0, 0]))
        thread.start()
        thread.join()
    assert seen == list(range(EAGER_RUNS + 3))


def test_an_error_is_raised_and_the_next_run_is_well() -> None:
    def moody(numbers: Tensor) -> Tensor:
        if fails:
            raise RuntimeError("out of memory")
        return numbers + 1

    program = Program(moody, [((1, 2), torch.float32)], None)
    fails = True
    with pytest.raises(RuntimeError, match="out of memory"):
        program([np.zeros(2, np.float32)])
    fails = False
    assert program([np.zeros(2, np.float32)]).tolist() == [[1.0, 1.0]]
