from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gesture_app.vision.images import read_image
from training import collection
from training.collection import (
    UNREAD,
    Entry,
    canonical,
    collect,
    held_photographs,
    in_threads,
    known_sides,
    label_finder,
    mirror_images,
    picture_files,
    picture_size,
    valid_box,
)
from training.splits import Splits

ROOT = Path("/data/set")


def entry(**changes: object) -> Entry:
    fields = {"name": "a.jpg", "path": ROOT / "a.jpg", "boxes": [[0.1, 0.1, 0.2, 0.2]], "names": ["fist"]}
    return Entry(**{**fields, **changes})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("fist", "fist"),
        ("Stop Inverted", "stop_inverted"),
        ("two-up", "two_up"),
        (" no gesture ", "no_gesture"),
        ("hands_heart2", "hand_heart2"),
        ("C\u0327a va", "\u00e7a_va"),  # as some disks and archives spell it
        ("", ""),
    ],
)
def test_canonical(name: str, expected: str) -> None:
    assert canonical(name) == expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("point_left", "point_right"), [("point_left", "point_right")]),
        (("swipe-right", "like", "Swipe Left"), [("Swipe Left", "swipe-right")]),
        (("left", "right", "swipeLeft", "swipeRight"), [("left", "right"), ("swipeLeft", "swipeRight")]),
        (("left_of_right", "right_of_left"), [("left_of_right", "right_of_left")]),
        (("point_left", "swipe_right", "like", ""), []),
        ((), []),
    ],
)
def test_names_of_mirror_images(names: tuple[str, ...], expected: list[tuple[str, str]]) -> None:
    assert mirror_images(names) == expected


def test_labels_are_found_by_any_spelling() -> None:
    find = label_finder(("Thumbs Up", "stop_inverted"))
    assert [find(n) for n in ("thumbs_up", "Thumbs Up", "stop inverted", "wave", None)] == [
        "Thumbs Up",
        "Thumbs Up",
        "stop_inverted",
        "",
        "",
    ]
    assert [label_finder(("Fist", "fist"))(name) for name in ("Fist", "fist", "FIST")] == ["Fist", "fist", "fist"]
    any_name = label_finder(None)
    names = ("Any Name", "any_name", "ANY-NAME", "other", None, "", "-")
    assert [any_name(n) for n in names] == ["Any Name"] * 3 + ["other", "", "", "-"]


@given(st.lists(st.floats(), min_size=4, max_size=4))
def test_a_valid_box_has_area_inside_the_picture(box: list[float]) -> None:
    with suppress(ValueError):
        left, top, width, height = valid_box(box)
        assert width > 0 and height > 0 and left >= 0 and top >= 0
        assert left + width <= 1 + 1e-9 and top + height <= 1 + 1e-9


def test_what_several_sets_hold_is_told_together() -> None:
    boxes = [[0, 0, 0.5, 0.5], [0.9, 0, 0.5, 0.5]]
    sets = [[entry(boxes=boxes, names=["wave", "Fist"], sides=["left", ""])], [entry(boxes=boxes, names=None)]]
    found = [collect(entries, ("fist",), ROOT, Splits()) for entries in sets]
    both = found[0] + found[1]
    assert [p.labels for p in both.pictures] == [("", "fist"), ("", "")] and len(both.outside) == 2
    assert both.describe() == "2 pictures, 4 hands, 1 of known side; without a known label: 1 wave"
    assert known_sides(both.pictures) == {"left"}


def test_nothing_is_an_empty_collection() -> None:
    found = collect([], ("fist",), ROOT, Splits())
    assert not found.pictures and found.describe() == "0 pictures, 0 hands"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"path": None}, "without a picture"),
        ({"boxes": [[0, 0, 0, 0.1]]}, "with a box without area"),
        ({"boxes": [[0.1, 0.1, -0.2, 0.1]]}, "with a box without area"),
        ({"boxes": [[2, 2, 0.1, 0.1]]}, "with a box outside the picture"),
        ({"boxes": [[math.nan, 0, 1, 1]]}, "with a box that is not finite"),
        ({"boxes": [["a", 0, 1, 1]]}, "with a box that is not four numbers"),
        ({"boxes": [None]}, "with a box that is not four numbers"),
        ({"names": ["fist", "palm"]}, "with labels and boxes that do not match"),
    ],
)
def test_broken_entries_are_told(changes, reason: str) -> None:
    found = collect([entry(**changes), entry(name="b.jpg")], ("fist",), ROOT, Splits())
    assert len(found.pictures) == 1
    assert found.problems == [("a.jpg", reason)] and found.skipped == {reason: 1}


def test_hands_by_unknown_names_keep_their_boxes() -> None:
    found = collect([entry(boxes=[[0, 0, 0.5, 0.5]] * 2, names=["wave", "Fist"])], ("fist",), ROOT, Splits())
    assert found.pictures[0].labels == ("", "fist") and found.unknown == {"wave": 1}
    assert "without a known label: 1 wave" in found.describe()


