from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gesture_app.errors import InputError
from training.box_formats import files_by_tail, inside, named_files, split_in, yolo_box
from training.sets import open_set, read

LABELS = ("fist", "palm")


def draw(path: Path, size_wh: tuple[int, int] = (200, 100), orientation: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.zeros((size_wh[1], size_wh[0], 3), np.uint8)).save(path, exif=exif)
    return path


def coco(names: list[str], **changes: object) -> dict[str, object]:
    return {
        "images": [
            {"id": i, "file_name": n, "width": 200, "height": 100, "user_id": f"p{i}"} for i, n in enumerate(names)
        ],
        "annotations": [
            {"id": 2 * i + k, "image_id": i, "category_id": 7 + k, "bbox": [20, 10 + 40 * k, 40, 30]}
            for i in range(len(names))
            for k in range(2)
        ],
        "categories": [{"id": 7, "name": "Fist"}, {"id": 8, "name": "wave"}],
        **changes,
    }


@pytest.mark.parametrize(
    ("annotations", "folder", "split"),
    [
        ("annotations.json", "images", None),
        ("annotations/instances_val.json", "images/val", "val"),
        ("annotations/instances_train.json", "train", "train"),
        ("valid/_annotations.coco.json", "valid", "val"),
        ("Testing/_annotations.coco.json", "Testing", "test"),
        ("_annotations.coco.json", ".", None),
    ],
)
def test_coco(tmp_path: Path, annotations: str, folder: str, split) -> None:
    root = tmp_path / "set"
    for name in ("a.jpg", "b.jpg"):
        draw(root / folder / name)
    (root / annotations).parent.mkdir(parents=True, exist_ok=True)
    (root / annotations).write_text(json.dumps(coco(["a.jpg", "b.jpg"])))
    assert open_set(root, LABELS)[1].name == "COCO"
    found = read(root, LABELS)
    assert len(found.pictures) == 2 and found.unknown == {"wave": 2}
    first = found.pictures[0]
    assert np.allclose(first.boxes_xywh, [(0.1, 0.1, 0.2, 0.3), (0.1, 0.5, 0.2, 0.3)])
    assert first.labels == ("fist", "") and first.person == "p0"
    assert split is None or {p.split for p in found.pictures} == {split}


@pytest.mark.parametrize("folder", ["images", "pictures", "."])
@pytest.mark.parametrize("subsets", [("train", "val"), ("Train", "Validation"), ("train2017", "val2017"), ("a", "b")])
def test_subsets_may_have_pictures_of_the_same_names(tmp_path: Path, folder: str, subsets) -> None:
    for number, subset in enumerate(subsets):
        draw(tmp_path / folder / subset / "0.jpg")
        (tmp_path / "annotations").mkdir(exist_ok=True)
        content = coco(["0.jpg"], categories=[{"id": 7, "name": f"of {number}"}, {"id": 8, "name": "palm"}])
        (tmp_path / "annotations" / f"instances_{subset}.json").write_text(json.dumps(content))
    shown = {p.path.parent.name: p.labels[0] for p in read(tmp_path, None).pictures}
    assert shown == {subsets[0]: "of 0", subsets[1]: "of 1"}
    (tmp_path / folder / subsets[1] / "0.jpg").unlink()
    assert subsets[0] == "a" or read(tmp_path, None).skipped == {"without a picture": 1}


def test_json_files_may_split_one_folder(tmp_path: Path) -> None:
    for split, names in (("train", ["0.jpg", "1.jpg"]), ("val", ["2.jpg"])):
        (tmp_path / "annotations").mkdir(exist_ok=True)
        (tmp_path / "annotations" / f"{split}.json").write_text(json.dumps(coco(names)))
        for name in names:
            draw(tmp_path / "train" / name)
    assert [(p.path.name, p.split) for p in read(tmp_path, LABELS).pictures] == [
        ("0.jpg", "train"), ("1.jpg", "train"), ("2.jpg", "val"),
    ]  # fmt: skip


