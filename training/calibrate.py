"""Make a classifier's probabilities mean what they say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from scipy.optimize import minimize_scalar
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from gesture_app.errors import InputError
from gesture_app.vision.classifier import GestureClassifier
from gesture_app.vision.model_info import DeviceName, load_model, require_suffix, save_model
from gesture_app.vision.runtimes import choose_device
from training.datasets import HandCrops
from training.draws import in_order
from training.evaluate import calibration_error
from training.sets import read_all
from training.splits import Split

TEMPERATURES = (0.05, 20.0)


@dataclass(frozen=True)
class CalibrateConfig:
    """Make a classifier's probabilities mean what they say: of a hundred names told with 0.9, ninety are right.

    Its logits are divided by a temperature, which becomes a part of its last layer: the same hands get the same names.
    The temperature that fits best is found on hands that the weights have not learnt from, `--fold` holds some out.
    """

    weights: Path
    """A classifier's .safetensors file."""
    data: tuple[Path, ...]
    """Folders as in training."""
    output: Path | None = None
    """The calibrated weights; without it the temperature is told, and nothing written."""
    temperature: float | None = None
    """Use this one, found for other weights of the same training."""
    boxes: Path | None = None
    """JSON of boxes for frames that have none, as in training."""
    splits: Path | None = None
    """Exactly these pictures in these splits: `splits.csv` of the run that held a fold out."""
    split: Split = "val"
    """The hands that count."""
    device: DeviceName = "auto"
    """auto, cpu or cuda; auto is a GPU where there is one."""
    batch_size: int = 64
    """Hands that the network sees at once."""
    workers: int = 2
    """Processes that read pictures; 0 reads them in this one."""


def calibrate(config: CalibrateConfig) -> dict[str, Any]:
    """Temperature scaling (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017).

    Returns:
        `temperature`, and `before` and `after` it `ece_...`, the expected calibration error, and `crops`.

    Raises:
        InputError: the data, the temperature, the weights or the output's name cannot be used.
    """
    low, high = TEMPERATURES
    if config.temperature is not None and not low <= config.temperature <= high:
        raise InputError(f"--temperature {config.temperature}: it is from {low} to {high}; 1 changes nothing")
    if config.output is not None:
        require_suffix(config.output)
    model, info = load_model(config.weights, "classifier")
    assert isinstance(model, GestureClassifier)
    model = model.to(choose_device(config.device)).to(memory_format=torch.channels_last)
    pictures = read_all(config.data, info.labels, config.split, config.boxes, config.splits)
    crops = HandCrops(pictures, info.labels, info.input_hw[0])
    if not len(crops):
        raise InputError(f"nothing to calibrate on: no labelled hand in {config.split}. Check --data and --split")
    loader = in_order(crops, config.batch_size, config.workers)
    logits, targets = classify(model, loader, len(info.labels))
    if config.temperature is None and bool((logits.argmax(dim=1) == targets).all()):
        raise InputError(f"nothing to calibrate by: all {len(targets)} hands are named right. Add pictures")
    temperature = config.temperature or fit_temperature(logits, targets)
    before, after = (error_of(logits / divisor, targets) for divisor in (1.0, temperature))
    if config.output is not None:
        cool(model, len(info.labels), temperature)
        metrics = {**info.metrics, **({"ece": after} if "ece" in info.metrics else {})}
        trained = {**info.trained, "temperature": round(temperature * info.trained.get("temperature", 1.0), 4)}
        save_model(config.output, model, replace(info, metrics=metrics, trained=trained))
    return {"temperature": temperature, "ece_before": before, "ece_after": after, "crops": len(crops)}


@torch.no_grad()
def classify(model: nn.Module, loader: Iterable[tuple[Tensor, Tensor, Tensor]], classes: int) -> tuple[Tensor, Tensor]:
    """Logits (N, classes) and true classes (N,) of batches as `HandCrops` gives them."""
    device = next(model.parameters()).device
    found = [
        (model(images.to(device))[:, :classes].float().cpu(), targets)
        for images, targets, _ in tqdm(loader, desc="classify", leave=False, disable=None)
    ]
    logits, targets = zip(*found, strict=True)
    return torch.cat(logits), torch.cat(targets)


def error_of(logits: Tensor, targets: Tensor) -> float:
    """The calibration error of logits (N, classes) against the true classes (N,)."""
    confidences, told = logits.softmax(dim=1).max(dim=1)
    return calibration_error(confidences, told == targets)


def fit_temperature(logits: Tensor, targets: Tensor) -> float:
    """The temperature at which logits (N, classes) make the true classes (N,) most likely; within `TEMPERATURES`."""
    low, high = TEMPERATURES

    def loss(scale: float) -> float:  # convex in the inverse of the temperature
        return float(F.cross_entropy(logits.double() * scale, targets))

    found = minimize_scalar(loss, bounds=(1 / high, 1 / low), method="bounded", options={"xatol": 1e-6})
    return 1 / float(found.x)


@torch.no_grad()
def cool(model: GestureClassifier, classes: int, temperature: float) -> None:
    """Divide the logits of the first outputs, the classes, in place."""
    last: Any = model.network.fc
    last.weight[:classes] /= temperature
    last.bias[:classes] /= temperature
