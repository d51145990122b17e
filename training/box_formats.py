"""The two formats that annotation programs write: COCO JSON and YOLO text files -> entries."""

from __future__ import annotations

import math
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gesture_app.errors import InputError
from gesture_app.vision.images import is_picture
from training.collection import Entry, picture_size
from training.layouts import read_json
from training.splits import SPLIT_NAMES

COCO_KEYS = {"images", "annotations", "categories"}
YAML_NAMES = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")


def split_in(text: str) -> str:
    """The split that a file or folder name tells of."""
    words = text.lower().replace("-", "_").replace(".", "_").split("_")
    found = (SPLIT_NAMES.get(word.rstrip("0123456789"), "") for word in words)  # COCO's own are `instances_val2017`
    return next(filter(None, found), "")


def inside(root: Path, *places: Path | str) -> Path | None:
    """The first of some places, relative to the set, that is there; a place outside of the set is none."""
    for place in places:
        path = Path(os.path.normpath(root / place))
        try:
            if path.is_relative_to(os.path.normpath(root)) and path.exists():
                return path
        except (OSError, ValueError):  # a name that no file can have
            continue
    return None


def coco_files(root: Path) -> list[tuple[Path, dict[str, Any]]]:
    """JSON files in COCO's format with their content: in the folder, in `annotations/` or in a folder a split."""
    folders = [root, root / "annotations", *(root / name for name in SPLIT_NAMES)]
    found = []
    for file in (file for folder in folders for file in sorted(folder.glob("*.json"))):
        try:
            content = read_json(file)
        except InputError:
            continue
        if isinstance(content, dict) and content.keys() >= COCO_KEYS:
            found.append((file, content))
    return found


def coco_entries(root: Path, file: Path, content: dict[str, Any]) -> Iterator[Entry]:
    """The pictures of a COCO file (Lin et al., "Microsoft COCO", ECCV 2014); `user_id` of an image is the person.

    Raises:
        InputError: a field that every COCO file has is missing.
    """
    split = split_in(file.stem) or split_in(file.parent.name)
    try:
        names = {category["id"]: str(category["name"]) for category in content["categories"]}
        hands: dict[Any, list[dict[str, Any]]] = defaultdict(list)
        for annotation in content["annotations"]:
            hands[str(annotation["image_id"])].append(annotation)  # some tools write one as text, one as a number
        for image in content["images"]:
            yield coco_entry(root, file.parent, image, hands[str(image["id"])], names, split)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"cannot read annotations: {file}: not in COCO's format ({error!r:.80})") from error


def coco_entry(
    root: Path, folder: Path, image: dict[str, Any], hands: list[dict[str, Any]], names: dict[Any, str], split: str
) -> Entry:
    """One image of a COCO file. A crowd's box stands for more hands than one: such a picture is left out."""
    file_name = str(image["file_name"]).replace("\\", "/")
    folders = ["", "images", *SPLIT_NAMES, *(f"images/{name}" for name in SPLIT_NAMES)]
    path = inside(root, folder.relative_to(root) / file_name, *(Path(parent, file_name) for parent in folders))
    width, height = image.get("width"), image.get("height")
    if path is not None and not (width and height):
        width, height = picture_size(path)
    boxes = [as_fractions(hand.get("bbox"), width, height) for hand in hands]
    labels = [names.get(hand["category_id"], "") for hand in hands]
    name = path.relative_to(root).as_posix() if path is not None else file_name
    person = str(image.get("user_id") or image.get("person") or "")
    skip = "with a box around a crowd" if any(hand.get("iscrowd") for hand in hands) else ""
    return Entry(name, path, boxes, labels, person, split, skip=skip)


def as_fractions(box: Any, width: Any, height: Any) -> tuple[float, ...] | None:
    """A box [left, top, width, height] in pixels as fractions; None where that cannot be."""
    try:
        left, top, box_width, box_height = (float(value) for value in box)
        return left / float(width), top / float(height), box_width / float(width), box_height / float(height)
    except (TypeError, ValueError, ZeroDivisionError):
        return None


def yolo_description(root: Path) -> Path | None:
    """The YAML file of a YOLO set, or its `classes.txt`; None in another layout."""
    named = next((root / name for name in YAML_NAMES if (root / name).is_file()), None)
    if named is None and (root / "labels").is_dir() and (root / "classes.txt").is_file():
        named = root / "classes.txt"
    return named