def test_a_name_that_several_pictures_have_is_told(tmp_path: Path) -> None:
    for name in ("images/anna/0.jpg", "images/ben/0.jpg", "images/ben/1.jpg"):
        draw(tmp_path / name)
    (tmp_path / "coco.json").write_text(json.dumps(coco(["0.jpg", "1.jpg"])))
    found = read(tmp_path, LABELS)
    assert len(found.pictures) == 1 and found.skipped == {"with a name that several pictures have": 1}


@pytest.mark.parametrize(
    ("files", "name", "source", "split", "expected"),
    [
        (["data/0.jpg"], "0.jpg", "labels.json", "", ["data/0.jpg"]),
        (["images/anna/0.jpg", "images/ben/0.jpg"], "ben/0.jpg", "coco.json", "", ["images/ben/0.jpg"]),
        (["images/anna/0.jpg"], "ben/0.jpg", "coco.json", "", []),
        (["anna/left/0.jpg", "ben/left/0.jpg"], "ben/left/0.jpg", "coco.json", "", ["ben/left/0.jpg"]),
        (["anna/left/0.jpg"], "ben/left/0.jpg", "coco.json", "", []),
        (["images/0.jpg"], "/home/anna/set/images/0.jpg", "coco.json", "", ["images/0.jpg"]),
        (["images/train/0.jpg"], "data/images/train/0.jpg", "train.txt", "train", ["images/train/0.jpg"]),
        (["0.jpg"], "anna/0.jpg", "coco.json", "", []),
        (["images/0.jpg", "0.jpg"], "0.jpg", "coco.json", "", ["0.jpg"]),
        (["images/0.jpg", "images/thumbs/0.jpg"], "0.jpg", "coco.json", "", ["images/0.jpg"]),
        (["train/0.jpg", "train/thumbs/0.jpg"], "0.jpg", "train.json", "train", ["train/0.jpg"]),
        (["images/0.jpg", "masks/0.jpg"], "0.jpg", "coco.json", "", ["images/0.jpg"]),
        (["images/0.jpg", "old/0.jpg"], "images\\0.jpg", "coco.json", "", ["images/0.jpg"]),
        (["images/val/0.jpg"], "0.jpg", "annotations/train.json", "train", []),
        (["images/val/0.jpg"], "val/0.jpg", "annotations/train.json", "train", ["images/val/0.jpg"]),
        (["train_val_fist/0.jpg"], "0.jpg", "val.json", "val", ["train_val_fist/0.jpg"]),
        (["images/ö.jpg"], "o\u0308.jpg", "coco.json", "", ["images/ö.jpg"]),
        (["images/0.jpg"], "..", "coco.json", "", []),
        (["images/0.jpg"], "", "coco.json", "", []),
    ],
)
def test_named_files(tmp_path: Path, files, name: str, source: str, split: str, expected) -> None:
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    assert named_files(files_by_tail(tmp_path), name, Path(source), split) == [Path(file) for file in expected]


def test_letters_and_accents_may_be_apart_on_the_disk(tmp_path: Path) -> None:
    draw(tmp_path / "images" / unicodedata.normalize("NFD", "Größe.jpg"))
    (tmp_path / "coco.json").write_text(json.dumps(coco([unicodedata.normalize("NFC", "Größe.jpg")])))
    assert len(read(tmp_path, LABELS).pictures) == 1


def test_links_that_lead_back_end(tmp_path: Path) -> None:
    draw(tmp_path / "images" / "a.jpg")
    for name in ("one", "two"):
        (tmp_path / "images" / name).symlink_to(tmp_path)
    found = [(["images", "a.jpg"], Path("images/a.jpg"))]
    assert files_by_tail(tmp_path) == {("a.jpg",): found, ("images", "a.jpg"): found}


@pytest.mark.parametrize("file", ["coco.json", "annotations/instances_val.json"])
def test_json_that_cannot_be_read_makes_no_gestures_of_folders(tmp_path: Path, file: str) -> None:
    draw(tmp_path / "images" / "a.jpg")
    (tmp_path / "annotations").mkdir()
    (tmp_path / file).write_text(json.dumps(coco(["a.jpg"]))[:-20])
    with pytest.raises(InputError, match=rf"cannot read annotations: .*{file}"):
        read(tmp_path, None)
    (tmp_path / file).write_text(json.dumps(coco(["a.jpg"])), encoding="utf-8-sig")
    (tmp_path / "._coco.json").write_bytes(b"Mac OS X\xff")
    assert len(read(tmp_path, LABELS).pictures) == 1


