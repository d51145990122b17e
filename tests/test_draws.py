from __future__ import annotations

import multiprocessing
import sys
from collections import Counter

import cv2
import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

from gesture_app.errors import InputError
from training.draws import (
    Loading,
    SeededItems,
    balanced_order,
    class_shares,
    in_batches,
    in_order,
    load,
    same_shape_batches,
    seeded_share,
    uploaded,
)

NEEDS_CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA")


class Noise(Dataset):
    def __len__(self) -> int:
        return 10

    def __getitem__(self, item: int) -> torch.Tensor:
        return torch.rand(()) + item


def test_a_seed_decides_an_item_and_no_global_number_is_used() -> None:
    before = torch.get_rng_state()
    items = SeededItems(Noise())
    assert items[3, 7] == items[3, 7] and items[3, 7] != items[3, 8]
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("workers", [0, 1])
def test_loading_is_the_same_for_any_number_of_workers(workers: int) -> None:
    draws = seeded_share([[0, 1], [2], [5, 4]], seed=1, epoch=2)
    before = torch.get_rng_state()
    batches = [b.tolist() for b in load(Noise(), draws, None, Loading(workers))]
    assert torch.equal(before, torch.get_rng_state())
    assert [[int(v) for v in b] for b in batches] == [[0, 1], [2], [5, 4]]
    assert batches[1:] == [b.tolist() for b in load(Noise(), draws[1:], None, Loading(0))]


class Broken(Noise):
    def __getitem__(self, item: int) -> torch.Tensor:
        raise InputError("no such picture")


@pytest.mark.parametrize("dataset", [Noise(), Broken()])
def test_loading_processes_end_with_the_loop(dataset: Noise) -> None:
    with pytest.raises(InputError) as held:  # which holds the loop's frames
        for _ in in_order(dataset, 2, 2):
            raise InputError("of the loop")
    assert held.value and not multiprocessing.active_children()


class Threads(Noise):
    def __getitem__(self, item: int) -> torch.Tensor:
        return torch.tensor(cv2.getNumThreads())


def test_loading_processes_are_one_thread_each() -> None:
    before = cv2.getNumThreads()
    batches = list(load(Threads(), [[(0, 1)], [(1, 2)]], None, Loading(1)))
    assert [int(b) for b in batches] == [1, 1] and cv2.getNumThreads() == before


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere Python decides")
def test_loading_processes_are_forked() -> None:
    loaders = load(Noise(), [[(0, 1)]], None, Loading(1)), in_order(Noise(), 2, 1)
    assert [loader.multiprocessing_context.get_start_method() for loader in loaders] == ["fork", "fork"]
    assert in_order(Noise(), 2).multiprocessing_context is None


def test_epochs_and_seeds_differ() -> None:
    draws = [seeded_share([[0, 1]], seed, epoch) for seed in (0, 1) for epoch in (0, 1)]
    assert len({str(d) for d in draws}) == 4


@pytest.mark.parametrize("world_size", [2, 3, 8])
def test_shares_together_are_what_one_process_sees(world_size: int) -> None:
    batches = [[0, 1, 2, 3, 4, 5], [6, 7, 8]]
    whole = seeded_share(batches, 5, 1)
    shares = [seeded_share(batches, 5, 1, rank, world_size) for rank in range(world_size)]
    for number, batch in enumerate(whole):
        sizes = {len(share[number]) for share in shares}
        assert len(sizes) == 1
        assert set(batch) == {draw for share in shares for draw in share[number]}
    if world_size == 3:
        assert [len(share[0]) for share in shares] == [2, 2, 2]
        assert sorted(draw for share in shares for draw in share[0]) == sorted(whole[0])


@pytest.mark.parametrize(("items", "expected"), [([], []), ([1, 2, 3], [[1, 2], [3]]), ([1, 2], [[1, 2]])])
def test_in_batches(items, expected) -> None:
    assert in_batches(items, 2) == expected


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=NEEDS_CUDA)])
@pytest.mark.parametrize("count", [0, 1, 5])
def test_batches_arrive_on_the_device_in_order(device: str, count: int) -> None:
    batches = [(torch.full((4, 1000), number), torch.tensor([number])) for number in range(count)]
    arrived = []
    for values, number in uploaded(batches, torch.device(device)):
        assert values.device.type == device
        arrived.append(((values * 2).unique().tolist(), int(number)))
    assert arrived == [([2 * number], number) for number in range(count)]


@pytest.mark.parametrize("balance", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("samples", [0, 1, 100, 1001, 4000])
def test_balanced_order_has_the_shares_of_classes_and_every_item_as_often(balance: float, samples: int) -> None:
    targets = [0] * 900 + [2] * 100 + [3]  # no item of class 1, a single one of class 3
    order = balanced_order(targets, balance, samples, seed=0)
    assert order == balanced_order(targets, balance, samples, 0) and len(order) == samples
    drawn, shares = Counter(order), class_shares(targets, balance, 5)
    assert sum(shares) == pytest.approx(1) and shares[1] == shares[4] == 0
    for name, share in enumerate(shares):
        times = [drawn[item] for item, target in enumerate(targets) if target == name]
        assert abs(sum(times) - share * samples) < 1
        assert not times or max(times) - min(times) <= 1
    if balance == 0 and samples == len(targets):
        assert sorted(order) == list(range(samples)) != order


def test_balanced_order_differs_by_epoch_and_draws_small_shares_at_times() -> None:
    targets = [0] * 30 + [1]
    orders = [balanced_order(targets, 0, 10, (0, epoch)) for epoch in range(600)]
    assert orders[0] != orders[1]
    assert sum(30 in order for order in orders) / 600 == pytest.approx(10 / 31, abs=0.06)
    assert np.bincount(np.concatenate(orders)) == pytest.approx(6000 / 31, rel=0.25)


@pytest.mark.parametrize("repeats", [1, 3])
def test_batches_have_one_shape_and_every_frame(repeats: int) -> None:
    upright = [bool(i % 3) for i in range(20)]  # 13 of them
    batches = same_shape_batches(upright, 4, 1, repeats)
    drawn = Counter(i for batch in batches for i in batch)
    assert {len(batch) for batch in batches} == {4}  # the last ones are filled up
    assert set(drawn) == set(range(20)) and set(drawn.values()) <= {repeats, repeats + 1}
    assert all(len({upright[i] for i in batch}) == 1 for batch in batches)
    assert same_shape_batches(upright, 4, 1, repeats) == batches != same_shape_batches(upright, 4, (1, 2), repeats)


def test_batches_of_few_frames() -> None:
    assert same_shape_batches([], 4, 0) == []
    assert sorted(map(sorted, same_shape_batches([True, True, False], 4, 0))) == [[0, 1], [2]]
