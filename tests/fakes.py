"""A recognizer that is a function, and what it needs; no pytest, so that other processes can import it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from media import Film, regular, write_video

from gesture_app.vision.hands import Hand, RecognizerOptions
from gesture_app.vision.model_info import ModelInfo
from gesture_app.vision.postprocess import Detections
from gesture_app.vision.recognizer import to_hands

LABELS = ("like", "peace", "no_gesture")
INFO = ModelInfo("classifier", "resnet18d", LABELS, (32, 32))
DETECTOR_INFO = ModelInfo("detector", "yolox-tiny", ("hand",), (96, 128))
LEFT_BGR = (200, 30, 30)
RIGHT_BGR = (30, 200, 30)


@dataclass
class FakeRecognizer:
    """One hand in the same place of every picture, in shares of its sides; notes the options of every call."""

    options: RecognizerOptions = field(default_factory=RecognizerOptions)
    labels: tuple[str, ...] = LABELS
    detector_info: ModelInfo = DETECTOR_INFO
    classifier_info: ModelInfo = INFO
    device_name: str = "fake device"
    one_step: bool = False
    place_xyxy: tuple[float, float, float, float] = (1 / 16, 1 / 4, 1 / 4, 1 / 2)
    fails: Callable[[int], bool] = lambda call: False
    seen: list[RecognizerOptions] = field(default_factory=list)

    def __call__(self, image: np.ndarray, options: RecognizerOptions | None = None) -> list[Hand]:
        found = self.detect(image, options or self.options)
        return to_hands(found, self.classify_boxes(image, found.boxes_xyxy), self.labels, options or self.options)

    def detect(self, image: np.ndarray, options: RecognizerOptions) -> Detections:
        self.seen.append(options)
        if self.fails(len(self.seen)):
            raise ValueError("a bad frame")
        height, width = image.shape[:2]
        box = np.array([self.place_xyxy], np.float32) * (width, height, width, height)
        return Detections(box, np.array([0.9], np.float32), np.zeros(1, np.int64))

    def stream(self, images: Iterable[np.ndarray], options: RecognizerOptions | None = None) -> Iterator[list[Hand]]:
        return (self(image, options) for image in images)

    def classify_boxes(self, image: np.ndarray, boxes_xyxy: np.ndarray) -> np.ndarray:
        return np.tile(np.array([0.97, 0.02, 0.01], np.float32), (len(boxes_xyxy), 1))


@dataclass
class FakeGpu(FakeRecognizer):
    """Does everything at once."""

    one_step: bool = True


def a_hand(box_xyxy: tuple[float, float, float, float]) -> Hand:
    probabilities = np.array([0.97, 0.02, 0.01], np.float32)
    return Hand(box_xyxy, 0.9, "like", 0.97, tuple(zip(LABELS, probabilities.tolist(), strict=True)), probabilities)


def two_colours(size_wh: tuple[int, int] = (64, 48)) -> np.ndarray:
    """Bluish on the left, greenish on the right."""
    image = np.full((size_wh[1], size_wh[0], 3), LEFT_BGR, np.uint8)
    image[:, size_wh[0] // 2 :] = RIGHT_BGR
    return image


def write_two_colours(path: Path) -> Path:
    """Two seconds of the same picture, 160x120, 30 in a second."""
    film = Film((160, 120), draw=lambda _, size_wh: two_colours(size_wh))
    return write_video(path, regular(60), film)
