"""The two formats that annotation programs write: COCO JSON and YOLO text files -> entries."""

from __future__ import annotations

import math
import os
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from gesture_app.errors import InputError
from gesture_app.vision.atomic import is_folder
from gesture_app.vision.images import is_photograph
from training.collection import Entry, picture_files, picture_size
from training.layouts import read_json
from training.splits import SPLIT_NAMES, split_folders

COCO_KEYS = {"images", "annotations", "categories"}
YAML_NAMES = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")


def splits_in(text: str) -> list[str]:
    """The splits that a file or folder name tells of."""
    words = text.lower().replace("-", "_").replace(".", "_").split("_")
    stems = (word.rstrip("0123456789") for word in words)  # COCO's own are `instances_val2017`
    return [SPLIT_NAMES[stem] for stem in stems if stem in SPLIT_NAMES]


def split_in(text: str) -> str:
    """The first split that a name tells of, or none."""
    return next(iter(splits_in(text)), "")


def inside(root: Path, *places: Path | str) -> Path | None:
    """The first of some places, relative to the set, that is there; a place outside of the set is none."""
    top = os.path.normpath(root)
    for place in places:
        path = Path(os.path.normpath(root / place))
        with suppress(OSError, ValueError):  # a place outside, or a name that no file can have
            if (found := root / path.relative_to(top)).exists():
                return found
    return None


def composed(path: str) -> list[str]:
    """The parts of a path, letters composed: some disks keep them apart from their accents, annotations do not."""
    return [part for part in unicodedata.normalize("NFC", path).split("/") if part not in ("", ".", "..")]


FilesByTail = Mapping[tuple[str, ...], list[tuple[list[str], Path]]]
"""The files of a set, by their composed name, and by that of their folder and theirs: composed parts and path."""


def files_by_tail(root: Path) -> FilesByTail:
    """The files of a set, relative to it; a folder that is linked twice counts once."""
    found, seen = defaultdict[tuple[str, ...], list[tuple[list[str], Path]]](list), set[str]()
    for top, folders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(top)
        folders[:] = [] if real in seen else sorted(f for f in folders if not f.startswith((".", "__")))
        for name in () if real in seen else files:
            path = Path(top, name).relative_to(root)
            parts = composed(path.as_posix())
            found[(parts[-1],)].append((parts, path))
            if len(parts) > 1:
                found[tuple(parts[-2:])].append((parts, path))
        seen.add(real)
    return found


def named_files(files: FilesByTail, name: str, source: Path, split: str, alone: bool = False) -> list[Path]:
    """The files that a name in annotations may mean; several where it does not tell.

    A name may lack the first folders of the file's path, or have some before them. One beside the annotations counts
    first, then those whose path agrees most, then those in a folder of the annotations' subset or split
    (`instances_anna.json` and `images/anna/`), then those in `images/`, since masks and previews lie beside it, then
    those in the fewest folders. In a folder of another split it is another picture of the same name.

    Args:
        files: of `files_by_tail`.
        source: the file that has the name, relative to the set.
        split: that of `source`; empty where it has none.
        alone: no other annotations have the name, so that a picture in another split's folder may be meant.
    """
    name = name.replace("\\", "/")
    wanted, subset = composed(name), f"_{source.stem}".lower()
    beside = composed(os.path.normpath(source.parent / name))
    fits: list[tuple[tuple[int, bool, bool, int], Path]] = []
    for parts, path in files.get(tuple(wanted[-2:]), ()):
        if parts == beside:
            return [path]
        common = min(len(parts), len(wanted))
        if parts[-common:] != wanted[-common:]:
            continue
        before = parts[: -len(wanted)]
        splits = {told for folder in before for told in splits_in(folder)}
        own = split in splits or any(subset.endswith(f"_{folder}".lower()) for folder in before)
        if own or alone or not (split and splits):
            fits.append(((common, own, "images" in before, -len(before)), path))
    best = max((fit for fit, _ in fits), default=None)
    return [path for fit, path in fits if fit == best]


def coco_files(root: Path) -> list[tuple[Path, dict[str, Any]]]:
    """JSON files in COCO's format with their content: in the folder, in `annotations/` or in a folder a split.

    Raises:
        InputError: a JSON file there cannot be read: it may be the annotations of what else looks like class folders.
    """
    folders = [root, root / "annotations", *(folder for folder, _ in split_folders(root))]
    files = [file for folder in folders for file in sorted(folder.glob("*.json")) if not file.name.startswith(".")]
    contents = ((file, read_json(file)) for file in files)
    return [(file, found) for file, found in contents if isinstance(found, dict) and found.keys() >= COCO_KEYS]


