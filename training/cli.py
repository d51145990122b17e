"""Train and measure the networks that Gesture App runs: the command line `gesture-train`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import tyro

from gesture_app.command_line import parse
from gesture_app.errors import EnvironmentFault, InputError, run_and_exit
from gesture_app.vision.atomic import require_place, write_file
from gesture_app.vision.labels import NO_GESTURE
from gesture_app.vision.model_folders import shipped_weights
from gesture_app.vision.model_info import DeviceName, RuntimeName, load_info, load_model
from gesture_app.vision.recognizer import Recognizer
from gesture_app.vision.runtimes import choose_device
from training import distributed
from training.benchmark import BenchmarkConfig, benchmark
from training.calibrate import CalibrateConfig, calibrate
from training.conditions import Condition
from training.datasets import HandCrops, HandFrames, frames_for, left_out
from training.download import DownloadConfig, download
from training.draws import in_order
from training.evaluate import evaluate_classifier, evaluate_detector, evaluate_frames
from training.filmed import evaluate_clips
from training.fit import fit
from training.inspect_data import DataConfig, inspect
from training.lr_find import LearningRateConfig, find_learning_rate
from training.options import TrainingConfig, require_ranges
from training.plots import confusion_matrix
from training.pseudo_label import PseudoLabelConfig, pseudo_label
from training.quantize import QuantizeConfig, quantize
from training.retrain import RetrainConfig, retrain
from training.sets import read_all, read_gesture_frames
from training.signals import StopSignal
from training.splits import Split
from training.synthetic.config import SynthesizeConfig
from training.train_classifier import ClassifierConfig
from training.train_detector import DetectorConfig, names_to_read


@dataclass(frozen=True)
class EvaluateConfig:
    """Measure weights on folders in any layout that training reads.

    `classifier` names the crops or the boxed hands, `detector` finds the hands of boxed frames, `frames` does both
    on whole frames and looks for the gesture in their folder's name, `clips` on clips of them, as a camera films.
    """

    model: tyro.conf.Positional[Literal["classifier", "detector", "frames", "clips"]]
    """What is measured."""
    data: tuple[Path, ...]
    """Folders in any layout that training reads; for `frames` and `clips` in HaGRID's."""
    weights: Path | None = None
    """A .safetensors file, for `frames` and `clips` a folder of both; the shipped weights by default."""
    split: Split | None = None
    """train, val or test; everything by default."""
    json: Path | None = None
    """Write all metrics here."""
    boxes: Path | None = None
    """JSON of boxes for frames that have none, as in training: for `classifier` only."""
    plot: Path | None = None
    """Draw which gesture is taken for which into this .png file, for `classifier` only."""
    splits: Path | None = None
    """Exactly these pictures in these splits: `splits.csv` of the run, for `classifier` and `detector`."""
    threshold: float = 0.5
    """Score from which the detector's recall and precision count a box."""
    device: DeviceName = "auto"
    """auto, cpu or cuda; auto is a GPU where there is one."""
    runtime: RuntimeName = "auto"
    """What runs the networks for `frames` and `clips`; the others are measured in PyTorch."""
    condition: Condition | None = None
    """Put `frames` and `clips` under it before: a dim room, a dark one, motion, or half the size."""
    batch_size: int = 64
    """Crops that the classifier sees at once."""
    workers: int = 2
    """Processes that read pictures; 0 reads them in this one."""


FOR_SOME = {
    "plot": ("classifier",),
    "boxes": ("classifier",),
    "splits": ("classifier", "detector"),
    "threshold": ("detector",),
    "runtime": ("frames", "clips"),
    "condition": ("frames", "clips"),
    "batch_size": ("classifier",),
    "workers": ("classifier", "detector"),
}
"""The options of `evaluate` that mean something for some of its models only."""


WORST = 5
"""So many classes are told by name."""


def evaluate(config: EvaluateConfig) -> dict[str, Any]:
    """Measure weights.

    Returns:
        What `evaluate_classifier`, `evaluate_detector`, `evaluate_frames` or `evaluate_clips` returns.

    Raises:
        InputError: the data, the weights or an option cannot be used.
    """
    for name, models in FOR_SOME.items():
        if config.model not in models and getattr(config, name) != getattr(EvaluateConfig, name):
            option = f"--{name.replace('_', '-')}"
            raise InputError(f"{option}: does nothing for {config.model}, it is for {' and '.join(models)}")
    if config.model == "frames" or config.model == "clips":
        recognizer = Recognizer.load(config.weights, config.device, runtime=config.runtime)
        gestures = tuple(name for name in recognizer.labels if name != NO_GESTURE)
        frames = [f for root in config.data for f in read_gesture_frames(root, gestures)]
        frames = [f for f in frames if config.split in (None, f.split)]
        if not frames:
            why = "no frame is in a folder named like a gesture. Check --data and --split"
            raise InputError(f"nothing to recognize: {why}")
        measure = evaluate_frames if config.model == "frames" else evaluate_clips
        return measure(recognizer, frames, config.condition)
    weights = config.weights or shipped_weights(config.model)
    model, info = load_model(weights, config.model)
    model = model.to(choose_device(config.device)).to(memory_format=torch.channels_last)
    labels = names_to_read(info.labels)
    pictures = read_all(config.data, labels, config.split, config.boxes, config.splits)
    if config.model == "classifier":
        crops = HandCrops(pictures, info.labels, info.input_hw[0])
        return evaluate_classifier(model, in_order(crops, config.batch_size, config.workers), info.labels)
    boxed = [p for p in pictures if p.true_boxes and not p.is_crop]
    left = left_out(info.labels, len(boxed) - len(frames_for(info.labels, boxed)))
    told = f"{len(boxed)} of {len(pictures)} pictures are frames whose boxes were all drawn by people"
    print("; ".join(filter(None, (told, left))))
    whole = HandFrames(boxed, info.labels, info.input_hw)
    return evaluate_detector(model, whole, config.threshold, workers=config.workers)


