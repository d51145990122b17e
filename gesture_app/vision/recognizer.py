"""Frame in, hands out: detect, crop, classify all crops as one batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from gesture_app.errors import EnvironmentFault, InputError
from gesture_app.vision.classifier import GestureClassifier
from gesture_app.vision.hands import FloatArray, Hand, Image, RecognizerOptions
from gesture_app.vision.labels import name_gesture
from gesture_app.vision.model_info import ModelInfo, load_model, shipped_weights
from gesture_app.vision.postprocess import Detections, select
from gesture_app.vision.preprocess import crop_hand, letterbox, oriented_hw, to_batch
from gesture_app.vision.yolox import YOLOX


def choose_device(name: str) -> torch.device:
    """`auto` is CUDA where there is one, else the CPU.

    Raises:
        InputError: no such device exists.
        EnvironmentFault: CUDA is asked for and cannot be used.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise InputError(f"no device {name!r}: choose auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise EnvironmentFault("no CUDA device: PyTorch sees none. Check the driver, or use --device cpu")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


class Recognizer:
    """Recognises the hands of one picture after the other; keeps nothing between them.

    Attributes:
        labels: names of the gestures in the order of `Hand.probabilities`.
        options: may be replaced at any time, from the next picture on they count.
        device_name: what the networks run on, to show.
    """

    def __init__(
        self,
        detector: tuple[YOLOX, ModelInfo],
        classifier: tuple[GestureClassifier, ModelInfo],
        device: torch.device,
        options: RecognizerOptions,
    ) -> None:
        self.device = device
        self.options = options
        self.detector = detector[0].to(device).to(memory_format=torch.channels_last)
        self.classifier = classifier[0].to(device).to(memory_format=torch.channels_last)
        self.detector_info, self.classifier_info = detector[1], classifier[1]
        self.labels = self.classifier_info.labels
        self.device_name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"

    @classmethod
    def load(
        cls, weights: Path | None = None, device: str = "auto", options: RecognizerOptions | None = None
    ) -> Recognizer:
        """Load both networks.

        Args:
            weights: a folder with `detector.safetensors` and `classifier.safetensors`; the shipped weights by default.
            device: auto, cpu or cuda.

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
        assert isinstance(detector, YOLOX) and isinstance(classifier, GestureClassifier)
        return cls((detector, detector_info), (classifier, classifier_info), chosen, options or RecognizerOptions())

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

    @torch.inference_mode()
    def detect(self, image: Image, options: RecognizerOptions) -> Detections:
        """The boxes of a picture in its pixels, on the CPU."""
        frame_hw = (image.shape[0], image.shape[1])
        input_hw = oriented_hw(frame_hw, self.detector_info.input_hw)
        batch = to_batch([letterbox(image, input_hw)[0]]).to(self.device)
        raw = self.detector(batch)[0].cpu()
        return select(raw, input_hw, frame_hw, options.detector_threshold, options.max_hands)

    @torch.inference_mode()
    def classify(self, crops: list[Image]) -> FloatArray:
        """Probabilities (N, classes) of square crops; a crop whose logits are not finite is evenly unsure."""
        logits = self.classifier(to_batch(crops).to(self.device)).float()
        logits = torch.where(logits.isfinite().all(dim=1, keepdim=True), logits, torch.zeros_like(logits))
        return np.asarray(logits.softmax(dim=1).cpu().numpy(), np.float32)
