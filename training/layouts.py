"""HaGRID's layouts and class folders: what is on disk -> entries.

HaGRID (Kapitanov et al., "HaGRID - HAnd Gesture Recognition Image Dataset", WACV 2024; Nuzhdin et al., "HaGRIDv2",
2024): a JSON file a gesture holds, by the picture's uuid, `bboxes` ([left, top, width, height] as fractions of the
picture, one a hand), `labels` and `user_id`; v1 has `leading_hand` and `leading_conf` too, the side of the hand that
shows the gesture. The files are in `ann_train_val/`, `ann_subsample/`, `ann_test/` (v1, and the published
`hagrid-sample-*-384p` sets, which may have `annotations_df.parquet` instead), or in `train/`, `val/` and `test/` of
`hagrid_annotations/` or `annotations/` (2.0 and v2). The pictures are `<uuid>.jpg` in folders `<gesture>`,
`train_val_<gesture>` or `test_<gesture>`, at most two folders deep.

Of v2's two-handed gestures every hand is used by itself: `united_bbox` and `united_label`, null or a list that may hold
nulls, are not read, because the app finds and names single hands.

Class folders: `<label>/<any name>.jpg`, perhaps below `train/`, `val/` or `test/`, or in further folders;
every picture is a hand crop, unless a `boxes.json` beside the folders says where in whole pictures the hands are.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gesture_app.errors import EnvironmentFault, InputError
from gesture_app.vision.images import is_photograph
from gesture_app.vision.labels import NO_GESTURE
from training.collection import Entry, canonical, is_read_or_told, label_finder, picture_files
from training.published import HAGRID_V2_GESTURES
from training.splits import as_split, split_folders

FLAT_FOLDERS = {"ann_train_val": "", "ann_subsample": "", "ann_test": "test"}
"""HaGRID v1's folders of annotations, and the split that each stands for."""
SPLIT_FOLDERS = ("hagrid_annotations", "annotations", "hagrid_annotations/annotations")
PARQUET = "annotations_df.parquet"
UUID_COLUMNS = ("__index_level_0__", "index", "uuid", "image_id")
PREFIXES = ("train_val_", "test_")
KNOWN = (*HAGRID_V2_GESTURES, NO_GESTURE)
DEPTH = 3
BOXES_FILE = "boxes.json"
OF_PICTURES = ("images", "jpegimages")
"""Folders that programs for annotations put all pictures in: no gesture is called so."""
LEAST_CONFIDENCE = 0.9
"""Of people who named the leading hand; less counts as not known."""
WHOLE = (0.0, 0.0, 1.0, 1.0)


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        InputError: it cannot be read or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"cannot read annotations: {path}: {error}. Write it again, or move it elsewhere") from error


def read_boxes(path: Path) -> dict[str, list[Any]]:
    """Read a file of boxes: picture -> its hands, of which nothing is checked yet.

    Raises:
        InputError: it cannot be read or holds something else.
    """
    content = read_json(path)
    if not isinstance(content, dict) or not all(isinstance(hands, list) for hands in content.values()):
        expected = 'expected an object, name of a picture -> [{"bbox": [left, top, width, height]}]'
        raise InputError(f"cannot read boxes: {path}: {expected}")
    return content


def annotation_files(root: Path) -> list[tuple[Path, str]] | None:
    """HaGRID's JSON files, one a gesture, and the split that their folder stands for; None in another layout."""
    flat = [root / name for name in FLAT_FOLDERS if (root / name).is_dir()]
    files = [(file, FLAT_FOLDERS[folder.name]) for folder in flat for file in sorted(folder.glob("*.json"))]
    for name in SPLIT_FOLDERS:
        for folder, split in split_folders(root / name):
            files += [(file, split) for file in sorted(folder.glob("*.json")) if file.stem[0] not in "_."]
    if not files:  # a v2 archive unpacked right here; only its own names, since COCO sets look much alike
        here = split_folders(root)
        files = [(file, s) for f, s in here for file in sorted(f.glob("*.json")) if canonical(file.stem) in KNOWN]
    return files if files or flat else None


def is_hagrid(root: Path) -> bool:
    """Whether a folder is in one of HaGRID's layouts."""
    return annotation_files(root) is not None or (root / PARQUET).is_file()


