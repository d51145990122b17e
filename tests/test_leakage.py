from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from training import leakage
from training.collection import Picture
from training.leakage import difference_hash, find_leakage


def photo(path: Path, seed: int, side: int = 96) -> Path:
    """Smooth blobs, as different from seed to seed as photographs are."""
    small = np.random.default_rng(seed).integers(0, 256, (12, 12, 3), np.uint8)
    Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC).save(path)
    return path


def picture(path: Path, split: str, person: str = "") -> Picture:
    return Picture(path, ((0, 0, 1, 1),), ("fist",), split, person=person)


def test_nothing_leaks(tmp_path: Path) -> None:
    assert find_leakage([]) == find_leakage([picture(photo(tmp_path / "a.png", 1), "train")])
    pictures = [picture(photo(tmp_path / f"{i}.png", i), "val" if i % 3 == 0 else "train", f"p{i}") for i in range(12)]
    found = find_leakage(pictures)
    assert (found.people, found.files, found.near) == ((), (), ())


def test_shared_people(tmp_path: Path) -> None:
    pictures = [picture(tmp_path / "gone.jpg", split, person) for split, person in (("train", "a"), ("val", "a"))]
    pictures += [picture(tmp_path / "gone.jpg", split, "") for split in ("train", "val")]
    assert find_leakage(pictures).people == ("a",)


def test_equal_files(tmp_path: Path) -> None:
    first = photo(tmp_path / "a.png", 1)
    copies = [Path(shutil.copy(first, tmp_path / name)) for name in ("b.png", "c.png")]
    pictures = [picture(first, "train"), picture(copies[0], "train"), picture(copies[1], "val")]
    found = find_leakage(pictures)
    assert [set(pair) for pair in found.files] == [{first, copies[1]}]
    assert all(copies[1] in pair for pair in found.near)


def test_a_file_in_two_splits(tmp_path: Path) -> None:
    twice, other = photo(tmp_path / "a.png", 1), photo(tmp_path / "b.png", 2)
    pictures = [picture(twice, split) for split in ("train", "val", "test", "train")]
    found = find_leakage([*pictures, picture(other, "val"), picture(other, "val")])
    assert found.files == ((twice, twice),) and not found.near


def variant(source: Path, path: Path, kind: str) -> Path:
    image = Image.open(source)
    if kind == "smaller":
        image = image.resize((48, 48))
    elif kind == "brighter":
        image = ImageEnhance.Brightness(image).enhance(1.15)
    image.save(path, quality=60)
    return path


def test_many_pictures_are_compared_in_parts(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(leakage, "MOST_MATCHED", 2)
    pictures = [picture(photo(tmp_path / f"{i}.png", i), "train") for i in range(7)]
    for number in (0, 3, 6):
        copy = variant(pictures[number].path, tmp_path / f"copy {number}.jpg", "smaller")
        assert find_leakage([*pictures, picture(copy, "val")]).near == ((copy, pictures[number].path),)


@pytest.mark.parametrize("kind", ["smaller", "brighter", "compressed"])
def test_nearly_equal_pictures(tmp_path: Path, kind: str) -> None:
    pictures = [picture(photo(tmp_path / f"{i}.png", i), "train") for i in range(6)]
    copy = variant(pictures[4].path, tmp_path / "copy.jpg", kind)
    found = find_leakage([*pictures, picture(copy, "test"), picture(photo(tmp_path / "other.png", 77), "val")])
    assert found.near == ((copy, pictures[4].path),) and not found.files


def test_even_and_unreadable_pictures_are_like_nothing(tmp_path: Path) -> None:
    for split in ("train", "val"):
        Image.new("RGB", (40, 40), (9, 9, 9)).save(tmp_path / f"{split}.png")
    (tmp_path / "bad.jpg").write_bytes(b"x")
    names = {"train.png": "train", "val.png": "val", "bad.jpg": "val", "none.jpg": "train"}
    assert all(difference_hash(tmp_path / name) is None for name in names)
    assert find_leakage([picture(tmp_path / name, split) for name, split in names.items()]).near == ()
