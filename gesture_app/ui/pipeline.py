"""One frame through the app: recognize, follow, mirror, draw."""

from __future__ import annotations

import time
from dataclasses import dataclass

from gesture_app.ui.live import HandRecognizer, LiveSettings
from gesture_app.ui.meters import RateMeter
from gesture_app.ui.pictures import mirror_hands, mirror_image
from gesture_app.vision.hands import Frame, Hand, Image


@dataclass(frozen=True, eq=False)
class Annotated:
    """A drawn picture, the hands in its pixels, and how long recognizing them took."""

    image: Image
    hands: tuple[Hand, ...]
    inference_s: float


class Pipeline:
    """Holds what lasts from frame to frame of one source: the tracker and the frame rate."""

    def __init__(self, recognizer: HandRecognizer) -> None:
        from gesture_app.vision.overlay import draw_hands  # here, where the models load: they bring torch
        from gesture_app.vision.tracking import Tracker

        self._draw_hands = draw_hands
        self._recognizer = recognizer
        self._tracker = Tracker(recognizer.labels, recognizer.options.label_threshold)
        self._rate = RateMeter()

    def __call__(self, frame: Frame, settings: LiveSettings) -> Annotated:
        """Recognize on the picture as it was taken; mirror before drawing, so that the names stay readable."""
        if self._recognizer.options != settings.options:
            self._recognizer.options = settings.options
        self._tracker.label_threshold = settings.options.label_threshold
        started = time.monotonic()
        hands = self._recognizer(frame.image)
        inference_s = time.monotonic() - started
        hands = self._tracker.update(hands, frame.time_s)
        image = frame.image
        if settings.mirror:
            image, hands = mirror_image(image), mirror_hands(hands, image.shape[1])
        now = time.monotonic()
        self._rate.add(now)
        drawn = self._draw_hands(image, hands, self._rate.rate(now) if settings.show_fps else None)
        return Annotated(drawn, tuple(hands), inference_s)
