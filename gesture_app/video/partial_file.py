"""A result that is being written: hidden until it is whole, and kept by another name when it never is."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from contextlib import suppress
from os.path import lexists
from pathlib import Path

from gesture_app.errors import EnvironmentFault, GestureError, InputError
from gesture_app.vision.atomic import first_free, shortened

if sys.platform != "win32":
    import fcntl


def storage_fault(what: str, path: Path, error: OSError) -> GestureError:
    """The error for an output that cannot be written, with the free space of its disk where that may be the reason."""
    if error.errno == errno.ENAMETOOLONG:
        return InputError(f"{what}: {path}: cannot be written ({error.strerror}). Choose a shorter name")
    try:
        free = f", {shutil.disk_usage(path.parent).free // 1_000_000} MB free"
    except OSError:
        free = ""
    return EnvironmentFault(
        f"{what}: {path}: cannot be written ({error.strerror or error}{free}). Choose another place"
    )


def hidden_name(final: Path) -> Path:
    """Where a result is written until it is whole, unless that is taken."""
    return final.with_name(f".{kept_name(final).name}")


def kept_name(final: Path) -> Path:
    """Where an incomplete result is kept, unless that is taken."""
    ending = f".partial{final.suffix}"
    return final.with_name(shortened(final.stem, f". 9999{ending}") + ending)  # hidden and with a number it fits, too


def claim(path: Path) -> Path:
    """Make an empty file of this name, or with a number more where it is taken, and give its name; raises OSError."""
    while True:
        free = first_free(path.parent, path.stem, path.suffix)
        with suppress(FileExistsError):  # another program was quicker
            free.touch(exist_ok=False)
            return free


class PartialFile:
    """A file that gets its final name only when it is complete.

    What a process that was killed has left is kept once the same is written anew, or by `keep_left`.

    Args:
        numbered: whether it replaces no file, and gets a number more where one has that name in the end.

    Attributes:
        final: the name in the end; of a link, that of what it leads to.
        writing: the hidden name while it is written, in the same folder; nobody else writes there.
    """

    def __init__(self, final: Path, numbered: bool = False) -> None:
        self.final = Path(os.path.realpath(final)) if os.path.islink(final) else final  # noqa: PTH114  # `Path` may raise
        self._numbered = numbered
        self.writing = hidden_name(self.final)
        self._replaces = False
        self._locked: int | None = None

    def prepare(self) -> None:
        """Make the folder and an empty file; raises OSError."""
        hidden = self.writing
        hidden.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            self.final.lstat()  # raises for a name that is too long, which is better known now than in the end
            self._replaces = True
        self.keep_left()
        self.writing = claim(hidden)
        self._lock()

    def commit(self) -> None:
        """Give the file its final name, in place of one that was there at the start; raises OSError."""
        if self._numbered:
            self.final = claim(self.final)
        elif lexists(self.final) and not self._replaces:
            raise FileExistsError(errno.EEXIST, "another program has made it meanwhile", str(self.final))
        self.writing.replace(self.final)
        self._unlock()

    def keep(self) -> Path | None:
        """Keep an incomplete file as `NAME.partial`, or a number more; None when there is none."""
        self._unlock()
        try:
            if self.writing.stat().st_size == 0:
                self.writing.unlink()
                return None
            kept = kept_name(self.final)
            return self.writing.replace(first_free(kept.parent, kept.stem, kept.suffix))
        except OSError:
            return None

    def keep_left(self) -> Path | None:
        """Keep what a process that was killed has left hidden; None if there is none or its process still runs."""
        if self._lock() and self.writing.stat().st_size:
            return self.keep()
        self._unlock()
        return None

    def discard(self) -> None:
        """Remove the file, if it is there."""
        self._unlock()
        with suppress(OSError):
            self.writing.unlink()

    def _lock(self) -> bool:
        """Whether the file is there and no other process that still runs has locked it; then it is locked now."""
        self._unlock()
        try:
            self._locked = os.open(self.writing, os.O_RDWR)
            if sys.platform != "win32":  # there, what a killed process leaves stays hidden
                fcntl.flock(self._locked, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
        except OSError:  # of file systems without locks, too
            pass
        self._unlock()
        return False

    def _unlock(self) -> None:
        if self._locked is not None:
            os.close(self._locked)
            self._locked = None
