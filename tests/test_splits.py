from __future__ import annotations

import json
from pathlib import Path

import pytest

from gesture_app.errors import EnvironmentFault, InputError
from gesture_app.vision.labels import HAGRID_LABELS
from training.collection import Picture
from training.sets import read, read_all
from training.splits import FOLDS, Splits, as_split, hold_out, read_index, read_splits, split_by_hash, write_splits

LABELS = ("fist", "palm")


def picture(key: str, split: str, person: str = "") -> Picture:
    return Picture(Path("/data") / key, ((0, 0, 1, 1),), ("fist",), split, person=person, key=key)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("train", "train"), ("Val", "val"), ("valid", "val"), (" Testing ", "test"), ("", None), ("other", None)],
)
def test_as_split(name: str, expected) -> None:
    assert as_split(name) == expected


def test_a_tenth_is_held_out_and_always_the_same() -> None:
    splits = [split_by_hash(f"person {i}") for i in range(2000)]
    assert 0.07 < splits.count("val") / 2000 < 0.13 and "test" not in splits
    assert splits == [split_by_hash(f"person {i}") for i in range(2000)]


def test_every_person_is_in_one_fold() -> None:
    pictures = [picture(f"a/{i}.png", "train", f"person {i // 3}") for i in range(600)]
    folds = [hold_out([*pictures, *pictures], fold) for fold in range(FOLDS)]
    held = [p.key for _, part in folds for p in part]
    assert sorted(held) == sorted(p.key for p in pictures)
    for kept, part in folds:
        assert 60 < len(part) < 180 and len(kept) == 2 * (600 - len(part))
        assert {p.split for p in part} == {"val"} and {p.split for p in kept} == {"train"}
        assert not {p.person for p in kept} & {p.person for p in part}


def test_the_hands_of_one_photograph_are_in_one_fold() -> None:
    pairs = [picture(f"a/{name}/{i}.png", "train") for i in range(100) for name in ("fist", "no_gesture")]
    frames = [picture(f"b/{i}.jpg", "train", f"person {i // 2}") for i in range(50)]
    for pictures in ([*pairs, *frames], [*frames, *pairs]):
        kept, held = hold_out(pictures, 1)
        assert held and not {p.path.stem for p in kept} & {p.path.stem for p in held}
        assert not {p.person for p in kept if p.person} & {p.person for p in held if p.person}


@pytest.mark.parametrize("fold", [-1, FOLDS])
def test_there_is_no_such_fold(fold: int) -> None:
    with pytest.raises(InputError, match=f"--fold {fold}: the folds are 0 to 4"):
        hold_out([], fold)


def test_written_splits_are_given_back(hagrid_root: Path, crops_root: Path, tmp_path: Path) -> None:
    roots, file = (hagrid_root, crops_root), tmp_path / "run" / "splits.csv"
    before = read_all(roots, LABELS, None)
    write_splits(file, before)
    assert file.read_text().splitlines()[0] == "path,person,split"
    (hagrid_root / "index.csv").unlink()
    listed = read_all(roots, LABELS, None, splits=file)
    assert {(p.key, p.split) for p in listed} == {(p.key, p.split) for p in before}
    moved = hagrid_root.with_name("moved")
    hagrid_root.rename(moved)
    assert {p.split for p in read(moved, LABELS, splits=read_splits(file)).pictures} == {"train", "val"}


def test_the_index_of_a_set_may_tell_sides(crops_root: Path) -> None:
    rows = ["fist/fist0.png,train,right", "fist/fist1.png,train,Left", "fist/fist2.png,train,?", "palm/palm0.png,val,"]
    (crops_root / "index.csv").write_text("\n".join(["path,split,side", *rows]))
    found = read(crops_root, LABELS)
    assert "20 hands, 2 of known side" in found.describe()
    sides = {p.path.stem: p.sides for p in found.pictures if p.sides}
    assert sides == {"fist0": ("right",), "fist1": ("left",)}


