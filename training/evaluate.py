"""Metrics of both networks on any split, by torchmetrics."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any
from zlib import crc32

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset, Subset
from torchmetrics.classification import BinaryCalibrationError, MulticlassConfusionMatrix
from torchmetrics.detection import MeanAveragePrecision
from torchvision.ops import box_iou
from tqdm import tqdm

from gesture_app.errors import InputError
from gesture_app.vision.hands import FloatArray
from gesture_app.vision.images import read_image
from gesture_app.vision.labels import NO_GESTURE
from gesture_app.vision.model_info import Kind
from gesture_app.vision.postprocess import select
from gesture_app.vision.preprocess import fitted_hw, letterbox, to_tensor
from gesture_app.vision.recognizer import Recognizer
from gesture_app.vision.stills import recognize_still
from training import distributed
from training.conditions import Condition, under
from training.datasets import HandFrames
from training.draws import in_order
from training.sets import GestureFrame

SCORES: dict[Kind, tuple[str, str]] = {"classifier": ("macro_f1", "macro-F1"), "detector": ("ap50", "AP50")}
"""The metric that decides, by its name here and for people."""
AP_BY_SIZE = {f"ap_{size}": f"map_{size}" for size in ("small", "medium", "large")}
"""COCO's AP of boxes of these sizes in the picture, and torchmetrics' name for it."""
MAX_DETECTIONS = 100
LOWEST_SCORE = 0.01
"""Average precision looks at the whole curve, so detections far below any useful threshold count too."""


def calibration_error(confidences: Tensor, right: Tensor) -> float:
    """The expected calibration error over 15 bins (Guo et al., arXiv:1706.04599).

    Args:
        confidences: (N,) of the names that are told, 0..1.
        right: (N,) whether they are right, 0 or 1.
    """
    return float(BinaryCalibrationError(n_bins=15, sync_on_compute=False)(confidences, right.long()))


def f1_scores(confusion: Tensor) -> Tensor:
    """The F1 of every class (C,) from counts (C, C), rows true, columns predicted."""
    return 2 * confusion.diag().double() / (confusion.sum(dim=1) + confusion.sum(dim=0)).clamp(min=1)


@torch.inference_mode()
def evaluate_classifier(
    model: nn.Module, loader: Iterable[tuple[Tensor, Tensor, Tensor]], labels: Sequence[str]
) -> dict[str, Any]:
    """Classify every crop; of several processes each gives a loader of its share.

    Args:
        loader: batches of images, classes and sides, see `HandCrops`.
        labels: of the outputs; one output more is the logit of a right hand.

    Returns:
        `top1`; `macro_f1`, the mean F1 over the classes that occur; `ece`, see `calibration_error`; `crops`; where
        sides are known and told, `side_accuracy` and `sides`, how many are known; per class `f1`, `recall` and
        `count`; and `confusion`, rows true, columns predicted, in the order of `labels`.

    Raises:
        InputError: there is no crop.
    """
    model.eval()
    device = next(model.parameters()).device
    metric = MulticlassConfusionMatrix(len(labels), sync_on_compute=False)
    confusion = torch.zeros(len(labels), len(labels), dtype=torch.long)
    sides = torch.zeros(2, dtype=torch.long)  # told right, known
    confidences: list[Tensor] = []
    for images, targets, side in tqdm(loader, desc="evaluate", leave=False, disable=None):
        outputs = model(images.to(device)).cpu()
        confidence, predicted = outputs[:, : len(labels)].float().softmax(dim=1).max(dim=1)
        confusion += metric(predicted, targets)
        confidences.append(torch.stack((confidence, (predicted == targets).float())))
        if outputs.shape[1] > len(labels):
            known = side != 0
            right = (outputs[:, -1] > 0) == (side > 0)
            sides += torch.stack((right[known].sum(), known.sum()))
    confusion = distributed.summed(confusion)
    told, known_sides = distributed.summed(sides).tolist()
    crops = int(confusion.sum())
    if not crops:
        raise InputError("nothing to measure a classifier on: there is no labelled hand. Check --data and --split")
    correct, true = confusion.diag().double(), confusion.sum(dim=1)
    f1, occurs = f1_scores(confusion), true > 0
    recall = correct / true.clamp(min=1)
    return {
        "top1": float(correct.sum() / crops),
        "macro_f1": float(f1[occurs].mean()),
        "ece": calibration_error(*torch.cat(distributed.gathered(confidences), dim=1)),
        "crops": crops,
        **({"side_accuracy": told / known_sides, "sides": known_sides} if known_sides else {}),
        "per_class": {
            name: {"f1": round(float(f1[i]), 4), "recall": round(float(recall[i]), 4), "count": int(true[i])}
            for i, name in enumerate(labels)
            if occurs[i]
        },
        "confusion": confusion.tolist(),
    }


class WholeFrames(Dataset[tuple[Tensor, tuple[int, int], FloatArray, FloatArray]]):
    """Frames as the app shows them to the detector.

    Items are a uint8 tensor (3, H, W), BGR, in the input shape that fits the frame, the frame's own height and width,
    boxes_xyxy (N, 4) in its pixels, and classes (N,).
    """

    def __init__(self, frames: HandFrames) -> None:
        self.frames = frames

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, item: int) -> tuple[Tensor, tuple[int, int], FloatArray, FloatArray]:
        image, boxes, classes = self.frames.read(item)
        frame_hw = (image.shape[0], image.shape[1])
        return to_tensor(letterbox(image, fitted_hw(frame_hw, self.frames.input_hw))[0]), frame_hw, boxes, classes


@torch.inference_mode()
def evaluate_detector(
    model: nn.Module,
    frames: HandFrames,
    threshold: float = 0.5,
    most: int | None = None,
    batch_size: int = 16,
    workers: int = 0,
) -> dict[str, Any]:
    """Detect the hands of every frame; of several processes each takes its share.

    Args:
        threshold: score from which recall and precision count a box.
        most: look at so many frames only.
        batch_size: frames of one shape that the model sees together, at most.
        workers: processes that read.

    Returns:
        `ap50` and `map` (COCO's AP at IoU 0.5 and 0.5:0.95); of the sizes that occur `ap_small`, `ap_medium`,
        `ap_large`: boxes of less than 32 x 32 pixels, of at most 96 x 96, and larger ones; `recall` and
        `precision` at the score `threshold` and IoU 0.5, of boxes of the right class; `frames` and `hands`.

    Raises:
        InputError: there is no frame.
    """
    if not len(frames):
        raise InputError("nothing to measure a detector on: no frame has boxes that people drew. Check --data")
    model.eval()
    device = next(model.parameters()).device
    predictions: list[dict[str, Tensor]] = []
    targets: list[dict[str, Tensor]] = []
    counts = torch.zeros(3, dtype=torch.long)  # found, shown, true
    items = range(len(frames))[:most]
    mine = Subset(WholeFrames(frames), distributed.share(items))
    for read in tqdm(in_order(mine, batch_size, workers, list), desc="evaluate", leave=False, disable=None):
        read.sort(key=lambda item: item[0].shape)
        for input_chw, same in groupby(read, lambda item: item[0].shape):
            inputs, *rest = zip(*same, strict=True)
            raws = model(torch.stack(inputs).to(device)).float().cpu().numpy()
            for raw, frame_hw, boxes, classes in zip(raws, *rest, strict=True):
                found = select(raw, (input_chw[1], input_chw[2]), frame_hw, LOWEST_SCORE, MAX_DETECTIONS)
                boxes_xyxy, scores = torch.from_numpy(found.boxes_xyxy), torch.from_numpy(found.scores)
                predictions.append({"boxes": boxes_xyxy, "scores": scores, "labels": torch.from_numpy(found.classes)})
                targets.append({"boxes": torch.from_numpy(boxes), "labels": torch.from_numpy(classes).long()})
                kept = scores >= threshold
                hits = matches(boxes_xyxy[kept], boxes, torch.from_numpy(found.classes)[kept], classes)
                counts += torch.tensor([hits, int(kept.sum()), len(boxes)])
    metric = MeanAveragePrecision(backend="pycocotools", sync_on_compute=False)
    metric.update(distributed.gathered(predictions), distributed.gathered(targets))
    values = metric.compute()
    hits, shown, hands = distributed.summed(counts).tolist()
    return {
        "ap50": float(values["map_50"]),
        "map": float(values["map"]),
        **{name: value for name, theirs in AP_BY_SIZE.items() if (value := float(values[theirs])) >= 0},
        "recall": hits / max(hands, 1),
        "precision": hits / max(shown, 1),
        "threshold": threshold,
        "frames": len(items),
        "hands": hands,
    }


def matches(
    found_xyxy: Tensor, boxes_xyxy: FloatArray, found_classes: Tensor, classes: FloatArray, iou: float = 0.5
) -> int:
    """How many boxes (G, 4) of classes (G,) are found, each detection (N, 4), (N,), best first, counting for one."""
    if not len(found_xyxy) or not len(boxes_xyxy):
        return 0
    overlaps = box_iou(found_xyxy, torch.from_numpy(boxes_xyxy))
    overlaps *= found_classes[:, None] == torch.from_numpy(classes)
    hits = 0
    for row in range(len(found_xyxy)):
        best = int(overlaps[row].argmax())
        if overlaps[row, best] >= iou:
            hits += 1
            overlaps[:, best] = 0
    return hits


def evaluate_frames(
    recognizer: Recognizer, frames: Sequence[GestureFrame], condition: Condition | None = None
) -> dict[str, Any]:
    """Recognize whole frames end to end, as `gesture-app annotate` does with pictures.

    Args:
        condition: what the frames are put under before; by default they stay as they are.

    Returns:
        `named`: share of the frames in which some hand is named with the frame's gesture; `wrong`: share in which some
        hand is named with another gesture; `empty`: share without any hand; `frames`; per class `named` and `count`.

    Raises:
        InputError: a frame cannot be read.
    """
    seen, named = Counter[str](), Counter[str]()
    wrong = empty = 0
    for frame in tqdm(frames, desc="evaluate", leave=False, disable=None):
        image = read_image(frame.path)
        if condition is not None:
            image = under(condition, image, crc32(os.fsencode(frame.path.name)))
        shown = {hand.label for hand in recognize_still(recognizer, image)}
        seen[frame.gesture] += 1
        named[frame.gesture] += frame.gesture in shown
        wrong += bool(shown - {frame.gesture, NO_GESTURE})
        empty += not shown
    return {
        "named": sum(named.values()) / len(frames),
        "wrong": wrong / len(frames),
        "empty": empty / len(frames),
        "frames": len(frames),
        "per_class": {n: {"named": round(named[n] / seen[n], 4), "count": seen[n]} for n in sorted(seen)},
    }
