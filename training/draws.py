"""Which item of a dataset is drawn when, and by which random numbers: a function of seed and epoch alone."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from training.signals import outlive_interrupts

Draw = tuple[int, int]
"""An item's number and the seed of its augmentation."""


class SeededItems(Dataset[Any]):
    """A dataset whose items are drawn by their own seeds.

    So a sample depends neither on the number of workers nor on what was drawn before it: a run that goes on in the
    middle of an epoch sees what it would have seen.
    """

    def __init__(self, dataset: Dataset[Any]) -> None:
        self.dataset = dataset

    def __getitem__(self, draw: Draw) -> Any:
        item, seed = draw
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            return self.dataset[item]


def in_batches(items: Sequence[int], batch_size: int) -> list[list[int]]:
    """Cut a sequence into batches; the last may be smaller."""
    return [list(items[start : start + batch_size]) for start in range(0, len(items), batch_size)]


def whole_batches(items: int, batch_size: int) -> int:
    """How many items fill every batch; as many as there are where they are too few for one."""
    return items if items < batch_size else -(-items // batch_size) * batch_size


def balanced_order(targets: Sequence[int], balance: float, samples: int, seed: int | Sequence[int]) -> list[int]:
    """The items to draw: of each class as many as `class_shares` says, and all of them before one comes again.

    Args:
        targets: the class of every item.
        balance: a class of n items has n ** (1 - balance) shares: 0 leaves the classes as they are, 1 evens them.
        samples: how many are drawn.
        seed: of the shuffling.
    """
    rng = np.random.default_rng(seed)
    counts = np.bincount(targets)
    # Rounded up or down by chance, all classes by the same: the mean over many epochs is the share exactly.
    ends = np.floor(np.cumsum(class_shares(targets, balance, len(counts))) * samples + rng.random()).astype(int)
    ends[-1] = samples
    by_class = np.split(np.argsort(targets, kind="stable"), np.cumsum(counts)[:-1])
    order = np.empty(samples, int)
    for items, places in zip(by_class, np.split(rng.permutation(samples), ends[:-1]), strict=True):
        if len(places):
            passes = np.tile(items, (-(-len(places) // len(items)), 1))
            order[np.sort(places)] = rng.permuted(passes, axis=1).ravel()[: len(places)]
    return list(order.tolist())


def class_shares(targets: Sequence[int], balance: float, classes: int) -> tuple[float, ...]:
    """How much of what `balanced_order` draws every class is."""
    counts = np.bincount(targets, minlength=classes).astype(np.float64)
    drawn = counts * np.maximum(counts, 1) ** -balance
    return tuple((drawn / drawn.sum()).tolist())


def same_shape_batches(
    upright: Sequence[bool], batch_size: int, seed: int | Sequence[int], repeats: int = 1
) -> list[list[int]]:
    """Batches, shuffled, of frames that are all upright or all wide, since a batch has one shape.

    Each shape's last batch is filled up with some of its frames again, unless they are too few for a whole one: batches
    of another size would be compiled anew, and batch norms would count their few pictures as much as others.

    Args:
        upright: one a frame.
        seed: of the shuffling.
        repeats: how often every frame comes.
    """
    rng = np.random.default_rng(seed)
    batches = []
    for shape in (False, True):
        items = [i for i, on_end in enumerate(upright) if on_end == shape] * repeats
        rng.shuffle(items)
        items = list(islice(cycle(items), whole_batches(len(items), batch_size)))
        batches += in_batches(items, batch_size)
    rng.shuffle(batches)
    return batches


def seeded_share(
    batches: Sequence[Sequence[int]], seed: int, epoch: int, rank: int = 0, world_size: int = 1
) -> list[list[Draw]]:
    """The part of every batch that one of several processes works on.

    All processes together see what one process would see. A batch that cannot be divided begins again.
    """
    rng = np.random.default_rng((seed, epoch))
    shares = []
    for batch in batches:
        draws = list(zip(batch, rng.integers(1 << 62, size=len(batch)).tolist(), strict=True))
        even = -(-len(draws) // world_size) * world_size
        shares.append(list(islice(cycle(draws), even))[rank::world_size])
    return shares


@dataclass(frozen=True)
class Loading:
    """How batches are loaded.

    Attributes:
        workers: processes that read and augment; 0 does it in this one.
        pin: lay batches into memory from which a GPU copies by itself.
    """

    workers: int = 0
    pin: bool = False


def begin_worker(_number: int) -> None:
    """A loading process is one thread: OpenCV would start one for every core in each of them."""
    outlive_interrupts()
    cv2.setNumThreads(0)


def load(dataset: Dataset[Any], draws: Sequence[Sequence[Draw]], collate: Any, loading: Loading) -> Loader:
    """The batches of these draws, in their order; no global random number is used up."""
    return Loader(SeededItems(dataset), loading, collate, batch_sampler=draws)


def in_order(dataset: Dataset[Any], batch_size: int, workers: int = 0, collate: Any = None) -> Loader:
    """A dataset's items as they come, to be measured on; no global random number is used up."""
    return Loader(dataset, Loading(workers), collate, batch_size=batch_size)


class Loader(DataLoader[Any]):
    """PyTorch's, whose processes are forked where that can be done, and end with the loop over it.

    As Python starts them by itself since 3.14, each would import everything anew, twice an epoch. An error keeps
    PyTorch's own to the end of the program, which would then wait until `outlive_interrupts` is over.
    """

    def __init__(self, dataset: Dataset[Any], loading: Loading, collate: Any, **batches: Any) -> None:
        forked = loading.workers > 0 and sys.platform == "linux"
        super().__init__(
            dataset,
            num_workers=loading.workers,
            collate_fn=collate,
            pin_memory=loading.pin,
            generator=torch.Generator(),
            worker_init_fn=begin_worker,
            multiprocessing_context="fork" if forked else None,
            **batches,
        )

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        batches: Any = super().__iter__()
        try:
            yield from batches
        finally:
            if self.num_workers:
                batches._shutdown_workers()


def uploaded(batches: Iterable[Sequence[Tensor]], device: torch.device) -> Iterator[Sequence[Tensor]]:
    """The same batches on a device; to a GPU each is copied while the one before it is worked on."""
    if device.type != "cuda":
        yield from batches
        return
    stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def upload(batch: Sequence[Tensor]) -> tuple[list[Tensor], torch.cuda.Event]:
        with torch.cuda.stream(stream):
            parts = [part.to(device, non_blocking=True) for part in batch]
            return parts, stream.record_event()

    def arrived(parts: list[Tensor], event: torch.cuda.Event) -> list[Tensor]:
        current = torch.cuda.current_stream(device)
        current.wait_event(event)
        for part in parts:
            part.record_stream(current)  # its memory is not given to the next upload while it is used
        return parts

    waiting = None
    for batch in batches:
        coming = upload(batch)
        if waiting is not None:
            yield arrived(*waiting)
        waiting = coming
    if waiting is not None:
        yield arrived(*waiting)
