"""Pictures and annotations on disk: HaGRID v1 layouts and folders of class folders.

HaGRID layout (Kapitanov et al., "HaGRID - HAnd Gesture Recognition Image Dataset", WACV 2024), as in the published
`hagrid-sample-*-384p` sets: `ann_train_val/<gesture>.json` or `ann_subsample/<gesture>.json` hold, for every picture,
`bboxes` ([left, top, width, height], fractions of the picture), `labels` and `user_id`; the pictures are
`<any folder>/train_val_<gesture>/<uuid>.jpg`, or `<any folder>/<gesture>/<uuid>.jpg`.

Class folders: `<label>/<any name>.jpg`, every picture a hand crop.

Both may hold an `index.csv` with the columns `split` (train or val) and `uuid`, and for frames `boxes`, which says
`true` where all boxes were drawn by people. Without it the split goes by person, else by picture.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from gesture_app.errors import InputError
from gesture_app.vision.images import IMAGE_SUFFIXES

Split = Literal["train", "val"]
ANNOTATION_FOLDERS = ("ann_train_val", "ann_subsample")
VAL_PERCENT = 10


@dataclass(frozen=True)
class Picture:
    """One annotated picture.

    Attributes:
        boxes_xywh: left, top, width, height as fractions of the upright picture, one a hand.
        labels: one a hand; empty where only the box is known.
        split: train or val.
        true_boxes: all hands have boxes that people drew.
        is_crop: the picture is a hand crop; its one box is the whole picture.
    """

    path: Path
    boxes_xywh: tuple[tuple[float, float, float, float], ...]
    labels: tuple[str, ...]
    split: Split
    true_boxes: bool = True
    is_crop: bool = False


@dataclass
class Collection:
    """What was read, and how many entries were left out, by reason."""

    pictures: list[Picture] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)

    def of_split(self, split: Split | None) -> Collection:
        """The pictures of one split; all of them for None."""
        return Collection([p for p in self.pictures if split in (None, p.split)], Counter(self.skipped))

    def describe(self) -> str:
        """One line: pictures, hands, and what was skipped and why."""
        text = f"{len(self.pictures)} pictures, {sum(len(p.labels) for p in self.pictures)} hands"
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(self.skipped.items()))
        return f"{text}; skipped: {reasons}" if reasons else text


@dataclass(frozen=True)
class Index:
    """The rows of an `index.csv` by picture, or nothing."""

    rows: dict[str, dict[str, str]]

    def split(self, key: str, person: str) -> Split | None:
        """The listed split; without a list, 10 % of people (or pictures) are val; None for a row without a split."""
        if key in self.rows:
            listed = self.rows[key].get("split", "")
            return "val" if listed == "val" else "train" if listed == "train" else None
        digest = hashlib.sha256((person or key).encode()).digest()
        return "val" if int.from_bytes(digest[:4], "big") % 100 < VAL_PERCENT else "train"

    def has_true_boxes(self, key: str) -> bool:
        """False only where the list says that the boxes were not all drawn by people."""
        return self.rows.get(key, {}).get("boxes", "true") == "true"


def read_index(root: Path) -> Index:
    """Read `index.csv`, keyed by uuid; an absent file is an empty index."""
    path = root / "index.csv"
    if not path.is_file():
        return Index({})
    with path.open(newline="", encoding="utf-8") as stream:
        return Index({row["uuid"]: row for row in csv.DictReader(stream) if row.get("uuid")})


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        InputError: it cannot be read or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read annotations: {path}: {error}") from error


@dataclass(frozen=True)
class GestureFrame:
    """A frame of which the gesture is known, boxed or not."""

    path: Path
    gesture: str
    split: Split


def valid_box(box: Any) -> tuple[float, float, float, float] | None:
    """The box as floats, clipped to the picture; None when it has no area there."""
    try:
        left, top, width, height = (float(value) for value in box)
    except (TypeError, ValueError):
        return None
    right, bottom = min(left + width, 1.0), min(top + height, 1.0)
    left, top = max(left, 0.0), max(top, 0.0)
    return (left, top, right - left, bottom - top) if right > left and bottom > top else None


def picture_files(folders: Iterable[Path]) -> Iterator[Path]:
    """Every picture file of the folders, sorted."""
    for folder in folders:
        yield from sorted(p for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES)


def read_frames(root: Path, annotations: Path, labels: tuple[str, ...]) -> Collection:
    """Read a HaGRID layout whose JSON files are in `annotations`."""
    found, index = Collection(), read_index(root)
    files = sorted(annotations.glob("*.json"))
    if not files:
        raise InputError(f"no annotations: {annotations}: there is no <gesture>.json in it")
    for file in files:
        folders = [p for name in (f"train_val_{file.stem}", file.stem) for p in root.glob(f"*/{name}") if p.is_dir()]
        paths = {path.stem: path for path in picture_files(folders)}
        for uuid, entry in read_json(file).items():
            split = index.split(uuid, str(entry.get("user_id") or ""))
            boxes = [valid_box(box) for box in entry["bboxes"]]
            hands = [(b, n) for b, n in zip(boxes, entry["labels"], strict=False) if b is not None and n in labels]
            if uuid not in paths:
                found.skipped["without a picture"] += 1
            elif split is None:
                found.skipped["without a split"] += 1
            elif len(hands) != len(boxes):
                found.skipped["with a broken box or an unknown label"] += 1
            else:
                found.pictures.append(
                    Picture(
                        paths[uuid],
                        tuple(box for box, _ in hands),
                        tuple(name for _, name in hands),
                        split,
                        index.has_true_boxes(uuid),
                    )
                )
    return found


def read_boxes_file(root: Path, file: Path, labels: tuple[str, ...]) -> Collection:
    """Frames `<any folder>/<gesture>/<uuid>.jpg` whose boxes are in a JSON file, uuid -> [{"bbox": [x, y, w, h]}].

    A frame with one hand shows its folder's gesture; with more, which hand shows it is not known.
    """
    found, index = Collection(), read_index(root)
    folders = [p for name in labels for p in sorted(root.glob(f"*/{name}")) if p.is_dir()]
    paths = {path.stem: path for path in picture_files(folders)}
    for uuid, entries in read_json(file).items():
        boxes = [box for box in (valid_box(entry["bbox"]) for entry in entries) if box is not None]
        split = index.split(uuid, "")
        if uuid not in paths or not boxes or split is None:
            found.skipped["without a picture, a box or a split"] += 1
            continue
        names = (paths[uuid].parent.name,) if len(boxes) == 1 else ("",) * len(boxes)
        found.pictures.append(Picture(paths[uuid], tuple(boxes), names, split, true_boxes=False))
    return found


def read_gesture_frames(root: Path, labels: tuple[str, ...]) -> list[GestureFrame]:
    """All frames of a HaGRID layout by the gesture in their folder's name, those without boxes too.

    Raises:
        InputError: the folder is not in a HaGRID layout.
    """
    root = unpacked(root)
    if annotation_folder(root) is None:
        raise InputError(f"unknown layout: {root}: whole frames are in a HaGRID layout, with ann_train_val/")
    index, found = read_index(root), []
    for name in labels:
        for path in picture_files(p for n in (f"train_val_{name}", name) for p in sorted(root.glob(f"*/{n}"))):
            split = index.split(path.stem, "")
            if split is not None:
                found.append(GestureFrame(path, name, split))
    return found


def read_class_folders(root: Path, labels: tuple[str, ...]) -> Collection:
    """Read folders of hand crops named by their gesture."""
    found, index = Collection(), read_index(root)
    for folder in sorted(p for p in root.iterdir() if p.is_dir()):
        for path in picture_files([folder]):
            split = index.split(path.stem, "")
            if folder.name not in labels:
                found.skipped[f"in {folder.name}/, which is no label"] += 1
            elif split is None:
                found.skipped["without a split"] += 1
            else:
                found.pictures.append(Picture(path, ((0.0, 0.0, 1.0, 1.0),), (folder.name,), split, is_crop=True))
    return found


def annotation_folder(root: Path) -> Path | None:
    """The folder of annotations of a HaGRID layout; None where `root` is something else."""
    return next((root / name for name in ANNOTATION_FOLDERS if (root / name).is_dir()), None)


def unpacked(root: Path) -> Path:
    """The folder itself, or the one of the same name in it, as unpacking an archive leaves it.

    Raises:
        InputError: there is no such folder.
    """
    if not root.is_dir():
        raise InputError(f"no such folder: {root}: expected a HaGRID layout or a folder of class folders")
    inner = root / root.name
    return inner if annotation_folder(root) is None and inner.is_dir() else root


def read(root: Path, labels: tuple[str, ...], boxes_file: Path | None = None) -> Collection:
    """Read a folder in any of the layouts above.

    Args:
        root: the folder; where an archive was unpacked into a folder of its own name, either of the two.
        labels: the class names; other names are skipped and counted.
        boxes_file: boxes of further frames of a HaGRID layout, see `read_boxes_file`.

    Raises:
        InputError: the folder is missing, in no known layout, or holds no usable picture.
    """
    root = unpacked(root)
    annotations = annotation_folder(root)
    if annotations is not None:
        found = read_frames(root, annotations, labels)
        if boxes_file is not None:
            extra = read_boxes_file(root, boxes_file, labels)
            found = Collection(found.pictures + extra.pictures, found.skipped + extra.skipped)
    elif any((root / name).is_dir() for name in labels):
        found = read_class_folders(root, labels)
    else:
        raise InputError(f"unknown layout: {root}: neither ann_train_val/ nor a folder named like a gesture is in it")
    if not found.pictures:
        raise InputError(f"no usable picture: {root}: {found.describe()}")
    return found


def read_all(
    roots: tuple[Path, ...], labels: tuple[str, ...], split: Split | None, boxes_file: Path | None = None
) -> list[Picture]:
    """The pictures of one split of several folders; what was read and skipped is printed.

    Args:
        boxes_file: for the folders in a HaGRID layout, see `read_boxes_file`.
    """
    pictures: list[Picture] = []
    for root in roots:
        found = read(root, labels, boxes_file).of_split(split)
        print(f"{root}: {split or 'all'}: {found.describe()}")
        pictures += found.pictures
    return pictures


def require_classes(pictures: list[Picture], labels: tuple[str, ...]) -> None:
    """Refuse to train a class that has no hand.

    Raises:
        InputError: names the classes.
    """
    absent = sorted(set(labels) - {name for picture in pictures for name in picture.labels})
    if absent:
        raise InputError(f"no training pictures of {', '.join(absent)}: add some, or leave the names out of --labels")