def gesture_of(folder: str) -> str:
    """The gesture that a folder of frames is named after."""
    for prefix in PREFIXES:
        folder = folder.removeprefix(prefix)
    return canonical(folder)


def gesture_folders(root: Path, gestures: Sequence[str]) -> dict[str, list[Path]]:
    """The folders of frames of each gesture, at most `DEPTH` deep; nothing inside them is looked at."""
    wanted, found = {canonical(g): g for g in gestures}, defaultdict[str, list[Path]](list)
    for top, folders, _ in os.walk(root, followlinks=True):
        folders.sort()
        deep = len(Path(top).relative_to(root).parts) + 1
        for name in list(folders):
            gesture = wanted.get(gesture_of(name))
            if gesture is not None:
                found[gesture].append(Path(top) / name)
            if gesture is not None or deep == DEPTH or name in FLAT_FOLDERS or name.startswith("."):
                folders.remove(name)
    return dict(found)


def hagrid_entries(root: Path) -> Iterator[Entry]:
    """The entries of a HaGRID layout; of gestures that have a folder of pictures.

    Raises:
        InputError: there is no annotation, or it cannot be read.
        EnvironmentFault: there is only a parquet file, and what reads it is not installed.
    """
    files = annotation_files(root) or []
    if files:
        folders = gesture_folders(root, sorted({file.stem for file, _ in files}))
        for file, split in files:
            if file.stem not in folders:
                yield Entry(file.name, None, (), None, skip="annotation files without a folder of pictures")
            else:
                paths = {path.stem: path for path in picture_files(folders[file.stem])}
                content = read_json(file)
                if not isinstance(content, dict):
                    raise InputError(f"cannot read annotations: {file}: expected an object, uuid -> annotation")
                yield from (hagrid_entry(root, uuid, paths.get(uuid), value, split) for uuid, value in content.items())
    elif (root / PARQUET).is_file():
        everything = gesture_folders(root, KNOWN)
        paths = {path.stem: path for folders in everything.values() for path in picture_files(folders)}
        for uuid, value in parquet_rows(root / PARQUET):
            yield hagrid_entry(root, uuid, paths.get(uuid), value, "")
    else:
        folder = next(root / name for name in FLAT_FOLDERS if (root / name).is_dir())
        raise InputError(f"no annotations: {folder}: there is no <gesture>.json in it")


def hagrid_entry(root: Path, uuid: str, path: Path | None, value: Any, split: str) -> Entry:
    """One annotation of a HaGRID file; what is broken in it becomes a box that is none."""
    fields = value if isinstance(value, dict) else {}
    boxes, names = fields.get("bboxes"), fields.get("labels")
    name = path.relative_to(root).as_posix() if path is not None else uuid
    if not isinstance(boxes, list):
        boxes, names = [None], None
    names, person = names if isinstance(names, list) else None, str(fields.get("user_id") or "")
    return Entry(name, path, boxes, names, person, split, sides=hagrid_sides(fields, names or ()))


def hagrid_sides(fields: dict[str, Any], names: Sequence[Any]) -> Sequence[Any]:
    """The sides of an annotation's hands: `sides`, as `synthesize` writes them, or that of the one with a gesture."""
    if isinstance(fields.get("sides"), list):
        return list(fields["sides"])
    sure = fields.get("leading_conf")
    leading = [i for i, name in enumerate(names) if canonical(str(name)) != NO_GESTURE]
    if len(leading) != 1 or (isinstance(sure, (int, float)) and sure < LEAST_CONFIDENCE):
        return ()
    return [fields.get("leading_hand") if i in leading else "" for i in range(len(names))]


