from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import numpy as np
import pytest

from gesture_app.vision.hands import Frame, RecognizerOptions
from gesture_app.vision.model_info import ModelInfo
from gesture_app.vision.postprocess import Detections
from gesture_app.vision.recognizer import Recognizer
from gesture_app.vision.stills import merge_views, recognize_still
from gesture_app.vision.video_recognizer import VideoRecognizer

WIDTH, HEIGHT = 200, 100
LABELS = ("like", "palm", "no_gesture")
INFO = ModelInfo("classifier", "resnet18d", LABELS, (32, 32))


def detections(*found: tuple[float, float, float, float, float], classes: int = 0) -> Detections:
    rows = np.array(found, np.float32).reshape(-1, 5)
    return Detections(rows[:, :4], rows[:, 4], np.full(len(rows), classes, np.int64))


@dataclass
class TwoViews:
    """Networks that see other things in a picture, dark on its left, than in its mirror image."""

    plain: Detections
    mirrored: Detections
    names: tuple[list[float], list[float]] = ([0.9, 0.0, 0.1], [0.5, 0.4, 0.1])
    options: RecognizerOptions = field(default_factory=lambda: RecognizerOptions(detector_threshold=0.4))
    labels: tuple[str, ...] = LABELS
    classifier_info: ModelInfo = INFO
    one_step: bool = False
    asked: list[np.ndarray] = field(default_factory=list)
    looked_at: list[tuple[int, int]] = field(default_factory=list)

    def __call__(self, image):
        raise AssertionError("one view is not enough")

    def detect(self, image, options):
        self.looked_at.append(image.shape[:2])
        found = self.mirrored if image[0, 0, 0] else self.plain
        sure = np.flatnonzero(found.scores >= options.detector_threshold)
        sure = sure[np.argsort(-found.scores[sure])][: options.max_hands]
        return Detections(found.boxes_xyxy[sure], found.scores[sure], found.classes[sure])

    def classify_boxes(self, image, boxes_xyxy):
        self.asked.append(boxes_xyxy)
        return np.array([self.names[bool(image[0, 0, 0])] for _ in boxes_xyxy], np.float32).reshape(
            len(boxes_xyxy), len(self.names[0])
        )