def test_coco_ids_may_be_text_here_and_numbers_there(tmp_path: Path) -> None:
    draw(tmp_path / "a.jpg")
    content = coco(["a.jpg"])
    content["images"][0]["id"] = "0"
    (tmp_path / "coco.json").write_text(json.dumps(content))
    assert read(tmp_path, LABELS).pictures[0].labels == ("fist", "")


def test_coco_without_sizes_uses_the_upright_picture(tmp_path: Path) -> None:
    draw(tmp_path / "a.jpg", (100, 200), orientation=6)
    content = coco([], images=[{"id": 0, "file_name": "a.jpg", "person": "anna"}])
    content["annotations"] = [{"image_id": 0, "category_id": 7, "bbox": [20, 10, 40, 30]}]
    (tmp_path / "coco.json").write_text(json.dumps(content))
    (found,) = read(tmp_path, LABELS).pictures
    assert np.allclose(found.boxes_xywh, [(0.1, 0.1, 0.2, 0.3)]) and found.person == "anna"


def test_coco_boxes_are_in_pixels_of_the_size_that_is_told(tmp_path: Path) -> None:
    draw(tmp_path / "a.jpg", (50, 25))  # shrunk after it was annotated
    (tmp_path / "coco.json").write_text(json.dumps(coco(["a.jpg"])))
    assert np.allclose(read(tmp_path, LABELS).pictures[0].boxes_xywh[0], (0.1, 0.1, 0.2, 0.3))


@pytest.mark.parametrize("other", [{"images": []}, [1, 2], {"licenses": [], "info": {}}, "text"])
def test_other_json_beside_coco_is_left_alone(tmp_path: Path, other) -> None:
    draw(tmp_path / "a.jpg")
    (tmp_path / "coco.json").write_text(json.dumps(coco(["a.jpg"])))
    (tmp_path / "_other.json").write_text(json.dumps(other))
    assert [p.person for p in read(tmp_path, LABELS).pictures] == ["p0"]


@pytest.mark.parametrize("images", [3, None, {"a": 1}, [5], [None], ["a.jpg"], [{"id": 1}]])
def test_broken_images_of_coco_are_told(tmp_path: Path, images) -> None:
    draw(tmp_path / "a.jpg")
    (tmp_path / "coco.json").write_text(json.dumps(coco(["a.jpg"], images=images)))
    with pytest.raises(InputError, match=r"cannot read annotations: .*coco\.json: not in COCO's format"):
        read(tmp_path, LABELS)


