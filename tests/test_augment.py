from __future__ import annotations

import numpy as np
import pytest
import torch

from gesture_app.vision.preprocess import GREY
from training.augment import (
    GentleTrivialAugment,
    in_context,
    jitter_box,
    paste_hands,
    perhaps_compressed,
    random_crop,
    random_patches,
    to_bgr_array,
    to_rgb_tensor,
)


def test_tensor_round_trip_swaps_channels() -> None:
    image = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    tensor = to_rgb_tensor(image)
    assert tensor[:, 0, 0].tolist() == [2, 1, 0]
    assert (to_bgr_array(tensor) == image).all()


def test_trivial_augmentation_keeps_shape_and_varies() -> None:
    image = to_rgb_tensor(np.random.default_rng(0).integers(0, 256, (48, 48, 3), np.uint8))
    views = [GentleTrivialAugment(fill=GREY)(image) for _ in range(60)]
    assert all(view.shape == image.shape and view.dtype == torch.uint8 for view in views)
    assert len({int(view.long().sum()) for view in views}) > 8


def test_every_trivial_operation_works_at_full_strength() -> None:
    image = to_rgb_tensor(np.random.default_rng(0).integers(0, 256, (48, 48, 3), np.uint8))
    augment = GentleTrivialAugment(fill=GREY)
    for name, (strengths, signed) in augment._AUGMENTATION_SPACE.items():
        values = strengths(31, 48, 48)
        strength = 0.0 if values is None else float(values[-1])
        for value in (strength, -strength) if signed else (strength,):
            view = augment._apply_image_or_video_transform(
                image, name, value, interpolation=augment.interpolation, fill=augment._fill
            )
            assert view.shape == image.shape, name


@pytest.mark.parametrize(("size_hw", "axis"), [((90, 40), 1), ((40, 90), 0)])
def test_random_crop_shifts_a_long_hand_in_its_square(size_hw, axis) -> None:
    image = np.full((*size_hw, 3), 250, np.uint8)
    box = (0.0, 0.0, float(size_hw[1]), float(size_hw[0]))
    rng = np.random.default_rng(0)
    first = []
    for _ in range(40):
        crop = random_crop(image, box, 48, rng)
        assert crop.shape == (48, 48, 3) and crop.dtype == np.uint8
        lines = np.flatnonzero((crop > 200).all(axis=2).any(axis=1 - axis))
        assert len(lines) >= 12 and (np.diff(lines) == 1).all()
        first.append(int(lines[0]))
    assert min(first) <= 4 and max(first) >= 20


@pytest.mark.parametrize("box", [(-50.0, -50.0, -10.0, -10.0), (10.0, 10.0, 10.0, 10.0), (0.0, 0.0, 60.0, 60.0)])
def test_random_crop_of_any_box(box) -> None:
    image = np.zeros((60, 60, 3), np.uint8)
    for seed in range(10):
        assert random_crop(image, box, 32, np.random.default_rng(seed)).shape == (32, 32, 3)


def test_a_crop_in_context_is_whole_and_its_surroundings_show_no_hand() -> None:
    crop = np.full((24, 16, 3), 200, np.uint8)
    frame = np.full((90, 120, 3), 60, np.uint8)
    frame[20:50, 40:70] = 255
    hands = np.array([[40, 20, 70, 50]], np.float32)
    for seed in range(20):
        image, (left, top, right, bottom) = in_context(crop, frame, hands, np.random.default_rng(seed))
        assert (right - left, bottom - top) == (16, 24)
        assert (image[int(top) + 4 : int(bottom) - 4, int(left) + 4 : int(right) - 4] == 200).all()
        assert image.max() == 200
    assert image.shape == (24 + 2 * 11, 16 + 2 * 7, 3) and image[0, 0].tolist() == [60, 60, 60]


def test_where_a_frame_has_no_free_part_the_crop_stays_alone() -> None:
    crop, frame = np.zeros((24, 16, 3), np.uint8), np.zeros((90, 120, 3), np.uint8)
    image, box = in_context(crop, frame, np.array([[0, 0, 120, 90]], np.float32), np.random.default_rng(0))
    assert image is crop and box == (0, 0, 16, 24)


def test_jitter_stays_within_its_share() -> None:
    rng = np.random.default_rng(0)
    boxes = np.array([jitter_box((10, 10, 110, 60), rng, inward=0.1, outward=0.2) for _ in range(300)])
    low, high = boxes.min(axis=0), boxes.max(axis=0)
    assert low[0] >= -10 and high[0] <= 20 and low[1] >= 0 and high[1] <= 15
    assert low[2] >= 100 and high[2] <= 130 and low[3] >= 55 and high[3] <= 70


@pytest.mark.parametrize("seed", range(10))
def test_pasted_hands_have_exact_boxes_and_cover_no_other(seed: int) -> None:
    image = np.zeros((200, 300, 3), np.uint8)
    there = np.array([[100, 50, 200, 150]], np.float32)
    crop = np.full((50, 40, 3), 255, np.uint8)
    out, boxes = paste_hands(image, there, [crop, crop, crop], np.random.default_rng(seed))
    assert not image.any()
    assert (boxes[0] == there[0]).all() and 1 <= len(boxes) <= 4
    painted = np.zeros(image.shape[:2], bool)
    for left, top, right, bottom in boxes[1:].astype(int):
        assert 0 <= left < right <= 300 and 0 <= top < bottom <= 200
        assert not painted[top:bottom, left:right].any()
        painted[top:bottom, left:right] = True
        assert out[(top + bottom) // 2, (left + right) // 2].tolist() == [255, 255, 255]
    assert not out[~painted].any()
    assert not painted[50:150, 100:200].any()


def test_a_quarter_comes_through_a_coarse_jpeg() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    views = [perhaps_compressed(image, np.random.default_rng(seed)) for seed in range(80)]
    assert all(view.shape == image.shape and view.dtype == np.uint8 for view in views)
    assert 10 <= sum(not np.array_equal(view, image) for view in views) <= 30


@pytest.mark.parametrize("seed", range(10))
def test_patches_show_no_hand(seed: int) -> None:
    image = np.zeros((200, 300, 3), np.uint8)
    image[50:150, 100:200] = 255
    patches = random_patches(image, np.array([[100, 50, 200, 150]], np.float32), 8, np.random.default_rng(seed))
    assert 1 <= len(patches) <= 8 and not any(patch.any() for patch in patches)
    assert all(12 <= side <= 70 for patch in patches for side in patch.shape[:2])


def test_no_patch_fits_beside_a_hand_that_fills_the_picture() -> None:
    whole = np.array([[0, 0, 300, 200]], np.float32)
    assert random_patches(np.zeros((200, 300, 3), np.uint8), whole, 5, np.random.default_rng(0)) == []
