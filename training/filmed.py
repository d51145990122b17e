"""Frames as short clips of a camera that is held: how recognition does over time, which no picture tells."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import cv2
import numpy as np
from tqdm import tqdm

from gesture_app.vision.hands import FloatArray, Frame, Image
from gesture_app.vision.images import read_image
from gesture_app.vision.labels import NO_GESTURE
from gesture_app.vision.recognizer import Recognizer
from gesture_app.vision.video_recognizer import VideoRecognizer
from training.conditions import DEGRADATIONS, Condition, far, sensed, to_image, to_light
from training.sets import GestureFrame

FPS = 30
EMPTY, SHOWN = 10, 60
"""Frames without the person at either end of a clip, and with it."""
PHOTONS = 0.0006
"""The noise of a camera in good light, see `sensed`."""
SHIFT, TURN_DEG, ZOOM, FLICKER = 0.012, 1.2, 0.012, 0.05
"""How far the picture moves, as a share of its width, turns, grows, and changes its light, about once a second."""


def drift(count: int, rng: np.random.Generator) -> FloatArray:
    """A sway about 0 in so many frames, of three waves, about 1 at most."""
    time_s = np.arange(count) / FPS
    waves = [(rng.uniform(low, high), rng.uniform()) for low, high in ((0.3, 0.8), (0.8, 1.8), (1.8, 4.0))]
    return np.asarray(sum(np.sin(2 * np.pi * (hz * time_s + begin)) / (1 + hz) for hz, begin in waves), np.float32)


def filmed(image: Image, condition: Condition | None, seed: int) -> Iterator[tuple[Image, bool]]:
    """A picture, HWC uint8 BGR, as a clip, and whether it is to be seen: before and after it only its colours are.

    The camera shakes, the light flickers, and every frame has noise of its own.
    """
    rng = np.random.default_rng(seed)
    if condition == "far":  # once, not in every frame elsewhere
        image, condition = far(image, rng), None
    count, (height, width) = SHOWN + 2 * EMPTY, image.shape[:2]
    nobody = cv2.GaussianBlur(image, (0, 0), width / 20)
    x, y, turn, zoom, light = (drift(count, rng) for _ in range(5))
    for number in range(count):
        shown = EMPTY <= number < EMPTY + SHOWN
        move = cv2.getRotationMatrix2D(
            (width / 2, height / 2), TURN_DEG * float(turn[number]), 1.03 + ZOOM * float(zoom[number])
        )
        move[:, 2] += SHIFT * width * np.array([x[number], y[number]])
        held = cv2.warpAffine(image if shown else nobody, move, (width, height), borderMode=cv2.BORDER_REFLECT_101)
        lit = to_light(held) * np.float32(1 + FLICKER * light[number])
        if condition is None:
            yield to_image(sensed(lit, PHOTONS, rng)), shown
        else:
            yield DEGRADATIONS[condition](to_image(lit), rng), shown


@dataclass(frozen=True)
class ClipResult:
    """What a clip showed.

    Attributes:
        right, wrong: of every frame with the person, whether the gesture was named, and whether another one was.
        elsewhere: of every frame without, but the first after it, whether a gesture was named.
    """

    right: list[bool]
    wrong: list[bool]
    elsewhere: list[bool]

    @property
    def first(self) -> int | None:
        """The first frame in which the gesture was named."""
        return self.right.index(True) if any(self.right) else None

    @property
    def lost(self) -> int:
        """How often the name went after it had come."""
        return sum(before and not after for before, after in zip(self.right, self.right[1:], strict=False))


def recognize_clip(
    recognizer: Recognizer, image: Image, gesture: str, condition: Condition | None, seed: int
) -> ClipResult:
    """Recognize a clip of a picture as the window does on a machine that has time for every frame."""
    engine = VideoRecognizer(recognizer, clock=lambda: 0.0)
    result = ClipResult([], [], [])
    for number, (filmed_image, shown) in enumerate(filmed(image, condition, seed)):
        names = {hand.label for hand in engine(Frame(filmed_image, number, number / FPS))} - {NO_GESTURE}
        if shown:
            result.right.append(gesture in names)
            result.wrong.append(bool(names - {gesture}))
        elif number != EMPTY + SHOWN:  # in the first frame without it a hand may still be shown
            result.elsewhere.append(bool(names))
    return result


def evaluate_clips(
    recognizer: Recognizer, frames: Sequence[GestureFrame], condition: Condition | None = None
) -> dict[str, Any]:
    """Recognize a clip of every frame, see `filmed`, as the window does with a camera.

    Returns:
        `named`: share of the frames with the person in which the gesture is named; `steady`: the same from where it was
        named first; `wrong`: share in which another gesture is; `lost_a_minute`: how often a name goes; `seconds`: the
        mean until the gesture is named; `never`: share of the clips in which it is not; `nobody`: share of the frames
        without the person in which a gesture is named; `clips`.

    Raises:
        InputError: a frame cannot be read.
    """
    results = [
        recognize_clip(
            recognizer, read_image(frame.path), frame.gesture, condition, crc32(os.fsencode(frame.path.name))
        )
        for frame in tqdm(frames, desc="evaluate", leave=False, disable=None)
    ]
    came = [(result, result.first) for result in results]
    named = [(result.right[first:], first) for result, first in came if first is not None]
    return {
        "named": float(np.mean([result.right for result in results])),
        "steady": float(np.mean(np.concatenate([right for right, _ in named]))) if named else 0.0,
        "wrong": float(np.mean([result.wrong for result in results])),
        "lost_a_minute": sum(result.lost for result in results) / (len(results) * SHOWN / FPS / 60),
        "seconds": float(np.mean([first for _, first in named])) / FPS if named else 0.0,
        "never": 1 - len(named) / len(results),
        "nobody": float(np.mean([result.elsewhere for result in results])),
        "clips": len(results),
    }
