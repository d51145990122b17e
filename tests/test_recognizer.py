from __future__ import annotations

import itertools
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from gesture_app.errors import InputError
from gesture_app.vision import recognizer as recognizer_module
from gesture_app.vision.hands import RecognizerOptions
from gesture_app.vision.model_info import ModelInfo
from gesture_app.vision.postprocess import Detections
from gesture_app.vision.recognizer import Recognizer, to_hands
from gesture_app.vision.yolox import cell_grid
from training.losses import box_offsets

LABELS = ("like", "palm", "no_gesture")
DETECTOR = ModelInfo("detector", "yolox-nano", ("hand",), (64, 96))
CLASSIFIER = ModelInfo("classifier", "resnet18d", LABELS, (32, 32))


class FakeDetector:
    """Finds the given boxes, in input pixels, with falling scores."""

    name = "a fake"

    def __init__(self, boxes: list[tuple[float, float, float, float]]) -> None:
        self.boxes = boxes

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        corners, strides = cell_grid((batch.shape[1], batch.shape[2]))
        raw = torch.full((1, len(strides), 6), -9.0)
        for cell, box in enumerate(self.boxes):
            raw[0, cell, :4] = box_offsets(torch.tensor([box]), corners[cell : cell + 1], strides[cell : cell + 1])
            raw[0, cell, 4:] = 6.0 - cell
        return raw.numpy()


class FakeClassifier:
    """Tells bright crops (`like`) from dark ones (`palm`)."""

    name = "a fake"

    def __init__(self) -> None:
        self.batches: list[int] = []

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        self.batches.append(len(batch))
        bright = batch[:, 16, 16].mean(axis=1) > 128
        return np.array([[3.0, 0, 0] if b else [0, 3.0, 0] for b in bright.tolist()], np.float32)


def recognizer(boxes, **options) -> Recognizer:
    return Recognizer((FakeDetector(boxes), DETECTOR), (FakeClassifier(), CLASSIFIER), RecognizerOptions(**options))


def picture() -> np.ndarray:
    image = np.zeros((128, 192, 3), np.uint8)
    image[:, :96] = 255
    return image


BOXES = [(4.0, 8.0, 34.0, 48.0), (56.0, 8.0, 90.0, 50.0)]


def test_hands_are_in_frame_pixels_and_classified_as_one_batch() -> None:
    engine = recognizer(BOXES)
    hands = engine(picture())
    assert [hand.label for hand in hands] == ["like", "palm"]
    assert [hand.id for hand in hands] == [1, 2]
    assert hands[0].box_xyxy == pytest.approx((8, 16, 68, 96), abs=0.1)
    assert hands[0].detector_score > hands[1].detector_score
    assert hands[0].score == pytest.approx(float(hands[0].probabilities.max()))
    assert hands[1].top[0][0] == "palm"
    assert engine.classifier.batches == [2]


@pytest.mark.parametrize(("labels", "classes"), [(LABELS, 3), (("like", "background", "no_gesture"), 2)])
def test_a_classifier_that_tells_sides(labels, classes: int) -> None:
    info = ModelInfo("classifier", "resnet18d", labels, (32, 32), handedness=True)
    logits = np.array([[3, 0, 0, 2.0], [3, 0, 0, -900.0], [3, 0, 0, 0.1], [np.inf, 0, 0, 5.0]], np.float32)
    boxes = [(4.0, 8.0, 20.0, 24.0), (30.0, 8.0, 46.0, 24.0), (60.0, 8.0, 76.0, 24.0), (4.0, 36.0, 20.0, 52.0)]
    options = RecognizerOptions(least_hand=0.95)
    engine = Recognizer((FakeDetector(boxes), DETECTOR), (lambda batch: logits[: len(batch)], info), options)
    hands = engine(picture())
    # Where nothing is known of the last one, it is as likely to be no hand at all.
    count = 4 if classes == 3 else 3
    assert [hand.side for hand in hands] == ["right", "left", "", ""][:count]
    assert [hand.right for hand in hands] == pytest.approx([0.881, 0, 0.525, 0.5][:count], abs=1e-3)
    assert all(hand.probabilities.shape == (classes,) for hand in hands)
    assert hands[0].probabilities.sum() == pytest.approx(1 if classes == 3 else 21.1 / 22.1, abs=0.01)
    assert engine.classify([]).shape == (0, classes + 1)