def coco_entries(root: Path, annotations: Iterable[tuple[Path, dict[str, Any]]]) -> Iterator[Entry]:
    """The pictures of COCO files (Lin et al., "Microsoft COCO", ECCV 2014); `user_id` of an image is the person.

    Args:
        annotations: the files and their content, of `coco_files`.

    Raises:
        InputError: a field that every COCO file has is missing.
    """
    files, annotations = files_by_tail(root), list(annotations)
    named = Counter(name for _, content in annotations for name in image_names(content))
    for file, content in annotations:
        split = split_in(file.stem) or split_in(file.parent.name)
        try:
            names = {category["id"]: str(category["name"]) for category in content["categories"]}
            hands: dict[Any, list[dict[str, Any]]] = defaultdict(list)
            for annotation in content["annotations"]:
                hands[str(annotation["image_id"])].append(annotation)  # some tools write one as text, one as a number
            for image in content["images"]:
                name = str(image["file_name"])
                found = named_files(files, name, file.relative_to(root), split, alone=named[name] == 1)
                yield coco_entry(root, found, image, hands[str(image["id"])], names, split)
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(f"cannot read annotations: {file}: not in COCO's format ({error!r:.80})") from error


def image_names(content: dict[str, Any]) -> list[str]:
    """The file names in a COCO file, broken entries left out."""
    images = content["images"] if isinstance(content["images"], list) else []
    return [str(image.get("file_name")) for image in images if isinstance(image, dict)]


def coco_entry(
    root: Path, found: list[Path], image: dict[str, Any], hands: list[dict[str, Any]], names: dict[Any, str], split: str
) -> Entry:
    """One image of a COCO file. A crowd's box stands for more hands than one: such a picture is left out.

    Args:
        found: the pictures that it may be.
    """
    if len(found) != 1:
        return lost_entry(str(image["file_name"]), found)
    path = root / found[0]
    width, height = image.get("width"), image.get("height")
    if not (width and height):
        width, height = picture_size(path)
    boxes = [as_fractions(hand.get("bbox"), width, height) for hand in hands]
    labels = [names.get(hand["category_id"], "") for hand in hands]
    person = str(image.get("user_id") or image.get("person") or "")
    skip = "with a box around a crowd" if any(hand.get("iscrowd") for hand in hands) else ""
    return Entry(found[0].as_posix(), path, boxes, labels, person, split, skip=skip)


def lost_entry(name: str, found: list[Path]) -> Entry:
    """What an annotation names, which is no picture of the set or may be several."""
    return Entry(name, None, (), None, skip="with a name that several pictures have" if found else "")


def as_fractions(box: Any, width: Any, height: Any) -> tuple[float, ...] | None:
    """A box [left, top, width, height] in pixels as fractions; None where that cannot be."""
    try:
        left, top, box_width, box_height = (float(value) for value in box)
        return left / float(width), top / float(height), box_width / float(width), box_height / float(height)
    except (TypeError, ValueError, ZeroDivisionError):
        return None


def yolo_description(root: Path) -> Path | None:
    """The YAML file of a YOLO set, or its list of classes: CVAT's, or LabelImg's and Label Studio's; else None."""
    named = next((root / name for name in (*YAML_NAMES, "obj.names") if (root / name).is_file()), None)
    classes = root / "classes.txt"
    if named is None and classes.is_file():
        beside = any(path.with_suffix(".txt").is_file() for path in picture_files([root]))
        return classes if beside or (root / "labels").is_dir() else None
    return named


def has_xml(root: Path) -> bool:
    """Whether a folder has annotations in XML: those of Pascal VOC, also beside the pictures, or CVAT's own."""
    places = [root, root / "images", *(folder for folder, _ in split_folders(root))]
    beside = {path.with_suffix("") for place in places for path in place.glob("*.xml")}
    if (root / "annotations.xml").is_file() or any((root / "Annotations").glob("*.xml")):
        return True
    return bool(beside) and any(path.with_suffix("") in beside for path in picture_files(filter(is_folder, places)))


