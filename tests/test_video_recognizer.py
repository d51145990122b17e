from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import pytest

from gesture_app.video.files import open_video
from gesture_app.vision.assets import demo_clip
from gesture_app.vision.boxes import iou_matrix
from gesture_app.vision.closer import TURN_S
from gesture_app.vision.hands import Frame, Hand, RecognizerOptions
from gesture_app.vision.postprocess import Detections
from gesture_app.vision.recognizer import Recognizer, to_hands
from gesture_app.vision.stills import recognize_still
from gesture_app.vision.video_recognizer import LATEST_S, REMEMBERED_S, DetectionPace, VideoRecognizer

LABELS = ("like", "peace", "no_gesture")
TEXTURE = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (72, 72, 3), np.uint8), (0, 0), 3)
ROOM = cv2.GaussianBlur(np.random.default_rng(1).integers(0, 256, (360, 640, 3), np.uint8), (0, 0), 5)
SIDE = 72
PLACES = [(200, 100)]


@dataclass
class Scene:
    """Hands that are textured squares at known places; stands for both networks, whose time it spends on a clock."""

    detect_s: float = 0.0
    classify_s: float = 0.0
    options: RecognizerOptions = field(default_factory=RecognizerOptions)
    labels: tuple[str, ...] = LABELS
    one_step: bool = False
    gesture: int = 0
    score: float = 0.9
    far: bool = False
    now_s: float = 0.0
    places: list[tuple[int, int]] = field(default_factory=list)
    detections: list[float] = field(default_factory=list)
    classified: list[int] = field(default_factory=list)
    windows: list[float] = field(default_factory=list)
    image: np.ndarray = field(default_factory=ROOM.copy)
    time_s: float = 0.0

    def frame(self, index: int, fps: float, places: list[tuple[int, int]], light: int = 0) -> Frame:
        self.places, self.time_s = places, index / fps
        image = ROOM.copy()
        for x, y in places:
            image[y : y + SIDE, x : x + SIDE] = TEXTURE
        self.image = cv2.add(image, (light, light, light, 0))
        return Frame(self.image, index, index / fps)

    def boxes(self) -> np.ndarray:
        return np.array([(x, y, x + SIDE, y + SIDE) for x, y in self.places], np.float32).reshape(-1, 4)

    def __call__(self, image: np.ndarray, options: RecognizerOptions | None = None) -> list[Hand]:
        found = self.detect(image, options or self.options)
        return to_hands(found, self.classify_boxes(image, found.boxes_xyxy), LABELS, options or self.options)

    def detect(self, image: np.ndarray, options: RecognizerOptions) -> Detections:
        self.now_s += self.detect_s
        window = image.base is self.image
        (self.windows if window else self.detections).append(self.time_s)
        boxes = self.boxes() if self.score >= options.detector_threshold and window >= self.far else self.boxes()[:0]
        if window:
            first = image.ctypes.data - self.image.ctypes.data
            boxes -= np.array((first % self.image.strides[0] // 3, first // self.image.strides[0]) * 2, np.float32)
            inside = (boxes[:, :2] >= 0).all(axis=1) & (boxes[:, 2:] <= image.shape[1::-1]).all(axis=1)
            boxes = boxes[inside]
        return Detections(boxes, np.full(len(boxes), self.score, np.float32), np.zeros(len(boxes), np.int64))

    def classify_boxes(self, image: np.ndarray, boxes_xyxy: np.ndarray) -> np.ndarray:
        self.now_s += self.classify_s * len(boxes_xyxy)
        self.classified.append(len(boxes_xyxy))
        return np.eye(3, dtype=np.float32)[[self.gesture] * len(boxes_xyxy)]

    def engine(self, **options) -> VideoRecognizer:
        return VideoRecognizer(self, clock=lambda: self.now_s, **options)

    def watched(self, frames: Iterable[int], places: list[tuple[int, int]] = PLACES, **options) -> VideoRecognizer:
        """An engine once it has seen hands at these places in these frames of thirty a second."""
        engine = self.engine(**options)
        for index in frames:
            engine(self.frame(index, 30, places))
        return engine


@pytest.mark.parametrize(
    ("fps", "detect_s", "expected"),
    [
        (30, 0.005, 1),  # there is time
        (30, 0.030, 2),
        (30, 0.060, 3),
        (30, 9.0, 3),  # too slow for anything, and still no later than LATEST_S
        (60, 0.030, 3),
        (15, 0.040, 1),
        (5, 0.5, 1),
    ],
)
def test_detects_as_often_as_the_frame_rate_allows(fps: float, detect_s: float, expected: int) -> None:
    scene = Scene(detect_s=detect_s)
    engine = scene.engine()
    for index in range(40):
        assert len(engine(scene.frame(index, fps, PLACES))) == 1
    late = [time_s for time_s in scene.detections if time_s > 12 / fps]
    assert np.diff(late) == pytest.approx(expected / fps)
    assert expected / fps <= max(LATEST_S, 1 / fps) + 1e-9


def test_the_rest_counts_too() -> None:
    scene = Scene(detect_s=0.012, classify_s=0.018)
    engine = scene.engine()
    for index in range(40):
        engine(scene.frame(index, 30, [(100 + 12 * (index % 20), 100)]))  # moves, so that it is always classified
    assert np.diff(scene.detections[-6:]) == pytest.approx(3 / 30)


def test_dropped_frames_do_not_slow_the_detector_down() -> None:
    pace = DetectionPace()
    for index in range(0, 60, 3):  # two of three frames never came, as on a machine that is far too slow
        pace.see(Frame(ROOM, index, index / 30))
        assert pace.due(index / 30)
        pace.detected(index / 30, 0.08)
        pace.rested(0.01)
    assert pace.every == 3


def test_boxes_follow_between_detections() -> None:
    scene = Scene(detect_s=9.0)
    engine = scene.engine()
    for index in range(30):
        place = (100 + 5 * index, 100 + 2 * index)
        (hand,) = engine(scene.frame(index, 30, [place]))
        assert hand.id == 1 and hand.label == "like" and hand.detector_score == pytest.approx(0.9)
        assert iou_matrix(hand.box_xyxy, scene.boxes()[0])[0, 0] > 0.85
    assert len(scene.detections) < 14


def test_a_new_hand_is_seen_in_time() -> None:
    for first in range(10, 16):
        scene = Scene(detect_s=9.0)
        engine = scene.engine()
        for index in range(30):
            places = [(200, 100), (400, 200)][: 1 + (index >= first)]
            if len(engine(scene.frame(index, 30, places))) == 2:
                break
        assert (index - first) / 30 <= 0.15


def test_a_lost_hand_is_looked_for_at_once() -> None:
    scene = Scene(detect_s=9.0)
    engine = scene.watched(range(14))
    assert scene.time_s not in scene.detections  # the next detection is not due yet
    (hand,) = engine(scene.frame(14, 30, [(350, 250)]))
    assert scene.detections[-1] == scene.time_s
    assert hand.box_xyxy == pytest.approx(scene.boxes()[0])
    assert engine(scene.frame(15, 30, [])) == [hand]  # a single frame may be wrong
    assert engine(scene.frame(16, 30, [])) == []


def test_an_empty_room_is_watched() -> None:
    scene = Scene(detect_s=9.0)
    engine = scene.engine()
    for index in range(30):
        assert engine(scene.frame(index, 30, [])) == []
    assert max(np.diff(scene.detections)) <= LATEST_S + 1e-9
    assert sum(scene.classified) == 0


def test_a_still_hand_is_classified_now_and_then() -> None:
    scene = Scene()
    engine = scene.engine()
    for index in range(60):
        (hand,) = engine(scene.frame(index, 30, PLACES, light=index % 5))  # the lamp flickers
        assert hand.label == "like"
    assert 2 / REMEMBERED_S <= len(scene.classified) <= 2 / REMEMBERED_S + 2


def test_a_hand_that_changes_is_classified_at_once() -> None:
    scene = Scene()
    engine = scene.watched(range(5), [(200, 100), (400, 200)])
    assert scene.classified == [2]
    frame = scene.frame(5, 30, [(200, 100), (400, 200)])
    frame.image[130:150, 220:235] = 255  # a finger goes up
    engine(frame)
    assert scene.classified == [2, 1]


def test_thresholds_act_at_once() -> None:
    scene = Scene(detect_s=9.0)
    engine = scene.watched(range(13))
    scene.options = RecognizerOptions(max_hands=1, label_threshold=1.0)
    engine(scene.frame(13, 30, PLACES))
    assert scene.detections[-1] == scene.time_s
    assert engine.tracker.options == scene.options
    engine(scene.frame(14, 30, PLACES))
    assert scene.detections[-1] < scene.time_s  # and once


def test_every_frame_leaves_nothing_out() -> None:
    scene = Scene(detect_s=9.0)
    scene.watched(range(10), every_frame=True)
    assert len(scene.detections) == len(scene.classified) == 10 and not scene.windows


@pytest.mark.parametrize("image_hw", [(1, 1), (2, 300), (300, 2)])
def test_a_source_that_changes_its_size(image_hw) -> None:
    scene = Scene(detect_s=9.0)
    engine = scene.watched((0,))
    scene.places = [(0, 0)]
    hands = engine(Frame(np.zeros((*image_hw, 3), np.uint8), 1, 1 / 30))
    assert len(hands) == 1
    assert len(engine(scene.frame(2, 30, PLACES))) == 1
    scene.places = []
    assert engine(Frame(np.zeros((*image_hw, 3), np.uint8), 3, 3 / 30)) == []  # the old place may lie outside


@pytest.mark.parametrize("every_frame", [True, False])
@pytest.mark.parametrize("places", [[(50, 40)], [(500, 250)], [(270, 130), (30, 20)], [(10, 10), (550, 270)]])
def test_hands_that_only_a_closer_look_finds(places: list[tuple[int, int]], every_frame: bool) -> None:
    scene = Scene(far=True)
    engine = scene.engine(every_frame=every_frame)
    shown = [[hand.box_xyxy[:2] for hand in engine(scene.frame(index, 30, places))] for index in range(40)]
    first = next(index for index, found in enumerate(shown) if found)
    assert first / 30 <= 0.5
    assert sorted(shown[-1]) == sorted(places)
    counts = [len(found) for found in shown]
    assert counts == sorted(counts) and counts[24] == len(places)  # found in time, and they stay
    scene.far = False
    windows = len(scene.windows)
    for index in range(40, 50):
        assert engine(scene.frame(index, 30, places))
    assert len(scene.windows) == windows  # the whole frame shows them now


@dataclass
class Beside(Scene):
    """A hand that leaves beside one that stays, on which a window shows a surer box that is no hand."""

    def detect(self, image: np.ndarray, options: RecognizerOptions) -> Detections:
        found = super().detect(image, options)
        if image.base is not self.image:
            return Detections(found.boxes_xyxy, found.scores / 2, found.classes)
        return replace(found, boxes_xyxy=found.boxes_xyxy + np.array((0, 0, SIDE / 3, 0), np.float32))

    def classify_boxes(self, image: np.ndarray, boxes_xyxy: np.ndarray) -> np.ndarray:
        hands = np.isclose(boxes_xyxy[:, 2] - boxes_xyxy[:, 0], SIDE)
        return super().classify_boxes(image, boxes_xyxy) * hands[:, None]


@pytest.mark.parametrize("every_frame", [True, False])
def test_what_is_no_hand_by_a_closer_look_takes_no_hands_place(every_frame: bool) -> None:
    scene = Beside(detect_s=0.005)
    engine = scene.engine(every_frame=every_frame)
    stays, leaves = (200, 100), (300, 100)
    for index in range(20):
        shown = [hand.id for hand in engine(scene.frame(index, 30, [stays, leaves] if index < 10 else [stays]))]
        assert shown == ([1, 2] if index <= 10 else [1])
    assert scene.windows


@pytest.mark.parametrize("every_frame", [True, False])
def test_an_empty_room_is_looked_at_closer_in_turns(every_frame: bool) -> None:
    scene = Scene(detect_s=0.005)
    engine = scene.engine(every_frame=every_frame)
    for index in range(60):
        assert engine(scene.frame(index, 30, [])) == []
    assert min(np.diff(scene.windows)) >= TURN_S - 1e-9 and len(scene.windows) > 10


def test_a_slow_machine_has_no_time_for_a_closer_look() -> None:
    scene = Scene(detect_s=0.06)
    scene.watched(range(30), [])
    assert not scene.windows


def test_a_source_that_changes_its_size_and_keeps_its_aspect() -> None:
    scene = Scene(detect_s=9.0)
    engine = scene.engine()
    frame = scene.frame(0, 30, PLACES)
    engine(frame)
    height, width = frame.image.shape[:2]
    scene.time_s, scene.places = 1 / 30, [(100, 50)]
    engine(Frame(cv2.resize(frame.image, (width // 2, height // 2)), 1, 1 / 30))
    assert len(scene.detections) == 2


def test_a_step_back_in_time_starts_afresh() -> None:
    scene = Scene(detect_s=9.0)
    engine = scene.watched((100, 101))
    (hand,) = engine(scene.frame(0, 30, PLACES))
    assert scene.detections[-1] == 0 and hand.id == 2


@pytest.mark.parametrize("every_frame", [True, False])
def test_a_hand_that_grows_faint_stays_and_none_begins_faint(every_frame: bool) -> None:
    scores = [0.07, 0.3, 0.07, 0.07, 0.03, 0.03, 0.07]
    scene = Scene()
    engine = scene.engine(every_frame=every_frame)
    shown = []
    for index, scene.score in enumerate(scores):
        shown.append([hand.id for hand in engine(scene.frame(index, 30, PLACES))])
    assert shown == [[], [1], [1], [1], [1], [], [1]]


def test_the_shipped_weights_find_a_far_hand() -> None:
    recognizer = Recognizer.load(device="cpu", runtime="torch", precision="f32")
    with open_video(demo_clip()) as video:
        shown = next(frame.image for frame in video if frame.index == 210)
    image = np.full_like(shown, 90)
    small = cv2.resize(shown, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    image[180 : 180 + small.shape[0], 480 : 480 + small.shape[1]] = small
    assert recognizer(image) == []
    engine = VideoRecognizer(recognizer, every_frame=True)
    hands = [engine(Frame(image, index, index / 30)) for index in range(13)]
    assert [hand.label for hand in hands[-1]] == ["rock"]
    assert [hand.label for hand in recognize_still(recognizer, image)] == ["rock"]
