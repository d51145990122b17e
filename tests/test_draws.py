from __future__ import annotations

import multiprocessing
import sys

import cv2
import pytest
import torch
from torch.utils.data import Dataset

from gesture_app.errors import InputError
from training.draws import Loading, SeededItems, in_batches, in_order, load, seeded_share, uploaded

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
