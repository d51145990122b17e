from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from conftest import draw_hagrid

from gesture_app.errors import EnvironmentFault, InputError
from training.collection import VIDEOS
from training.layouts import gesture_folders
from training.sets import open_set, read, read_gesture_frames

LABELS = ("fist", "palm")


def annotations_of(root: Path) -> dict[str, dict[str, dict[str, object]]]:
    files = sorted((root / "ann_train_val").glob("*.json"))
    found = {file.stem: json.loads(file.read_text()) for file in files}
    for file in files:
        file.unlink()
    (root / "ann_train_val").rmdir()
    (root / "index.csv").unlink()
    return found


def write_json(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def as_v1(root: Path) -> None:
    pass


def as_subsample(root: Path) -> None:
    (root / "ann_train_val").rename(root / "ann_subsample")
    (root / "frames").rename(root / "subsample")
    for folder in list((root / "subsample").iterdir()):
        folder.rename(folder.with_name(folder.name.removeprefix("train_val_")))


def as_unpacked_archives(root: Path) -> None:
    for folder in list((root / "frames").iterdir()):
        folder.rename(root / folder.name)


def as_2_0(root: Path) -> None:
    for gesture, content in annotations_of(root).items():
        kept = {uuid: {k: value[k] for k in ("bboxes", "labels", "user_id")} for uuid, value in content.items()}
        write_json(root / "annotations" / "train" / f"{gesture}.json", kept)
    as_unpacked_archives(root)


@pytest.mark.parametrize("prepare", [as_v1, as_subsample, as_unpacked_archives, as_2_0])
def test_hagrid_1_and_2_0(hagrid_root: Path, prepare) -> None:
    prepare(hagrid_root)
    found = read(hagrid_root, LABELS)
    assert len(found.pictures) == 8 and not found.skipped
    assert {p.labels for p in found.pictures} == {("fist",), ("palm",)}
    assert {p.person for p in found.pictures} == {f"person{i}" for i in range(4)}


@pytest.mark.parametrize("folder", ["hagrid_annotations", "annotations", "hagrid_annotations/annotations", "."])
def test_v2_has_its_own_splits_and_two_handed_gestures(hagrid_root: Path, folder: str) -> None:
    splits, uuids = ("train", "val", "test"), {}
    for gesture, content in annotations_of(hagrid_root).items():
        for number, (uuid, value) in enumerate(content.items()):
            split = splits[min(number, 2)]
            two = value["bboxes"] * 2
            united = [None, [[0.0, 0.0, 1.0, 1.0]], [None, [0.0, 0.0, 1.0, 1.0]], None][number]
            full = {**value, "united_bbox": united, "united_label": united and ["holy"], "meta": {"age": [20.0]}}
            if number == 1:
                full = {**full, "bboxes": two, "labels": ["holy", "holy"], "hand_landmarks": [[], []]}
            uuids.setdefault((split, gesture), {})[uuid] = full
    for (split, gesture), content in uuids.items():
        write_json(hagrid_root / folder / split / f"{gesture}.json", content)
    (hagrid_root / "frames").rename(hagrid_root / "hagrid_dataset")
    found = read(hagrid_root, LABELS)
    assert {p.path.stem: p.split for p in found.pictures if "fist" in p.path.stem} == {
        "fist-0": "train",
        "fist-1": "val",
        "fist-2": "test",
        "fist-3": "test",
    }
    two_handed = next(p for p in found.pictures if p.path.stem == "fist-1")
    assert two_handed.labels == ("", "") and len(two_handed.boxes_xywh) == 2
    assert found.unknown == {"holy": 4}
    assert "holy" in {name for p in read(hagrid_root, None).pictures for name in p.labels}


BOX = [0.1, 0.1, 0.2, 0.2]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ()),
        ({"leading_hand": None, "leading_conf": None}, ()),
        ({"leading_hand": "right", "leading_conf": 1.0}, ("right",)),
        ({"leading_hand": "Left"}, ("left",)),
        ({"leading_hand": "right", "leading_conf": 0.6}, ()),
        ({"leading_hand": "both"}, ()),
        ({"leading_hand": "left", "bboxes": [BOX, BOX], "labels": ["no_gesture", "fist"]}, ("", "left")),
        ({"leading_hand": "left", "bboxes": [BOX, BOX], "labels": ["fist", "fist"]}, ()),
        ({"leading_hand": "left", "labels": ["no_gesture"]}, ()),
        ({"sides": ["left", "right"], "bboxes": [BOX, BOX], "labels": ["fist", "no_gesture"]}, ("left", "right")),
        ({"sides": ["left", "right"]}, ()),
        ({"sides": [3]}, ()),
    ],
)
def test_sides_of_annotated_hands(hagrid_root: Path, changes, expected) -> None:
    file = hagrid_root / "ann_train_val" / "fist.json"
    content = json.loads(file.read_text())
    write_json(file, {**content, "fist-0": {**content["fist-0"], **changes}})
    pictures = {p.path.stem: p for p in read(hagrid_root, (*LABELS, "no_gesture")).pictures}
    assert pictures["fist-0"].sides == expected and pictures["fist-1"].sides == ()


