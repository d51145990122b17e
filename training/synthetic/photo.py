"""Backgrounds, and what a camera makes of the light: blur, exposure, noise, JPEG."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gesture_app.vision.hands import Image
from gesture_app.vision.images import read_image
from training.synthetic.look import color, to_linear, to_srgb
from training.synthetic.rotations import Floats

LINEAR_OF_BYTE = to_linear(np.arange(256) / 255).astype(np.float32)
SRGB_STEPS = 4096
BYTE_OF_LINEAR = (255 * to_srgb(np.arange(SRGB_STEPS) / (SRGB_STEPS - 1))).astype(np.float32)


def photo_background(path: Path, size_hw: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """A random part of a photograph as linear RGB (H, W, 3).

    Raises:
        InputError: the file is not a picture.
    """
    image = read_image(path)
    height, width = size_hw
    fit = max(height / image.shape[0], width / image.shape[1])
    scale = fit * rng.uniform(1, 1.6)
    resized = cv2.resize(
        image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    )
    resized = cv2.copyMakeBorder(
        resized, 0, max(0, height - resized.shape[0]), 0, max(0, width - resized.shape[1]), cv2.BORDER_REPLICATE
    )
    top = int(rng.integers(0, resized.shape[0] - height + 1))
    left = int(rng.integers(0, resized.shape[1] - width + 1))
    part = resized[top : top + height, left : left + width, ::-1]
    if rng.random() < 0.5:
        part = part[:, ::-1]
    result: NDArray[np.float32] = LINEAR_OF_BYTE[part]
    return result


def drawn_background(size_hw: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """A wall with a little furniture, pattern and falling light, as linear RGB (H, W, 3)."""
    height, width = size_hw
    wall = color(rng.beta(1.2, 0.9) * 215 + 20 + rng.normal(0, 18, 3))
    picture = np.tile(wall.astype(np.float32), (height, width, 1))
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / max(size_hw)
    pattern = rng.choice(("plain", "stripes", "blots"), p=(0.55, 0.2, 0.25))
    if pattern == "stripes":
        angle = rng.normal(0, 0.1)
        wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) * rng.uniform(20, 140))
        picture *= 1 + rng.uniform(0.05, 0.35) * wave[..., None]
    elif pattern == "blots":
        cells = int(rng.integers(6, 60))
        blots = rng.normal(0, 1, (cells * height // max(size_hw) + 2, cells * width // max(size_hw) + 2, 1))
        blots = cv2.resize(blots.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
        picture *= 1 + rng.uniform(0.05, 0.3) * blots[..., None]
    for _ in range(int(rng.integers(0, 7))):
        corner = rng.uniform(-0.2, 1, 2) * (width, height)
        extent = rng.uniform(0.05, 0.6, 2) * (width, height)
        shade = color(rng.beta(0.9, 1.0) * 220 + 15 + rng.normal(0, 25, 3))
        first, last = corner.astype(int).tolist(), (corner + extent).astype(int).tolist()
        cv2.rectangle(picture, first, last, shade.tolist(), -1)
        if rng.random() < 0.5:
            cv2.rectangle(picture, first, last, (shade * 0.5).tolist(), int(rng.integers(1, 4)))
    slope = rng.normal(0, 0.5, 2)
    picture *= np.exp(slope[0] * (x - 0.5) + slope[1] * (y - 0.5))[..., None]
    result: NDArray[np.float32] = np.clip(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.5, 3)), 0, 1)
    return result


def draw_background(paths: tuple[Path, ...], size_hw: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """A background as linear RGB (H, W, 3): four of five from photographs where there are any."""
    if paths and rng.random() < 0.8:
        picture = photo_background(paths[int(rng.integers(len(paths)))], size_hw, rng)
        if rng.random() < 0.3:
            picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.7, 3))
        return picture
    return drawn_background(size_hw, rng)


def motion_kernel(length_px: float, angle: float) -> NDArray[np.float32]:
    """A line of `length_px` through the middle of a square kernel that sums to 1."""
    side = 2 * int(np.ceil(length_px / 2)) + 1
    kernel = np.zeros((side, side), np.float32)
    middle, reach = (side - 1) / 2, length_px / 2
    first = (middle - reach * np.cos(angle), middle - reach * np.sin(angle))
    last = (middle + reach * np.cos(angle), middle + reach * np.sin(angle))
    cv2.line(kernel, np.round(first).astype(int).tolist(), np.round(last).astype(int).tolist(), 1.0, 1, cv2.LINE_AA)
    result: NDArray[np.float32] = kernel / kernel.sum()
    return result


def compose(person: NDArray[np.float32], background: NDArray[np.float32], rng: np.random.Generator) -> Floats:
    """Lay a person over a background of matching brightness and blur what moves.

    Args:
        person: (H, W, 4), linear RGB times coverage, coverage.
        background: (H, W, 3), linear RGB.
    """
    if rng.random() < 0.12:
        kernel = motion_kernel(rng.uniform(1.5, 0.02 * max(person.shape[:2]) + 2), rng.uniform(0, np.pi))
        person = cv2.filter2D(person, -1, kernel)
    cover = person[..., 3:]
    inside = person[..., 3] > 0.5
    bright = float(person[inside][:, :3].mean()) if inside.any() else 0.2
    wanted = float(background.mean()) ** 0.5 * 0.5 * float(np.exp(rng.normal(0, 0.3))) + 0.04
    scale = float(np.clip(wanted / max(bright, 1e-3), 0.25, 4.0)) ** 0.7
    result: Floats = scale * person[..., :3] + (1 - cover) * background
    return result


def take_picture(linear: Floats, rng: np.random.Generator) -> Image:
    """What a phone or a webcam makes of light.

    White balance, exposure and a soft shoulder, vignette, a lens that is not quite sharp, shot and read noise,
    contrast, sharpening. Most pictures are well exposed, one in six is dim.

    Args:
        linear: (H, W, 3) RGB.

    Returns:
        HWC uint8 BGR.
    """
    height, width = linear.shape[:2]
    dim = rng.random() < 0.12
    level = rng.uniform(0.03, 0.09) if dim else rng.uniform(0.14, 0.42)
    gain = level / max(float(linear.mean()), 1e-3)
    # Phones balance white: half of the scene's mean colour is taken out.
    means = linear.mean((0, 1)) + 1e-4
    balance = np.exp(rng.normal(0, 0.06, 3)) * (means.mean() / means) ** rng.uniform(0.2, 0.65)
    light = (linear * (gain * balance)).astype(np.float32)
    if rng.random() < 0.4:
        y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
        x = np.linspace(-1, 1, width, dtype=np.float32)[None]
        light *= (1 - rng.uniform(0, 0.3) * (x * x + y * y) / 2)[..., None]
    light = cv2.GaussianBlur(light, (0, 0), rng.uniform(0.25, 0.5) if rng.random() < 0.75 else rng.uniform(0.5, 1.1))
    light = np.where(light > 0.7, 0.7 + 0.3 * np.tanh((light - 0.7) / 0.3), light)
    noise = rng.standard_normal(light.shape, np.float32)
    amount = rng.uniform(0.3, 0.8) if dim else 0.7 * rng.random() ** 3
    noise *= np.sqrt(np.maximum(light, 0) * (0.05 * amount) ** 2 + (0.012 * amount) ** 2)
    if rng.random() < 0.8:
        noise = cv2.GaussianBlur(noise, (0, 0), rng.uniform(0.5, 1.1)) * 1.5
    light = np.clip(light + noise, 0, 1)
    picture = BYTE_OF_LINEAR[(light * (SRGB_STEPS - 1)).astype(np.int32)]
    contrast, middle = np.exp(rng.normal(0.03, 0.12)), float(picture.mean())
    picture = middle + contrast * (picture - middle)
    if rng.random() < 0.4:
        picture += rng.uniform(0.2, 0.8) * (picture - cv2.GaussianBlur(picture, (0, 0), 1.0))
    grey = picture.mean(-1, keepdims=True)
    picture = grey + float(np.clip(rng.normal(0.85, 0.18), 0.2, 1.3)) * (picture - grey)
    return np.ascontiguousarray(np.clip(picture[..., ::-1] + 0.5, 0, 255).astype(np.uint8))
