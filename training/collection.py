"""Annotated pictures, checked one by one, whatever layout they came from."""

from __future__ import annotations

import hashlib
import math
import os
import re
import unicodedata
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image as PillowImage
from tqdm import tqdm

from gesture_app.errors import InputError
from gesture_app.vision.images import is_picture, is_unread, open_picture, orientation
from gesture_app.vision.labels import SIDES
from training.splits import Split, Splits, choose_split

# `read_image` decides what is too large; a header may be looked at.
warnings.filterwarnings("ignore", category=PillowImage.DecompressionBombWarning)

T = TypeVar("T")
BoxXywh = tuple[float, float, float, float]
"""Left, top, width, height as fractions of the upright picture."""

SYNONYMS = {"hands_heart2": "hand_heart2", "nogesture": "no_gesture", "none": "no_gesture"}
"""Names that mean another one: HaGRIDv2's archive is `hands_heart2`, its label `hand_heart2`."""
UNLABELLED = "unlabelled"
"""A folder of this name holds hands of which nobody has said what they show."""
OUTSIDE = 0.02
"""Boxes may reach this fraction of the picture beyond it, by rounding, before it is worth telling."""
NO_PICTURE = "without a picture"
"""Of an entry: no fault that ends a run, because a set may be a part of what its annotations tell of."""
UNREAD = "in a format that is not read; export them as JPEG"
VIDEOS = "that are videos; save pictures of them instead"
VIDEO_SUFFIXES = (".3gp", ".avi", ".gif", ".m4v", ".mkv", ".mov", ".mp4", ".webm")
"""As telephones and recorders of the screen write them."""
ENOUGH = 5
"""A class with this many pictures of unknown people gets at least one validation picture."""


UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
"""What HaGRID names photographs by; other names, as `1`, may be those of several."""


@dataclass(frozen=True)
class Picture:
    """One annotated picture.

    Attributes:
        boxes_xywh: one a hand.
        labels: one a hand; empty where only the box is known.
        split: train, val or test.
        true_boxes: all hands have boxes that people drew.
        is_crop: the picture is a hand crop; its one box is the whole picture.
        person: who shows the hands; empty where that is not known.
        key: `<set>/<path in it>`, which stays the same where the set is moved.
        sides: one of `SIDES` a hand, empty where it is not known; no sides at all where none is.
    """

    path: Path
    boxes_xywh: tuple[BoxXywh, ...]
    labels: tuple[str, ...]
    split: Split
    true_boxes: bool = True
    is_crop: bool = False
    person: str = ""
    key: str = ""
    sides: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entry:
    """One picture as a layout has it, unchecked.

    Attributes:
        name: path in the set, or what the annotation calls it.
        path: None where there is no such file.
        boxes: anything; `valid_box` tells.
        names: of the gestures, one a box; None where only boxes are known.
        split: as the layout says; empty where it does not.
        true_boxes: as the layout has them; the set's index counts first.
        skip: why it is no part of the set, though it is not broken.
        sides: of the hands, one a box, or none; anything, `as_side` tells.
    """

    name: str
    path: Path | None
    boxes: Sequence[Any]
    names: Sequence[Any] | None
    person: str = ""
    split: str = ""
    true_boxes: bool = True
    is_crop: bool = False
    skip: str = ""
    sides: Sequence[Any] = ()


@dataclass
class Collection:
    """What was read.

    Attributes:
        pictures: the usable ones.
        skipped: how many entries were left out, by reason.
        problems: the entries behind `skipped` that are faults of the data, and why.
        unknown: hands by a name that is no label; only their boxes are used.
        outside: pictures with a box that had to be cut at the edge.
    """

    pictures: list[Picture] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    problems: list[tuple[str, str]] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)
    outside: list[Path] = field(default_factory=list)

    def skip(self, name: str, reason: str) -> None:
        """Leave an entry out because it is broken."""
        self.skipped[reason] += 1
        self.problems.append((name, reason))

    def broken(self) -> list[tuple[str, str]]:
        """The problems of entries whose picture is there."""
        return [(name, reason) for name, reason in self.problems if reason != NO_PICTURE]

    def of_split(self, split: Split | None) -> Collection:
        """The pictures of one split; all of them for None."""
        return replace(self, pictures=[p for p in self.pictures if split in (None, p.split)])

    def __add__(self, other: Collection) -> Collection:
        return Collection(
            self.pictures + other.pictures,
            self.skipped + other.skipped,
            self.problems + other.problems,
            self.unknown + other.unknown,
            self.outside + other.outside,
        )

    def describe(self) -> str:
        """One line: pictures, hands, known sides, what was skipped and why, and names that are no labels."""
        text = f"{len(self.pictures)} pictures, {sum(len(p.labels) for p in self.pictures)} hands"
        if sided := sum(bool(side) for p in self.pictures for side in p.sides):
            text += f", {sided} of known side"
        if self.skipped:
            text += "; skipped: " + ", ".join(f"{count} {reason}" for reason, count in sorted(self.skipped.items()))
        if self.unknown:
            names = ", ".join(f"{count} {name or '(empty)'}" for name, count in self.unknown.most_common(8))
            text += f"; without a known label: {names}" + (", ..." if len(self.unknown) > 8 else "")
        return text