def parquet_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """uuid and annotation of every row of a table of annotations.

    Raises:
        InputError: it is damaged or another table.
        EnvironmentFault: pyarrow is not installed.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        raise EnvironmentFault(
            f"cannot read {path}: reading parquet needs pyarrow: run `pip install pyarrow`"
        ) from error
    try:
        table = parquet.ParquetFile(path)
        uuid = next((name for name in UUID_COLUMNS if name in table.schema_arrow.names), None)
        if uuid is None or "bboxes" not in table.schema_arrow.names:
            raise InputError(f"cannot read annotations: {path}: no columns of uuids and bboxes")
        wanted = ("bboxes", "labels", "user_id", "leading_hand", "leading_conf")
        columns = [uuid, *(n for n in wanted if n in table.schema_arrow.names)]
        for batch in table.iter_batches(columns=columns):
            yield from ((str(row.pop(uuid)), row) for row in batch.to_pylist())
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(f"cannot read annotations: {path}: {error}") from error


def boxes_file_entries(root: Path, file: Path, labels: Sequence[str] | None) -> Iterator[Entry]:
    """Frames `<any folder>/<gesture>/<uuid>.jpg` whose boxes are in a JSON file, uuid -> [{"bbox": [x, y, w, h]}].

    A frame with one hand shows its folder's gesture; with more, which hand shows it is not known, unless the hands have
    a `label`. They may have a `side`, left or right, too.
    """
    if labels is None:
        labels = sorted({*KNOWN, *(annotations.stem for annotations, _ in annotation_files(root) or [])})
    folders = [folder for found in gesture_folders(root, labels).values() for folder in found]
    paths = {path.stem: path for path in picture_files(f for f in folders if not f.name.startswith(PREFIXES))}
    for uuid, hands in read_boxes(file).items():
        path = paths.get(uuid)
        name = path.relative_to(root).as_posix() if path is not None else uuid
        yield boxed_entry(name, path, hands, gesture_of(path.parent.name) if path is not None else "")


def boxed_entry(name: str, path: Path | None, hands: Any, gesture: str = "", split: str = "") -> Entry:
    """A whole picture with the boxes of a boxes file; a hand may have a `label` and a `side` of its own.

    Args:
        gesture: of the folder that the picture is in.
    """
    if not hands:
        return Entry(name, path, (), None, skip="without a hand in the file of boxes")
    boxes = [hand.get("bbox") if isinstance(hand, dict) else None for hand in hands]
    names = [str(hand.get("label") or "") if isinstance(hand, dict) else "" for hand in hands]
    if len(boxes) == 1:
        names = [names[0] or gesture]
    sides = [hand.get("side") if isinstance(hand, dict) else "" for hand in hands]
    return Entry(name, path, boxes, names, split=split, true_boxes=False, sides=sides)


def class_folders(root: Path, labels: Sequence[str] | None) -> list[tuple[Path, str]]:
    """Folders named by a class, right here or below folders named by a split, and that split; none in other layouts.

    Args:
        labels: one of these must be among them; None takes folders of pictures with any name.
    """
    find_label = label_finder(labels)
    for parents in ([(root, "")], split_folders(root)):
        found = [(f, split) for parent, split in parents for f in sorted(filter(Path.is_dir, parent.iterdir()))]
        found = [(folder, split) for folder, split in found if not folder.name.startswith((".", "__"))]
        if labels is None:
            direct = {
                f for f, _ in found if any(picture_files([f], wanted=is_photograph)) or canonical(f.name) in KNOWN
            }
            if all(as_split(folder.name) or canonical(folder.name) in OF_PICTURES for folder in direct):
                continue  # what an archive was packed in, say, or folders of people with folders of gestures
            found = [(f, s) for f, s in found if f in direct or not as_split(f.name)]
        if any(find_label(folder.name) for folder, _ in found):
            return found
    return []


def class_folder_entries(
    root: Path, folders: Sequence[tuple[Path, str]], labels: Sequence[str] | None
) -> Iterator[Entry]:
    """The pictures of class folders: hand crops, or whole pictures where there is a `boxes.json`.

    A folder in one of a class may be named by a split, too. A class whose folder has no picture is told.
    """
    boxes, find_label = read_boxes(root / BOXES_FILE) if (root / BOXES_FILE).is_file() else None, label_finder(labels)
    for folder, given in folders:
        no_label = "" if find_label(folder.name) else f"in {folder.name}/, which is no label"
        paths = list(picture_files([folder], below=True, wanted=is_read_or_told))
        if not any(map(is_photograph, paths)) and not no_label:
            name = folder.relative_to(root).as_posix()
            yield Entry(name, None, (), None, skip=f"folder without a picture: {name}/")
        for path in paths:
            name = path.relative_to(root).as_posix()
            split = given or as_split(path.relative_to(folder).parts[0]) or ""
            if no_label:
                yield Entry(name, path, (), None, skip=no_label)
            elif boxes is None:
                yield Entry(name, path, [WHOLE], [folder.name], split=split, is_crop=True)
            else:
                yield boxed_entry(name, path, boxes.get(name) or boxes.get(path.stem), gesture_of(folder.name), split)
