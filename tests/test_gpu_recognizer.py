from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from gesture_app.vision import gpu_recognizer, recognizer
from gesture_app.vision.assets import assets_folder
from gesture_app.vision.gpu_recognizer import BATCH, BATCH_PIXELS, MAX_PROGRAMS, GpuRecognizer, batch_size, batches
from gesture_app.vision.hands import Frame, RecognizerOptions
from gesture_app.vision.model_folders import shipped_weights
from gesture_app.vision.recognizer import Recognizer
from gesture_app.vision.runtimes import load_network
from gesture_app.vision.video_recognizer import VideoRecognizer

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA"))]


def shipped(device: str) -> tuple:
    return tuple(
        load_network(shipped_weights(kind), kind, device, "torch")  # type: ignore[arg-type]
        for kind in ("detector", "classifier")
    )


@pytest.fixture(scope="module")
def reference() -> Recognizer:
    return Recognizer(*shipped("cpu"))


@pytest.fixture(scope="module", params=DEVICES)
def engine(request: pytest.FixtureRequest) -> GpuRecognizer:
    return GpuRecognizer(*shipped(request.param))


@pytest.fixture(autouse=True)
def usual_options(engine: GpuRecognizer, reference: Recognizer) -> None:
    engine.options = reference.options = RecognizerOptions()


@pytest.fixture(scope="module")
def demo() -> list[np.ndarray]:
    """Every 36th picture of the demo clip, with no, one or two hands."""
    clip = cv2.VideoCapture(str(assets_folder() / "demo.mp4"))
    reads = itertools.takewhile(lambda read: read[0], iter(clip.read, None))
    return [image for _, image in itertools.islice(reads, 4, None, 36)]


@pytest.fixture
def hands_shown(demo, reference) -> np.ndarray:
    return next(image for image in demo if len(reference(image)) == 2)


def assert_same(got, expected) -> None:
    for a, b in zip(got, expected, strict=True):
        assert a.label == b.label or b.top[0][1] == pytest.approx(0.5, abs=0.1)  # about the threshold
        assert a.box_xyxy == pytest.approx(b.box_xyxy, abs=6)  # half a percent of the clip's width: resizing differs
        assert a.detector_score == pytest.approx(b.detector_score, abs=0.05)
        assert a.probabilities == pytest.approx(b.probabilities, abs=0.2)  # a row of pixels more or less
        assert a.id == b.id


def test_agrees_with_the_reference_on_the_demo_clip(engine, reference, demo) -> None:
    expected = [reference(image) for image in demo]
    assert {len(hands) for hands in expected} >= {1, 2}
    for image, hands in zip(demo, expected, strict=True):
        assert_same(engine(image), hands)


def test_upright_pictures(engine, reference, hands_shown) -> None:
    upright = np.ascontiguousarray(np.rot90(hands_shown))
    assert_same(engine(upright), reference(upright))


def test_nothing_in_an_empty_picture(engine) -> None:
    assert engine(np.zeros((90, 160, 3), np.uint8)) == []


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 500, 3), (500, 2, 3)])
def test_any_size(engine, shape) -> None:
    assert isinstance(engine(np.zeros(shape, np.uint8)), list)


def test_options_act_from_the_next_picture_on(engine, hands_shown) -> None:
    assert len(engine(hands_shown)) == 2
    engine.options = RecognizerOptions(max_hands=1)
    first = engine(hands_shown)
    engine.options = RecognizerOptions(max_hands=3)
    assert len(first) == 1 and first[0].box_xyxy == pytest.approx(engine(hands_shown)[0].box_xyxy, abs=0.5)
    engine.options = RecognizerOptions(detector_threshold=1.0)
    assert engine(hands_shown) == []
    engine.options = RecognizerOptions(detector_threshold=0.0, max_hands=20, label_threshold=1.0)
    assert {hand.label for hand in engine(hands_shown)} == {"no_gesture"}


