"""What validation pictures share with training pictures: people, files, and pictures that are nearly the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from gesture_app.vision.images import open_picture
from training.collection import Picture, in_threads
from training.transfer import digest_of

HASH_SIDE = 16
NEAR_BITS = 12
"""Of 256: pictures that differ in fewer are the same but for their size, their compression or a little light."""
MOST_MATCHED = 1 << 17
"""Rows that OpenCV compares with at once; it takes fewer than twice as many."""


@dataclass(frozen=True)
class Leakage:
    """What is on both sides of a split.

    Attributes:
        people: in more than one split.
        files: pairs of pictures in different splits whose files are the same byte for byte, or the same file.
        near: further pairs that look the same.
    """

    people: tuple[str, ...]
    files: tuple[tuple[Path, Path], ...]
    near: tuple[tuple[Path, Path], ...]


def shared_people(pictures: Iterable[Picture]) -> tuple[str, ...]:
    """People of whom more than one split has pictures."""
    splits = defaultdict[str, set[str]](set)
    for picture in pictures:
        splits[picture.person].add(picture.split)
    return tuple(sorted(person for person, found in splits.items() if person and len(found) > 1))


def shared_files(pictures: Sequence[Picture], workers: int) -> tuple[tuple[Path, Path], ...]:
    """Pairs of equal files in different splits, a file in several is a pair with itself; only equal sizes are read."""
    by_size = defaultdict[int, dict[Path, str]](dict)
    pairs = []
    for picture in pictures:
        if picture.path.is_file():
            files = by_size[picture.path.stat().st_size]
            if files.setdefault(picture.path, picture.split) != picture.split:
                pairs.append((picture.path, picture.path))
    mixed = [group for group in by_size.values() if len(set(group.values())) > 1]
    split_of = dict(chain.from_iterable(group.items() for group in mixed))
    paths = list(split_of)
    same = defaultdict[str, list[Path]](list)
    for path, digest in zip(paths, in_threads(content_of, paths, workers, "comparing files"), strict=True):
        same[digest].append(path)
    for group in same.values():
        others = [path for path in group if split_of[path] != split_of[group[0]]]
        pairs += [(group[0], path) for path in others]
    return tuple(dict.fromkeys(pairs))


def content_of(path: Path) -> str:
    """What only files of the same bytes share; of one that cannot be read something of its own."""
    try:
        return digest_of(path)
    except OSError:
        return str(path)


def difference_hash(path: Path) -> NDArray[np.uint8] | None:
    """256 bits, shape (32,): where in a 16x17 grey copy of the picture the next pixel is brighter.

    N. Krawetz, "Kind of Like That" (dHash), hackerfactor.com, 2013. None where the picture cannot be read or is so
    even that the bits mean nothing.
    """
    try:
        with open_picture(path) as picture:
            picture.draft("L", (4 * HASH_SIDE, 4 * HASH_SIDE))  # a JPEG is decoded no larger than needed
            grey = picture.convert("L").resize((HASH_SIDE + 1, HASH_SIDE), PillowImage.Resampling.BOX)
    except (OSError, SyntaxError, ValueError, PillowImage.DecompressionBombError):
        return None
    values = np.asarray(grey, np.int16)
    if values.std() < 4:
        return None
    return np.packbits(values[:, 1:] > values[:, :-1])


def near_pictures(pictures: Sequence[Picture], workers: int) -> tuple[tuple[Path, Path], ...]:
    """Every held-out picture with the training picture that looks most like it, where they are nearly the same."""
    split_of = {picture.path: picture.split for picture in pictures}
    paths = list(split_of)
    hashes = in_threads(difference_hash, paths, workers, "comparing pictures")
    sides: dict[bool, list[tuple[Path, NDArray[np.uint8]]]] = {True: [], False: []}
    for path, bits in zip(paths, hashes, strict=True):
        if bits is not None:
            sides[split_of[path] == "train"].append((path, bits))
    if not sides[True] or not sides[False]:
        return ()
    training, held_out = (np.stack([bits for _, bits in sides[side]]) for side in (True, False))
    matcher = cv2.BFMatcher(cv2.NORM_HAMMING)
    for start in range(0, len(training), MOST_MATCHED):
        matcher.add([training[start : start + MOST_MATCHED]])
    near = [m for m in matcher.match(held_out) if m.distance < NEAR_BITS]
    return tuple((sides[False][m.queryIdx][0], sides[True][m.imgIdx * MOST_MATCHED + m.trainIdx][0]) for m in near)


def find_leakage(pictures: Sequence[Picture], workers: int = 2) -> Leakage:
    """Everything that training and held-out pictures share."""
    files = shared_files(pictures, workers)
    same = {frozenset(pair) for pair in files}
    near = [pair for pair in near_pictures(pictures, workers) if frozenset(pair) not in same]
    return Leakage(shared_people(pictures), files, tuple(near))
