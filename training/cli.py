"""The command line `gesture-train`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import tyro
from torch.utils.data import DataLoader

from gesture_app.errors import EnvironmentFault, run_and_exit
from gesture_app.vision.labels import HAGRID_GESTURES, HAGRID_LABELS
from gesture_app.vision.model_info import load_model, shipped_weights, write_atomically
from gesture_app.vision.recognizer import Recognizer
from gesture_app.vision.runtimes import choose_device
from training import train_classifier, train_detector
from training.datasets import HandCrops, HandFrames
from training.evaluate import evaluate_classifier, evaluate_detector, evaluate_frames
from training.hagrid import Split, read_all, read_gesture_frames
from training.train_classifier import ClassifierConfig
from training.train_detector import DetectorConfig


@dataclass(frozen=True)
class EvaluateConfig:
    """Measure weights on a folder of class folders or a HaGRID layout.

    `classifier` names the crops or the boxed hands, `detector` finds the hands of boxed frames, `frames` does both
    on whole frames and looks for the gesture in their folder's name.
    """

    model: tyro.conf.Positional[Literal["classifier", "detector", "frames"]]
    data: tuple[Path, ...]
    weights: Path | None = None
    """A .safetensors file, for `frames` a folder of both; the shipped weights by default."""
    split: Split | None = None
    """train or val; everything by default."""
    json: Path | None = None
    """Write all metrics here."""
    threshold: float = 0.5
    """Score from which the detector's recall and precision count a box."""
    device: str = "auto"
    batch_size: int = 64
    workers: int = 2


def evaluate(config: EvaluateConfig) -> dict[str, Any]:
    """Measure weights.

    Returns:
        What `evaluate_classifier`, `evaluate_detector` or `evaluate_frames` returns.

    Raises:
        InputError: the data or the weights cannot be used.
    """
    if config.model == "frames":
        frames = [f for root in config.data for f in read_gesture_frames(root, HAGRID_GESTURES)]
        recognizer = Recognizer.load(config.weights, config.device)
        return evaluate_frames(recognizer, [f for f in frames if config.split in (None, f.split)])
    weights = config.weights or shipped_weights(config.model)
    model, info = load_model(weights, config.model)
    model = model.to(choose_device(config.device)).to(memory_format=torch.channels_last)
    pictures = read_all(config.data, HAGRID_LABELS, config.split)
    if config.model == "classifier":
        crops = HandCrops(pictures, info.labels, info.input_hw[0], augment=False)
        loader = DataLoader(crops, config.batch_size, num_workers=config.workers)
        return evaluate_classifier(model, loader, info.labels)
    boxed = [p for p in pictures if p.true_boxes and not p.is_crop]
    print(f"{len(boxed)} of {len(pictures)} pictures are frames whose boxes were all drawn by people")
    return evaluate_detector(model, HandFrames(boxed, info.labels, info.input_hw, augment=False), config.threshold)


def print_metrics(metrics: dict[str, Any], file: Path | None) -> None:
    """The single figures as lines; everything as JSON into `file`."""
    for name, value in metrics.items():
        if isinstance(value, (int, float)):
            print(f"{name:12} {value:.4f}" if isinstance(value, float) else f"{name:12} {value}")
    if file is not None:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(file, (json.dumps(metrics, indent=2) + "\n").encode())
        except OSError as error:
            raise EnvironmentFault(f"cannot write metrics: {file}: {error.strerror}") from error


Command = (
    Annotated[ClassifierConfig, tyro.conf.subcommand("classifier")]
    | Annotated[DetectorConfig, tyro.conf.subcommand("detector")]
    | Annotated[EvaluateConfig, tyro.conf.subcommand("evaluate")]
)


def run(command: ClassifierConfig | DetectorConfig | EvaluateConfig) -> None:
    """Carry out a parsed command."""
    if isinstance(command, EvaluateConfig):
        print_metrics(evaluate(command), command.json)
    elif isinstance(command, ClassifierConfig):
        print_metrics(train_classifier.train(command), None)
        print(f"weights: {command.output}")
    else:
        print_metrics(train_detector.train(command), None)
        print(f"weights: {command.output}")


def main() -> None:
    """The console script `gesture-train`."""
    command = tyro.cli(Command, prog="gesture-train", description=__doc__)  # type: ignore[arg-type]
    run_and_exit(lambda: run(command), "gesture-train")