def yolo_entries(root: Path, description: Path) -> Iterator[Entry]:
    """The pictures of a YOLO set: `images/.../a.jpg` with `labels/.../a.txt`.

    Its lines are `class x y width height`, x and y of the centre, all as fractions of the picture. A polygon becomes
    its box, of a pose its box is used. An empty text file means that there is no hand; a picture without one is left
    out.

    Raises:
        InputError: the names or the folders of pictures are not told.
    """
    is_list = description.name == "classes.txt"
    names, folders, keypoints = read_classes(description) if is_list else read_yaml(root, description)
    seen = False
    for folder, split in folders:
        for path in sorted(path for path in folder.rglob("*") if is_picture(path)):
            seen = True
            yield yolo_entry(root, path, names, split or split_in(path.parent.name), keypoints)
    if not seen:
        raise InputError(f"no pictures: {description}: the folders that it names hold none")


def read_classes(description: Path) -> tuple[dict[int, str], list[tuple[Path, str]], int]:
    """As `read_yaml`, of a set that has only a list of classes, and no keypoints.

    Raises:
        InputError: the list cannot be read.
    """
    try:
        lines = description.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {description}: no text in UTF-8 ({str(error)[:80]})") from error
    root = description.parent
    folder = root / "images" if (root / "images").is_dir() else root
    return dict(enumerate(line.strip() for line in lines)), [(folder, "")], 0


def read_yaml(root: Path, description: Path) -> tuple[dict[int, str], list[tuple[Path, str]], int]:
    """Names by number, the folders of pictures with their split, and how many numbers tell a hand's keypoints.

    Raises:
        InputError: it is no YAML file, or lacks names or folders.
    """
    import yaml  # type: ignore[import-untyped]

    try:
        content = yaml.safe_load(description.read_text(encoding="utf-8"))
        names = content["names"]
        by_number = {int(k): str(v) for k, v in (names.items() if isinstance(names, dict) else enumerate(names))}
        keypoints = math.prod(int(length) for length in content.get("kpt_shape") or (0,))
        folders = []
        for split in ("train", "val", "valid", "test"):
            value = content.get(split) or []
            for place in [value] if isinstance(value, str) else value:
                # Exporters write paths relative to the set, to its YAML file, or to a folder beside it.
                short = str(place).removeprefix("./").removeprefix("../")
                found = inside(root, str(Path(str(content.get("path") or ""), place)), short, f"images/{short}")
                if found is None or not found.is_dir():
                    if split == "test":  # exporters name it without making it
                        continue
                    raise InputError(f"no such folder: {description}: {split}: {place} is not in {root}")
                folders.append((found, SPLIT_NAMES[split]))
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"cannot read {description}: no names or no folders ({str(error)[:80]})") from error
    return by_number, folders, keypoints


def yolo_entry(root: Path, path: Path, names: dict[int, str], split: str, keypoints: int = 0) -> Entry:
    """One picture of a YOLO set; a broken line becomes a box that is none.

    Args:
        keypoints: so many numbers after a box tell them.
    """
    name = path.relative_to(root).as_posix()
    parts = list(path.relative_to(root).parts)
    if "images" in parts:
        parts[len(parts) - 1 - parts[::-1].index("images")] = "labels"
    label_file = (root / Path(*parts)).with_suffix(".txt")
    boxes: list[tuple[float, ...] | None] = []
    labels = []
    try:
        lines = label_file.read_text(encoding="utf-8").split("\n")
    except (OSError, ValueError):
        return Entry(name, path, (), None, split=split, skip="without a file of labels")
    for line in filter(None, (line.split() for line in lines)):
        try:
            number, values = int(line[0]), [float(value) for value in line[1:]]
            boxes.append(yolo_box(values[:4] if keypoints and len(values) == 4 + keypoints else values))
            labels.append(names.get(number, f"class {number}"))
        except ValueError:
            boxes.append(None)
            labels.append("")
    return Entry(name, path, boxes, labels, split=split)


def yolo_box(values: list[float]) -> tuple[float, ...] | None:
    """Left, top, width, height of a line's numbers: a box by its centre, perhaps with a score, or a polygon."""
    if len(values) in (4, 5):
        x, y, width, height = values[:4]
        return x - width / 2, y - height / 2, width, height
    if len(values) < 6 or len(values) % 2:
        return None
    left, top = min(values[::2]), min(values[1::2])
    return left, top, max(values[::2]) - left, max(values[1::2]) - top
