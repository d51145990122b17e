from __future__ import annotations

import os
import shutil
from collections import namedtuple
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gesture_app.errors import EnvironmentFault
from gesture_app.vision.images import read_image
from training import packed_cache
from training.packed_cache import PackedCache


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    rng = np.random.default_rng(0)
    found = []
    for number, (height, width) in enumerate(((40, 60), (64, 32), (5, 7), (90, 90))):
        found.append(tmp_path / f"{number}.png")
        Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8)).save(found[-1])
    return found


@pytest.mark.parametrize("long_side", [None, 48])
def test_cached_pictures_are_the_same(paths: list[Path], tmp_path: Path, long_side) -> None:
    cache = PackedCache(tmp_path / "cache", long_side)
    assert cache.read(paths[0]) is None and cache.size_hw(paths[0]) is None
    cache.build(paths)
    reopened = PackedCache(tmp_path / "cache", long_side)
    assert reopened.load(paths) == []
    for path in paths:
        image = read_image(path, long_side)
        for seen in (cache, reopened, ForkingPickler.loads(ForkingPickler.dumps(reopened))):
            assert np.array_equal(seen.read(path), image)
            assert seen.size_hw(path) == image.shape[:2]
    reopened.read(paths[0])[:] = 0  # a reader's own copy
    assert reopened.read(paths[0]).any()
    assert PackedCache(tmp_path / "cache", 32).load(paths) == paths


def test_only_what_changed_is_decoded_again(paths: list[Path], tmp_path: Path, monkeypatch) -> None:
    PackedCache(tmp_path / "cache").build(paths[:3])
    Image.new("RGB", (9, 9), (1, 2, 3)).save(paths[0])
    os.utime(paths[0], ns=(1, 1))
    decoded = []
    monkeypatch.setattr(packed_cache, "read_image", lambda path, long_side: decoded.append(path) or read_image(path))
    cache = PackedCache(tmp_path / "cache")
    cache.build(paths)
    assert sorted(decoded) == [paths[0], paths[3]]
    assert cache.read(paths[0]).shape == (9, 9, 3) and cache.read(paths[1]) is not None
    cache.build(paths)
    assert len(decoded) == 2


def test_many_packs(paths: list[Path], tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(packed_cache, "PACK_BYTES", 5000)
    cache = PackedCache(tmp_path / "cache")
    cache.build(paths)
    assert len(list(cache.folder.glob("*.bin"))) > 1
    assert all(np.array_equal(cache.read(p), read_image(p)) for p in paths)


def test_bad_pictures_are_left_out(paths: list[Path], tmp_path: Path) -> None:
    paths[1].write_bytes(paths[1].read_bytes()[:50])
    cache = PackedCache(tmp_path / "cache")
    cache.build([*paths, tmp_path / "gone.png"])
    assert cache.read(paths[1]) is None and cache.read(paths[2]) is not None
    PackedCache(tmp_path / "empty").build([])
    PackedCache(tmp_path / "none").build([tmp_path / "gone.png"])


@pytest.mark.parametrize("spoil", ["bin", "npz", "cut"])
def test_a_damaged_pack_is_made_again(paths: list[Path], tmp_path: Path, spoil: str) -> None:
    cache = PackedCache(tmp_path / "cache")
    cache.build(paths)
    if spoil == "bin":
        next(cache.folder.glob("*.bin")).unlink()
    else:
        file = next(cache.folder.glob("*.npz" if spoil == "npz" else "*.bin"))
        file.write_bytes(file.read_bytes()[:-20])
    again = PackedCache(tmp_path / "cache")
    assert again.load(paths) == paths
    again.build(paths)
    assert all(np.array_equal(again.read(p), read_image(p)) for p in paths)


def test_an_interrupted_build_leaves_nothing_half(paths: list[Path], tmp_path: Path, monkeypatch) -> None:
    def interrupted(path: Path, long_side: int | None) -> np.ndarray:
        if path == paths[2]:
            raise KeyboardInterrupt
        return read_image(path)

    cache = PackedCache(tmp_path / "cache")
    monkeypatch.setattr(packed_cache, "PACK_BYTES", 1)
    monkeypatch.setattr(packed_cache, "read_image", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cache.build(paths)
    monkeypatch.setattr(packed_cache, "read_image", read_image)
    assert PackedCache(tmp_path / "cache").load(paths) == paths[2:]
    cache.build(paths)
    assert not list(cache.folder.glob("*.tmp")) and np.array_equal(cache.read(paths[3]), read_image(paths[3]))


def test_a_full_disk_is_told_early(paths: list[Path], tmp_path: Path, monkeypatch) -> None:
    usage = namedtuple("Usage", "total used free")
    monkeypatch.setattr(packed_cache, "PROBE", 2)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1, 1, 10))
    with pytest.raises(EnvironmentFault, match="too little disk space"):
        PackedCache(tmp_path / "cache").build(paths)


def test_a_file_where_the_folder_should_be(paths: list[Path], tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    with pytest.raises(EnvironmentFault, match="cannot write the cache"):
        PackedCache(tmp_path / "cache").build(paths)