def test_gestures_without_a_folder_of_pictures_are_no_fault(hagrid_root: Path) -> None:
    write_json(hagrid_root / "ann_train_val" / "call.json", {"x": {"bboxes": [[0, 0, 1, 1]], "labels": ["call"]}})
    found = read(hagrid_root, (*LABELS, "call"))
    assert found.skipped == {"annotation files without a folder of pictures": 1} and not found.problems


@pytest.mark.parametrize("value", [None, [], {}, {"bboxes": None}, {"bboxes": [[0, 0, 1]], "labels": ["fist"]}])
def test_broken_annotations_are_counted(hagrid_root: Path, value) -> None:
    file = hagrid_root / "ann_train_val" / "fist.json"
    write_json(file, {**json.loads(file.read_text()), "fist-0": value})
    found = read(hagrid_root, LABELS)
    assert len(found.pictures) == 7 and found.skipped == {"with a box that is not four numbers": 1}


def test_annotations_that_are_no_object(hagrid_root: Path) -> None:
    write_json(hagrid_root / "ann_train_val" / "fist.json", [1, 2])
    with pytest.raises(InputError, match="expected an object"):
        read(hagrid_root, LABELS)


def as_parquet(root: Path, index: str = "__index_level_0__") -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = [{index: uuid, **value} for content in annotations_of(root).values() for uuid, value in content.items()]
    parquet.write_table(pyarrow.Table.from_pylist(rows), root / "annotations_df.parquet")


@pytest.mark.parametrize("index", ["__index_level_0__", "index"])
def test_parquet(hagrid_root: Path, index: str) -> None:
    before = {p.path: (p.boxes_xywh, p.labels, p.person) for p in read(hagrid_root, LABELS).pictures}
    as_parquet(hagrid_root, index)
    found = read(hagrid_root, LABELS)
    assert {p.path: (p.boxes_xywh, p.labels, p.person) for p in found.pictures} == before