@pytest.mark.parametrize("in_whole_pictures", [True, False])
def test_the_index_of_a_set_may_tell_who_drew_the_boxes(crops_root: Path, in_whole_pictures: bool) -> None:
    if in_whole_pictures:
        hands = [{"bbox": [0.1, 0.1, 0.5, 0.5]}]
        (crops_root / "boxes.json").write_text(json.dumps({path.stem: hands for path in crops_root.rglob("*.png")}))
    rows = ["fist/fist0.png,true", "fist/fist1.png, TRUE", "fist/fist2.png,recovered", "fist/fist3.png,"]
    (crops_root / "index.csv").write_text("\n".join(["path,boxes", *rows]))
    drawn = {p.path.stem: p.true_boxes for p in read(crops_root, LABELS).pictures}
    assert [drawn[f"fist{i}"] for i in range(4)] == [True, True, False, False]
    assert drawn["palm0"] != in_whole_pictures, "of what the index lacks the layout decides"


def test_pictures_that_are_not_listed_are_left_out(crops_root: Path, tmp_path: Path) -> None:
    file = tmp_path / "splits.csv"
    write_splits(file, [picture("crops/fist/fist0.png", "test"), picture("crops/palm/palm3.png", "val")])
    found = read(crops_root, LABELS, splits=read_splits(file))
    assert {(p.path.name, p.split) for p in found.pictures} == {("fist0.png", "test"), ("palm3.png", "val")}
    assert found.skipped == {"not in the list of splits": 18} and not found.problems


def test_the_same_path_in_two_sets_needs_the_name_of_the_set(tmp_path: Path) -> None:
    file = tmp_path / "splits.csv"
    write_splits(
        file, [picture("a/fist/0.png", "train"), picture("b/fist/0.png", "val"), picture("b/fist/1.png", "val")]
    )
    splits = read_splits(file)
    assert splits.row("a/fist/0.png")["split"] == "train" and splits.row("b/fist/0.png")["split"] == "val"
    assert splits.row("c/fist/0.png") == {} and splits.row("c/fist/1.png")["split"] == "val"


def test_sets_of_one_name_cannot_hold_out_what_the_other_trains_on(tmp_path: Path) -> None:
    same = [picture("mine/fist/0.png", "train"), picture("mine/fist/0.png", "train")]
    write_splits(tmp_path / "splits.csv", same)
    with pytest.raises(InputError, match=r"two folders are named mine, and mine/fist/0\.png is for train and for val"):
        write_splits(tmp_path / "splits.csv", [*same, picture("mine/fist/0.png", "val")])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("path,person,split\n", "it has no row"),
        ("path,person,split\na/b.jpg,,dev\n", "unknown split 'dev' of a/b.jpg"),
        ("path,person,split\na/b.jpg\n", "unknown split None of a/b.jpg"),
        ("uuid,split\na,train\n", "no column path"),
        ("", "no column path"),
    ],
)
def test_unusable_lists(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "splits.csv").write_text(text)
    with pytest.raises(InputError, match=reason):
        read_splits(tmp_path / "splits.csv")


def test_a_missing_list_and_an_unwritable_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        read_splits(tmp_path / "none.csv")
    with pytest.raises(EnvironmentFault, match="cannot write"):
        write_splits(tmp_path, [])
    assert read_index(tmp_path) == Splits()


def test_an_index_of_sides_alone_leaves_the_split_to_the_layout(crops_root: Path) -> None:
    (crops_root / "index.csv").unlink(missing_ok=True)
    before = {p.path: p.split for p in read(crops_root, LABELS).pictures}
    (crops_root / "index.csv").write_text("path,side\nfist/fist0.png,left\nfist/fist1.png,\n")
    found = read(crops_root, LABELS).pictures
    assert {p.path: p.split for p in found} == before
    assert [p.path.name for p in found if p.sides] == ["fist0.png"]


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("row", ["fist/fist1.png,", "fist/fist1.png", ",\nfist/fist1.png, "])
def test_an_index_by_path(crops_root: Path, row: str, encoding: str, separator: str) -> None:
    """Spreadsheets put a byte order mark before it, leave rows short or empty, and separate by what is usual there."""
    text = f"path,split\nfist/fist0.png,val\n{row}\n".replace(",", separator)
    (crops_root / "index.csv").write_text(text, encoding=encoding)
    found = read(crops_root, HAGRID_LABELS)
    assert next(p for p in found.pictures if p.path.name == "fist0.png").split == "val"
    assert found.skipped == {"without a split": 1}
