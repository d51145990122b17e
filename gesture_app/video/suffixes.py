"""How the names of videos end, and what a folder holds; light: a window offers both before anything is loaded."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection
from itertools import takewhile
from pathlib import Path

# fmt: off
VIDEO_SUFFIXES = (
    ".3gp", ".apng", ".asf", ".avi", ".flv", ".gif", ".h264", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg",
    ".mts", ".ogv", ".ts", ".webm", ".wmv",
)
# fmt: on
VIDEO_SUFFIX = ".mp4"
"""Of the videos that are written."""
RESULT = re.compile(r"(.+)-annotated( \d+)?")
"""The stems that annotated files get beside the file that they are made of."""
PARTIAL = re.compile(r".+\.partial( \d+)?")
"""The stems of results that were stopped."""


def media_below(
    folder: Path, output: Path | None = None, wanted: Callable[[], bool] = lambda: True
) -> tuple[list[Path], int]:
    """The videos and pictures of a folder and its subfolders, sorted, and how much else there is.

    Hidden ones are left out, what is below `output`, and results that lie beside their source; so are links to folders
    and folders that cannot be read, which count as one file each. Once `wanted` gives False the rest is left out.
    """
    from gesture_app.vision.images import IMAGE_SUFFIXES  # brings Pillow

    found: list[Path] = []
    unread: list[OSError] = []
    others = 0
    for at, folders, names in os.walk(folder, onerror=unread.append):
        if not wanted():
            break
        here = Path(at)
        folders[:] = [name for name in folders if not name.startswith(".") and not same_file(here / name, output)]
        others += sum((here / name).is_symlink() for name in folders)
        stems = {Path(name).stem for name in names}
        for name in names:
            known = Path(name).suffix.lower() in (*VIDEO_SUFFIXES, *IMAGE_SUFFIXES)
            if known and not name.startswith(".") and not _is_result(Path(name).stem, stems):
                found.append(here / name)
            else:
                others += 1
    return sorted(found), others + len(unread)


def why_no_media(folder: Path, wanted: Callable[[], bool] = lambda: True) -> str:
    """What to tell of a folder in which `media_below` finds nothing: photographs that are not read, or none at all."""
    from gesture_app.vision.images import unread_kinds

    if kinds := unread_kinds(takewhile(lambda _: wanted(), folder.rglob("*"))):
        return f"folder: {folder}: photographs in {kinds} are not read. Save them as JPEG"
    return f"folder: {folder}: holds no video and no picture. Give another folder"


def result_suffix(source: Path) -> str:
    """How the annotated copy of a file ends: that of a picture like the picture, any other as a video."""
    from gesture_app.vision.images import has_picture_suffix

    return source.suffix if has_picture_suffix(source) else VIDEO_SUFFIX


def annotated_name(source: Path, folder: Path | None = None) -> Path:
    """The usual name of the annotated copy of a file, beside it or in a folder."""
    return (folder or source.parent) / f"{source.stem}-annotated{result_suffix(source)}"


def same_file(first: Path, second: Path | None) -> bool:
    """Whether both are there and the same."""
    try:
        return second is not None and first.samefile(second)
    except OSError:
        return False


def _is_result(stem: str, stems: Collection[str]) -> bool:
    made = RESULT.fullmatch(stem)
    return PARTIAL.fullmatch(stem) is not None or (made is not None and made[1] in stems)
