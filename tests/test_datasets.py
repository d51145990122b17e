from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import SHARED_DATA
from PIL import Image

from gesture_app.vision.images import read_image
from gesture_app.vision.model_info import ModelInfo, build_network
from gesture_app.vision.preprocess import GREY
from gesture_app.vision.recognizer import Recognizer
from gesture_app.vision.runtimes import TorchNetwork
from training import datasets
from training.augment import GentleTrivialAugment
from training.batch_augment import FRAME_CHANGES, RandomChanges
from training.collection import Picture
from training.datasets import (
    CropVariation,
    FrameVariation,
    HandCrops,
    HandFrames,
    collate_crops,
    collate_frames,
    fraction_boxes,
    is_upright,
    pixel_boxes,
)
from training.sets import read

LABELS = ("fist", "palm")


class Recorder(TorchNetwork):
    """A network that keeps what it is given."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__(network, torch.device("cpu"))
        self.seen: list[torch.Tensor] = []

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        self.seen.append(torch.from_numpy(batch).permute(0, 3, 1, 2))
        return super().__call__(batch)


def recording_recognizer(input_hw: tuple[int, int], size: int) -> Recognizer:
    detector_info = ModelInfo("detector", "yolox-nano", ("hand",), input_hw)
    classifier_info = ModelInfo("classifier", "resnet18d", LABELS, (size, size))
    return Recognizer(
        (Recorder(build_network(detector_info)), detector_info),
        (Recorder(build_network(classifier_info)), classifier_info),
    )


def check_identical_input(frames: list[Picture], input_hw: tuple[int, int], size: int) -> None:
    recognizer = recording_recognizer(input_hw, size)
    dataset = HandFrames(frames, ("hand",), input_hw)
    crops = HandCrops(frames, LABELS, size)
    for item, picture in enumerate(frames):
        image = read_image(picture.path)
        recognizer.detect(image, recognizer.options)
        given, trained = recognizer.detector.seen[-1][0], dataset[item][0]
        height, width = given.shape[1:]  # the app leaves out rows and columns of nothing but padding
        assert torch.equal(given, trained[:, :height, :width])
        assert (trained[:, height:] == GREY).all() and (trained[:, :, width:] == GREY).all()
        recognizer.classify_boxes(image, pixel_boxes(picture.boxes_xywh, image)[:1])
        assert torch.equal(recognizer.classifier.seen[-1][0], crops[item][0])


def test_boxes_as_fractions_and_back() -> None:
    image = np.zeros((10, 20, 3), np.uint8)
    assert fraction_boxes([], image) == [] and pixel_boxes([], image).shape == (0, 4)
    assert fraction_boxes([(0, 0, 5, 10), (-1, 5, 21, 10)], image) == [(0, 0, 0.25, 1), (0, 0.5, 1, 0.5)]
    boxes = np.array([(1, 2, 7, 4), (19, 0, 20, 9)], np.float32)
    assert pixel_boxes(fraction_boxes(boxes, image), image) == pytest.approx(boxes)


def test_training_and_the_app_give_the_networks_the_same_input(hagrid_root: Path) -> None:
    check_identical_input(read(hagrid_root, LABELS).pictures, (64, 96), 64)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_also_for_pictures_that_a_camera_turned(tmp_path: Path, orientation: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (48, 80, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "turned.png"
    Image.fromarray(noise).save(path, exif=exif)
    assert is_upright(path) == (orientation >= 5)
    check_identical_input([Picture(path, ((0.1, 0.2, 0.3, 0.4),), ("fist",), "train")], (64, 96), 64)


def test_frames_have_exact_boxes_in_input_pixels(hagrid_root: Path) -> None:
    frames = HandFrames(read(hagrid_root, LABELS).pictures, LABELS, (96, 128))
    for canvas, boxes, classes in (frames[i] for i in range(len(frames))):
        assert canvas.shape in ((3, 96, 128), (3, 128, 96)) and canvas.dtype == torch.uint8
        left, top, right, bottom = boxes[0].round().int().tolist()
        inside = canvas[:, (top + bottom) // 2, (left + right) // 2]
        assert inside.tolist() == pytest.approx([60, 120, 220] if classes[0] == 0 else [200, 140, 90], abs=12)


@pytest.mark.parametrize("transform", [None, GentleTrivialAugment(fill=GREY)])
def test_augmented_crops_vary(crops_root: Path, transform) -> None:
    hands = HandCrops(read(crops_root, LABELS).pictures, LABELS, 32, CropVariation(transform))
    crops = [hands[0][0] for _ in range(8)]
    assert all(crop.shape == (3, 32, 32) and crop.dtype == torch.uint8 for crop in crops)
    assert len({int(crop.long().sum()) for crop in crops}) > 4


@pytest.mark.parametrize("labels", [("hand",), LABELS])
def test_augmented_frames_with_pasted_crops(hagrid_root: Path, crops_root: Path, labels) -> None:
    backgrounds = [next(hagrid_root.glob("*/train_val_fist/*.jpg"))]
    variation = FrameVariation(read(crops_root, LABELS).pictures, backgrounds, background_share=0.5, paste_share=1.0)
    frames = HandFrames(read(hagrid_root, LABELS).pictures, labels, (64, 96), variation)
    for _ in range(3):
        for item in range(len(frames)):
            canvas, boxes, classes = frames[item]
            assert canvas.shape == ((3, 96, 64) if frames.upright[item] else (3, 64, 96))
            assert len(boxes) == len(classes)
            assert classes.max() < len(labels) if len(classes) else True
            assert (boxes[:, 2:] > boxes[:, :2]).all() and (boxes >= 0).all()


def test_hard_classes_are_pasted_more_often(crops_root: Path) -> None:
    crops = read(crops_root, LABELS).pictures
    uneven = [p for p in crops if p.labels == ("fist",)][:2] + [p for p in crops if p.labels == ("palm",)]
    for hard, share in {(): 0.5, ("fist",): 0.75}.items():
        variation, rng = FrameVariation(uneven, hard_classes=hard), np.random.default_rng(0)
        drawn = [uneven[variation.draw_crop(rng)].labels[0] for _ in range(1000)]
        assert drawn.count("fist") / 1000 == pytest.approx(share, abs=0.05)


def test_hands_without_a_label_train_only_the_hand_detector(hagrid_root: Path) -> None:
    picture = read(hagrid_root, LABELS).pictures[0]
    unknown = Picture(picture.path, picture.boxes_xywh * 2, ("", ""), "train")
    assert len(HandFrames([unknown], ("hand",), (64, 96))[0][1]) == 2
    assert len(HandFrames([unknown], LABELS, (64, 96))) == 0
    assert len(HandCrops([unknown], LABELS, 64)) == 0


SIDES = {"left": -1, "": 0, "right": 1}


@pytest.mark.parametrize("side", SIDES)
def test_a_mirror_image_shows_the_other_side(tmp_path: Path, side: str) -> None:
    half = np.zeros((64, 64, 3), np.uint8)
    half[:, :32] = 255  # white on the left
    path = tmp_path / "half.png"
    Image.fromarray(half).save(path)
    picture = Picture(path, ((0, 0, 1, 1),), ("fist",), "train", is_crop=True, sides=(side,) if side else ())
    assert HandCrops([picture], LABELS, 32)[0][2] == SIDES[side]
    crops = HandCrops([picture], LABELS, 32, CropVariation())
    items = [crops[0] for _ in range(100)]
    flipped = [bool(image[..., :16].sum() < image[..., 16:].sum()) for image, _, _ in items]
    assert 25 < sum(flipped) < 75
    assert [told for _, _, told in items] == [-SIDES[side] if turned else SIDES[side] for turned in flipped]
    crops = HandCrops([picture], LABELS, 32, CropVariation(mirror=False))
    items = [crops[0] for _ in range(20)]
    assert all(image[..., :16].sum() > image[..., 16:].sum() and told == SIDES[side] for image, _, told in items)


@pytest.mark.parametrize("mirror", [True, False])
@pytest.mark.parametrize("window", [None, 64])
def test_frames_are_mirrored_unless_told_not_to(tmp_path: Path, mirror: bool, window: int | None) -> None:
    half = np.zeros((64, 96, 3), np.uint8)
    half[8:56, 24:48] = 255  # the left half of the hand
    path = tmp_path / "half.png"
    Image.fromarray(half).save(path)
    picture = Picture(path, ((0.25, 0.125, 0.5, 0.75),), ("fist",), "train")
    frames = HandFrames([picture], LABELS, (64, 96), FrameVariation(mirror=mirror))
    frames.window, flipped = window, []
    while len(flipped) < 20:
        canvas, boxes, _ = frames[0]
        for left, top, right, bottom in boxes.round().int().tolist():
            left_half, right_half = canvas[:, top:bottom, left:right].float().chunk(2, dim=2)
            if abs(left_half.mean() - right_half.mean()) > 100:  # nearly the whole hand is shown
                flipped.append(bool(left_half.mean() < right_half.mean()))
    assert any(flipped) == mirror and not all(flipped)


def test_tight_crops_get_surroundings_from_the_frames(hagrid_root: Path, crops_root: Path, monkeypatch) -> None:
    frames, crops = read(hagrid_root, LABELS).pictures, read(crops_root, LABELS).pictures
    laid = []
    real = datasets.in_context
    monkeypatch.setattr(datasets, "in_context", lambda *args: laid.append(args) or real(*args))
    single = [replace(frame, boxes_xywh=((0.3, 0.2, 0.4, 0.5),)) for frame in frames]
    for pictures, expected in (([*crops, *frames], True), ([*crops, *single], False), (crops, False)):
        hands = HandCrops(pictures, LABELS, 32, CropVariation())
        laid.clear()
        assert all(hands[i][0].shape == (3, 32, 32) for i in range(len(crops)))
        assert bool(laid) == expected and len(laid) < len(crops)


@pytest.mark.parametrize("counts", [(0, 2), (0, 0), (3, 1)])
def test_collate_fills_up_with_no_hands(counts) -> None:
    items = [(torch.zeros(3, 32, 32, dtype=torch.uint8), torch.ones(n, 4), torch.zeros(n)) for n in counts]
    images, boxes, classes = collate_frames(items)
    assert images.shape == (2, 3, 32, 32) and boxes.shape == (2, max(counts), 4)
    assert [(row >= 0).sum() for row in classes] == list(counts) and classes.dtype == torch.long


@pytest.mark.parametrize("channels_last", [True, False])
def test_batches_lie_in_memory_as_they_are_wanted(hagrid_root: Path, channels_last: bool) -> None:
    layout = torch.channels_last if channels_last else torch.contiguous_format
    pictures = read(hagrid_root, LABELS).pictures
    crops, frames = HandCrops(pictures, LABELS, 48), HandFrames(pictures, ("hand",), (64, 96))
    items = [crops[0], crops[1]]
    images, targets, sides = collate_crops(items, channels_last)
    assert images.is_contiguous(memory_format=layout) and torch.equal(images, torch.stack([i[0] for i in items]))
    assert targets.tolist() == [i[1] for i in items] and sides.tolist() == [i[2] for i in items]
    images = collate_frames([frames[0], frames[0]], channels_last)[0]
    assert images.is_contiguous(memory_format=layout) and torch.equal(images[1], frames[0][0])


def test_colours_change_in_the_item_or_are_left_to_the_batch(hagrid_root: Path) -> None:
    pictures, views = read(hagrid_root, LABELS).pictures, []
    for recolour in (RandomChanges(FRAME_CHANGES), None, lambda images: images * 0 + 7):
        frames = HandFrames(pictures, ("hand",), (64, 96), FrameVariation(recolour=recolour))
        torch.manual_seed(1)
        views.append(frames[0][0])
    assert all(view.dtype == torch.uint8 for view in views)
    assert (views[2] == 7).all() and not torch.equal(views[0], views[1])


@pytest.mark.skipif(not (SHARED_DATA / "hagrid-mini-384p.zip").is_file(), reason="needs the real HaGRID pictures")
def test_identical_input_on_real_pictures(tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(SHARED_DATA / "hagrid-mini-384p.zip") as archive:
        pictures = [n for n in archive.namelist() if "train_val_fist" in n][:12]
        archive.extractall(tmp_path, [*pictures, "hagrid-mini-384p/ann_train_val/fist.json"])
    (root,) = tmp_path.iterdir()
    labelled = [p for p in read(root, ("fist", "no_gesture")).pictures if p.labels[0] == "fist"]
    assert labelled
    check_identical_input(labelled, (288, 384), 96)
