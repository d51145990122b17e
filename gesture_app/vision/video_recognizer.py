"""The hands of a video, frame after frame: networks run where there is something new to see, tracking always does."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

import cv2
import numpy as np

from gesture_app.vision.boxes import box_areas, iou_matrix
from gesture_app.vision.closer import WindowChoice, look_at_all
from gesture_app.vision.following import Grey, follow_boxes, small_grey
from gesture_app.vision.hands import FloatArray, Frame, Hand, Image, RecognizerOptions
from gesture_app.vision.postprocess import Detections, join
from gesture_app.vision.recognizer import Recognizer, merge_hands, to_hands
from gesture_app.vision.stills import recognize_still
from gesture_app.vision.tracking import Tracker

LATEST_S = 0.12
"""Most source time between two detections: a new hand is seen no later than this, whatever the load."""
BUSY_SHARE = 0.7
"""The share of a frame's time that recognition may take; the rest is for decoding, drawing and painting."""
REMEMBERED_S = 0.3
"""How long the gesture of a hand that stays the same is not asked for again."""
SAME_IOU = 0.8
SAME_GREY = 10.0
"""A hand looks the same while no cell of its 8x8 grey patch differs by more, of 255, than the patch as a whole does."""
PATCH = 8
LEAST_INSIDE = 0.4
"""A followed box of which less than this share is inside the frame has left it."""


class Seen(NamedTuple):
    """The frame before, from which boxes are followed."""

    time_s: float
    grey: Grey
    found: Detections


