"""Train the gesture classifier.

    gesture-train classifier --data CROPS_OR_FRAMES [MORE ...] --output weights/classifier.safetensors

Every folder is a folder of class folders or a HaGRID layout; `evaluate` reads the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from gesture_app.errors import InputError
from gesture_app.vision.classifier import ARCHITECTURE, build_classifier
from gesture_app.vision.labels import HAGRID_LABELS
from gesture_app.vision.model_info import ModelInfo, load_model, save_model
from gesture_app.vision.runtimes import choose_device
from training.checkpoint import provenance
from training.datasets import HandCrops, balanced_sampler
from training.engine import (
    ema_model,
    grad_scaler,
    one_cycle,
    parameter_groups,
    progressive_side,
    train_one_epoch,
)
from training.evaluate import evaluate_classifier
from training.hagrid import read_all, require_classes


@dataclass(frozen=True)
class ClassifierConfig:
    """Train the gesture classifier."""

    data: tuple[Path, ...]
    """Folders: class folders of hand crops, or HaGRID layouts."""
    boxes: Path | None = None
    """JSON of boxes for the frames of a HaGRID layout that have none: uuid -> [{"bbox": [x, y, w, h]}]."""
    labels: tuple[str, ...] = HAGRID_LABELS
    """Class names; folders with other names are skipped, a name without pictures is an error."""
    output: Path = Path("runs/classifier.safetensors")
    """The best weights by macro-F1 on the validation split; the info file goes beside it."""
    init: Path | None = None
    """Start from these weights."""
    pretrained: bool = True
    """Start from timm's ImageNet weights if they can be had."""
    size: int = 96
    """Side of the input in pixels."""
    start_size: int = 64
    """Side in the first epoch; it grows to `size` after half of the epochs."""
    epochs: int = 8
    samples: int = 0
    """Crops an epoch; 0 is as many as there are."""
    batch_size: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    balance: float = 0.7
    """0 draws crops as they are, 1 draws every class equally often."""
    label_smoothing: float = 0.05
    device: str = "auto"
    workers: int = 2
    seed: int = 0
    compile: bool = False
    """torch.compile the network: faster steps after a minute of compilation."""


def classifier_step(model: nn.Module, batch: Any, label_smoothing: float) -> dict[str, Tensor]:
    """Cross entropy of a batch (images (N, 3, H, W), classes (N,))."""
    images, targets = batch
    device = next(model.parameters()).device
    logits = model(images.to(device, non_blocking=True)).float()
    return {"loss": F.cross_entropy(logits, targets.to(device), label_smoothing=label_smoothing)}


def train(config: ClassifierConfig) -> dict[str, Any]:
    """Train, keep the best weights, return their metrics.

    Raises:
        InputError: the data or the initial weights cannot be used.
    """
    torch.manual_seed(config.seed)
    device = choose_device(config.device)
    training = read_all(config.data, config.labels, "train", config.boxes)
    require_classes(training, config.labels)
    validation = read_all(config.data, config.labels, "val")
    if not validation:
        raise InputError("no validation pictures: the best weights could not be told. Add pictures")
    if config.init is not None:
        network, info = load_model(config.init, "classifier")
        if info.labels != config.labels:
            raise InputError(f"cannot start from {config.init}: its labels are others, or in another order")
        model: nn.Module = network
        start = f"from {config.init.name}"
    else:
        model, start = build_classifier(len(config.labels), config.pretrained)
    print(f"Training starts {start}.")
    model = model.to(device).to(memory_format=torch.channels_last)
    ema = ema_model(model)
    network_to_train: Any = torch.compile(model, dynamic=False) if config.compile else model
    samples = config.samples or len(HandCrops(training, config.labels, config.size, augment=True))
    optimizer = torch.optim.AdamW(parameter_groups(model, config.weight_decay), lr=config.learning_rate)
    schedule = one_cycle(optimizer, config.learning_rate, config.epochs * -(-samples // config.batch_size))
    scaler = grad_scaler(device)
    best: dict[str, Any] = {"macro_f1": -1.0}
    for epoch in range(config.epochs):
        size = progressive_side(config.start_size, config.size, epoch, config.epochs, 16)
        crops = HandCrops(training, config.labels, size, augment=True)
        sampler = balanced_sampler(crops.targets, config.balance, samples, config.seed + epoch)
        loader = DataLoader(crops, config.batch_size, sampler=sampler, num_workers=config.workers)
        losses = train_one_epoch(
            network_to_train,
            loader,
            partial(classifier_step, label_smoothing=config.label_smoothing),
            optimizer,
            schedule,
            scaler,
            ema,
            f"epoch {epoch + 1}/{config.epochs} at {size}",
        )
        held_out = HandCrops(validation, config.labels, size, augment=False)
        metrics = evaluate_classifier(
            ema.module, DataLoader(held_out, config.batch_size, num_workers=config.workers), config.labels
        )
        print(f"epoch {epoch + 1}: {losses}, top1 {metrics['top1']:.4f}, macro F1 {metrics['macro_f1']:.4f}")
        if metrics["macro_f1"] > best["macro_f1"]:
            best = metrics
            trained = provenance(start, epoch + 1, config.data, training)
            info = ModelInfo("classifier", ARCHITECTURE, config.labels, (size, size), metrics, trained)
            save_model(config.output, ema.module, info)
    return best
