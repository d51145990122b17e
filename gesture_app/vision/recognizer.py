"""Frame in, hands out: detect, crop, classify all crops as one batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from gesture_app.errors import InputError
from gesture_app.vision.hands import FloatArray, Hand, Image, RecognizerOptions
from gesture_app.vision.labels import name_gesture
from gesture_app.vision.model_info import ModelInfo, load_model, shipped_weights
from gesture_app.vision.postprocess import Detections, select
from gesture_app.vision.preprocess import crop_hand, letterbox, oriented_hw, to_batch
from gesture_app.vision.runtimes import Network, RuntimeName, build_runtime, choose_device


class Recognizer:
    """Recognises the hands of one picture after the other; keeps nothing between them.

    Attributes:
        labels: names of the gestures in the order of `Hand.probabilities`.
        options: may be replaced at any time, from the next picture on they count.
        device_name: what the networks run on, to show.
    """

    def __init__(
        self,
        detector: tuple[Network, ModelInfo],
        classifier: tuple[Network, ModelInfo],
        options: RecognizerOptions | None = None,
    ) -> None:
        self.options = options or RecognizerOptions()
        self.detector, self.detector_info = detector
        self.classifier, self.classifier_info = classifier
        self.labels = self.classifier_info.labels
        self.device_name = self.detector.name

    @classmethod
    def load(
        cls,
        weights: Path | None = None,
        device: str = "auto",
        options: RecognizerOptions | None = None,
        runtime: RuntimeName = "auto",
    ) -> Recognizer:
        """Load both networks.

        Args:
            weights: a folder with `detector.safetensors` and `classifier.safetensors`; the shipped weights by default.
            device: auto, cpu or cuda.
            runtime: what runs the networks: auto, torch or openvino.

        Raises:
            InputError: weights are missing, damaged or of the wrong kind, or the device is unknown.
            EnvironmentFault: there is no CUDA device though one is asked for.
        """
        chosen = choose_device(device)
        if weights is not None and not weights.is_dir():
            raise InputError(
                f"cannot read weights: {weights}: not a folder. Name the folder that holds detector.safetensors and "
                "classifier.safetensors"
            )
        folder = weights if weights is not None else shipped_weights("detector").parent
        detector, detector_info = load_model(folder / "detector.safetensors", "detector")
        classifier, classifier_info = load_model(folder / "classifier.safetensors", "classifier")
        return cls(
            (build_runtime(detector, detector_info, chosen, runtime), detector_info),
            (build_runtime(classifier, classifier_info, chosen, runtime), classifier_info),
            options,
        )

    def __call__(self, image: Image) -> list[Hand]:
        """Recognise the hands of a picture.

        Args:
            image: HWC uint8 BGR, any size.

        Returns:
            The hands, the surest detection first, with the ids 1, 2, ...; a tracker gives lasting ones.

        Raises:
            ValueError: the image is empty or not HWC uint8 with 3 channels.
        """
        options = self.options
        return self.name(image, self.detect(image, options), options)

    def name(self, image: Image, found: Detections, options: RecognizerOptions) -> list[Hand]:
        """Classify what was detected in a picture; without a detection the classifier is not called."""
        boxes = [(b[0], b[1], b[2], b[3]) for b in found.boxes_xyxy.tolist()]
        if not boxes:
            return []
        probabilities = self.classify([crop_hand(image, box, self.classifier_info.input_hw[0]) for box in boxes])
        hands = []
        for number, (box, score, row) in enumerate(zip(boxes, found.scores.tolist(), probabilities, strict=True), 1):
            name = name_gesture(row, self.labels, options.label_threshold)
            hands.append(Hand(box, score, name.label, name.score, name.top, row, number))
        return hands

    def detect(self, image: Image, options: RecognizerOptions) -> Detections:
        """The boxes of a picture in its pixels."""
        frame_hw = (image.shape[0], image.shape[1])
        input_hw = oriented_hw(frame_hw, self.detector_info.input_hw)
        raw = self.detector(to_batch([letterbox(image, input_hw)[0]]))[0]
        return select(torch.from_numpy(raw), input_hw, frame_hw, options.detector_threshold, options.max_hands)

    def classify(self, crops: list[Image]) -> FloatArray:
        """Probabilities (N, classes) of square crops; a crop whose logits are not finite is evenly unsure."""
        logits = torch.from_numpy(self.classifier(to_batch(crops)))
        logits = torch.where(logits.isfinite().all(dim=1, keepdim=True), logits, torch.zeros_like(logits))
        return np.asarray(logits.softmax(dim=1).numpy(), np.float32)