def test_steps_alone_give_the_same(engine, reference, hands_shown) -> None:
    whole, expected = engine(hands_shown), reference.detect(hands_shown, reference.options)
    found = engine.detect(hands_shown, engine.options)
    assert found.boxes_xyxy == pytest.approx(expected.boxes_xyxy, abs=3)
    assert found.boxes_xyxy.dtype == np.float32 and found.classes.tolist() == expected.classes.tolist()
    rows = engine.classify_boxes(hands_shown, found.boxes_xyxy)
    classes = len(engine.labels)
    assert rows.shape == (2, classes + engine.classifier_info.handedness) and rows.dtype == np.float32
    assert rows[:, :classes] == pytest.approx(np.array([hand.probabilities for hand in whole]), abs=0.01)
    assert engine.classify_boxes(hands_shown, found.boxes_xyxy[:0]).shape == (0, rows.shape[1])
    many = engine.classify_boxes(hands_shown, np.repeat(found.boxes_xyxy, 5, 0))
    assert many[9] == pytest.approx(rows[1], abs=0.01)


@pytest.mark.parametrize("device", DEVICES)
def test_sides(device: str, hands_shown) -> None:
    def with_sides(device: str) -> tuple:
        detector, (classifier, info) = shipped(device)
        torch.manual_seed(1)
        network = classifier.network
        network.network.fc = torch.nn.Linear(network.network.num_features, len(info.labels) + 1)
        network.to(classifier.device)
        return detector, (classifier, replace(info, handedness=True))

    options = RecognizerOptions(least_hand=0.0)  # whatever the last layer at random says
    reference, engine = Recognizer(*with_sides("cpu"), options), GpuRecognizer(*with_sides(device), options)
    expected, got = reference(hands_shown), engine(hands_shown)
    assert len(got) == 2 and all(hand.probabilities.shape == (len(engine.labels),) for hand in got)
    assert [hand.right for hand in got] == pytest.approx([hand.right for hand in expected], abs=0.12)
    assert len({hand.right for hand in got} - {0.5}) == 2
    boxes = np.array([hand.box_xyxy for hand in got], np.float32)
    assert engine.classify_boxes(hands_shown, boxes)[:, -1] == pytest.approx([hand.right for hand in got], abs=0.01)
    assert engine.classify_boxes(hands_shown, boxes[:0]).shape == (0, len(engine.labels) + 1)


def test_results_stay_when_the_next_picture_comes(engine, hands_shown) -> None:
    found = engine.detect(hands_shown, engine.options)
    boxes = found.boxes_xyxy.copy()
    hands = engine(hands_shown)
    probabilities = hands[0].probabilities.copy()
    black = np.zeros_like(hands_shown)
    engine.detect(black, engine.options), engine(black)
    assert np.array_equal(found.boxes_xyxy, boxes) and np.array_equal(hands[0].probabilities, probabilities)


def test_many_sizes_are_not_all_kept(engine, hands_shown) -> None:
    for width in range(300, 300 + 20 * (MAX_PROGRAMS + 2), 20):
        engine(cv2.resize(hands_shown, (width, 200)))
    assert len(engine._programs) == MAX_PROGRAMS
    assert len(engine(hands_shown)) == 2


@pytest.mark.parametrize(
    "image", [np.zeros((0, 0, 3), np.uint8), np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3), np.float32)]
)
def test_not_a_picture(engine, image) -> None:
    calls = (
        engine,
        lambda image: engine.detect(image, engine.options),
        lambda image: engine.classify_boxes(image, np.zeros((1, 4), np.float32)),
        lambda image: list(engine.stream([image])),
    )
    for call in calls:
        with pytest.raises(ValueError, match="HWC uint8"):
            call(image)


@pytest.mark.parametrize("device", DEVICES)
def test_networks_that_give_no_numbers(device: str, hands_shown) -> None:
    detector, classifier = shipped(device)
    torch.nn.init.constant_(classifier[0].network.network.fc.bias, float("nan"))
    engine = GpuRecognizer(detector, classifier, RecognizerOptions(label_threshold=0.3, least_hand=0.9))
    share = 1 / len(classifier[1].labels)
    hands = engine(hands_shown)
    assert len(hands) == 2
    assert all(hand.probabilities == pytest.approx(np.full(len(engine.labels), share)) for hand in hands)
    torch.nn.init.constant_(detector[0].network.head.obj_preds[0].bias, float("nan"))
    torch.nn.init.constant_(detector[0].network.head.obj_preds[1].bias, float("nan"))
    torch.nn.init.constant_(detector[0].network.head.obj_preds[2].bias, float("nan"))
    assert GpuRecognizer(detector, classifier)(hands_shown) == []