def canonical(name: str) -> str:
    """A gesture's name as HaGRID writes it: lower case, underscores, letters composed, synonyms resolved."""
    folded = "_".join(unicodedata.normalize("NFC", name.lower()).replace("-", " ").replace("_", " ").split())
    return SYNONYMS.get(folded, folded)


def mirror_images(names: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of names that are each other's with left and right exchanged, as those of gestures in the mirror."""
    spelling = {canonical(name): name for name in names}
    other = {"left": "right", "right": "left"}
    mirrored = {name: re.sub("left|right", lambda found: other[found[0]], name) for name in spelling}
    return [(spelling[a], spelling[b]) for a, b in mirrored.items() if a < b and b in spelling]


def label_finder(labels: Sequence[str] | None) -> Callable[[Any], str]:
    """A function from any name to the label it means, or to nothing.

    Args:
        labels: None takes every name but `UNLABELLED` for a label, of several spellings of one the first, `?` for
            bytes that are no letters, as archives of other systems leave them.
    """
    if labels is None:
        spelling: dict[str, str] = {UNLABELLED: ""}

        def any_name(name: Any) -> str:
            text = str(name or "").encode(errors="replace").decode()
            return text and spelling.setdefault(canonical(text), text)

        return any_name
    known = {canonical(label): label for label in labels} | {label: label for label in labels}
    return lambda name: known.get(str(name)) or known.get(canonical(str(name)), "")


def valid_box(box: Any) -> BoxXywh:
    """The box as floats, clipped to the picture.

    Raises:
        ValueError: it has no area there; the message says why, of its picture.
    """
    try:
        left, top, width, height = (float(value) for value in box)
    except (TypeError, ValueError):
        raise ValueError("with a box that is not four numbers") from None
    x0, y0, x1, y1 = max(left, 0.0), max(top, 0.0), min(left + width, 1.0), min(top + height, 1.0)
    if x1 > x0 and y1 > y0:
        return x0, y0, x1 - x0, y1 - y0
    if not all(map(math.isfinite, (left, top, width, height))):
        raise ValueError("with a box that is not finite")
    raise ValueError("with a box without area" if width <= 0 or height <= 0 else "with a box outside the picture")


def reaches_outside(box: Any) -> bool:
    """Whether a box reaches far beyond the picture."""
    left, top, width, height = (float(value) for value in box)
    return min(left, top) < -OUTSIDE or max(left + width, top + height) > 1 + OUTSIDE


def as_word(value: Any) -> str:
    """A value as people and spreadsheets write it, ` TRUE` for `true`."""
    return str(value).strip().lower()


def as_side(value: Any) -> str:
    """The side that a value of an annotation names; empty for anything else."""
    name = as_word(value)
    return name if name in SIDES else ""


def sides_of(entry: Entry, told: Mapping[str, str]) -> tuple[str, ...]:
    """The sides of an entry's hands as its layout says, of a single hand also as its row in the set's index does."""
    found = tuple(as_side(side) for side in entry.sides or (told.get("side"),))
    return found if any(found) and len(found) == len(entry.boxes) else ()


def known_sides(pictures: Iterable[Picture]) -> set[str]:
    """Which sides hands of the pictures are known to be."""
    return {side for picture in pictures for side in picture.sides if side}


def picture_files(
    folders: Iterable[Path], below: bool = False, wanted: Callable[[Path], bool] = is_picture
) -> Iterator[Path]:
    """Every picture file of the folders, sorted, without hidden ones, as macOS leaves them beside its own.

    Args:
        below: of the folders in them, too.
        wanted: which files count as pictures.

    Raises:
        InputError: a folder cannot be read.
    """
    for folder in folders:
        try:
            items = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
        except OSError as error:
            raise InputError(f"cannot read pictures: {folder}: {error.strerror}") from error
        yield from filter(wanted, items)
        if below:
            yield from picture_files((path for path in items if path.is_dir() and not path.is_symlink()), below, wanted)


def why_unread(path: Path) -> str:
    """Why a photograph or a video is no picture of a set; empty for all else."""
    if is_unread(path):
        return UNREAD
    return VIDEOS if path.suffix.lower() in VIDEO_SUFFIXES else ""


def is_read_or_told(path: Path) -> bool:
    """Whether a file is a picture, or what people may take for one."""
    return is_picture(path) or bool(why_unread(path))


def in_threads(work: Callable[[Path], T], paths: Sequence[Path], workers: int, what: str) -> list[T]:
    """Call a function for every path, with a progress bar; what ends it by an exception leaves the other paths."""
    pool = ThreadPoolExecutor(max(1, workers))
    try:
        return list(tqdm(pool.map(work, paths), what, len(paths), unit="file", leave=False, disable=None))
    finally:
        pool.shutdown(cancel_futures=True)


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height in pixels, upright, from the header alone; (0, 0) where that cannot be read."""
    try:
        with open_picture(path) as picture:
            turned = orientation(picture) >= 5 and picture.format != "TIFF"  # whose size Pillow tells upright
            return (picture.height, picture.width) if turned else picture.size
    except (OSError, SyntaxError, ValueError, PillowImage.DecompressionBombError):
        return 0, 0


def collect(
    entries: Iterable[Entry], labels: Sequence[str] | None, root: Path, index: Splits, splits: Splits | None = None
) -> Collection:
    """Check entries and give each its split.

    A listed split counts first: in `splits`, in the set's index, in the layout; then the person decides, and where
    nobody is known the picture itself.

    Args:
        labels: the class names; None takes every name as it is.
        root: the set; its name starts the pictures' keys.
        index: the set's own list.
        splits: a list that a run was given; what it lacks is left out.
    """
    found, find_label = Collection(), label_finder(labels)
    drawn: dict[str, list[int]] = defaultdict(list)  # pictures whose split the picture itself decided, by label
    for entry in entries:
        if skip := (entry.path and why_unread(entry.path)) or entry.skip:
            found.skipped[skip] += 1
            continue
        key = f"{root.name}/{entry.name}"
        told = index.row(key)
        choice = choose_split(entry, key, told, splits)
        checked = check(entry, find_label, found)
        if checked is None:
            continue
        if choice.split is None:
            found.skipped[choice.lacking] += 1
            continue
        boxes, names = checked
        if choice.by_picture and names:
            drawn[names[0]].append(len(found.pictures))
        true_boxes = as_word(told["boxes"]) == "true" if "boxes" in told else entry.true_boxes
        found.pictures.append(
            Picture(
                entry.path or root,
                boxes,
                names,
                choice.split,
                true_boxes,
                entry.is_crop,
                entry.person,
                key,
                sides_of(entry, told),
            )
        )
    for numbers in drawn.values():
        hold_one_out(found.pictures, numbers)
    return found


def hold_one_out(pictures: list[Picture], numbers: Sequence[int]) -> None:
    """Move one of a class's pictures to val where the class is large enough and has none there."""
    if len(numbers) >= ENOUGH and all(pictures[i].split != "val" for i in numbers):
        chosen = min(numbers, key=lambda i: hashlib.sha256(os.fsencode(pictures[i].path.stem)).digest())
        pictures[chosen] = replace(pictures[chosen], split="val")


def held_photographs(pictures: Iterable[Picture]) -> set[str]:
    """The UUIDs of the photographs that are held out, as frames or as crops."""
    return {p.path.stem for p in pictures if p.split != "train" and UUID.fullmatch(p.path.stem)}


def check(
    entry: Entry, find_label: Callable[[Any], str], found: Collection
) -> tuple[tuple[BoxXywh, ...], tuple[str, ...]] | None:
    """The boxes and labels of a usable entry; the faults of another are noted in `found`."""
    if entry.path is None:
        found.skip(entry.name, NO_PICTURE)
        return None
    if entry.names is not None and len(entry.names) != len(entry.boxes):
        found.skip(entry.name, "with labels and boxes that do not match")
        return None
    try:
        boxes = tuple(map(valid_box, entry.boxes))
    except ValueError as fault:
        found.skip(entry.name, str(fault))
        return None
    if any(reaches_outside(box) for box in entry.boxes):
        found.outside.append(entry.path)
    names = tuple(find_label(name) for name in entry.names or ("",) * len(boxes))
    found.unknown.update(str(n) for n, label in zip(entry.names or (), names, strict=False) if n and not label)
    return boxes, names
