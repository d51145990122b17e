"""Pictures for training: from the cache or from their files, and what happens with bad ones."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch

from gesture_app.errors import InputError, one_line, split_message
from gesture_app.vision.hands import Image
from gesture_app.vision.images import read_image
from training.packed_cache import PackedCache

ALLOWED = 1 / 1000
"""So many of a set's pictures may be bad and are substituted; more end the run."""
NAMED = 5


def describe_share(bad: int, entries: int, named: Sequence[str]) -> str:
    """How many of a set's entries are bad, some of them by name with the reason, and what to do."""
    more = f"; and {bad - len(named)} more" if bad > len(named) else ""
    return (
        f"{bad} of {entries}, {ALLOWED:.1%} are allowed: {'; '.join(named)}{more}. Repair or remove them; "
        "`gesture-train data --verify` finds all"
    )


class TooManyBadPictures(InputError):
    """More pictures cannot be read than a run should quietly replace.

    A DataLoader builds it anew from the worker's whole traceback, of which only the message is kept.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message.rpartition(f"{type(self).__name__}: ")[2].strip())


class PictureStore:
    """Reads the pictures of a set, in any process of a DataLoader.

    Args:
        paths: of the set.
        cache: folder of a packed cache; what it lacks is added now.
        long_side: larger pictures are shrunk to this, cached or not; None leaves them as they are.
        workers: threads that fill the cache.

    Raises:
        EnvironmentFault: the cache cannot be written.
    """

    def __init__(
        self, paths: Iterable[Path], cache: Path | None = None, long_side: int | None = None, workers: int = 2
    ) -> None:
        self.paths = list(dict.fromkeys(paths))
        self.number = {path: i for i, path in enumerate(self.paths)}
        self.long_side = long_side
        self.cache = PackedCache(cache, long_side) if cache is not None else None
        if self.cache is not None:
            self.cache.build(self.paths, workers)
        # One byte a picture that all processes share: each sees what the others found.
        self.bad = torch.zeros(max(1, len(self.paths)), dtype=torch.uint8)
        self.bad.share_memory_()  # type: ignore[no-untyped-call]

    def read(self, path: Path) -> Image:
        """A picture, HWC uint8 BGR, upright.

        Raises:
            InputError: it cannot be read.
        """
        cached = self.cache.read(path) if self.cache is not None else None
        return read_image(path, self.long_side) if cached is None else cached

    def get(self, path: Path) -> Image | None:
        """A picture, or None where it cannot be read, which is told on the standard error and counted.

        Raises:
            TooManyBadPictures: these are more than `ALLOWED` of the set by now.
        """
        try:
            return self.read(path)
        except InputError as error:
            self.note(path, error)
            return None

    def note(self, path: Path, error: InputError) -> None:
        """Count a bad picture, and tell the first time."""
        number = self.number.get(path)
        if number is not None and not self.bad[number]:
            self.bad[number] = 1
            print(f"another picture is used: {one_line(error)}", file=sys.stderr, flush=True)
        if int(self.bad.sum()) > ALLOWED * len(self.paths):
            raise TooManyBadPictures(self.describe_bad())

    def bad_pictures(self) -> list[Path]:
        """Those that some process could not read."""
        return [self.paths[i] for i in self.bad.nonzero().flatten().tolist() if i < len(self.paths)]

    def describe_bad(self) -> str:
        """How many pictures are bad, the first ones by name with the reason, and what to do."""
        bad = self.bad_pictures()
        reasons = []
        for path in bad[:NAMED]:
            try:
                self.read(path)
            except InputError as error:
                reasons.append(split_message(one_line(error))[0].removeprefix("picture: "))
        return "too many bad pictures: " + describe_share(len(bad), len(self.paths), reasons)
