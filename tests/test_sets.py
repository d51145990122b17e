from __future__ import annotations

import json
import os
import shutil
import uuid
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import SHARED_DATA

from gesture_app.errors import InputError
from gesture_app.vision.labels import HAGRID_LABELS
from training.collection import valid_box
from training.sets import read, read_all, require_classes
from training.splits import read_splits, write_splits

LABELS = ("fist", "palm")


def test_hagrid_layout(hagrid_root: Path) -> None:
    found = read(hagrid_root, LABELS)
    assert len(found.pictures) == 8 and not found.skipped
    assert len(found.of_split("val").pictures) == 2
    assert all(p.path.is_file() and len(p.boxes_xywh) == len(p.labels) == 1 for p in found.pictures)
    assert {p.path.stem for p in found.of_split("val").pictures} == {"fist-3", "palm-3"}


def test_an_unpacked_archives_own_folder_is_entered(hagrid_root: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer" / "set"
    outer.mkdir(parents=True)
    hagrid_root.rename(outer / "set")
    assert len(read(outer, LABELS).pictures) == 8


def test_class_folders(crops_root: Path) -> None:
    (crops_root / "unlabelled").mkdir()
    (crops_root / "unlabelled" / "x.png").write_bytes(b"x")
    (crops_root / "fist" / "notes.txt").write_text("no picture")
    found = read(crops_root, LABELS)
    assert len(found.pictures) == 20
    assert dict(found.skipped) == {"in unlabelled/, which is no label": 1}
    assert all(p.is_crop and p.boxes_xywh == ((0, 0, 1, 1),) for p in found.pictures)
    assert "20 pictures, 20 hands; skipped: 1 in unlabelled/" in found.describe()
    assert read(crops_root, None).skipped == found.skipped


def test_names_of_files_may_be_any_bytes(crops_root: Path, tmp_path: Path) -> None:
    """As archives from other systems leave them."""
    (crops_root / "index.csv").unlink(missing_ok=True)
    odd = crops_root / os.fsdecode("Größe".encode("latin-1"))
    odd.mkdir()
    for number, path in enumerate(sorted((crops_root / "fist").glob("*.png"))):
        path.rename(odd / os.fsdecode(f"ü{number}.png".encode("latin-1")))
    found = read(crops_root, None)
    assert {p.labels for p in found.pictures} == {("Gr??e",), ("palm",)}
    assert {p.split for p in found.pictures if p.labels != ("palm",)} == {"train", "val"}
    write_splits(tmp_path / "splits.csv", found.pictures)
    assert len(read_splits(tmp_path / "splits.csv").rows) == 2 * len(found.pictures)


def test_a_photograph_that_one_set_holds_out_trains_nothing_in_another(hagrid_root: Path, crops_root: Path) -> None:
    """A set of crops names no people: without a list its pictures are drawn by themselves."""
    (crops_root / "index.csv").unlink(missing_ok=True)
    frame = read(hagrid_root, LABELS).pictures[0]
    pictures = sorted((crops_root / "fist").glob("*.png"))
    stems = [str(uuid.uuid5(uuid.NAMESPACE_DNS, str(number))) for number in range(24)]
    for stem in stems:
        shutil.copy(pictures[0], crops_root / "fist" / f"{stem}.png")
    splits = {stem: ("train", "val", "test")[number % 3] for number, stem in enumerate(stems)}
    beside = [replace(frame, path=Path(f"{stem}.jpg"), split=split) for stem, split in splits.items()]
    alone = {split: {p.path.stem for p in read_all((crops_root,), LABELS, split)} for split in ("train", "val")}
    together = {p.path.stem for p in read_all((crops_root,), LABELS, "train", beside=beside)}
    assert (
        alone["train"] - together == {stem for stem in alone["train"] if splits.get(stem) in ("val", "test")} != set()
    )
    assert {p.path.stem for p in read_all((crops_root,), LABELS, "val", beside=beside)} == alone["val"]
    assert {path.stem for path in pictures} & alone["train"] <= together  # `fist-1.png` may be anybody's


def test_sets_of_one_command_hold_out_for_each_other(crops_root: Path, tmp_path: Path, capsys) -> None:
    (crops_root / "index.csv").unlink(missing_ok=True)
    stems = [str(uuid.uuid5(uuid.NAMESPACE_DNS, str(number))) for number in range(8)]
    for stem in stems:
        shutil.copy(next((crops_root / "fist").glob("*.png")), crops_root / "fist" / f"{stem}.png")
    other = shutil.copytree(crops_root, tmp_path / "other")
    (other / "index.csv").write_text("\n".join(["uuid,split", *(f"{stem},val" for stem in stems)]) + "\n")
    found = read_all((crops_root, other), LABELS, "train")
    assert not {p.path.stem for p in found} & set(stems)
    assert "held out in another set" in capsys.readouterr().out


def test_a_missing_picture_is_counted(hagrid_root: Path) -> None:
    next(hagrid_root.glob("*/train_val_fist/fist-0.jpg")).unlink()
    assert dict(read(hagrid_root, LABELS).skipped) == {"without a picture": 1}


def test_boxes_of_unboxed_frames(hagrid_root: Path, tmp_path: Path) -> None:
    folder = hagrid_root / "unboxed" / "palm"
    folder.mkdir(parents=True)
    for name in ("a", "b", "c"):
        (folder / f"{name}.jpg").write_bytes(b"")
    box = {"bbox": [0.1, 0.1, 0.2, 0.2]}
    file = tmp_path / "boxes.json"
    sided = [{**box, "label": "no_gesture", "side": "left"}, {**box, "label": "palm"}]
    file.write_text(json.dumps({"a": [{**box, "side": "right"}], "b": [box, box], "c": sided, "gone": [box]}))
    found = read(hagrid_root, LABELS, file)
    extra = {p.path.stem: p for p in found.pictures if not p.true_boxes}
    assert extra["a"].labels == ("palm",) and extra["b"].labels == ("", "") and extra["c"].labels == ("", "palm")
    assert [extra[name].sides for name in "abc"] == [("right",), (), ("left", "")]
    assert found.skipped == {"without a picture": 1}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, ""),
        ({"gone": {"bboxes": [[0, 0, 1, 1]], "labels": ["fist"]}}, ""),
        ({"fist-0": {"bboxes": [[0.5, 0.5, 0.1, 0.1]], "labels": ["dragon"]}}, ""),
        (
            {"fist-0": {"bboxes": [[0.5, 0.5, 0, 0.1]], "labels": ["fist"]}},
            "1 of 8.*fist-0.jpg: with a box without area",
        ),
        ({"fist-1": {"bboxes": [[1.5, 0.5, 1, 1]], "labels": ["fist"]}}, "fist-1.jpg: with a box outside the picture"),
        (
            {f"fist-{i}": {"bboxes": [["x"] * 4], "labels": ["fist"]} for i in range(3)},
            "3 of 8.*four numbers; .*fist-1",
        ),
        ({"fist-0": {"bboxes": [[0, 0, 1, 1]], "labels": []}}, "labels and boxes that do not match"),
    ],
    ids=str,
)
def test_broken_annotations_end_a_run(hagrid_root: Path, changes, reason: str) -> None:
    file = hagrid_root / "ann_train_val" / "fist.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
    if not reason:
        assert len(read_all((hagrid_root,), LABELS, None)) == 8
        return
    with pytest.raises(InputError, match=f"too many bad annotations.*{reason}"):
        read_all((hagrid_root,), LABELS, None)


