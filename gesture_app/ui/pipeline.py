"""One frame through the app: recognize, follow, render."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from gesture_app.ui.live import LiveSettings
from gesture_app.ui.rendering import Rendered, Renderer
from gesture_app.vision.hands import Frame, Hand, Image, RecognizerOptions

if TYPE_CHECKING:
    from gesture_app.vision.recognizer import Recognizer

USUAL_SIZE_WH = (1280, 720)


class Pipeline:
    """Holds what lasts from frame to frame of one source: the tracks and the trails."""

    def __init__(self, recognizer: Recognizer) -> None:
        from gesture_app.vision.video_recognizer import VideoRecognizer  # here, where the models load

        self._recognizer = recognizer
        self._recognize = VideoRecognizer(recognizer)
        self._render = Renderer()
        self._seen: tuple[Frame, RecognizerOptions] | None = None
        self._hands: list[Hand] = []

    def warm_up(self, image: Image) -> None:
        """Show the classifier a picture: at its first one it is compiled, which is not to wait for somebody's hand."""
        import numpy as np  # here, in the live thread: it takes its time

        if not self._recognizer.one_step:
            height, width = image.shape[:2]
            self._recognizer.classify_boxes(image, np.array([(0, 0, width, height)], np.float32))

    def compile(self, settings: LiveSettings) -> None:
        """Let both networks compile for a picture of the usual shape, before there is any."""
        import numpy as np  # as above

        width, height = USUAL_SIZE_WH
        image = np.zeros((height, width, 3), np.uint8)
        self(Frame(image, 0, 0.0), settings)
        self.warm_up(image)

    def has_seen(self, frame: Frame, options: RecognizerOptions) -> bool:
        """Whether this is the newest frame, recognized with these thresholds: it is then only rendered again."""
        return self._seen is not None and self._seen[0] is frame and self._seen[1] == options

    def __call__(self, frame: Frame, settings: LiveSettings) -> tuple[Rendered, float]:
        """Recognize on the picture as it was taken, and render it; also how many seconds recognizing took."""
        started = time.monotonic()
        if not self.has_seen(frame, settings.options):
            self._find_hands(frame, settings)
        inference_s = time.monotonic() - started
        return self._render(frame.image, self._hands, frame.time_s, settings), inference_s

    def _find_hands(self, frame: Frame, settings: LiveSettings) -> None:
        if self._recognizer.options != settings.options:
            self._recognizer.options = settings.options
        self._recognize.tracker.smoothing_s = settings.smoothing_s
        self._hands = self._recognize(frame)
        self._seen = frame, settings.options