def test_coco_faults(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        draw(tmp_path / "set" / name)
    draw(tmp_path / "outside.jpg")
    content = coco(["a.jpg", "b.jpg", "c.jpg", "gone.jpg", "../outside.jpg"])
    content["annotations"][0]["iscrowd"] = 1
    content["annotations"][2]["bbox"] = [500, 0, 10, 10]
    (tmp_path / "set" / "coco.json").write_text(json.dumps(content))
    found = read(tmp_path / "set", LABELS)
    assert [p.path.name for p in found.pictures] == ["c.jpg"]
    assert found.skipped == {
        "with a box around a crowd": 1,
        "with a box outside the picture": 1,
        "without a picture": 2,
    }
    del content["images"][0]["id"]
    (tmp_path / "set" / "coco.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="not in COCO's format"):
        read(tmp_path / "set", LABELS)


def test_a_coco_picture_without_hands_is_background(tmp_path: Path) -> None:
    draw(tmp_path / "a.jpg")
    (tmp_path / "coco.json").write_text(json.dumps(coco(["a.jpg"], annotations=[])))
    assert read(tmp_path, LABELS).pictures[0].boxes_xywh == ()


YAML = {
    "lists": ("train: images/train\nval: images/val\nnames: [palm, fist]", "images/train", "images/val"),
    "roboflow": (
        "train: ../train/images\nval: ../valid/images\nnames:\n  0: palm\n  1: fist",
        "train/images",
        "valid/images",
    ),
    "path": (
        "path: ../elsewhere\ntrain: [images/train]\nval: images/val\ntest: images/none\nnames: {0: palm, 1: fist}",
        "images/train",
        "images/val",
    ),
    "inside": (
        "path: data\ntrain: images/train\nvalid: images/val\nnames: [palm, fist]",
        "data/images/train",
        "data/images/val",
    ),
}


@pytest.mark.parametrize(("text", "train", "val"), YAML.values(), ids=YAML)
def test_yolo(tmp_path: Path, text: str, train: str, val: str) -> None:
    root = tmp_path / "set"
    for folder in (train, val):
        draw(root / folder / "a.jpg")
        labels = root / folder.replace("images", "labels")
        labels.mkdir(parents=True)
        (labels / "a.txt").write_text("1 0.5 0.5 0.2 0.4\n\n0 0.1 0.1 0.3 0.1 0.3 0.2 0.1 0.2\n")
    draw(root / train / "b.jpg")
    draw(root / train / "background.jpg")
    (root / train.replace("images", "labels") / "background.txt").write_text("")
    (root / "data.yaml").write_text(text)
    found = read(root, LABELS)
    by_split = {(p.split, p.path.stem): p for p in found.pictures}
    assert by_split.keys() == {("train", "a"), ("val", "a"), ("train", "background")}
    picture = by_split["train", "a"]
    assert picture.labels == ("fist", "palm")
    assert np.allclose(picture.boxes_xywh, [(0.4, 0.3, 0.2, 0.4), (0.1, 0.1, 0.2, 0.1)])
    assert by_split["train", "background"].boxes_xywh == ()
    assert found.skipped == {"without a file of labels": 1}


@pytest.mark.parametrize(
    "text", ["[no, yes, 01, ~]", "{0: no, 1: yes, 2: 01, 3: ~}", "{'0': 'no', 1: \"yes\", 2: 01, 3: ~}"]
)
def test_names_of_yolo_are_what_is_written(tmp_path: Path, text: str) -> None:
    draw(tmp_path / "images" / "a.jpg")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text("".join(f"{number} 0.5 0.5 0.2 0.4\n" for number in range(4)))
    (tmp_path / "data.yaml").write_text(f"train: images\nval: null\nnames: {text}\n")
    assert read(tmp_path, None).pictures[0].labels == ("no", "yes", "01", "~")


def test_yolo_with_lists_of_pictures(tmp_path: Path) -> None:
    for name in ("train/a", "train/b", "val/a"):
        draw(tmp_path / "images" / f"{name}.jpg")
        (tmp_path / "labels" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "labels" / f"{name}.txt").write_text("1 0.5 0.5 0.2 0.4\n", encoding="utf-8-sig")
    (tmp_path / "train.txt").write_text("data/images/train/a.jpg\n\ndata/images/train/gone.jpg\n", encoding="utf-8-sig")
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "val.txt").write_text("../images/val/a.jpg\n")
    (tmp_path / "data.yaml").write_text(
        "path: .\ntrain: train.txt\nval: lists/val.txt\nnames: [palm, fist]\n", encoding="utf-8-sig"
    )
    found = read(tmp_path, LABELS)
    assert {(p.split, p.path, p.labels) for p in found.pictures} == {
        (split, tmp_path / "images" / split / "a.jpg", ("fist",)) for split in ("train", "val")
    }
    assert found.skipped == {"without a picture": 1}
    assert len(read(tmp_path / "lists" / "..", LABELS).pictures) == 2
    (tmp_path / "train.txt").write_bytes(b"\xff")
    with pytest.raises(InputError, match=r"cannot read .*train\.txt: no text"):
        read(tmp_path, LABELS)


@pytest.mark.parametrize(
    ("names", "pictures", "texts", "encoding"),
    [
        ("classes.txt", "images", "labels", "utf-8"),
        ("classes.txt", "images", "labels", "utf-8-sig"),
        ("classes.txt", ".", ".", "utf-8"),
        ("obj.names", "obj_train_data", "obj_train_data", "utf-8"),
    ],
)
@pytest.mark.parametrize("labels", [LABELS, None])
def test_yolo_with_a_list_of_classes(tmp_path: Path, names: str, pictures: str, texts: str, encoding, labels) -> None:
    draw(tmp_path / pictures / "a.jpg")
    draw(tmp_path / pictures / "b.jpg")
    (tmp_path / texts).mkdir(exist_ok=True)
    (tmp_path / texts / "a.txt").write_text("0 0.5 0.5 0.2 0.4")
    (tmp_path / texts / "b.txt").write_text("0 0.5 zero 0.2 0.4")
    (tmp_path / names).write_text("fist\npalm\n", encoding=encoding)
    found = read(tmp_path, labels)
    assert [p.labels for p in found.pictures] == [("fist",)]
    assert found.skipped == {"with a box that is not four numbers": 1}


@pytest.mark.parametrize(
    ("texts", "layout"),
    [
        ({"classes.txt": "fist\npalm"}, "class folders of hand crops"),
        ({"notes.txt": "taken on Monday", "fist/a.txt": "0 0.5 0.5 0.2 0.4"}, "class folders of hand crops"),
        ({"classes.txt": "other", "data.yaml": "names: [fist]\ntrain: fist", "labels/a.txt": ""}, "YOLO"),
    ],
)
def test_what_makes_a_folder_a_yolo_set(tmp_path: Path, texts: dict[str, str], layout: str) -> None:
    draw(tmp_path / "fist" / "a.jpg")
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "fist" / "a.txt").write_text("0 0.5 0.5 0.2 0.4")
    assert open_set(tmp_path, LABELS)[1].name == layout
    assert [p.labels for p in read(tmp_path, LABELS).pictures] == [("fist",)]


