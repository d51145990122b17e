"""Unpack an archive that others made."""

from __future__ import annotations

import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath, PureWindowsPath

from tqdm import tqdm

from gesture_app.errors import EnvironmentFault, InputError
from training.transfer import require_space

MAX_MEMBERS = 5_000_000
MAX_RATIO = 100
SMALL_BYTES = 1 << 20
"""Below this a member may shrink by any ratio: a file of zeros is harmless when it is small."""


def unsafe(member: zipfile.ZipInfo) -> str:
    """Why a member must not be unpacked; empty where it may."""
    path, kind = PurePosixPath(member.filename), stat.S_IFMT(member.external_attr >> 16)
    windows = PureWindowsPath(member.filename)
    if path.is_absolute() or windows.drive or windows.root or ".." in path.parts or ".." in windows.parts:
        return "it would be written outside the folder"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "it is a link or a device"
    if member.flag_bits & 0x1:
        return "it is encrypted"
    if member.file_size > max(SMALL_BYTES, MAX_RATIO * member.compress_size):
        return f"it grows more than {MAX_RATIO} times"
    return ""


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip file; files that are there already in full size are left alone, so it can be interrupted.

    Raises:
        InputError: it is damaged, or a member is unsafe: then nothing is written at all.
        EnvironmentFault: too little disk space, or no permission.
    """
    try:
        with zipfile.ZipFile(archive) as source:
            members = source.infolist()
            if len(members) > MAX_MEMBERS:
                raise InputError(f"cannot unpack {archive}: it has more than {MAX_MEMBERS} members")
            for member in members:
                reason = unsafe(member)
                if reason:
                    raise InputError(f"will not unpack {archive}: {member.filename!r}: {reason}")
            folder.mkdir(parents=True, exist_ok=True)
            missing = [m for m in members if not m.is_dir() and not is_there(folder / m.filename, m)]
            require_space(folder, sum(m.file_size for m in missing), f"the contents of {archive.name}")
            for member in tqdm(
                missing, desc=f"unpacking {archive.name}", unit="file", disable=len(missing) < 100 or None
            ):
                source.extract(member, folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise InputError(f"cannot unpack {archive}: it is damaged ({error}). Delete and download it again") from error
    except OSError as error:
        raise EnvironmentFault(f"cannot unpack {archive} into {folder}: {error.strerror or error}") from error


def is_there(path: Path, member: zipfile.ZipInfo) -> bool:
    """Whether a member was unpacked before."""
    return path.is_file() and path.stat().st_size == member.file_size