def test_without_a_side_the_hand_has_none() -> None:
    assert {(hand.side, hand.right) for hand in recognizer(BOXES)(picture())} == {("", 0.5)}
    assert recognizer([]).classify([]).shape == (0, 3)


def test_without_hands_the_classifier_is_not_called() -> None:
    engine = recognizer([])
    assert engine(picture()) == []
    assert engine.classifier.batches == []


def test_options_act_from_the_next_picture_on() -> None:
    engine = recognizer(BOXES)
    engine.options = RecognizerOptions(max_hands=1)
    assert len(engine(picture())) == 1
    engine.options = RecognizerOptions(detector_threshold=0.999)
    assert engine(picture()) == []
    engine.options = RecognizerOptions(label_threshold=0.99)
    assert {hand.label for hand in engine(picture())} == {"no_gesture"}


def test_what_the_classifier_takes_for_background_is_left_out() -> None:
    info = ModelInfo("classifier", "resnet18d", ("like", "background", "no_gesture"), (32, 32))
    networks = (FakeDetector([(60, 10, 80, 40), (10, 10, 30, 40)]), DETECTOR), (FakeClassifier(), info)
    both = Recognizer(*networks, RecognizerOptions(least_hand=0.95))
    hands = both(picture())  # the surest detection is dark
    assert both.labels == ("like", "no_gesture")
    assert [(h.label, h.id, len(h.probabilities)) for h in hands] == [("like", 1, 2)]
    assert hands[0].probabilities.sum() == pytest.approx(21.1 / 22.1, abs=0.01)


@pytest.mark.parametrize(("box", "score", "kept"), [
    ((0, 0, 40, 60), 0.3, False),  # a forearm with its hand
    ((0, 0, 40, 60), 0.6, False),  # and one that rests
    ((0, 0, 40, 60), 0.7, True),  # nearly as sure: perhaps two hands
    ((0, 0, 24, 60), 0.3, True),  # half of the hand lies outside
    ((50, 0, 90, 60), 0.3, True),  # beside it
    ((22, 12, 26, 20), 0.3, True),  # in it
])  # fmt: skip
def test_what_lies_around_a_surer_hand_is_none(box: tuple[int, int, int, int], score: float, kept: bool) -> None:
    scores = np.array([0.9, score], np.float32)
    found = Detections(np.array([(20, 10, 30, 40), box], np.float32), scores, np.zeros(2, np.int64))
    hands = to_hands(found, np.eye(2, dtype=np.float32), ("like", "rock"), RecognizerOptions())
    assert [hand.label for hand in hands] == ["like", "rock"][: 1 + kept]


def test_a_box_around_what_is_hardly_a_hand_may_be_one() -> None:
    found = Detections(np.array([(20, 10, 30, 40), (0, 0, 40, 60)], np.float32), np.array([0.8, 0.4]), np.zeros(2, int))
    probabilities = np.array([(0.5, 0), (0, 1)], np.float32)
    hands = to_hands(found, probabilities, ("like", "rock"), RecognizerOptions().followed())
    assert [hand.label for hand in hands] == ["like", "rock"]


def test_what_is_no_hand_takes_no_place() -> None:
    info = ModelInfo("classifier", "resnet18d", ("like", "background", "no_gesture"), (32, 32))
    networks = (FakeDetector([(60, 10, 80, 40), (10, 10, 30, 40)]), DETECTOR), (FakeClassifier(), info)
    assert [
        hand.label for hand in Recognizer(*networks, RecognizerOptions(max_hands=1, least_hand=0.95))(picture())
    ] == ["like"]


def test_a_crop_that_is_not_finite_is_unsure() -> None:
    engine = recognizer(BOXES)
    engine.classifier = lambda batch: np.full((len(batch), 3), np.nan, np.float32)
    assert {(hand.label, round(hand.score, 3)) for hand in engine(picture())} == {("no_gesture", 0.333)}


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 500, 3), (500, 2, 3)])
def test_any_size(shape) -> None:
    assert isinstance(recognizer(BOXES)(np.zeros(shape, np.uint8)), list)


