"""Pictures once decoded and shrunk, as plain pixels in a few large files that are mapped into memory."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import BadZipFile

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray
from tqdm import tqdm

from gesture_app.errors import EnvironmentFault, InputError
from gesture_app.vision.atomic import write_atomically
from gesture_app.vision.hands import Image
from gesture_app.vision.images import read_image

VERSION = 2
COLUMNS = ("path", "size", "mtime_ns", "offset", "height", "width")
PACK_BYTES = 4 << 30
"""A pack is closed at this size: an interrupted build loses no more, and a process maps few files."""
PROBE = 200
"""Pictures after which the size of the whole cache is known well enough."""


def state_of(path: Path) -> tuple[str, int, int] | None:
    """What a cached picture is known by: absolute path, bytes, time of change in ns; None for no file."""
    try:
        state = path.stat()
    except OSError:
        return None
    return str(path.absolute()), state.st_size, state.st_mtime_ns


@dataclass
class Pack:
    """One file of pixels and its index.

    Attributes:
        file: uint8 pixels, HWC BGR, one picture after the other.
        pixels: the file mapped into memory, from the first use on.
    """

    file: Path
    pixels: NDArray[np.uint8] | None = field(default=None, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        return {"file": self.file, "pixels": None}  # another process maps the file itself

    def read(self, offset: int, height: int, width: int) -> Image:
        """A copy of one picture."""
        if self.pixels is None:
            self.pixels = np.memmap(self.file, np.uint8, "r")
        return np.array(self.pixels[offset : offset + height * width * 3]).reshape(height, width, 3)


class PackedCache:
    """The cached pictures of some files.

    Args:
        folder: of the packs; every long side has its own below it.
        long_side: what the pictures were shrunk to; None for as they are.
    """

    def __init__(self, folder: Path, long_side: int | None = None) -> None:
        self.folder = folder / f"pictures-{VERSION}-{long_side or 'full'}"
        self.long_side = long_side
        self.places: dict[str, tuple[Pack, int, int, int]] = {}

    def load(self, paths: Iterable[Path]) -> list[Path]:
        """Look the files up; returns those that are not cached as they are now."""
        known: dict[tuple[str, int, int], tuple[Pack, int, int, int]] = {}
        for index in sorted(self.folder.glob("*.npz")):
            known |= read_pack(index)
        missing = []
        for path in paths:
            state = state_of(path)
            if state is not None and state in known:
                self.places[str(path)] = known[state]
            else:
                missing.append(path)
        return missing

    def size_hw(self, path: Path) -> tuple[int, int] | None:
        """Height and width of a cached picture; None for another."""
        place = self.places.get(str(path))
        return None if place is None else (place[2], place[3])

    def read(self, path: Path) -> Image | None:
        """A cached picture; None for another."""
        place = self.places.get(str(path))
        return None if place is None else place[0].read(*place[1:])

    def build(self, paths: Sequence[Path], workers: int = 2) -> None:
        """Add what is missing; pictures that cannot be read are left out. A second process waits for the first.

        Raises:
            EnvironmentFault: the disk is full, or the folder cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / "lock"):
                missing = self.load(paths)
                for leftover in self.folder.glob("*.tmp"):
                    leftover.unlink()
                with (
                    ThreadPoolExecutor(max(1, workers)) as pool,
                    tqdm(total=len(missing), desc="cache", unit="picture", disable=not missing or None) as bar,
                ):
                    pictures = in_order(pool, missing, self.long_side, bar)
                    while write_pack(self.folder, pictures, len(missing)):
                        pass
                self.load(paths)
        except OSError as error:
            raise EnvironmentFault(f"cannot write the cache: {self.folder}: {error.strerror or error}") from error


def read_pack(index: Path) -> dict[tuple[str, int, int], tuple[Pack, int, int, int]]:
    """The pictures of a pack by what they are known by; nothing where it is damaged."""
    pack = Pack(index.with_suffix(".bin"))
    try:
        with np.load(index, allow_pickle=False) as arrays:
            rows = zip(*(arrays[name].tolist() for name in COLUMNS), strict=True)
            found = {(path, size, time): (pack, offset, h, w) for path, size, time, offset, h, w in rows}
            end = int(arrays["end"])
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return {}
    return found if pack.file.is_file() and pack.file.stat().st_size == end else {}


def in_order(
    pool: ThreadPoolExecutor, paths: Sequence[Path], long_side: int | None, bar: tqdm[Any]
) -> Iterator[tuple[tuple[str, int, int], Image]]:
    """Decode a few pictures ahead of their use."""

    def decode(path: Path) -> tuple[tuple[str, int, int], Image] | None:
        state = state_of(path)
        try:
            return None if state is None else (state, read_image(path, long_side))
        except InputError:
            return None

    rest = iter(paths)
    waiting = [pool.submit(decode, path) for path in islice(rest, 16)]
    while waiting:
        done = waiting.pop(0).result()
        waiting += [pool.submit(decode, path) for path in islice(rest, 1)]
        bar.update()
        if done is not None:
            yield done


def write_pack(folder: Path, pictures: Iterator[tuple[tuple[str, int, int], Image]], expected: int) -> bool:
    """Write pictures until the pack is full; False where there was none left.

    The index comes last, and only it makes the pack valid.
    """
    number = 1 + max((int(p.stem) for p in folder.glob("*.npz") if p.stem.isdigit()), default=0)
    file, temporary = folder / f"{number:04}.bin", folder / f"{number:04}.bin.tmp"
    rows = []
    with temporary.open("wb") as stream:
        for state, image in pictures:
            rows.append((*state, stream.tell(), *image.shape[:2]))
            stream.write(np.ascontiguousarray(image).data)
            if len(rows) == PROBE:
                require_room(folder, stream, expected)
            if stream.tell() >= PACK_BYTES:
                break
        end = stream.tell()
        stream.flush()
        os.fsync(stream.fileno())
    if not rows:
        temporary.unlink()
        return False
    temporary.replace(file)
    arrays = {name: np.array(column) for name, column in zip(COLUMNS, zip(*rows, strict=True), strict=True)}
    data = io.BytesIO()
    np.savez(data, allow_pickle=False, end=np.int64(end), **arrays)  # type: ignore[arg-type]
    write_atomically(file.with_suffix(".npz"), data.getvalue())
    return True


def require_room(folder: Path, stream: BinaryIO, expected: int) -> None:
    """Say early that the disk will not hold the cache.

    Raises:
        EnvironmentFault: the first pictures of `expected` tell so.
    """
    needed, free = stream.tell() / PROBE * (expected - PROBE), shutil.disk_usage(folder).free
    if needed > free:
        raise EnvironmentFault(
            f"too little disk space: {folder}: the cache needs about {needed / 1e9:.1f} GB more, {free / 1e9:.1f} GB "
            "are free. Choose another folder with --cache, or leave it out"
        )