def picture() -> np.ndarray:
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[:, WIDTH // 2 :] = 255
    return image


def test_both_views_of_a_picture_count() -> None:
    networks = TwoViews(
        detections((10, 20, 50, 60, 0.8), (120, 10, 160, 50, 0.2)),
        detections((152, 20, 192, 60, 0.4), (42, 10, 82, 50, 0.7)),  # x from 8 to 48 and from 118 to 158
    )
    hands = recognize_still(networks, picture())
    assert [hand.id for hand in hands] == [1, 2]
    assert hands[0].detector_score == pytest.approx(0.6)
    assert hands[0].box_xyxy == pytest.approx((10 * 2 / 3 + 8 / 3, 20, 50 * 2 / 3 + 48 / 3, 60), abs=1e-3)
    assert hands[1].detector_score == pytest.approx(0.45)
    assert hands[0].label == "like" and hands[0].score == pytest.approx(0.7)
    assert networks.looked_at == [(HEIGHT, WIDTH)] * 2, "where a gesture is named nobody looks closer"
    here, there = networks.asked
    assert there[:, 0] == pytest.approx(WIDTH - here[:, 2]) and there[:, 2] == pytest.approx(WIDTH - here[:, 0])


class WithAFarHand(TwoViews):
    """Sees one hand more where it looks closer at the part of the picture that shows its mark, green."""

    def detect(self, image, options):
        whole = super().detect(image, options)
        if image.shape[0] == HEIGHT:
            return whole
        if not image[..., 1].any():
            return NOTHING
        return detections((70, 20, 90, 40, 0.95) if image[0, 0, 0] else (30, 20, 50, 40, 0.95))  # 120 pixels wide


NOTHING, NEAR, MIRRORED = detections(), detections((100, 10, 140, 50, 0.8)), detections((60, 10, 100, 50, 0.8))
FAR_XYXY, NEAR_XYXY = (30, 60, 50, 80), (100, 10, 140, 50)


@pytest.mark.parametrize(("views", "like", "boxes_xyxy", "looks"), [
    ((NOTHING, NOTHING), 0.9, [FAR_XYXY], 2 + 4 * 2), ((NEAR, MIRRORED), 0.1, [NEAR_XYXY, FAR_XYXY], 2 + 4 * 2),
    ((NEAR, MIRRORED), 0.9, [NEAR_XYXY], 2),
])  # fmt: skip
def test_where_no_hand_shows_a_gesture_the_corners_are_looked_at(views, like: float, boxes_xyxy, looks: int) -> None:
    image = picture()
    image[..., 1] = 0
    image[HEIGHT - 5, 5, 1] = 255
    networks = WithAFarHand(*views, names=([like, 0, 1 - like],) * 2)
    hands = recognize_still(networks, image)
    assert [hand.box_xyxy for hand in hands] == [pytest.approx(box) for box in boxes_xyxy]
    assert {hand.label for hand in hands} == {"like" if like > 0.5 else "no_gesture"}
    assert len(networks.looked_at) == looks


def test_a_right_hand_is_a_left_one_in_the_mirror() -> None:
    one = detections((10, 20, 50, 60, 0.9))
    other = detections((150, 20, 190, 60, 0.9))
    hands = recognize_still(TwoViews(one, other, ([1, 0, 0, 0.9], [1, 0, 0, 0.2])), picture())
    assert hands[0].right == pytest.approx(0.85) and hands[0].side == "right"


def test_a_gesture_that_is_another_one_in_the_mirror_is_named_by_the_picture_alone() -> None:
    networks = TwoViews(
        detections((10, 20, 50, 60, 0.8)), detections((150, 20, 190, 60, 0.6)), ([0.8, 0.1, 0.1, 0.9], [0, 1, 0, 0.9])
    )
    networks.classifier_info = replace(networks.classifier_info, mirror=False)
    hands = recognize_still(networks, picture())
    assert [(hand.label, round(hand.score, 3), hand.side) for hand in hands] == [("like", 0.8, "right")]
    assert hands[0].detector_score == pytest.approx(0.7)  # hands are found by both views


def test_hands_that_the_views_rank_differently_are_sure_all_the_same() -> None:
    both = TwoViews(
        detections((10, 20, 50, 60, 0.8), (120, 10, 160, 50, 0.7)),
        detections((150, 20, 190, 60, 0.7), (40, 10, 80, 50, 0.85)),
        options=RecognizerOptions(detector_threshold=0.5, max_hands=1),
    )
    hands = recognize_still(both, picture())
    assert [hand.detector_score for hand in hands] == [pytest.approx(0.775)]


@pytest.mark.parametrize(
    ("first", "second", "threshold", "limit", "scores"),
    [
        ([], [], 0.1, 4, []),
        ([(0, 0, 10, 10, 0.8)], [], 0.5, 4, []),  # alone it counts half
        ([(0, 0, 10, 10, 0.8)], [], 0.4, 4, [0.4]),
        ([], [(0, 0, 10, 10, 0.8)], 0.4, 4, [0.4]),
        ([(0, 0, 10, 10, 0.8)], [(0, 0, 10, 10, 0.6)], 0.5, 4, [0.7]),
        ([(0, 0, 10, 10, 0.8)], [(20, 0, 30, 10, 0.6)], 0.1, 4, [0.4, 0.3]),
        ([(0, 0, 10, 10, 0.8)], [(20, 0, 30, 10, 0.6)], 0.1, 1, [0.4]),
        ([(0, 0, 10, 10, 0.2)], [(20, 0, 30, 10, 0.6), (0, 0, 10, 10, 0.6)], 0.1, 4, [0.4, 0.3]),
        ([(0, 0, 10, 10, 0.0)], [(0, 0, 10, 10, 0.0)], 0.0, 4, [0.0]),  # nothing is divided by nothing
        # What is alone in a view, but lies on a pair, is not shown twice.
        ([(0, 0, 10, 10, 0.8), (0, 0, 10, 6, 0.6)], [(0, 0, 10, 10, 0.8)], 0.1, 4, [0.8]),
        # Nor do faint neighbours on either side, each of which lies half on one of a pair, part it.
        ([(50, 0, 90, 40, 0.8), (76, 0, 116, 40, 0.06)], [(60, 0, 100, 40, 0.8), (34, 0, 74, 40, 0.06)], 0.5, 4, [0.8]),
    ],
)
def test_two_views_become_one(first, second, threshold: float, limit: int, scores: list[float]) -> None:
    found = merge_views(detections(*first), detections(*second, classes=1), threshold, limit)
    assert found.scores == pytest.approx(scores)
    assert found.boxes_xyxy.shape == (len(scores), 4) and found.classes.shape == (len(scores),)


def test_a_picture_in_the_window_is_seen_as_by_itself() -> None:
    box = detections((10, 20, 50, 60, 0.9))
    networks = TwoViews(box, detections((150, 20, 190, 60, 0.9)))
    hands = VideoRecognizer(networks)(Frame(picture(), 0, 0.0, still=True))
    assert [(hand.id, hand.label, round(hand.score, 3)) for hand in hands] == [(1, "like", 0.7)]


def test_what_is_no_picture() -> None:
    none = SimpleNamespace(name="none")  # neither is come to
    networks = (none, ModelInfo("detector", "yolox-nano", ("hand",), (64, 96))), (none, INFO)
    with pytest.raises(ValueError, match="non-empty HWC uint8"):
        recognize_still(Recognizer(*networks), np.zeros((0, 4, 3), np.uint8))