def yolo_entries(root: Path, description: Path) -> Iterator[Entry]:
    """The pictures of a YOLO set: `images/.../a.jpg` with `labels/.../a.txt`, or both in one folder.

    Its lines are `class x y width height`, x and y of the centre, all as fractions of the picture. A polygon becomes
    its box, of a pose its box is used. An empty text file means that there is no hand; a picture without one is left
    out.

    Raises:
        InputError: the names or the folders of pictures are not told.
    """
    is_list = description.suffix in (".txt", ".names")
    names, places, keypoints = read_classes(description) if is_list else read_yaml(root, description)
    files = files_by_tail(root) if any(place.is_file() for place, _ in places) else {}
    seen = False
    for place, split in places:
        if place.is_file():
            lines = filter(None, map(str.strip, read_text(place).splitlines()))
            listed = [(line, named_files(files, line, place.relative_to(root), split)) for line in lines]
        else:
            paths = sorted(path.relative_to(root) for path in place.rglob("*") if is_photograph(path))
            listed = [(path.name, [path]) for path in paths]
        for name, found in listed:
            seen = True
            yield yolo_entry(root, found[0], names, split, keypoints) if len(found) == 1 else lost_entry(name, found)
    if not seen:
        raise InputError(f"no pictures: {description}: the folders or lists that it names hold none")


def read_text(path: Path) -> str:
    """The text of a file that people or their editors may have written, with a byte order mark perhaps.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {path}: no text in UTF-8 ({str(error)[:80]})") from error


def read_classes(description: Path) -> tuple[dict[int, str], list[tuple[Path, str]], int]:
    """As `read_yaml`, of a set that has only a list of classes, and no keypoints.

    Raises:
        InputError: the list cannot be read.
    """
    lines, root = read_text(description).splitlines(), description.parent
    folder = root / "images" if (root / "images").is_dir() else root
    return dict(enumerate(line.strip() for line in lines)), [(folder, "")], 0


def read_yaml(root: Path, description: Path) -> tuple[dict[int, str], list[tuple[Path, str]], int]:
    """Names by number, the folders or lists of pictures with their split, and how many numbers tell a hand's keypoints.

    Raises:
        InputError: it is no YAML file, or lacks names or folders.
    """
    import yaml

    try:
        text = read_text(description)
        content = yaml.safe_load(text)
        # As they are written, since `no` is a name, not false. It makes texts of all.
        names = yaml.load(text, Loader=yaml.BaseLoader)["names"]  # noqa: S506
        by_number = {int(k): str(v) for k, v in (names.items() if isinstance(names, dict) else enumerate(names))}
        keypoints = math.prod(int(length) for length in content.get("kpt_shape") or (0,))
        places = []
        for split in ("train", "val", "valid", "test"):
            value = content.get(split) or []
            for place in [value] if isinstance(value, str) else value:
                # Exporters write paths relative to the set, to its YAML file, or to a folder beside it.
                short = str(place).removeprefix("./").removeprefix("../")
                found = inside(root, str(Path(str(content.get("path") or ""), place)), short, f"images/{short}")
                if found is None:
                    if split == "test":  # exporters name it without making it
                        continue
                    why = f"{split}: {place} is not in {root}. Correct the line, or delete it"
                    raise InputError(f"no such folder or list: {description}: {why}")
                places.append((found, SPLIT_NAMES[split]))
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"cannot read {description}: no names or no folders ({str(error)[:80]})") from error
    return by_number, places, keypoints


def yolo_entry(root: Path, path: Path, names: dict[int, str], split: str, keypoints: int = 0) -> Entry:
    """One picture of a YOLO set; a broken line becomes a box that is none.

    Args:
        path: relative to the set.
        split: where it is empty, the picture's folder may tell.
        keypoints: so many numbers after a box tell them.
    """
    name, split = path.as_posix(), split or split_in(path.parent.name)
    parts = list(path.parts)
    if "images" in parts:
        parts[len(parts) - 1 - parts[::-1].index("images")] = "labels"
    boxes: list[tuple[float, ...] | None] = []
    labels = []
    try:
        lines = read_text((root / Path(*parts)).with_suffix(".txt")).split("\n")
    except InputError:
        return Entry(name, root / path, (), None, skip="without a file of labels")
    for line in filter(None, (line.split() for line in lines)):
        try:
            number, values = int(line[0]), [float(value) for value in line[1:]]
            boxes.append(yolo_box(values[:4] if len(values) == 4 + keypoints else values))
            labels.append(names.get(number, f"class {number}"))
        except ValueError:
            boxes.append(None)
            labels.append("")
    return Entry(name, root / path, boxes, labels, split=split)


def yolo_box(values: list[float]) -> tuple[float, ...] | None:
    """Left, top, width, height of a line's numbers: a box by its centre, perhaps with a score, or a polygon."""
    if len(values) in (4, 5):
        x, y, width, height = values[:4]
        return x - width / 2, y - height / 2, width, height
    if len(values) < 6 or len(values) % 2:
        return None
    left, top = min(values[::2]), min(values[1::2])
    return left, top, max(values[::2]) - left, max(values[1::2]) - top
