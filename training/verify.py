"""Decode every picture of a set and say what is wrong with which."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gesture_app.errors import InputError, one_line, split_message
from gesture_app.vision.images import open_picture, orientation, read_image
from training.collection import NO_PICTURE, Collection, Picture, canonical, in_threads
from training.layouts import gesture_of
from training.picture_store import ALLOWED

SMALLEST_PX = 2


@dataclass(frozen=True)
class Findings:
    """What was found.

    Attributes:
        bad: name and reason of entries that cannot be used.
        unusual: path and reason of pictures that are read as they should be, but are worth a look.
        entries: how many there are, bad or not.
    """

    bad: tuple[tuple[str, str], ...]
    unusual: tuple[tuple[Path, str], ...]
    entries: int

    @property
    def too_many(self) -> bool:
        """Whether a training would end because of them."""
        ending = sum(reason != NO_PICTURE for _, reason in self.bad)
        return ending > ALLOWED * self.entries


def verify(found: Collection, workers: int = 2) -> Findings:
    """Decode all pictures of a set.

    Bad are entries that reading left out (missing, box without area or outside) and pictures that cannot be decoded
    (corrupt, truncated, empty, more than 64 million pixels) or hold next to nothing. Unusual are CMYK, 16-bit and
    turned pictures, which training reads as the app does, boxes that were cut at the edge, and frames that lie in the
    folder of a gesture which none of their hands shows.
    """
    paths = list(dict.fromkeys(picture.path for picture in found.pictures))
    results = in_threads(fault_and_oddity, paths, workers, "verify")
    bad = [*found.problems, *((str(path), fault) for path, (fault, _) in zip(paths, results, strict=True) if fault)]
    unusual = [(path, odd) for path, (fault, odd) in zip(paths, results, strict=True) if odd and not fault]
    unusual += [(path, "a box reaches beyond the picture and was cut") for path in found.outside]
    unusual += [(p.path, "no hand is labelled with its folder's gesture") for p in wrong_folder(found.pictures)]
    return Findings(tuple(bad), tuple(unusual), len(paths) + len(found.problems))


def fault_and_oddity(path: Path) -> tuple[str, str]:
    """Why a picture cannot be used, and what is unusual about it; empty where nothing is."""
    try:
        image = read_image(path)
        if min(image.shape[:2]) < SMALLEST_PX:
            return f"only {image.shape[1]}x{image.shape[0]} pixels", ""
        return "", oddity(path)
    except InputError as error:
        return one_line(split_message(str(error))[0].removeprefix(f"picture: {path}: ")), ""


def oddity(path: Path) -> str:
    """What is unusual about a picture that can be read."""
    with open_picture(path) as picture:
        turned = orientation(picture)
        if picture.mode == "CMYK":
            return "CMYK colours"
        if picture.mode.startswith("I") or picture.mode == "F":
            return "more than eight bits a pixel"
        if getattr(picture, "n_frames", 1) > 1:
            return "an animation: only its first picture is used"
    return f"turned by its EXIF orientation {turned}" if turned != 1 else ""


def wrong_folder(pictures: Sequence[Picture]) -> list[Picture]:
    """Frames of a folder named by a gesture of the set, with labels, but not with that one."""
    names = {canonical(name) for picture in pictures for name in picture.labels if name}
    named = [p for p in pictures if not p.is_crop and p.labels and all(p.labels)]
    folders = [gesture_of(p.path.parent.name) for p in named]
    return [p for p, own in zip(named, folders, strict=True) if own in names.difference(map(canonical, p.labels))]


def summary(rows: Sequence[tuple[object, str]]) -> str:
    """How many of each kind, most frequent first; a number in a reason is N, to bring like to like."""
    kinds = Counter(re.sub(r"\d+", "N", reason)[:60] for _, reason in rows)
    return ", ".join(f"{count} {kind}" for kind, count in kinds.most_common()) or "none"