def test_of_a_list_of_classes_the_folders_tell_the_splits(tmp_path: Path) -> None:
    for name in ("images/train/a", "images/val/b", "previews/train/a"):
        draw(tmp_path / f"{name}.jpg")
        text = tmp_path / f"{name.replace('images', 'labels')}.txt"
        text.parent.mkdir(parents=True, exist_ok=True)
        text.write_text("0 0.5 0.5 0.2 0.4")
    (tmp_path / "classes.txt").write_text("fist")
    found = read(tmp_path, LABELS).pictures
    assert {(p.path.relative_to(tmp_path).as_posix(), p.split) for p in found} == {
        ("images/train/a.jpg", "train"), ("images/val/b.jpg", "val"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("picture", "file"),
    [
        ("JPEGImages/a.jpg", "annotations.xml"),
        ("JPEGImages/a.jpg", "Annotations/a.xml"),
        ("a.jpg", "a.xml"),
        ("images/a.jpg", "images/a.xml"),
        ("valid/a.jpg", "valid/a.xml"),
        ("pictures/a.jpg", "pictures/a.xml"),
    ],
)
@pytest.mark.parametrize("labels", [LABELS, None])
def test_annotations_in_xml_make_no_gestures_of_folders(tmp_path: Path, picture: str, file: str, labels) -> None:
    draw(tmp_path / picture)
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text("<annotation/>")
    with pytest.raises(InputError, match="in XML"):
        read(tmp_path, labels)


@pytest.mark.parametrize(
    ("folder", "beside"), [("images", "project.json"), ("JPEGImages", "x"), ("Images", "labels/a.txt")]
)
def test_a_folder_of_all_pictures_is_no_gesture(tmp_path: Path, folder: str, beside: str) -> None:
    draw(tmp_path / folder / "a.jpg")
    (tmp_path / beside).parent.mkdir(exist_ok=True)
    (tmp_path / beside).write_text("[]")
    with pytest.raises(InputError, match="unknown layout"):
        read(tmp_path, None)
    draw(tmp_path / "wave" / "a.jpg")
    assert {p.labels for p in read(tmp_path, None).pictures} == {(folder,), ("wave",)}, "beside a gesture it is one"


def test_the_only_folder_with_annotations_of_its_own_is_no_gesture(tmp_path: Path) -> None:
    draw(tmp_path / "wave" / "a.jpg")
    assert [p.labels for p in read(tmp_path, None).pictures] == [("wave",)]
    (tmp_path / "wave" / "a.txt").write_text("0 0.5 0.5 0.2 0.4")
    (tmp_path / "wave" / "classes.txt").write_text("fist")
    assert [p.labels for p in read(tmp_path, None).pictures] == [("fist",)]


def test_a_list_of_classes_that_is_no_text(tmp_path: Path) -> None:
    draw(tmp_path / "images" / "a.jpg")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text("0 0.5 0.5 0.2 0.4")
    (tmp_path / "classes.txt").write_bytes("Größe".encode("latin-1"))
    with pytest.raises(InputError, match="no text in UTF-8"):
        read(tmp_path, LABELS)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("names: [a]\ntrain: images/none\n", "no such folder"),
        ("names: [a]\ntrain: ../../etc\n", "no such folder"),
        ("train: images\n", "no names or no folders"),
        ("names: [a\n", "no names or no folders"),
        ("- 1\n", "no names or no folders"),
        ("names: [a]\ntrain: images\n", "no pictures"),
        ("names: !!python/object/apply:os.getcwd []\ntrain: images\n", "no names or no folders"),
    ],
)
def test_unusable_yolo(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "data.yaml").write_text(text)
    with pytest.raises(InputError, match=reason):
        read(tmp_path, LABELS)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.5, 0.5, 0.2, 0.4], (0.4, 0.3, 0.2, 0.4)),
        ([0.5, 0.5, 0.2, 0.4, 0.9], (0.4, 0.3, 0.2, 0.4)),
        ([0.5, 0.1, 0.7, 0.1, 0.6, 0.4], (0.5, 0.1, 0.2, 0.3)),
        ([0.1, 0.5, 0.3, 0.5, 0.2, 0.9], (0.1, 0.5, 0.2, 0.4)),
        ([], None),
        ([0.1], None),
        ([0.1] * 7, None),
    ],
)
def test_yolo_box(values, expected) -> None:
    got = yolo_box(values)
    assert got is None if expected is None else np.allclose(got, expected)


