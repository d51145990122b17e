"""Files that are whole at every moment, names that no file has, and what is a folder."""

from __future__ import annotations

import csv
import errno
import io
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import count
from os.path import lexists
from pathlib import Path
from tempfile import TemporaryFile

from gesture_app.errors import EnvironmentFault, InputError

LONGEST_NAME = 255
"""Bytes that usual file systems take."""


def write_atomically(path: Path, data: bytes, mode: int = 0o666) -> None:
    """Write a file so that at every moment the old or the new one is whole, also after a loss of power.

    Args:
        path: in a folder that exists.
        data: all of the file.
        mode: who may read and write a new file, before the umask.

    Raises:
        OSError: it cannot be written; the old file is as it was, and nothing else is left behind.
    """
    path = Path(os.path.realpath(path))  # a link stays one
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "is no file", str(path))
    ending = f".{os.getpid()}.tmp"
    temporary = path.with_name(f".{shortened(path.name, f'.{ending}')}{ending}")
    try:
        with open(temporary, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_file(path: Path, data: bytes, what: str) -> None:
    """Make the folder of a file where it is missing, and write the file as `write_atomically` does.

    Args:
        what: the name of its content for people.

    Raises:
        EnvironmentFault: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data)
    except OSError as error:
        raise EnvironmentFault(f"cannot write {what}: {path}: {error.strerror}. Choose another place") from error


def require_place(path: Path, option: str) -> None:
    """Tell before the work what would keep `write_file` from writing its results; nothing is made yet.

    Args:
        option: that named the file.

    Raises:
        InputError: it is a folder.
        EnvironmentFault: it cannot be written.
    """
    if is_folder(path):
        raise InputError(f"{option} {path}: is a folder. Give the name of a file")
    try:
        with suppress(FileNotFoundError):
            path.lstat()  # raises for a name that is too long, and below a file
        with TemporaryFile(dir=next(filter(is_folder, Path(os.path.realpath(path)).parents))):
            pass
    except OSError as error:
        raise EnvironmentFault(
            f"{option} {path}: cannot be written ({error.strerror}). Choose another place"
        ) from error


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]], what: str) -> None:
    """Write a CSV file as `write_file` does.

    Raises:
        EnvironmentFault: it cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    write_file(path, text.getvalue().encode(errors="backslashreplace"), what)  # names of files may be any bytes


def is_folder(path: Path | str) -> bool:
    """Whether there is a folder at this path; what cannot be one, or must not be looked at, is none."""
    return os.path.isdir(path)  # noqa: PTH112  # `Path` raises for such paths


def shortened(start: str, rest: str) -> str:
    """As much of the start of a file's name as there is room for beside the rest of it."""
    while start and len(os.fsencode(start + rest)) > LONGEST_NAME:
        start = start[:-1]
    return start


def first_free(folder: Path, stem: str, suffix: str = "", taken: Callable[[Path], bool] = lexists) -> Path:
    """The first of `stem`, `stem 2`, `stem 3`, ..., with the suffix and in the folder, that is not taken.

    Whether it can be written there, its writer tells: `lexists` is False where one must not look, `Path.exists` raises.
    """
    names = (f"{stem}{suffix}" if number == 1 else f"{stem} {number}{suffix}" for number in count(1))
    return next(path for path in map(folder.joinpath, names) if not taken(path))
