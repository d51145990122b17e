"""The user's own models: what they are trained on, and how the app gets them."""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from itertools import islice, takewhile
from pathlib import Path

from gesture_app.errors import InputError
from gesture_app.vision.assets import models_folder, shipped_folder
from gesture_app.vision.atomic import first_free, is_folder
from gesture_app.vision.images import is_picture, unread_kinds
from gesture_app.vision.model_folders import copy_networks, weights_path
from gesture_app.vision.model_info import KINDS, Kind, read_weights

MOST_SEEN = 100_000
KEPT_S = 24 * 3600.0


def runs_folder() -> Path:
    """Where trainings that the window starts leave their results, a folder each."""
    return models_folder().parent / "trainings"


def forget_trainings() -> None:
    """Remove what trainings of the window could be gone on from, 0.2 GB and more each; what came of them stays.

    Not of those of the last day: another window may be at work on one, or go on with it.
    """
    for checkpoint in runs_folder().glob("*/*/*.pt"):
        with suppress(OSError):
            if time.time() - checkpoint.stat().st_mtime > KEPT_S:
                checkpoint.unlink()


def count_pictures(folder: Path, wanted: Callable[[], bool] = lambda: True) -> dict[str, int]:
    """How many pictures every subfolder holds, by its name, which is the gesture's; subfolders without are left out.

    Pictures in folders further below count where some lie directly in a subfolder: elsewhere it is no gesture's. After
    `MOST_SEEN` files, as when somebody's whole disk is chosen, it is left at that. What cannot be read below the folder
    holds nothing.

    Args:
        wanted: asked again and again; once it is False the rest is left out.

    Raises:
        InputError: the folder itself cannot be read, or instead of pictures there are photographs that are not.
    """
    try:
        found = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise InputError(f"pictures: {folder}: {error.strerror}. Choose another folder") from error
    subs = list(filter(is_folder, found))

    def within() -> Iterator[Path]:
        names = (Path(name) for sub in subs for name in islice(files_in(sub), MOST_SEEN))
        return takewhile(lambda _: wanted(), names)

    if not any(map(is_picture, within())):
        if kinds := unread_kinds(within()):
            raise InputError(f"pictures: {folder}: photographs in {kinds} are not read. Save them as JPEG")
        return {}
    below = ((sub.name, name) for sub in subs for name in files_below(sub))
    seen = takewhile(lambda _: wanted(), islice(below, MOST_SEEN))
    return dict(Counter(gesture for gesture, name in seen if is_picture(Path(name))))


def files_in(folder: Path) -> list[str]:
    """The names of the files directly in a folder; none where it cannot be read."""
    return next((files for _, _, files in os.walk(folder)), [])


def files_below(folder: Path) -> Iterator[str]:
    """The names of all files in a folder and below it, but for hidden folders and those that cannot be read."""
    for _, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from files


def file_name(name: str) -> str:
    """The name as it can be that of a folder on every system; `model` if nothing is left of it."""
    return " ".join(re.sub(r'[\x00-\x1f<>:"/\\|?*]', " ", name).split()).strip(" .") or "model"


def free_folder(parent: Path, name: str) -> Path:
    """A folder of this name that is not there yet: `name`, `name 2`, ..."""
    return first_free(parent, file_name(name))


def install_model(trained: Path, name: str, base: Path | None = None, kinds: Collection[Kind] = KINDS) -> Path:
    """Put what a training has left behind where the app looks for models, checked and all at once.

    Args:
        trained: folder with `classifier.safetensors`, `detector.safetensors` or both, and their info files.
        name: under which the app offers it.
        base: folder of the networks that were not trained; those that come with the program by default.
        kinds: which networks to take from `trained`, as far as it has them.

    Returns:
        The folder of the new model; a number is added to a name that is taken.

    Raises:
        InputError: there are no weights, or they are damaged.
        EnvironmentFault: the folder of the models cannot be written.
    """
    if not any(weights_path(trained, kind).is_file() for kind in KINDS):
        raise InputError(f"model: {trained}: holds no weights. Train again")
    sources = []
    for kind in KINDS:
        folders = [
            folder for folder in (trained if kind in kinds else None, base, shipped_folder()) if folder is not None
        ]
        path = next(path for path in (weights_path(folder, kind) for folder in folders) if path.is_file())
        read_weights(path, kind)
        sources.append(path)
    folder = free_folder(models_folder(), name)
    copy_networks(sources, folder)
    return folder
