from __future__ import annotations

from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from gesture_app.errors import InputError, run_and_exit
from training import picture_store
from training.collection import Picture
from training.datasets import CropVariation, FrameVariation, HandCrops, HandFrames, collate_frames, is_upright
from training.draws import in_order
from training.picture_store import PictureStore, TooManyBadPictures
from training.sets import read

LABELS = ("fist", "palm")


def spoil(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:60])


@pytest.mark.parametrize("workers", [0, 2])
def test_a_bad_picture_is_substituted_and_told(crops_root: Path, capfd, monkeypatch, workers: int) -> None:
    monkeypatch.setattr(picture_store, "ALLOWED", 0.05)
    pictures = read(crops_root, LABELS).pictures
    expected = HandCrops(pictures, LABELS, 48)[4]
    spoil(pictures[3].path)
    crops = HandCrops(pictures, LABELS, 48)
    for _ in range(2):
        images, targets, _ = next(iter(in_order(crops, 4, workers)))
        assert torch.equal(images[3], expected[0]) and targets[3] == expected[1]
    assert crops.store.bad_pictures() == [pictures[3].path]
    assert capfd.readouterr().err.count("another picture is used") == 1


def test_other_processes_share_the_count(crops_root: Path, tmp_path: Path) -> None:
    store = PictureStore([p.path for p in read(crops_root, LABELS).pictures], tmp_path / "cache")
    other = ForkingPickler.loads(ForkingPickler.dumps(store))
    other.bad[3] = 1
    assert store.bad_pictures() == [store.paths[3]]
    assert np.array_equal(other.read(store.paths[0]), store.read(store.paths[0]))


@pytest.mark.parametrize("workers", [0, 2])
def test_too_many_bad_pictures_end_the_run_with_the_list(crops_root: Path, workers: int) -> None:
    pictures = read(crops_root, LABELS).pictures
    for number in (2, 5, 11):
        spoil(pictures[number].path)
    loader = in_order(HandCrops(pictures, LABELS, 48), 4, workers)
    with pytest.raises(TooManyBadPictures) as caught:
        list(loader)
    message = str(caught.value)
    assert message.startswith("too many bad pictures: ") and "of 20, 0.1% are allowed" in message
    assert pictures[2].path.name in message and "data --verify" in message and "Traceback" not in message


def test_the_exit_code_is_2(crops_root: Path, capsys) -> None:
    pictures = read(crops_root, LABELS).pictures
    for picture in pictures[:8]:
        spoil(picture.path)
    crops = HandCrops(pictures, LABELS, 48)
    crops.store.bad[:8] = 1
    with pytest.raises(SystemExit) as caught:
        run_and_exit(lambda: list(in_order(crops, 2, workers=1)) and None, "gesture-train")
    assert caught.value.code == 2
    assert "and 3 more" in capsys.readouterr().err


def test_frames_with_bad_pictures_crops_and_backgrounds(
    hagrid_root: Path, crops_root: Path, monkeypatch, capfd
) -> None:
    monkeypatch.setattr(picture_store, "ALLOWED", 0.5)
    frames, hands = read(hagrid_root, LABELS).pictures, read(crops_root, LABELS).pictures
    backgrounds = [hagrid_root / "a.png", hagrid_root / "b.png"]
    for path in backgrounds:
        cv2.imwrite(str(path), np.full((80, 90, 3), 9, np.uint8))
    bad = [frames[1].path, backgrounds[0], *(p.path for p in hands[:10])]
    for path in bad:
        spoil(path)
    variation = FrameVariation(hands, backgrounds, background_share=0.5, paste_share=1.0)
    for labels in (LABELS, ("hand",)):
        dataset = HandFrames(frames, labels, (64, 96), variation)
        for canvas, boxes, classes in (dataset[i] for i in range(len(dataset))):
            assert canvas.dtype == torch.uint8 and len(boxes) == len(classes)
        found = dataset.store.bad_pictures()
        assert set(found) <= set(bad) and len(found) > 2 and frames[1].path in found
    shapes = [tuple(dataset[i][0].shape[1:]) for i in range(2)]
    assert shapes == [(96, 64) if upright else (64, 96) for upright in dataset.upright[:2]]


def test_no_readable_picture_at_all(tmp_path: Path, monkeypatch, capfd) -> None:
    monkeypatch.setattr(picture_store, "ALLOWED", 2.0)
    picture = Picture(tmp_path / "gone.jpg", ((0, 0, 1, 1),), ("fist",), "train")
    with pytest.raises(InputError, match="no such file"):
        HandFrames([picture], ("hand",), (64, 96))[0]


def samples(frames: list[Picture], hands: list[Picture], store: PictureStore) -> list[torch.Tensor]:
    torch.manual_seed(3)
    drawn = HandFrames(frames, ("hand",), (64, 96), FrameVariation(hands), store)
    crops = HandCrops(frames + hands, LABELS, 48, CropVariation(), store)
    whole = HandFrames(frames, LABELS, (64, 96), store=store)
    items = [value for dataset in (drawn, whole) for i in range(len(dataset)) for value in dataset[i]]
    return [*items, *(crops[i][0] for i in range(len(crops)))]


@pytest.mark.parametrize("long_side", [None, 48])
def test_cached_and_uncached_samples_are_equal(hagrid_root: Path, crops_root: Path, tmp_path: Path, long_side) -> None:
    frames, hands = read(hagrid_root, LABELS).pictures, read(crops_root, LABELS).pictures
    paths = [p.path for p in frames + hands]
    uncached = samples(frames, hands, PictureStore(paths, None, long_side))
    cached = samples(frames, hands, PictureStore(paths, tmp_path / "cache", long_side))
    assert len(cached) == len(uncached) > 40
    assert all(torch.equal(a, b) for a, b in zip(cached, uncached, strict=True))


def test_batches_from_a_cache_in_workers(hagrid_root: Path, tmp_path: Path) -> None:
    frames = read(hagrid_root, LABELS).pictures
    store = PictureStore([p.path for p in frames], tmp_path / "cache")
    dataset = HandFrames([p for p in frames if not is_upright(p.path)], ("hand",), (64, 96), store=store)
    loader = in_order(dataset, 2, workers=1, collate=collate_frames)
    assert torch.equal(next(iter(loader))[0][1], dataset[1][0])
