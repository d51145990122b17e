"""Read a folder of annotated pictures in any layout that we know: see `layouts` and `box_formats`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from gesture_app.errors import InputError
from gesture_app.vision.labels import BACKGROUND
from training import distributed
from training.box_formats import coco_entries, coco_files, has_xml, yolo_description, yolo_entries
from training.collection import Collection, Entry, Picture, collect, held_photographs, picture_files
from training.layouts import (
    BOXES_FILE,
    boxes_file_entries,
    class_folder_entries,
    class_folders,
    gesture_folders,
    hagrid_entries,
    is_hagrid,
)
from training.picture_store import ALLOWED, NAMED, describe_share
from training.splits import Split, Splits, choose_split, read_index, read_splits

LAYOUTS = "HaGRID (ann_train_val/ or hagrid_annotations/), COCO, YOLO, or folders of pictures named like gestures"


@dataclass(frozen=True)
class GestureFrame:
    """A frame of which the gesture is known.

    Attributes:
        gesture: of the folder that it is in.
        annotated: the set itself has boxes of its hands.
    """

    path: Path
    gesture: str
    split: Split
    annotated: bool


@dataclass(frozen=True)
class Layout:
    """How a folder is laid out.

    Attributes:
        name: for people.
        entries: read where they are asked for.
        class_folders: whether the names of folders are all that tells of gestures.
    """

    name: str
    entries: Iterator[Entry]
    class_folders: bool = False


def find_layout(root: Path, labels: Sequence[str] | None, boxes_file: Path | None = None) -> Layout | None:
    """The layout of a folder; None where it has none that we know.

    Raises:
        InputError: its annotations cannot be read, or are in XML.
    """
    if is_hagrid(root):
        more = boxes_file_entries(root, boxes_file, labels) if boxes_file is not None else ()
        return Layout("HaGRID", chain(hagrid_entries(root), more))
    description = yolo_description(root)
    if description is not None:
        return Layout("YOLO", yolo_entries(root, description))
    files = coco_files(root)
    if files:
        return Layout("COCO", coco_entries(root, files))
    if has_xml(root):  # whose folder of pictures looks like that of a gesture
        raise InputError(f"cannot read annotations: {root}: in XML. Export COCO or YOLO, or move them elsewhere")
    folders = class_folders(root, labels)
    kind = "whole pictures" if (root / BOXES_FILE).is_file() else "hand crops"
    return Layout(f"class folders of {kind}", class_folder_entries(root, folders, labels), True) if folders else None


def open_set(root: Path, labels: Sequence[str] | None, boxes_file: Path | None = None) -> tuple[Path, Layout]:
    """The folder itself, or the only one in it, as unpacking an archive leaves it, and its layout.

    The only one may be of a gesture; with annotations of its own it is none.

    Raises:
        InputError: there is no such folder, it is in no known layout, or its class folders have other names.
    """
    if not root.is_dir():
        raise InputError(f"no such folder: {root}: expected {LAYOUTS}")
    inner = [f for f in sorted(root.iterdir()) if f.is_dir() and not f.name.startswith((".", "__"))]
    same = root / root.name
    gestures: tuple[Path, Layout] | None = None
    for folder in (root, *([same] if same in inner else inner if len(inner) == 1 else [])):
        layout = find_layout(folder, labels, boxes_file)
        if layout is not None and not layout.class_folders:
            return folder, layout
        if layout is not None and gestures is None:
            gestures = folder, layout
    if gestures is not None:
        return gestures
    if labels is not None and (own := class_folders(root, None)):
        names = ", ".join(sorted({folder.name for folder, _ in own})[:NAMED])
        why = f"its folders are {names}; known are {', '.join(labels)}"
        raise InputError(f"no known label: {root}: {why}. Rename them, or give other --labels or weights")
    raise InputError(f"unknown layout: {root}: expected {LAYOUTS}")


def read(
    root: Path, labels: tuple[str, ...] | None, boxes_file: Path | None = None, splits: Splits | None = None
) -> Collection:
    """Read a folder in any of the known layouts.

    Args:
        root: the folder; where an archive was unpacked into a folder, either of the two.
        labels: the class names; hands by other names lose them, class folders of other names are skipped. None takes
            every name.
        boxes_file: boxes of further frames of a HaGRID layout, JSON, uuid -> [{"bbox": [left, top, width, height]}].
        splits: exactly these pictures in these splits, see `read_splits`.

    Raises:
        InputError: the folder is missing, in no known layout, or holds no usable picture.
    """
    folder, layout = open_set(root, labels, boxes_file)
    found = collect(layout.entries, labels, folder, read_index(folder), splits)
    if not found.pictures:
        raise InputError(f"no usable picture: {folder}: {found.describe()}")
    return found


def read_gesture_frames(root: Path, labels: tuple[str, ...]) -> list[GestureFrame]:
    """All frames of a HaGRID layout by the gesture in their folder's name, those without boxes too.

    Raises:
        InputError: the folder is not in a HaGRID layout.
    """
    root, layout = open_set(root, labels)
    if layout.name != "HaGRID":
        raise InputError(f"unknown layout: {root}: whole frames are in a HaGRID layout, with ann_train_val/")
    index, found = read_index(root), []
    split_of = {p.path: p.split for p in collect(layout.entries, labels, root, index).pictures}
    for gesture, folders in gesture_folders(root, labels).items():
        for path in picture_files(folders):
            name = path.relative_to(root).as_posix()
            key = f"{root.name}/{name}"
            alone = choose_split(Entry(name, path, (), None), key, index.row(key), None).split
            split = split_of.get(path, alone)
            if split is not None:
                found.append(GestureFrame(path, gesture, split, path in split_of))
    return found


def read_all(
    roots: tuple[Path, ...],
    labels: tuple[str, ...] | None,
    split: Split | None,
    boxes_file: Path | None = None,
    splits: Path | None = None,
    beside: Iterable[Picture] = (),
) -> list[Picture]:
    """The pictures of one split of several folders, see `read_parts`."""
    return read_parts(roots, labels, (split,), boxes_file, splits, beside)[0]


def read_parts(
    roots: tuple[Path, ...],
    labels: tuple[str, ...] | None,
    parts: Sequence[Split | None],
    boxes_file: Path | None = None,
    splits: Path | None = None,
    beside: Iterable[Picture] = (),
) -> list[list[Picture]]:
    """The pictures of some splits, None for all, of several folders; what was read and skipped is printed.

    A folder that is named several times counts so often in `train`, and once elsewhere. A photograph that one of them
    holds out, as a frame or as crops, trains nothing in the others: there a person may decide, whom a set of crops does
    not name. A list of splits is taken as it is. Of all pictures beside those of splits nothing is printed.

    Args:
        boxes_file: for the folders in a HaGRID layout, see `read`.
        splits: a list of pictures and splits that `write_splits` wrote.
        beside: pictures of further sets, whose held-out photographs count too.

    Raises:
        InputError: a folder or the list cannot be read, or too many annotations are broken.
    """
    listed = read_splits(splits) if splits is not None else None
    found: dict[Path, Collection] = {}
    for root in dict.fromkeys(roots):  # a folder named several times is read once
        found[root] = read(root, labels, boxes_file, listed)
        require_sound(root, found[root])
    everything = chain(beside, *(whole.pictures for whole in found.values()))
    held = held_photographs(everything) if listed is None else set()
    result = []
    for split in parts:
        chosen = {root: whole.of_split(split) for root, whole in found.items()}
        if split == "train":
            chosen = {root: without_photographs(whole, held) for root, whole in chosen.items()}
        for root, whole in chosen.items():
            if distributed.is_main() and (split or len(parts) == 1):
                print(f"{root}: {split or 'all'}: {whole.describe()}")
        result.append([p for root in (roots if split == "train" else chosen) for p in chosen[root].pictures])
    return result


def without_photographs(found: Collection, held: set[str]) -> Collection:
    """Without the pictures of these photographs, which count as skipped."""
    kept = [p for p in found.pictures if p.path.stem not in held]
    if left := len(found.pictures) - len(kept):
        found = replace(found, pictures=kept, skipped=found.skipped + Counter({"held out in another set": left}))
    return found


def require_sound(root: Path, found: Collection) -> None:
    """Refuse a set of which more annotations are broken than a run should quietly leave out.

    Raises:
        InputError: names the first ones.
    """
    broken = found.broken()
    entries = len(found.pictures) + len(broken)
    if len(broken) > ALLOWED * entries:
        named = [f"{name}: {reason}" for name, reason in broken[:NAMED]]
        raise InputError(f"too many bad annotations: {root}: {describe_share(len(broken), entries, named)}")


def count_hands(pictures: Sequence[Picture]) -> Counter[str]:
    """Hands by label."""
    return Counter(name for picture in pictures for name in picture.labels)


def require_classes(pictures: list[Picture], labels: tuple[str, ...]) -> None:
    """Refuse to train a class that has no hand.

    Raises:
        InputError: names the classes.
    """
    absent = sorted(set(labels) - set(count_hands(pictures)))
    if absent:
        leave = "leave out --background" if absent == [BACKGROUND] else "leave the names out of --labels"
        raise InputError(f"no training pictures of {', '.join(absent)}: add some, or {leave}")
