from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from gesture_app.vision.preprocess import GREY, crop_hand, fitted_hw, letterbox, oriented_hw, to_tensor


@pytest.mark.parametrize(
    ("image_hw", "expected"),
    [((480, 640), (288, 384)), ((640, 480), (384, 288)), ((500, 500), (288, 384)), ((1, 9), (288, 384))],
)
def test_oriented_hw(image_hw, expected) -> None:
    assert oriented_hw(image_hw, (288, 384)) == expected
    assert oriented_hw(image_hw, (384, 288)) == expected


@pytest.mark.parametrize(
    ("image_hw", "expected"),
    [
        ((480, 640), (288, 384)),
        ((720, 1280), (224, 384)),
        ((1280, 720), (384, 224)),
        ((1000, 1000), (288, 288)),
        ((1080, 2560), (192, 384)),
        ((288, 385), (288, 384)),
        ((1, 1), (288, 288)),
        ((1, 9000), (32, 384)),
    ],
)
def test_fitted_hw_cuts_only_padding(image_hw, expected) -> None:
    assert fitted_hw(image_hw, (288, 384)) == fitted_hw(image_hw, (384, 288)) == expected
    whole_hw = oriented_hw(image_hw, (288, 384))
    image = np.random.default_rng(0).integers(0, 256, (*image_hw, 3), np.uint8)
    fitted, whole = letterbox(image, expected), letterbox(image, whole_hw)
    assert fitted[1] == pytest.approx(whole[1], rel=0.01)
    if fitted[1] == whole[1]:
        assert np.array_equal(fitted[0], whole[0][: expected[0], : expected[1]])


@pytest.mark.parametrize(
    ("image_hw", "scale", "filled_hw"),
    [
        ((288, 384), 1.0, (288, 384)),
        ((576, 768), 0.5, (288, 384)),
        ((360, 640), 0.6, (216, 384)),
        ((100, 100), 2.88, (288, 288)),
        ((1, 1), 288.0, (288, 288)),
        ((1, 4000), 384 / 4000, (1, 384)),
    ],
)
def test_letterbox(image_hw, scale, filled_hw) -> None:
    canvas, got = letterbox(np.full((*image_hw, 3), 7, np.uint8), (288, 384))
    assert canvas.shape == (288, 384, 3)
    assert got == pytest.approx(scale)
    assert (canvas[: filled_hw[0], : filled_hw[1]] == 7).all()
    assert (canvas[filled_hw[0] :] == GREY).all() and (canvas[:, filled_hw[1] :] == GREY).all()


@pytest.mark.parametrize(
    ("box", "pixels"),
    [
        ((10, 20, 60, 80), (10, 20, 60, 80)),
        ((10.4, 20.2, 60.9, 79.5), (10, 20, 61, 80)),
        ((-50, -50, 30, 30), (0, 0, 30, 30)),
        ((90, 90, 500, 500), (90, 90, 120, 100)),
        ((40, 40, 40, 40), (40, 40, 41, 41)),
        ((200, 200, 300, 300), (119, 99, 120, 100)),
    ],
)
def test_crop_hand_shows_the_pixels_that_a_box_touches_and_is_square(box, pixels) -> None:
    image = np.random.default_rng(0).integers(0, 256, (100, 120, 3), np.uint8)
    left, top, right, bottom = pixels
    crop = crop_hand(image, box, 32)
    assert crop.shape == (32, 32, 3)
    assert np.array_equal(crop, crop_hand(image[top:bottom, left:right].copy(), (0, 0, right - left, bottom - top), 32))


def test_crop_hand_keeps_the_aspect_and_centres() -> None:
    image = np.zeros((100, 100, 3), np.uint8)
    image[10:90, 30:70] = 255
    crop = crop_hand(image, (30, 10, 70, 90), 64)
    assert (crop[:, 16:48] == 255).all()
    assert (crop[:, :16] == GREY).all() and (crop[:, 48:] == GREY).all()


def smooth_and_noisy(side: int) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[:side, :side] / side
    smooth = 128 + 60 * np.sin(9 * x + 4 * y)[..., None] + np.zeros(3)
    noise = np.random.default_rng(0).normal(0, 12, smooth.shape)
    return smooth, (smooth + noise).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(("side", "most"), [(65, 9), (129, 6), (700, 5), (1500, 5)])
@pytest.mark.parametrize("fit", [lambda i: crop_hand(i, (0, 0, *i.shape[:2]), 64), lambda i: letterbox(i, (64, 64))[0]])
def test_what_is_shrunk_loses_noise(fit, side: int, most: float) -> None:
    smooth, noisy = smooth_and_noisy(side)
    error = fit(noisy) - cv2.resize(smooth, (64, 64), interpolation=cv2.INTER_AREA)
    assert abs(error.mean()) < 1 and error.std() < most


def test_what_is_enlarged_stays_smooth() -> None:
    edge = np.repeat(np.array([0, 200], np.uint8), 3).reshape(1, 2, 3)
    steps = np.diff(crop_hand(edge, (0, 0, 2, 1), 64)[32, :, 0].astype(int))
    assert 0 < steps.max() < 20


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((0, 5, 3), np.uint8),
        np.zeros((5, 5), np.uint8),
        np.zeros((5, 5, 4), np.uint8),
        np.zeros((5, 5, 3), np.float32),
    ],
)
def test_refuses_what_is_no_picture(image) -> None:
    with pytest.raises(ValueError, match="HWC uint8"):
        letterbox(image, (32, 32))
    with pytest.raises(ValueError, match="HWC uint8"):
        crop_hand(image, (0, 0, 2, 2), 32)


def test_to_tensor_keeps_order_and_range() -> None:
    image = np.full((4, 6, 3), (4, 5, 255), np.uint8)
    tensor = to_tensor(image)
    assert tensor.shape == (3, 4, 6) and tensor.dtype == torch.uint8
    assert tensor[:, 0, 0].tolist() == [4, 5, 255]