@pytest.mark.parametrize("image", [np.zeros((0, 0, 3), np.uint8), np.zeros((9, 9), np.uint8)])
def test_not_a_picture(image) -> None:
    with pytest.raises(ValueError, match="HWC uint8"):
        recognizer([])(image)


@pytest.mark.parametrize("name", ["missing", "file", "n" * 300])
def test_weights_that_are_no_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="not a folder"):
        Recognizer.load(tmp_path / name)


def test_a_folder_without_weights(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"detector\.safetensors: no such file"):
        Recognizer.load(tmp_path)


def test_runtimes_agree_on_the_demo_clip() -> None:
    import av

    from gesture_app.vision.assets import demo_clip

    engines = [Recognizer.load(device="cpu", runtime=r, precision="f32") for r in ("torch", "openvino")]
    with av.open(str(demo_clip())) as container:
        frames = [
            frame.to_ndarray(format="bgr24") for i, frame in enumerate(container.decode(video=0)) if i % 120 == 40
        ]
    named = 0
    for frame in frames:
        expected, got = (engine(frame) for engine in engines)
        assert [hand.label for hand in got] == [hand.label for hand in expected]
        for a, b in zip(expected, got, strict=True):
            assert b.box_xyxy == pytest.approx(a.box_xyxy, abs=0.5)
            assert b.probabilities == pytest.approx(a.probabilities, abs=0.01)
        named += any(hand.label != "no_gesture" for hand in got)
    assert named >= 1


class Shared(FakeDetector):
    """A detector for several threads, the first of which waits for the second."""

    def __init__(self, boxes, together: threading.Barrier | None = None) -> None:
        super().__init__(boxes)
        self.together = together

    def for_threads(self, threads: int) -> Shared:
        return Shared(self.boxes, threading.Barrier(threads))

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        if self.together is not None:
            self.together.wait(10)
        return super().__call__(batch)


class SharedClassifier(FakeClassifier):
    def for_threads(self, threads: int) -> SharedClassifier:
        return self


@pytest.mark.parametrize("count", [0, 2, 6])
def test_pictures_are_recognized_side_by_side_and_come_in_order(count: int, monkeypatch) -> None:
    monkeypatch.setattr(recognizer_module, "usable_cores", lambda: 2)
    engine = Recognizer((Shared(BOXES[:1]), DETECTOR), (SharedClassifier(), CLASSIFIER), RecognizerOptions())
    shown = [picture() if number % 3 else 255 - picture() for number in range(count)]
    expected = ["like" if number % 3 else "palm" for number in range(count)]
    assert [hand.label for (hand,) in engine.stream(iter(shown))] == expected
    engine.options = RecognizerOptions(detector_threshold=1.0)
    assert list(engine.stream(shown)) == [[]] * count


@pytest.mark.parametrize(("cores", "shared"), [(1, True), (2, False), (2, True)])
def test_an_error_comes_after_the_pictures_before_it(cores: int, shared: bool, monkeypatch) -> None:
    monkeypatch.setattr(recognizer_module, "usable_cores", lambda: cores)
    engine = recognizer(BOXES)
    if shared:
        engine = Recognizer((Shared(BOXES), DETECTOR), (SharedClassifier(), CLASSIFIER))
        monkeypatch.setattr(Shared, "for_threads", lambda self, threads: self)
    got = []
    with pytest.raises(ValueError, match="non-empty HWC uint8"):
        for hands in engine.stream([picture(), picture(), picture(), np.zeros((0, 4, 3), np.uint8), picture()]):
            got.append(len(hands))
    assert got == [2, 2, 2]


def test_a_stream_that_nobody_goes_on_with_ends(monkeypatch) -> None:
    monkeypatch.setattr(recognizer_module, "usable_cores", lambda: 2)
    engine = Recognizer((Shared(BOXES), DETECTOR), (SharedClassifier(), CLASSIFIER))
    monkeypatch.setattr(Shared, "for_threads", lambda self, threads: self)
    stream = engine.stream(itertools.repeat(picture()))
    assert len(next(stream)) == 2
    threads = threading.active_count()
    stream.close()
    assert threading.active_count() < threads