def test_of_poses_the_boxes_are_used(tmp_path: Path) -> None:
    draw(tmp_path / "images" / "a.jpg")
    (tmp_path / "labels").mkdir()
    box, points = "0 0.5 0.5 0.2 0.4", " 0.45 0.6" * 21
    (tmp_path / "labels" / "a.txt").write_text(f"{box}{points}\n{box}\n")
    (tmp_path / "data.yaml").write_text("names: [fist]\ntrain: images\nkpt_shape: [21, 2]\n")
    (found,) = read(tmp_path, LABELS).pictures
    assert np.allclose(found.boxes_xywh, [(0.4, 0.3, 0.2, 0.4)] * 2)
    (tmp_path / "data.yaml").write_text("names: [fist]\ntrain: images\nkpt_shape: [20, 2]\n")
    assert read(tmp_path, None).pictures[0].boxes_xywh[0][0] < 0.4, "of another shape they are corners of a polygon"


@given(st.text(max_size=30) | st.sampled_from(["../a", "/etc/passwd", "a/../../b", "..", "x" * 5000, "\0"]))
def test_no_name_leads_out_of_the_set(name: str) -> None:
    root = Path(__file__).parent
    found = inside(root, name)
    assert found is None or found.is_relative_to(root)


def test_folders_may_be_links(tmp_path: Path) -> None:
    draw(tmp_path / "disk" / "a.jpg")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "images").symlink_to(tmp_path / "disk")
    (tmp_path / "set" / "coco.json").write_text(json.dumps(coco(["a.jpg"])))
    assert len(read(tmp_path / "set", LABELS).pictures) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [("instances_val2017", "val"), ("instances_val", "val"), ("train", "train"), ("a-test", "test"), ("", "")],
)
def test_split_in(text: str, expected: str) -> None:
    assert split_in(text) == expected
