from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from fakes import FakeRecognizer

from gesture_app.errors import InputError
from gesture_app.vision.boxes import iou_matrix
from gesture_app.vision.postprocess import Detections
from training import own_pictures
from training.collection import Picture
from training.datasets import HandCrops
from training.own_pictures import demo_hands, is_split, natural, read_own
from training.splits import Splits

SHIPPED = ("like", "fist", "no_gesture")


class FindsWhite:
    """Finds the white rectangles of a picture, the largest one first."""

    detector_info = SimpleNamespace(sha256="a")
    classifier_info = SimpleNamespace(labels=("like", "no_gesture", "background"), sha256="b")
    calls = 0

    def detect(self, image, options) -> Detections:
        self.calls += 1
        mask = (image.min(axis=2) > 200).astype(np.uint8)
        found = cv2.connectedComponentsWithStats(mask)[2][1:]
        found = found[np.argsort(-found[:, 4])]
        corners = np.concatenate((found[:, :2], found[:, :2] + found[:, 2:4]), axis=1).astype(np.float32)
        return Detections(corners.reshape(-1, 4), np.full(len(found), 0.9, np.float32), np.zeros(len(found), np.int64))


def picture(*hands: tuple[int, int, int, int], size_hw: tuple[int, int] = (120, 160)) -> np.ndarray:
    image = np.full((*size_hw, 3), 60, np.uint8)
    for x, y, w, h in hands:
        image[y : y + h, x : x + w] = 250
    return image


def folder(root: Path, name: str, pictures: list[np.ndarray]) -> Path:
    (root / name).mkdir(parents=True)
    for number, image in enumerate(pictures):
        cv2.imwrite(str(root / name / f"shot {number}.png"), image)
    return root


def test_hand_crops_stay_as_they_are_and_the_last_fifth_is_held_out(tmp_path: Path) -> None:
    crop = picture((2, 2, 150, 110))
    for name in ("Like", "vulcan"):
        folder(tmp_path, name, [crop] * 12)
    own = read_own(tmp_path, SHIPPED, FindsWhite())
    assert own.labels == ("like", "vulcan") and own.frames == []
    assert all(p.is_crop for p in own.training)
    assert sorted(p.path.name for p in own.validation) == ["shot 10.png", "shot 10.png", "shot 11.png", "shot 11.png"]
    assert len(own.training) == 20 and "hand crops" in own.notes[0]
    assert {p.split for p in own.training} == {"train"} and {p.split for p in own.validation} == {"val"}
    assert own.notes[1:] == [
        "The last fifth of every gesture's pictures, by name, is held out: neighbours often look alike."
    ]


def test_a_set_with_training_pictures_alone_and_files_of_macos(tmp_path: Path) -> None:
    for name in ("like", "vulcan"):
        folder(tmp_path / "train", name, [picture((2, 2, 150, 110))] * 10)
        (tmp_path / "train" / name / "._shot 1.png").write_bytes(b"Mac OS X")
    own = read_own(tmp_path, SHIPPED, FindsWhite())
    assert (len(own.training), len(own.validation)) == (16, 4)


def test_what_is_no_gesture_is_none_to_any_base(tmp_path: Path) -> None:
    for name in ("vulcan", "Background", "No-Gesture"):
        folder(tmp_path, name, [picture((2, 2, 150, 110))] * 6)
    assert read_own(tmp_path, ("like",), FindsWhite()).labels == ("vulcan",)


def test_in_whole_pictures_the_uppermost_hand_is_found_and_patches_show_none(tmp_path: Path) -> None:
    two = picture((100, 20, 30, 30), (20, 70, 40, 40))
    for name in ("like", "vulcan"):
        folder(tmp_path, name, [two] * 9 + [picture()])
    (tmp_path / "index.csv").write_text("path,side\n" + "".join(f"like/shot {i}.png,left\n" for i in range(10)))
    finds = FindsWhite()
    own = read_own(tmp_path, SHIPPED, finds)
    assert finds.calls == 20, "none is looked at twice"
    assert any("In 2 of 20 pictures no hand was found" in note for note in own.notes)
    assert own.frames == [], "the detector does not learn from what it found"
    assert len(own.training) + len(own.validation) == 18
    hands = np.array([[100, 20, 130, 50], [20, 70, 60, 110]], np.float32)
    for p in own.training:
        assert not p.is_crop and p.labels[1:] == ("background",) * (len(p.labels) - 1)
        boxes = np.array(p.boxes_xywh, np.float32) * (160, 120, 160, 120)
        boxes[:, 2:] += boxes[:, :2]
        assert boxes[0] == pytest.approx(hands[0], abs=0.01)
        assert iou_matrix(boxes[1:].astype(np.float32), hands).max(initial=0) == 0
        assert (boxes >= 0).all() and (boxes <= (160, 120, 160, 120)).all()
    assert max(len(p.labels) for p in own.training) == 3, "two patches where there is room"
    assert all(len(p.labels) == len(p.boxes_xywh) == 1 for p in own.validation)
    for p in (*own.training, *own.validation):
        nothing = ("",) * (len(p.labels) - 1)
        assert p.sides == (("left", *nothing) if p.labels[0] == "like" else ())