def run_evaluate(config: EvaluateConfig) -> None:
    """Measure weights, tell and draw."""
    metrics = evaluate(config)
    print_metrics(metrics, config.json)
    if config.plot is not None:
        labels = load_info(config.weights or shipped_weights("classifier")).labels
        write_file(config.plot, confusion_matrix(metrics["confusion"], labels), "the plot")


def print_metrics(metrics: dict[str, Any], file: Path | None) -> None:
    """The single figures and the worst classes as lines; everything as JSON into `file`, a list of numbers a line."""
    for name, value in metrics.items():
        if isinstance(value, (int, float)):
            print(f"{name:12} {value:.4f}" if isinstance(value, float) else f"{name:12} {value}")
    if classes := metrics.get("per_class"):
        measure = next(iter(next(iter(classes.values()))))
        worst = sorted(classes, key=lambda name: classes[name][measure])[:WORST]
        listed = ", ".join(f"{name} {classes[name][measure]:.3f}" for name in worst)
        print(f"{'worst':12} {listed} ({measure})")
    if file is not None:
        text = re.sub(r"\[[\d,\s]+\]", lambda row: " ".join(row[0].split()), json.dumps(metrics, indent=2))
        write_file(file, (text + "\n").encode(), "metrics")


def run_synthesize(config: SynthesizeConfig) -> dict[str, Any]:
    """Render pictures, which needs numba.

    Raises:
        EnvironmentFault: numba is not installed.
    """
    try:
        from training.synthetic.write import synthesize
    except ModuleNotFoundError as error:
        if error.name != "numba":
            raise
        raise EnvironmentFault("rendering needs numba: run `pip install numba`") from error
    return synthesize(config)


Command = (
    Annotated[ClassifierConfig, tyro.conf.subcommand("classifier")]
    | Annotated[DetectorConfig, tyro.conf.subcommand("detector")]
    | Annotated[RetrainConfig, tyro.conf.subcommand("retrain")]
    | Annotated[
        LearningRateConfig,
        tyro.conf.OmitArgPrefixes,
        tyro.conf.CascadeSubcommandArgs,
        tyro.conf.subcommand("lr-find"),
    ]
    | Annotated[EvaluateConfig, tyro.conf.subcommand("evaluate")]
    | Annotated[BenchmarkConfig, tyro.conf.subcommand("benchmark")]
    | Annotated[DataConfig, tyro.conf.subcommand("data")]
    | Annotated[DownloadConfig, tyro.conf.subcommand("download")]
    | Annotated[SynthesizeConfig, tyro.conf.subcommand("synthesize")]
    | Annotated[PseudoLabelConfig, tyro.conf.subcommand("pseudo-label")]
    | Annotated[CalibrateConfig, tyro.conf.subcommand("calibrate")]
    | Annotated[QuantizeConfig, tyro.conf.subcommand("quantize")]
)


def train(config: TrainingConfig) -> dict[str, Any]:
    """Train one of the networks, keep the best weights, return their metrics.

    Raises:
        InputError: the data, the options or the initial weights cannot be used.
    """
    with StopSignal() as stop, distributed.process_group(choose_device(config.device)) as device:
        return fit(config.task(device), stop=stop)


def run_training(config: TrainingConfig) -> None:
    """Train, and tell how good the weights are and where."""
    metrics = train(config)
    if distributed.is_main():
        print_metrics(metrics, None)
        print(f"weights: {config.output}")


RUN: dict[type, Callable[[Any], object]] = {
    ClassifierConfig: run_training,
    DetectorConfig: run_training,
    RetrainConfig: retrain,
    LearningRateConfig: find_learning_rate,
    EvaluateConfig: run_evaluate,
    BenchmarkConfig: benchmark,
    DataConfig: inspect,
    DownloadConfig: lambda config: print(f"data: {download(config)}"),
    SynthesizeConfig: lambda config: print_metrics(run_synthesize(config), None),
    PseudoLabelConfig: lambda config: print_metrics(pseudo_label(config), None),
    CalibrateConfig: lambda config: print_metrics(calibrate(config), None),
    QuantizeConfig: quantize,
}
"""What carries out each command."""

REPORTS = ("json", "plot", "bad", "sheet", "write_splits")
"""Options that name a file which is written in the end."""


def run(command: Any) -> None:
    """Carry out a parsed command.

    Raises:
        InputError: an option is out of its range, or whatever else the command cannot use.
    """
    require_ranges(command.program if isinstance(command, LearningRateConfig) else command)
    for name in REPORTS:
        path: Path | None = getattr(command, name, None)
        if path is not None:
            require_place(path, f"--{name.replace('_', '-')}")
    RUN[type(command)](command)


def main() -> None:
    """The console script `gesture-train`."""
    run_and_exit(lambda: run(parse(Command, "gesture-train", __doc__)), "gesture-train")