@pytest.mark.parametrize("count", [0, 1, BATCH, 2 * BATCH + 3])
def test_a_stream_gives_the_hands_in_order(engine, demo, count: int) -> None:
    small = [cv2.resize(image, (480, 270)) for image in demo]
    shown = list(itertools.islice(itertools.cycle(small), count))
    by_picture = [engine(image) for image in small[:count]]
    got = list(engine.stream(iter(shown)))
    assert len(got) == count
    for number, hands in enumerate(got):
        assert_same(hands, by_picture[number % len(small)])


def test_a_stream_whose_pictures_change_their_size(engine, demo) -> None:
    shown = [cv2.resize(demo[2], size) for size in [(480, 270)] * 2 + [(270, 480)] + [(480, 270)] * 3]
    expected = [engine(image) for image in shown]
    for got, hands in zip(engine.stream(shown), expected, strict=True):
        assert_same(got, hands)


def test_a_stream_takes_few_pictures_ahead(engine) -> None:
    taken = []

    def endless() -> Iterator[np.ndarray]:
        for number in itertools.count():
            taken.append(number)
            yield np.zeros((32, 32, 3), np.uint8)

    stream = engine.stream(endless())
    for given in range(3 * BATCH):
        assert next(stream) == []
        assert len(taken) - given <= 2 * BATCH + 1
    stream.close()
    assert len(list(engine.stream([np.zeros((32, 32, 3), np.uint8)]))) == 1


def test_an_error_comes_after_the_hands_before_it(engine) -> None:
    def broken() -> Iterator[np.ndarray]:
        for _ in range(BATCH + 2):
            yield np.zeros((32, 32, 3), np.uint8)
        raise OSError("cut off")

    given = 0
    with pytest.raises(OSError, match="cut off"):
        for _ in engine.stream(broken()):
            given += 1
    assert given == BATCH + 2


def test_batches() -> None:
    large, small = np.zeros((2160, 3840, 3), np.uint8), np.zeros((4, 4, 3), np.uint8)
    assert batch_size(small.shape) == BATCH and batch_size(large.shape) == BATCH_PIXELS // (2160 * 3840) == 2
    shapes = [[len(image) for image in batch] for batch in batches([small] * 10 + [large] * 3 + [small])]
    assert shapes == [[4] * 8, [4] * 2, [2160] * 2, [2160], [4]]


def test_a_video_is_recognized_in_every_frame(engine, demo) -> None:
    frames = [Frame(cv2.resize(image, (480, 270)), number, number / 30) for number, image in enumerate(demo[:4] * 3)]
    one_by_one = VideoRecognizer(engine)
    assert one_by_one.every_frame
    expected = [one_by_one(frame) for frame in frames]
    got = list(VideoRecognizer(engine).each(frames))
    assert [frame for frame, _ in got] == frames
    for (_, hands), others in zip(got, expected, strict=True):
        assert_same(hands, others)


def test_cuda_loads_it(monkeypatch) -> None:
    monkeypatch.setattr(recognizer, "on_cuda", lambda loaded: True)
    options = RecognizerOptions(max_hands=2)
    engine = Recognizer.load(device="cpu", runtime="torch", options=options, precision="bf16")
    assert isinstance(engine, GpuRecognizer) and engine.options == options
    assert next(engine._detect.parameters()).dtype == torch.bfloat16
    assert engine.device_name == "CPU, PyTorch"
    crops = [np.zeros((72, 72, 3), np.uint8)] * 2
    assert engine.classify(crops).shape == (2, len(engine.labels) + engine.classifier_info.handedness)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA")
def test_float16_graphs_on_cuda(hands_shown, reference) -> None:
    engine = Recognizer.load(device="cuda")
    assert isinstance(engine, GpuRecognizer) and next(engine._detect.parameters()).dtype == torch.float16
    for _ in range(gpu_recognizer.BATCH):
        assert_same(engine(hands_shown), reference(hands_shown))
    assert all(program._graph is not None for program in engine._programs.values())
