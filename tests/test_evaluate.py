from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from fakes import FakeRecognizer, a_hand
from torch import nn

from gesture_app.errors import InputError
from gesture_app.vision.yolox import cell_grid
from training import evaluate
from training.datasets import HandFrames
from training.evaluate import evaluate_classifier, evaluate_detector, evaluate_frames, matches
from training.losses import box_offsets
from training.sets import GestureFrame, read

LABELS = ("fist", "palm", "call")


class Answers(nn.Module):
    """Returns prepared outputs, call by call."""

    def __init__(self, outputs: list[torch.Tensor]) -> None:
        super().__init__()
        self.outputs = outputs
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.outputs.pop(0)


def test_classifier_metrics_by_hand() -> None:
    logits = nn.functional.one_hot(torch.tensor([0, 0, 1, 1, 0]), 3).float()
    loader = [(torch.zeros(5, 3, 8, 8), torch.tensor([0, 0, 0, 1, 1]), torch.ones(5, dtype=torch.long))]
    metrics = evaluate_classifier(Answers([logits]), loader, LABELS)
    assert metrics["top1"] == pytest.approx(0.6)
    assert metrics["macro_f1"] == pytest.approx((2 / 3 + 0.5) / 2)  # `call` does not occur
    assert metrics["crops"] == 5
    assert metrics["per_class"]["fist"] == {"f1": 0.6667, "recall": 0.6667, "count": 3}
    assert metrics["confusion"] == [[2, 1, 0], [1, 1, 0], [0, 0, 0]]
    assert "sides" not in metrics, "a network of classes alone tells none"
    assert metrics["ece"] == pytest.approx(abs(0.6 - float(logits.softmax(dim=1).max())))


@pytest.mark.parametrize(
    ("sides", "expected"),
    [([0, 0, 0, 0], (None, None)), ([1, 0, 0, 0], (1.0, 1)), ([1, -1, 1, 0], (2 / 3, 3)), ([-1, 1, 1, 1], (0.0, 4))],
)
def test_sides_are_measured_where_they_are_known(sides: list[int], expected) -> None:
    outputs = torch.tensor([[9.0, 0, 0, 2], [9, 0, 0, -2], [9, 0, 0, -2], [9, 0, 0, -30]])
    loader = [(torch.zeros(4, 3, 8, 8), torch.zeros(4, dtype=torch.long), torch.tensor(sides))]
    metrics = evaluate_classifier(Answers([outputs]), loader, LABELS)
    assert (metrics.get("side_accuracy"), metrics.get("sides")) == expected
    assert metrics["top1"] == 1.0 and len(metrics["confusion"]) == 3


def test_classifier_without_crops() -> None:
    with pytest.raises(InputError, match="no labelled hand"):
        evaluate_classifier(Answers([]), [], LABELS)


def test_detector_without_frames() -> None:
    with pytest.raises(InputError, match="no frame"):
        evaluate_detector(Answers([]), HandFrames([], ("hand",), (64, 96)))


def perfect(frames: HandFrames) -> list[torch.Tensor]:
    outputs = []
    for item in range(len(frames)):
        canvas, boxes, _ = frames[item]
        corners, strides = cell_grid((canvas.shape[1], canvas.shape[2]))
        raw = torch.full((1, len(strides), 6), -9.0)
        raw[0, 5, :4] = box_offsets(boxes[:1], corners[5:6], strides[5:6])
        raw[0, 5, 4:] = 9.0
        outputs.append(raw)
    return outputs


def test_detector_metrics_of_a_perfect_and_of_a_blind_detector(hagrid_root: Path) -> None:
    frames = HandFrames(read(hagrid_root, ("fist", "palm")).pictures, ("hand",), (96, 128))
    metrics = evaluate_detector(Answers(perfect(frames)), frames, batch_size=1)
    assert metrics["ap50"] == pytest.approx(1) and metrics["map"] > 0.95
    assert metrics["recall"] == metrics["precision"] == 1 and metrics["frames"] == metrics["hands"] == 8
    assert all(value >= 0 for value in metrics.values()), "a size that does not occur has no AP"
    blind = [torch.full_like(raw, -9.0) for raw in perfect(frames)]
    metrics = evaluate_detector(Answers(blind), frames, batch_size=1)
    assert metrics["ap50"] == metrics["recall"] == metrics["precision"] == 0


@pytest.mark.parametrize("workers", [0, 1])
def test_frames_of_several_shapes_in_batches(hagrid_root: Path, workers: int) -> None:
    frames = HandFrames(read(hagrid_root, ("fist", "palm")).pictures, ("hand",), (96, 128))
    for path in frames.paths[::3]:
        cv2.imwrite(str(path), cv2.rotate(cv2.imread(str(path)), cv2.ROTATE_90_CLOCKWISE))
    frames = HandFrames(frames.pictures, ("hand",), (96, 128))  # knows which are upright
    answers = {frames[i][0].numpy().tobytes(): raw for i, raw in enumerate(perfect(frames))}
    model = Answers([])
    model.forward = lambda images: torch.cat([answers[image.numpy().tobytes()] for image in images])
    metrics = evaluate_detector(model, frames, batch_size=5, workers=workers)
    assert metrics["recall"] == metrics["precision"] == 1 and metrics["frames"] == 8


@pytest.mark.parametrize(
    ("found", "boxes", "expected"),  # class, then corners
    [
        ([], [], 0),
        ([(0, 0, 0, 10, 10)], [], 0),
        ([], [(0, 0, 0, 10, 10)], 0),
        ([(0, 0, 0, 10, 10), (0, 0, 0, 10, 11)], [(0, 0, 0, 10, 10)], 1),
        ([(0, 0, 0, 10, 10), (0, 50, 50, 60, 60)], [(0, 50, 50, 60, 61), (0, 0, 0, 10, 10)], 2),
        ([(0, 0, 0, 10, 10)], [(0, 9, 9, 20, 20)], 0),
        ([(1, 0, 0, 10, 10)], [(2, 0, 0, 10, 10)], 0),
        ([(1, 0, 0, 10, 10), (2, 0, 0, 10, 11)], [(2, 0, 0, 10, 10), (1, 0, 0, 10, 11)], 2),
    ],
)
def test_matches(found, boxes, expected) -> None:
    detections, truth = torch.tensor(found).float().view(-1, 5), np.array(boxes, np.float32).reshape(-1, 5)
    assert matches(detections[:, 1:], truth[:, 1:], detections[:, 0], truth[:, 0]) == expected


def test_whole_frames_by_hand(tmp_path: Path, monkeypatch) -> None:
    shown = [("like",), ("like", "no_gesture"), ("peace",), ("no_gesture",), (), ("like", "peace")]
    frames = [GestureFrame(tmp_path / f"{n}.png", "like" if n < 4 else "peace", "val", True) for n in range(6)]
    for number, frame in enumerate(frames):
        cv2.imwrite(str(frame.path), np.full((8, 8, 3), number, np.uint8))
    hand = a_hand((0, 0, 4, 4))
    named = [[replace(hand, label=label) for label in labels] for labels in shown]
    monkeypatch.setattr(evaluate, "recognize_still", lambda recognizer, image: named[image[0, 0, 0]])
    assert evaluate_frames(FakeRecognizer(), frames) == {
        "named": 3 / 6,
        "wrong": 2 / 6,
        "empty": 1 / 6,
        "frames": 6,
        "per_class": {"like": {"named": 0.5, "count": 4}, "peace": {"named": 0.5, "count": 2}},
    }