def test_patches_without_a_hand_are_no_gesture_to_a_base_without_background(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(FindsWhite, "classifier_info", SimpleNamespace(labels=SHIPPED))
    folder(tmp_path, "like", [picture((100, 20, 30, 30))] * 6)
    own = read_own(tmp_path, SHIPPED, FindsWhite())
    assert {name for p in own.training for name in p.labels[1:]} == {"no_gesture"}
    assert not any("no hand was found" in note for note in own.notes)


@pytest.mark.parametrize(
    ("change", "anew"),
    [
        (lambda root, kept, finds: None, False),
        (lambda root, kept, finds: (kept / "hands.json").write_text("[]"), True),
        (lambda root, kept, finds: os.utime(root / "like" / "shot 0.png", (0, 0)), True),
        (lambda root, kept, finds: folder(root, "vulcan", [picture((60, 10, 40, 40))] * 5), True),
        (lambda root, kept, finds: setattr(finds, "detector_info", SimpleNamespace(sha256="c")), True),
    ],
    ids=["nothing", "damaged", "another picture", "another gesture", "other weights"],
)
def test_hands_that_were_found_are_not_looked_for_again(tmp_path: Path, change, anew: bool) -> None:
    root, kept, finds = tmp_path / "mine", tmp_path / "out", FindsWhite()
    folder(root, "like", [picture((100, 20, 30, 30))] * 6 + [picture()])
    (root / "index.csv").write_text("path,side\nlike/shot 0.png,left\n")
    own = read_own(root, SHIPPED, finds, kept)
    change(root, kept, finds)
    finds.calls = 0
    looks: list[tuple[int, int]] = []
    again = read_own(root, SHIPPED, finds, kept, lambda looked_at, pictures: looks.append((looked_at, pictures)))
    count = looks[-1][1]
    assert looks == [*((number, count) for number in range(1, finds.calls + 1)), (count, count)], "never from the start"
    assert bool(finds.calls) == anew and (again == own) == (len(again.labels) == 1)


def test_of_a_whole_picture_among_crops_the_hand_is_found(tmp_path: Path) -> None:
    crop, blurred, far = picture((2, 2, 100, 80)), picture(), picture((100, 20, 30, 30))
    fingertip = picture((100, 20, 20, 20))
    folder(tmp_path, "like", [crop] * 8 + [fingertip, blurred, far])
    finds = FindsWhite()
    own = read_own(tmp_path, SHIPPED, finds)
    assert finds.calls == 11, "none is looked at twice"
    by_name = {p.path.name: p for p in (*own.training, *own.validation)}
    whole = by_name.pop("shot 10.png")
    assert whole.boxes_xywh[0] == pytest.approx((100 / 160, 20 / 120, 30 / 160, 30 / 120)) and not whole.is_crop
    assert len(by_name) == 10 and all(p.is_crop for p in by_name.values())
    assert "hand crops" in own.notes[0] and "shot 10.png: these show more than a hand" in own.notes[1]


def test_a_split_that_somebody_made_is_kept(tmp_path: Path) -> None:
    crop = picture((2, 2, 150, 110))
    folder(tmp_path, "like", [crop] * 6)
    rows = [f"like/shot {i}.png,{'val' if i < 3 else 'train'}" for i in range(6)]
    (tmp_path / "index.csv").write_text("\n".join(["path,split", *rows]) + "\n")
    own = read_own(tmp_path, SHIPPED, FindsWhite())
    assert sorted(p.path.name for p in own.validation) == ["shot 0.png", "shot 1.png", "shot 2.png"]


def test_frames_with_boxes_are_held_out_as_their_hands_are(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    folder(tmp_path, "images", [picture((40, 30, 40, 40))] * 40)
    for number in range(40):
        (tmp_path / "labels" / f"shot {number}.txt").write_text(f"{number % 2} 0.375 0.4167 0.25 0.3333\n")
    (tmp_path / "data.yaml").write_text("names: [like, fist]\ntrain: images\n")
    own = read_own(tmp_path, SHIPPED, FindsWhite())
    held = [p.path.name for p in own.frames if p.split != "train"]
    assert sorted(held) == sorted(p.path.name for p in own.validation) == [f"shot {n}.png" for n in range(32, 40)]


def test_pictures_whose_hands_have_no_names_are_told(tmp_path: Path) -> None:
    folder(tmp_path, "like", [picture((60, 10, 40, 40))] * 8)
    hand = {"bbox": [0.4, 0.1, 0.2, 0.3]}
    hands = {f"like/shot {i}.png": [hand] * (2 if i < 3 else 1) for i in range(8)}
    (tmp_path / "boxes.json").write_text(json.dumps(hands))
    own = read_own(tmp_path, SHIPPED, FindsWhite())
    assert any(note.startswith("In 3 pictures no hand is named") for note in own.notes)


def test_pictures_without_a_hand_need_no_name(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    folder(tmp_path, "images", [picture((40, 30, 40, 40))] * 8)
    for number in range(8):
        (tmp_path / "labels" / f"shot {number}.txt").write_text("0 0.375 0.4167 0.25 0.3333" if number < 6 else "")
    (tmp_path / "data.yaml").write_text("names: [like]\ntrain: images\n")
    own = read_own(tmp_path, SHIPPED, FindsWhite())
    assert len(own.frames) == 8 and not any("no hand is named" in note for note in own.notes)


def test_a_list_of_sides_alone_holds_nothing_out(tmp_path: Path) -> None:
    folder(tmp_path, "like", [picture((2, 2, 150, 110))] * 10)
    (tmp_path / "index.csv").write_text("\n".join(["path,side", *(f"like/shot {i}.png,left" for i in range(10))]))
    own = read_own(tmp_path, SHIPPED, FindsWhite())
    assert [p.path.name for p in own.validation] == ["shot 8.png", "shot 9.png"] and own.training[0].sides == ("left",)


def test_of_a_gesture_beside_hands_that_rest_a_fifth_is_held_out(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    folder(tmp_path, "images", [picture((40, 30, 40, 40), (100, 60, 30, 30))] * 20)
    for number in range(20):
        resting, shown = "2 0.7 0.6 0.2 0.2\n", f"{number // 10} 0.375 0.4167 0.25 0.3333\n"
        (tmp_path / "labels" / f"shot {number}.txt").write_text(resting + shown)
    (tmp_path / "data.yaml").write_text("names: [like, fist, no_gesture]\ntrain: images\n")
    own = read_own(tmp_path, SHIPPED, FindsWhite())
    assert Counter(name for p in own.validation for name in p.labels) == {"no_gesture": 4, "like": 2, "fist": 2}


@pytest.mark.parametrize(
    ("unread", "told"),
    [
        ("IMG_1.HEIC", "in a format that is not read; export them as JPEG"),
        ("IMG_1.MOV", "that are videos; save pictures of them instead"),
    ],
)
def test_spellings_of_a_gesture_are_one_and_what_is_not_read_is_told(tmp_path: Path, unread, told) -> None:
    for part, name, count in (("train", "Grab it", 3), ("valid", "grab_it", 3), ("train", "LIKE", 5)):
        folder(tmp_path / part, name, [picture((2, 2, 150, 110))] * count)
    (tmp_path / "train" / "LIKE" / unread).write_bytes(b"ftyp")
    own = read_own(tmp_path, SHIPPED, FindsWhite())
    assert own.labels == ("like", "Grab it") and {p.labels for p in own.validation} == {("Grab it",)}
    assert f"Left out: 1 {told}." in own.notes
    assert own.bad == own.notes[:1]  # which people are told at once


@pytest.mark.parametrize("size_hw", [(112, 152), (120, 160)], ids=["crops", "whole pictures"])
def test_pictures_that_cannot_be_read_are_left_out_and_told(tmp_path: Path, size_hw) -> None:
    hand = (2, 2, 150, 110) if size_hw[0] == 112 else (60, 30, 40, 40)
    folder(tmp_path, "like", [picture(hand, size_hw=size_hw)] * 7)
    bad = [tmp_path / "like" / f"shot {number}.png" for number in (0, 3)]
    bad[0].write_bytes(bad[0].read_bytes()[:-200])  # its header is sound
    bad[1].write_bytes(b"no picture")
    own = read_own(tmp_path, SHIPPED, FindsWhite())
    left = {p.path for p in (*own.training, *own.validation)}
    assert len(left) == 5 and left.isdisjoint(bad)
    assert any("shot 0.png: " in note for note in own.bad) and set(own.bad) <= set(own.notes)


@pytest.mark.parametrize(("place", "within"), [((1 / 4, 1 / 4, 1 / 2, 1 / 2), 1 / 4), ((0, 0, 1 / 4, 1 / 4), 4 / 9)])
def test_hands_of_the_demo_clip(tmp_path: Path, monkeypatch, place, within) -> None:
    monkeypatch.setattr(own_pictures, "EVERY", 100)
    recognizer = FakeRecognizer(place_xyxy=place)
    hands = demo_hands(tmp_path, recognizer)
    assert demo_hands(tmp_path, recognizer) == hands and len(recognizer.seen) == len(hands)
    assert [p.split for p in hands] == ["train", "val", "train", "train", "val", "train"]
    assert all(p.labels == ("like",) and not p.true_boxes for p in hands)
    assert all(box[2] * box[3] == pytest.approx(within, rel=0.02) for p in hands for box in p.boxes_xywh)
    assert HandCrops(hands, ("like",), 32)[5][0].shape == (3, 32, 32)
    monkeypatch.setattr(own_pictures, "demo_clip", lambda: tmp_path / "demo.mp4")
    assert demo_hands(tmp_path, FakeRecognizer()) == [], "there is no clip"


def test_a_split_by_folders_of_a_class_is_kept(tmp_path: Path) -> None:
    crop = picture((2, 2, 150, 110))
    folder(tmp_path, "like", [crop] * 6)
    for number in range(6):
        shot = tmp_path / "like" / f"shot {number}.png"
        part = shot.parent / ("val" if number in (1, 4) else "train")
        part.mkdir(exist_ok=True)
        shot.rename(part / shot.name)
    folder(tmp_path, "fist", [crop] * 6)
    own = read_own(tmp_path, SHIPPED, FindsWhite())
    assert {"shot 1.png", "shot 4.png"} == {p.path.name for p in own.validation if p.labels == ("like",)}


@pytest.mark.parametrize(
    ("names", "count", "message"),
    [
        (("like", "fist"), 3, r"too few pictures.*fist \(3\), like \(3\)"),
        (("no_gesture",), 6, "no gesture"),
        ((), 0, "unknown layout"),
    ],
)
def test_what_cannot_be_trained_on(tmp_path: Path, names, count, message) -> None:
    for name in names:
        folder(tmp_path, name, [picture((2, 2, 150, 110))] * count)
    with pytest.raises(InputError, match=message):
        read_own(tmp_path, SHIPPED, None)  # before hands are looked for


def test_too_few_pictures_with_a_hand_in_them(tmp_path: Path) -> None:
    folder(tmp_path, "like", [picture((60, 30, 40, 40))] * 4 + [picture()])
    with pytest.raises(InputError, match=r"too few pictures.*like \(4\)"):
        read_own(tmp_path, SHIPPED, FindsWhite())


@pytest.mark.parametrize(
    ("people", "splits", "expected"),
    [
        (("", ""), ("train", "val"), False),
        (("anna", "anna"), ("train", "train"), False),  # one person's pictures are all on one side
        (("anna", "anna"), ("val", "val"), False),
        (("anna", "ben"), ("train", "val"), True),
        (("anna", "ben"), ("train", "train"), False),
    ],
)
def test_people_split_pictures_only_if_there_are_some_on_both_sides(tmp_path: Path, people, splits, expected) -> None:
    pictures = [
        Picture(tmp_path / "x.png", ((0, 0, 1, 1),), ("like",), split, person=person, key="set/x.png")
        for person, split in zip(people, splits, strict=True)
    ]
    assert is_split(pictures, Splits()) is expected


def test_natural_order() -> None:
    names = ["b10.jpg", "b9.jpg", "a.jpg", "10.jpg", "9.jpg", "1²2.jpg", "²3.jpg", "b٣.jpg"]
    expected = ["1²2.jpg", "9.jpg", "10.jpg", "a.jpg", "b٣.jpg", "b9.jpg", "b10.jpg", "²3.jpg"]
    assert sorted(names, key=natural) == expected
