"""Frame in, hands out: detect, crop, classify all crops as one batch."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeGuard

import numpy as np

from gesture_app.errors import InputError
from gesture_app.vision.assets import shipped_folder
from gesture_app.vision.atomic import is_folder
from gesture_app.vision.hands import FloatArray, Hand, Image, RecognizerOptions
from gesture_app.vision.labels import BACKGROUND, name_gesture, name_side
from gesture_app.vision.model_folders import weights_path
from gesture_app.vision.model_info import ModelInfo, PrecisionName, RuntimeName
from gesture_app.vision.postprocess import Detections, select, suppress_overlaps
from gesture_app.vision.preprocess import check_image, crop_hand, fitted_hw, letterbox
from gesture_app.vision.runtimes import (
    Network,
    ThreadedNetwork,
    TorchNetwork,
    load_network,
    usable_cores,
)

MAX_THREADS = 8
"""Most pictures that are recognized at once on a CPU."""
ENCLOSED, MUCH_FAINTER, SURE_HAND = 0.8, 0.7, 0.99
"""So much of a sure hand lies in a box around it, and such a share of its detector score makes that box no hand."""


class Recognizer:
    """Recognises the hands of one picture after the other; keeps nothing between them.

    Attributes:
        labels: names of the gestures in the order of `Hand.probabilities`; without `background`, see there.
        options: may be replaced at any time, from the next picture on they count.
        device_name: what the networks run on, to show.
        one_step: whether everything is done at once, in less time than it takes a CPU to follow hands.
    """

    one_step = False

    def __init__(
        self,
        detector: tuple[Network, ModelInfo],
        classifier: tuple[Network, ModelInfo],
        options: RecognizerOptions | None = None,
    ) -> None:
        self.options = options or RecognizerOptions()
        self.detector, self.detector_info = detector
        self.classifier, self.classifier_info = classifier
        self.labels = tuple(name for name in self.classifier_info.labels if name != BACKGROUND)
        outputs = self.classifier_info.outputs
        self._shifts = np.array(self.classifier_info.shifts, np.float32)
        self._columns = np.array([number for number, name in enumerate(outputs) if name != BACKGROUND])
        self.device_name = self.detector.name
        self._workers: Recognizer | None = None

    @classmethod
    def load(
        cls,
        weights: Path | None = None,
        device: str = "auto",
        options: RecognizerOptions | None = None,
        runtime: RuntimeName = "auto",
        precision: PrecisionName = "auto",
    ) -> Recognizer:
        """Load both networks; on CUDA it is a `GpuRecognizer`.

        Args:
            weights: a folder with `detector.safetensors` and `classifier.safetensors`; the shipped weights by default.
            device: auto, cpu or cuda.
            runtime: what runs the networks: auto, torch, openvino, onnx or tensorrt.
            precision: what they compute in: auto, f32, bf16 or int8.

        Raises:
            InputError: weights are missing, damaged or of the wrong kind, or the device is unknown.
            EnvironmentFault: there is no CUDA device though one is asked for.
        """
        if weights is not None and not is_folder(weights):
            raise InputError(
                f"weights: {weights}: not a folder. Name the folder that holds detector.safetensors and "
                "classifier.safetensors"
            )
        folder = weights if weights is not None else shipped_folder()
        detector = load_network(weights_path(folder, "detector"), "detector", device, runtime, precision)
        classifier = load_network(weights_path(folder, "classifier"), "classifier", device, runtime, precision)
        if on_cuda(detector) and on_cuda(classifier):
            from gesture_app.vision.gpu_recognizer import GpuRecognizer

            return GpuRecognizer(detector, classifier, options, precision)
        return cls(detector, classifier, options)

    def __call__(self, image: Image, options: RecognizerOptions | None = None) -> list[Hand]:
        """Recognise the hands of a picture.

        Args:
            image: HWC uint8 BGR, any size.
            options: in place of the attribute.

        Returns:
            The hands, the surest detection first, with the ids 1, 2, ...; a tracker gives lasting ones.

        Raises:
            ValueError: the image is empty or not HWC uint8 with 3 channels.
        """
        options = options or self.options
        found = self.detect(image, options)
        return to_hands(found, self.classify_boxes(image, found.boxes_xyxy), self.labels, options)

    def stream(self, images: Iterable[Image], options: RecognizerOptions | None = None) -> Iterator[list[Hand]]:
        """The hands of many pictures, in order, in OpenVINO as many at a time as the CPU has cores.

        Some pictures are taken before their hands are given. An error of `images` is raised after the hands of all
        pictures before it.

        Raises:
            ValueError: an image is empty or not HWC uint8 with 3 channels.
        """
        threads = min(usable_cores(), MAX_THREADS)
        networks = [network for network in (self.detector, self.classifier) if isinstance(network, ThreadedNetwork)]
        if threads < 2 or len(networks) < 2:
            yield from (self(image, options) for image in images)
            return
        if self._workers is None:
            detector, classifier = (network.for_threads(threads) for network in networks)
            self._workers = Recognizer((detector, self.detector_info), (classifier, self.classifier_info))
        errors: list[Exception] = []
        running: deque[Future[list[Hand]]] = deque()
        with ThreadPoolExecutor(threads, "recognize") as pool:
            for image in until_error(images, errors):
                running.append(pool.submit(self._workers, image, options or self.options))
                if len(running) > threads:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        if errors:
            raise errors[0]

    def detect(self, image: Image, options: RecognizerOptions) -> Detections:
        """The boxes of a picture in its pixels."""
        check_image(image)
        frame_hw = (image.shape[0], image.shape[1])
        input_hw = fitted_hw(frame_hw, self.detector_info.input_hw)
        raw = self.detector(letterbox(image, input_hw)[0][None])[0]
        return select(raw, input_hw, frame_hw, options.detector_threshold, options.max_boxes)

    def classify_boxes(self, image: Image, boxes_xyxy: FloatArray) -> FloatArray:
        """Probabilities of the boxes (N, 4) of a picture, see `classify`."""
        size = self.classifier_info.input_hw[0]
        return self.classify([crop_hand(image, (b[0], b[1], b[2], b[3]), size) for b in boxes_xyxy.tolist()])

    def classify(self, crops: list[Image]) -> FloatArray:
        """Probabilities of square crops; without one the classifier is not called.

        Returns:
            (N, classes), in the order of `labels`; where the classifier tells sides (N, classes + 1), the last column
            of a right hand. Where it knows `background`, the classes sum to the probability that there is a hand at
            all, else to 1. A crop whose logits are not finite is evenly unsure.
        """
        if not crops:
            return np.zeros((0, len(self._columns)), np.float32)
        logits = self.classifier(np.stack(crops))
        probabilities = to_probabilities(logits, self._shifts)
        return np.asarray(probabilities[:, self._columns], np.float32)


def until_error(images: Iterable[Image], errors: list[Exception]) -> Iterator[Image]:
    """The pictures that can be recognized; the error that ends them is put into `errors` in place of raised."""
    try:
        for image in images:
            check_image(image)
            yield image
    except Exception as error:
        errors.append(error)


def to_probabilities(logits: FloatArray, shifts: FloatArray) -> FloatArray:
    """Of logits (N, outputs) the softmax over the classes, and the sigmoid of the side where there is one.

    Args:
        shifts: (classes,), see `ModelInfo.shifts`.
    """
    classes = len(shifts)
    finite = np.isfinite(logits).all(axis=1, keepdims=True)
    shifted = np.where(finite, logits[:, :classes] + shifts, 0)
    odds = np.exp(shifted - shifted.max(axis=1, keepdims=True))
    right = (1 + np.tanh(np.where(finite, logits[:, classes:], 0) / 2)) / 2  # the sigmoid, which cannot overflow
    return np.concatenate((odds / odds.sum(axis=1, keepdims=True), right), axis=1)


def on_cuda(loaded: tuple[Network, ModelInfo]) -> TypeGuard[tuple[TorchNetwork, ModelInfo]]:
    """Whether a network runs in PyTorch on CUDA."""
    return isinstance(loaded[0], TorchNetwork) and loaded[0].device.type == "cuda"


def encloses(outer: Hand, inner: Hand) -> bool:
    """Whether one lies around nearly all of another, a sure hand, of which the detector is much surer."""
    if outer.detector_score > MUCH_FAINTER * inner.detector_score:
        return False
    left, top, right, bottom = inner.box_xyxy
    width = min(right, outer.box_xyxy[2]) - max(left, outer.box_xyxy[0])
    height = min(bottom, outer.box_xyxy[3]) - max(top, outer.box_xyxy[1])
    inside = max(0.0, width) * max(0.0, height) >= ENCLOSED * (right - left) * (bottom - top)
    return inside and bool(inner.probabilities.sum() >= SURE_HAND)


def merge_hands(first: list[Hand], second: list[Hand]) -> list[Hand]:
    """The hands of two looks at one picture, best first, every hand once; ids stay."""
    hands = sorted(first + second, key=lambda hand: -hand.detector_score)
    boxes = np.array([hand.box_xyxy for hand in hands], np.float32).reshape(-1, 4)
    merged: list[Hand] = []
    for number in suppress_overlaps(boxes, len(hands)):
        if not any(encloses(hands[number], other) for other in merged):
            merged.append(hands[number])
    return merged


def to_hands(
    found: Detections, probabilities: FloatArray, labels: tuple[str, ...], options: RecognizerOptions
) -> list[Hand]:
    """The hands at the detected places, best first, with the ids 1, 2, ...; a place that is probably none is left out.

    So is one around a hand that the detector is much surer of: a forearm with its hand can look like another gesture.
    At most `options.max_hands` are given.

    Args:
        probabilities: (N, classes) or (N, classes + 1), see `Recognizer.classify`.
    """
    hands: list[Hand] = []
    boxes, scores = found.boxes_xyxy.tolist(), found.scores.tolist()
    for box, score, row in zip(boxes, scores, probabilities, strict=True):
        gestures = row[: len(labels)]
        if gestures.sum() < options.least_hand:
            continue
        label, sure, top = name_gesture(gestures, labels, options.label_threshold)
        right = float(row[len(labels)]) if len(row) > len(labels) else 0.5
        box_xyxy = (box[0], box[1], box[2], box[3])
        hand = Hand(box_xyxy, score, label, sure, top, gestures, len(hands) + 1, right, name_side(right))
        if not any(encloses(hand, other) for other in hands):
            hands.append(hand)
    return hands[: options.max_hands]