@pytest.mark.parametrize(
    ("prepare", "reason"),
    [
        (lambda root: None, "no such folder"),
        (lambda root: root.mkdir(), "unknown layout"),
        (lambda root: (root / "fist").mkdir(parents=True), "no usable picture"),
        (
            lambda root: ((root / "swipe").mkdir(parents=True), (root / "swipe" / "1.jpg").touch()),
            "no known label: .*data: its folders are swipe; known are fist, palm.*--labels",
        ),
        (lambda root: (root / "ann_train_val").mkdir(parents=True), "no annotations"),
        (
            lambda root: (
                (root / "ann_train_val").mkdir(parents=True),
                (root / "a").mkdir(),
                (root / "ann_train_val/a.json").write_text("{"),
            ),
            "cannot read annotations",
        ),
    ],
)
def test_unusable_folders(tmp_path: Path, prepare, reason: str) -> None:
    root = tmp_path / "data"
    prepare(root)
    with pytest.raises(InputError, match=reason):
        read(root, LABELS)


def test_absent_classes_are_an_error(crops_root: Path, capsys) -> None:
    pictures = read_all((crops_root,), ("fist", "palm", "call"), None)
    assert "20 pictures" in capsys.readouterr().out
    require_classes(pictures, LABELS)
    with pytest.raises(InputError, match="no training pictures of call"):
        require_classes(pictures, ("fist", "palm", "call"))


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ([0.1, 0.2, 0.3, 0.4], (0.1, 0.2, 0.3, 0.4)),
        ([-0.1, 0.9, 0.3, 0.4], (0, 0.9, 0.2, 0.1)),
    ],
)
def test_valid_box(box, expected) -> None:
    assert np.allclose(valid_box(box), expected)


@pytest.mark.skipif(not (SHARED_DATA / "hagrid-mini-384p.zip").is_file(), reason="needs the real HaGRID pictures")
def test_real_hagrid_frames(tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(SHARED_DATA / "hagrid-mini-384p.zip") as archive:
        archive.extractall(tmp_path)
    (root,) = tmp_path.iterdir()
    found = read(root, HAGRID_LABELS, SHARED_DATA / "unboxed-landmarks.json")
    boxed = [p for p in found.pictures if p.path.parent.name.startswith("train_val_")]
    assert len(boxed) == 506 and not found.problems
    assert sum(p.true_boxes for p in boxed if all(p.labels)) == 390
    assert found.unknown and all(name.startswith("?") for name in found.unknown)
    assert len({p.path for p in found.pictures}) == len(found.pictures) > 1300
    require_classes(found.of_split("train").pictures, HAGRID_LABELS)