@pytest.mark.parametrize(
    ("box", "cut", "told"),
    [
        ((-0.1, 0, 0.5, 0.5), (0, 0, 0.4, 0.5), True),
        ((0, -0.1, 0.5, 0.5), (0, 0, 0.5, 0.4), True),
        ((0.75, 0, 0.5, 0.5), (0.75, 0, 0.25, 0.5), True),
        ((0, 0.75, 0.5, 0.5), (0, 0.75, 0.5, 0.25), True),
        ((-0.01, 0, 0.5, 0.5), (0, 0, 0.49, 0.5), False),
        ((0.51, 0.51, 0.5, 0.5), (0.51, 0.51, 0.49, 0.49), False),
    ],
)
def test_boxes_that_reach_beyond_are_cut_and_told(box, cut, told: bool) -> None:
    found = collect([entry(boxes=[box])], ("fist",), ROOT, Splits())
    assert found.outside == [ROOT / "a.jpg"] * told
    assert found.pictures[0].boxes_xywh[0] == pytest.approx(cut)


def test_of_many_unknown_names_the_most_frequent_are_told() -> None:
    names = [f"name {i}" for i in range(9) for _ in range(20 - i)]
    found = collect([entry(boxes=[[0, 0, 0.5, 0.5]] * len(names), names=names)], ("fist",), ROOT, Splits())
    told = ", ".join(f"{20 - i} name {i}" for i in range(8))
    assert found.describe().endswith(f"; without a known label: {told}, ...")
    found.unknown.pop("name 8")
    assert found.describe().endswith(told)


def test_what_is_stopped_leaves_the_other_files(monkeypatch) -> None:
    def stopped(results: Iterator[None], *_: object, **__: object) -> None:
        next(results)
        raise KeyboardInterrupt

    seen: list[Path] = []
    monkeypatch.setattr(collection, "tqdm", stopped)
    with pytest.raises(KeyboardInterrupt):
        in_threads(lambda path: (seen.append(path), time.sleep(0.01)), [Path(f"{i}.jpg") for i in range(100)], 2, "")
    assert len(seen) < 20


def test_links_between_folders_of_pictures_end(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.jpg").touch()
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    assert list(picture_files([tmp_path], below=True)) == [tmp_path / "a" / "1.jpg"]


@pytest.mark.parametrize(("name", "count"), [("1.jpg", 0), ("8f6d5b3a-0c1d-4e2f-9a3b-7c8d9e0f1a2b.jpg", 1)])
@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_only_photographs_named_by_uuids_are_held_out_everywhere(name: str, count: int, split) -> None:
    pictures = collect([entry(path=ROOT / name, split=split)], None, ROOT, Splits()).pictures
    assert len(held_photographs(pictures)) == (0 if split == "train" else count)


def test_a_person_is_on_one_side_only() -> None:
    entries = [entry(name=f"{i}.jpg", person=f"p{i % 40}") for i in range(400)]
    sides: dict[str, set[str]] = {}
    for picture in collect(entries, ("fist",), ROOT, Splits()).pictures:
        sides.setdefault(picture.person, set()).add(picture.split)
    assert all(len(side) == 1 for side in sides.values()) and {"val"} in sides.values()


@pytest.mark.parametrize("count", [4, 5, 20])
def test_every_class_with_a_few_pictures_is_validated(count: int) -> None:
    names = [f"label {i}" for i in range(30)]
    entries = [
        entry(name=f"{name}/{name} {i}.jpg", path=ROOT / name / f"{name} {i}.jpg", names=[name], is_crop=True)
        for name in names
        for i in range(count)
    ]
    found = collect(entries, None, ROOT, Splits())
    held_out = {name: sum(p.split == "val" for p in found.pictures if p.labels == (name,)) for name in names}
    assert all(held_out.values()) == (count >= 5)
    assert sum(held_out.values()) < len(entries) / 3


@pytest.mark.parametrize("skip", ["", "without a file of labels"])
def test_photographs_that_are_not_read_are_told(skip: str) -> None:
    entries = [entry(name=name, path=ROOT / name, skip=skip) for name in ("a.HEIC", "b.avif", "c.NEF")]
    found = collect([*entries, entry(path=ROOT / "no_suffix")], ("fist",), ROOT, Splits())
    assert found.skipped == {UNREAD: 3} and len(found.pictures) == 1 and not found.problems


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif"])
def test_picture_size_is_that_of_the_upright_picture(tmp_path: Path, name: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(tmp_path / name, exif=exif)
    assert picture_size(tmp_path / name) == ((30, 20) if orientation < 5 else (20, 30))
    assert picture_size(tmp_path / name) == read_image(tmp_path / name).shape[1::-1]
    (tmp_path / "b.jpg").write_bytes(b"no picture")
    assert picture_size(tmp_path / "b.jpg") == picture_size(tmp_path / "none.jpg") == (0, 0)