class VideoRecognizer:
    """Recognises and tracks the hands of one video whose frames come in order.

    Where the machine is too slow to detect on every frame, boxes follow the picture in between (`follow_boxes`) and the
    detector looks at every k-th frame, k as small as the frame rate allows. It runs at once when a hand is lost. The
    classifier is not asked again about a hand that looks the same. A GPU looks at every frame: that takes it less time
    than following takes the CPU. Where a frame shows no hand, or one has just gone missing, the detector looks closer
    at parts of it (`WindowChoice`), if there is time.

    Args:
        recognizer: its options may be replaced at any time, from the next frame on they count.
        every_frame: detect and classify in every frame, whatever it takes: as for files, where nobody waits.
        clock: seconds; measures how long recognition takes.
    """

    def __init__(
        self, recognizer: Recognizer, every_frame: bool = False, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.recognizer = recognizer
        self.every_frame = every_frame or recognizer.one_step
        self.tracker = Tracker(recognizer.labels, recognizer.options)
        self._clock = clock
        self._pace = DetectionPace()
        self._memory = GestureMemory()
        self._windows = WindowChoice()
        self._last: Seen | None = None
        self._shape: tuple[int, ...] = ()
        self._options = recognizer.options

    def __call__(self, frame: Frame) -> list[Hand]:
        """The tracked hands of the next frame. A step back in time, as after a loop or a seek, starts afresh."""
        options = self.recognizer.options
        followed = options.followed()
        self.tracker.options = options
        if frame.still:
            return self._track(frame, recognize_still(self.recognizer, frame.image))
        if self.every_frame:
            return self._complete(frame, self.recognizer(frame.image, followed), followed)
        if self._last is not None and frame.time_s < self._last.time_s:
            self._last, self._pace, self._memory = None, DetectionPace(), GestureMemory()
        started = self._clock()
        self._pace.see(frame)
        grey = small_grey(frame.image)
        due = self._pace.due(frame.time_s) or options != self._options
        found = None if due else self._follow(frame.image, grey)
        self._options = options
        detect_s = 0.0
        detected = found is None
        if found is None:
            before = self._clock()
            found = self.tracker.expected(self.recognizer.detect(frame.image, followed), frame.time_s)
            detect_s = self._clock() - before
            self._pace.detected(frame.time_s, detect_s)
        hands = to_hands(found, self._classify(frame, grey, found.boxes_xyxy), self.recognizer.labels, followed)
        if detected and self._pace.can_look_twice:
            more, hands = self._look_closer(frame, hands, followed)
            if len(more.scores):
                found = join([found, more], followed.max_boxes)
        self._last = Seen(frame.time_s, grey, found)
        self._pace.rested(self._clock() - started - detect_s)
        return self._track(frame, hands)

    def each(self, frames: Iterable[Frame]) -> Iterator[tuple[Frame, list[Hand]]]:
        """Every frame with its tracked hands, in order; some frames may be taken before the first is given.

        Where it looks at every frame, the recognizer's options are those of the start.
        """
        if not self.every_frame:
            yield from ((frame, self(frame)) for frame in frames)
            return
        taken: deque[Frame] = deque()

        def images() -> Iterator[Image]:
            for frame in frames:
                taken.append(frame)
                yield frame.image

        self.tracker.options = self.recognizer.options
        followed = self.tracker.options.followed()
        for hands in self.recognizer.stream(images(), followed):
            frame = taken.popleft()
            yield frame, self._complete(frame, hands, followed)

    def _complete(self, frame: Frame, hands: list[Hand], options: RecognizerOptions) -> list[Hand]:
        """The tracked hands of a frame: those that were recognized in the whole of it, and what a closer look adds."""
        return self._track(frame, self._look_closer(frame, hands, options)[1])

    def _track(self, frame: Frame, hands: list[Hand]) -> list[Hand]:
        """The hands of a frame, tracked."""
        goes_on = not frame.still and frame.image.shape == self._shape
        self._shape = frame.image.shape
        return self.tracker.update(hands, frame.time_s, goes_on)

    def _look_closer(
        self, frame: Frame, hands: list[Hand], options: RecognizerOptions
    ) -> tuple[Detections, list[Hand]]:
        """What a closer look at a frame adds, if it is worth one, and the hands of the whole frame together with that.

        Args:
            hands: found in the whole frame.
        """
        shown = self.tracker.kept(hands, frame.time_s)
        missing = self.tracker.missing(shown, frame.time_s)
        image_hw = (frame.image.shape[0], frame.image.shape[1])
        windows = self._windows(image_hw, frame.time_s, missing, shows_hand=bool(shown))
        more = look_at_all(self.recognizer.detect, frame.image, windows, options)
        more = self.tracker.expected(more, frame.time_s)
        if not len(more.scores):
            return more, hands
        labels = self.recognizer.labels
        probabilities = self.recognizer.classify_boxes(frame.image, more.boxes_xyxy)
        real = probabilities[:, : len(labels)].sum(axis=1) >= options.least_hand  # what is none takes no hand's place
        more, probabilities = more.take(real), probabilities[real]
        return more, merge_hands(hands, to_hands(more, probabilities, labels, options))

    def _follow(self, image: Image, grey: Grey) -> Detections | None:
        """The last boxes where they are now; None when one was lost, or the picture has another size."""
        if self._last is None or image.shape != self._shape:
            return None
        found = self._last.found
        height, width = image.shape[:2]
        to_grey = np.array((grey.shape[1] / width, grey.shape[0] / height) * 2, np.float32)
        boxes, sure = follow_boxes(self._last.grey, grey, found.boxes_xyxy * to_grey)
        boxes = boxes / to_grey
        inside = boxes.clip(0, np.array((width, height) * 2, np.float32))
        if not sure.all() or (box_areas(inside) < LEAST_INSIDE * box_areas(boxes)).any():
            return None
        return Detections(inside, found.scores, found.classes)

    def _classify(self, frame: Frame, grey: Grey, boxes_xyxy: FloatArray) -> FloatArray:
        """Probabilities of the boxes (N, 4): remembered ones where a hand looks the same, new ones in one batch."""
        scale_xy = grey.shape[1] / frame.image.shape[1], grey.shape[0] / frame.image.shape[0]
        looks = [Look(box, patch_of(grey, box * (scale_xy * 2)), frame.time_s) for box in boxes_xyxy]
        rows = [self._memory.recall(look) for look in looks]
        new = [number for number, row in enumerate(rows) if row is None]
        if new:
            fresh = self.recognizer.classify_boxes(frame.image, boxes_xyxy[new])
            for number, probabilities in zip(new, fresh, strict=True):
                rows[number] = self._memory.keep(looks[number], probabilities)
        return np.array([row for row in rows if row is not None], np.float32)


class DetectionPace:
    """When to detect, so that recognition keeps up with the source: in every frame if there is time for it.

    How long things take is the median of the last few times, so that one slow frame changes nothing.
    """

    def __init__(self) -> None:
        self._frame: tuple[int, float] | None = None
        self._interval_s: deque[float] = deque(maxlen=15)
        self._detect_s: deque[float] = deque(maxlen=5)
        self._rest_s: deque[float] = deque(maxlen=9)
        self._detected_at_s: float | None = None

    @property
    def every(self) -> int:
        """Detect in every frame (1), in every second one (2), and so on."""
        interval_s = _median(self._interval_s)
        if not interval_s or not self._detect_s:
            return 1
        spare_s = BUSY_SHARE * interval_s - _median(self._rest_s)
        return min(self._most, math.ceil(_median(self._detect_s) / spare_s)) if spare_s > 0 else self._most

    @property
    def can_look_twice(self) -> bool:
        """Whether there is time for two detections in the longest time from one to the next."""
        spare_s = BUSY_SHARE * _median(self._interval_s) - _median(self._rest_s)
        return 2 * _median(self._detect_s) < self._most * spare_s

    @property
    def _most(self) -> int:
        """Most frames from one detection to the next."""
        interval_s = _median(self._interval_s)
        return max(1, int(LATEST_S / interval_s + 1e-6)) if interval_s else 1

    def see(self, frame: Frame) -> None:
        """A frame has come; where some were dropped, its index tells."""
        if self._frame is not None and frame.index > self._frame[0] and frame.time_s > self._frame[1]:
            self._interval_s.append((frame.time_s - self._frame[1]) / (frame.index - self._frame[0]))
        self._frame = frame.index, frame.time_s

    def due(self, time_s: float) -> bool:
        """Whether to detect in the frame of this time."""
        if self._detected_at_s is None:
            return True
        return time_s - self._detected_at_s > (self.every - 0.5) * _median(self._interval_s)

    def detected(self, time_s: float, took_s: float) -> None:
        """The detector ran on the frame of this time."""
        self._detected_at_s = time_s
        self._detect_s.append(took_s)

    def rested(self, took_s: float) -> None:
        """Everything else that recognition did for a frame."""
        self._rest_s.append(took_s)


@dataclass(frozen=True, eq=False)
class Look:
    """What a hand looks like: its box in the frame, its grey patch (8, 8), and when."""

    box_xyxy: FloatArray
    patch: FloatArray
    time_s: float


class GestureMemory:
    """The gestures of hands for as long as they look the same, at most `REMEMBERED_S`."""

    def __init__(self) -> None:
        self._known: list[tuple[Look, FloatArray]] = []

    def recall(self, look: Look) -> FloatArray | None:
        """The probabilities of a hand that looked the same at the same place."""
        for known, probabilities in self._known:
            change = look.patch - known.patch
            if (
                look.time_s - known.time_s < REMEMBERED_S
                and np.abs(change - change.mean()).max() < SAME_GREY
                and iou_matrix(look.box_xyxy, known.box_xyxy)[0, 0] >= SAME_IOU
            ):
                return probabilities
        return None

    def keep(self, look: Look, probabilities: FloatArray) -> FloatArray:
        """Remember the probabilities of a hand, in place of what was there before or is too old; gives them back."""
        self._known = [
            (known, row)
            for known, row in self._known
            if look.time_s - known.time_s < REMEMBERED_S and iou_matrix(look.box_xyxy, known.box_xyxy)[0, 0] < SAME_IOU
        ]
        self._known.append((look, probabilities))
        return probabilities


def patch_of(grey: Grey, box_xyxy: FloatArray) -> FloatArray:
    """The means of the 8x8 cells of a box that lies in a grey picture, as float32."""
    height, width = grey.shape
    left, top = min(int(box_xyxy[0]), width - 1), min(int(box_xyxy[1]), height - 1)
    right, bottom = max(math.ceil(box_xyxy[2]), left + 1), max(math.ceil(box_xyxy[3]), top + 1)
    patch = cv2.resize(grey[top:bottom, left:right], (PATCH, PATCH), interpolation=cv2.INTER_AREA)
    return np.asarray(patch, np.float32)


def _median(values: Iterable[float]) -> float:
    values = list(values)
    return median(values) if values else 0.0