def test_unusable_parquet(hagrid_root: Path) -> None:
    as_parquet(hagrid_root, "something")
    with pytest.raises(InputError, match="no columns of uuids"):
        read(hagrid_root, LABELS)
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.Table.from_pylist([{"uuid": "fist-0", "labels": ["fist"]}])
    pytest.importorskip("pyarrow.parquet").write_table(table, hagrid_root / "annotations_df.parquet")
    with pytest.raises(InputError, match="no columns of uuids and bboxes"):
        read(hagrid_root, LABELS)
    (hagrid_root / "annotations_df.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="cannot read annotations"):
        read(hagrid_root, LABELS)


def test_parquet_without_pyarrow(hagrid_root: Path, monkeypatch) -> None:
    annotations_of(hagrid_root)
    (hagrid_root / "annotations_df.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(EnvironmentFault, match="pip install pyarrow"):
        read(hagrid_root, LABELS)


@pytest.mark.parametrize(
    ("parent", "split"), [("train", "train"), ("val", "val"), ("valid", "val"), ("Test", "test"), ("Training", "train")]
)
def test_class_folders_below_splits(crops_root: Path, tmp_path: Path, parent: str, split: str) -> None:
    root = tmp_path / "set"
    root.mkdir()
    crops_root.rename(root / parent)
    (root / "validation").touch()  # a file, no folder
    for labels in (LABELS, None):
        found = read(root, labels)
        assert {p.split for p in found.pictures} == {split}
        assert {p.labels for p in found.pictures} == {("fist",), ("palm",)}


@pytest.mark.parametrize("labels", [LABELS, None])
def test_splits_below_class_folders(crops_root: Path, labels) -> None:
    for name in ("Test", "valid"):
        (crops_root / "fist" / name).mkdir()
        first = min((crops_root / "fist").glob("*.png"))
        first.rename(first.parent / name / first.name)
    found = {p.path.parent.name: p for p in read(crops_root, labels).pictures if p.labels == ("fist",)}
    assert found["Test"].split == "test" and found["valid"].split == "val"


def test_pictures_in_folders_of_class_folders_count(crops_root: Path) -> None:
    deeper, hidden = crops_root / "fist" / "monday" / "evening", crops_root / "fist" / ".thumbnails"
    for folder in (deeper, hidden):
        folder.mkdir(parents=True)
    moved = sorted((crops_root / "fist").glob("*.png"))
    for number, path in enumerate(moved):
        path.rename((deeper if number else hidden) / path.name)
    for labels in (LABELS, None):
        names = [
            p.path.relative_to(crops_root).parts for p in read(crops_root, labels).pictures if p.labels == ("fist",)
        ]
        assert len(names) == len(moved) - 1 and {name[:-1] for name in names} == {("fist", "monday", "evening")}


@pytest.mark.parametrize("parent", ["", "train/"])
@pytest.mark.parametrize("labels", [(*LABELS, "wave"), None])
def test_a_class_without_a_picture_is_told(crops_root: Path, tmp_path: Path, labels, parent: str) -> None:
    root = tmp_path / "set"
    root.mkdir()
    shutil.copytree(crops_root, root / parent, dirs_exist_ok=True)
    for name in ("wave", ".hidden", "__MACOSX"):
        (root / parent / name).mkdir()
    (root / parent / "wave" / "clip.mp4").write_bytes(b"moving pictures")
    found = read(root, labels)
    assert found.skipped == {f"folder without a picture: {parent}wave/": 1, VIDEOS: 1} and not found.problems
    assert {p.labels for p in found.pictures} == {("fist",), ("palm",)}


def test_known_gestures_need_no_picture_outside_of_folders_of_people(crops_root: Path) -> None:
    for name in LABELS[:2]:
        (crops_root / name).rename(crops_root / "anna")
        (crops_root / name).mkdir()
        (crops_root / "anna").rename(crops_root / name / "anna")
    assert {p.labels for p in read(crops_root, None).pictures} == {("fist",), ("palm",)}


@pytest.mark.parametrize("labels", [LABELS, None])
def test_whole_pictures_in_folders_of_class_folders_have_its_gesture(crops_root: Path, labels) -> None:
    (crops_root / "fist" / "monday").mkdir()
    moved = [path.rename(path.parent / "monday" / path.name) for path in sorted((crops_root / "fist").glob("*.png"))]
    hands = [{"bbox": [0.1, 0.1, 0.5, 0.5]}]
    write_json(crops_root / "boxes.json", {path.relative_to(crops_root).as_posix(): hands for path in moved})
    assert [p.labels for p in read(crops_root, labels).pictures] == [("fist",)] * len(moved)


def test_splits_alone_are_no_gestures(crops_root: Path, tmp_path: Path) -> None:
    for name in ("train", "Val"):
        shutil.copytree(crops_root / "fist", tmp_path / "set" / name)
    with pytest.raises(InputError, match="unknown layout"):
        read(tmp_path / "set", None)


def test_folders_of_people_are_no_gestures(crops_root: Path, tmp_path: Path) -> None:
    people = tmp_path / "people"
    for name in ("anna", "ben"):
        shutil.copytree(crops_root, people / name)
    with pytest.raises(InputError, match="unknown layout"):
        read(people, None)


def test_splits_beside_another_folder_of_pictures_are_no_gestures(crops_root: Path, tmp_path: Path) -> None:
    root = tmp_path / "set"
    shutil.copytree(crops_root, root / "train")
    shutil.copytree(crops_root / "palm", root / "examples")
    assert {p.labels for p in read(root, None).pictures} == {("examples",)}


def test_the_only_folder_is_no_class_but_what_an_archive_was_packed_in(crops_root: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    crops_root.rename(outer / "my hands")
    assert {p.labels for p in read(outer, None).pictures} == {("fist",), ("palm",)}


def test_own_class_names(crops_root: Path) -> None:
    (crops_root / "fist").rename(crops_root / "Vulcan Salute")
    assert {p.labels[0] for p in read(crops_root, None).pictures} == {"Vulcan Salute", "palm"}
    assert len(read(crops_root, ("vulcan_salute",)).pictures) == 10


@pytest.mark.parametrize("labels", [LABELS, None])
def test_a_folder_of_photographs_that_are_not_read_says_so(tmp_path: Path, labels) -> None:
    for name in ("fist/IMG_1.HEIC", "palm/monday/IMG_2.dng", "palm/._IMG_2.heic"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"ftypheic")
    with pytest.raises(InputError, match=r"no usable picture: .*skipped: 2 in a format that is not read; export"):
        read(tmp_path, labels)


@pytest.mark.parametrize("labels", [LABELS, None])
@pytest.mark.parametrize(("videos", "count"), [("fist", 1), ("rock", 1), ("../videos", 0)])
def test_videos_beside_pictures_are_told(crops_root: Path, tmp_path: Path, labels, videos: str, count: int) -> None:
    root = tmp_path / "set"
    root.mkdir()
    folder = crops_root.rename(root / "train") / videos
    folder.mkdir(exist_ok=True)
    (folder / "1.MP4").touch()
    found = read(root, labels)
    assert len(found.pictures) == 20 and found.skipped[VIDEOS] == count


@pytest.mark.parametrize("content", [[], {"fist0": 5}, {"fist0": None}, 3])
def test_boxes_of_another_shape_are_refused(crops_root: Path, hagrid_root: Path, content) -> None:
    write_json(crops_root / "boxes.json", content)
    for root, file in ((crops_root, None), (hagrid_root, crops_root / "boxes.json")):
        with pytest.raises(InputError, match="cannot read boxes"):
            read(root, LABELS, file)


def test_class_folders_of_whole_pictures(crops_root: Path) -> None:
    box = [0.1, 0.1, 0.5, 0.5]
    boxes = {
        "fist/fist0.png": [{"bbox": box}],
        "fist1": [{"bbox": box}],
        "palm/palm0.png": [{"bbox": box}, {"bbox": box, "label": "palm"}],
        "palm/palm1.png": [],
    }
    write_json(crops_root / "boxes.json", boxes)
    root, layout = open_set(crops_root, LABELS)
    assert layout.name == "class folders of whole pictures"
    found = read(root, LABELS)
    assert {p.path.name: p.labels for p in found.pictures} == {
        "fist0.png": ("fist",),
        "fist1.png": ("fist",),
        "palm0.png": ("", "palm"),
    }
    assert not any(p.is_crop or p.true_boxes for p in found.pictures)
    assert found.skipped == {"without a hand in the file of boxes": 17}


@pytest.mark.parametrize("hand", [5, None, [0.1, 0.1, 0.5, 0.5], {}, {"bbox": [0.1, 0.1]}])
def test_broken_hands_in_a_file_of_boxes_are_told(crops_root: Path, hand) -> None:
    write_json(crops_root / "boxes.json", {"fist0": [hand], "fist1": [{"bbox": [0.1, 0.1, 0.5, 0.5]}]})
    found = read(crops_root, LABELS)
    assert [p.path.name for p in found.pictures] == ["fist1.png"]
    assert found.problems == [("fist/fist0.png", "with a box that is not four numbers")]


def test_whole_pictures_of_class_folders_keep_the_splits_of_their_folders(crops_root: Path, tmp_path: Path) -> None:
    for split in ("train", "valid"):
        shutil.copytree(crops_root, tmp_path / "set" / split)
    write_json(tmp_path / "set" / "boxes.json", {path.stem: [{"bbox": [0, 0, 1, 1]}] for path in crops_root.rglob("*")})
    found = read(tmp_path / "set", LABELS).pictures
    assert {(p.path.parent.parent.name, p.split) for p in found} == {("train", "train"), ("valid", "val")}


def test_boxes_of_pictures_that_are_not_there_are_told(hagrid_root: Path, tmp_path: Path) -> None:
    unboxed = hagrid_root / "unboxed" / "fist"
    unboxed.mkdir(parents=True)
    shutil.copy(next(hagrid_root.rglob("fist-0.jpg")), unboxed / "new.jpg")
    write_json(tmp_path / "boxes.json", {name: [{"bbox": [0, 0, 1, 1], "side": "left"}] for name in ("new", "gone")})
    for labels in (LABELS, None):
        found = read(hagrid_root, labels, tmp_path / "boxes.json")
        assert found.skipped == {"without a picture": 1} and found.problems == [("gone", "without a picture")]
        assert [(p.labels, p.sides) for p in found.pictures if p.path.stem == "new"] == [(("fist",), ("left",))]


def test_gesture_folders_at_any_depth(tmp_path: Path) -> None:
    for name in ("fist", "a/train_val_fist", "a/b/test_fist", "a/b/c/fist", ".hidden/fist", "fist/fist", "other"):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
    found = gesture_folders(tmp_path, ("fist",))["fist"]
    assert sorted(p.relative_to(tmp_path).as_posix() for p in found) == ["a/b/test_fist", "a/train_val_fist", "fist"]


def test_gesture_frames_have_the_split_of_their_person(tmp_path: Path) -> None:
    root = draw_hagrid(tmp_path / "set")
    (root / "index.csv").unlink()
    split_of = {p.path: p.split for p in read(root, LABELS).pictures}
    frames = read_gesture_frames(root, LABELS)
    assert {f.path: f.split for f in frames} == split_of and all(f.annotated for f in frames)
    with pytest.raises(InputError, match="unknown layout"):
        read_gesture_frames(tmp_path / "set" / "frames" / "train_val_fist", LABELS)
