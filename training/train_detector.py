"""Train the hand detector.

    gesture-train detector --data FRAMES [MORE ...] --crops CROPS --backgrounds ROOMS --output runs/detector.safetensors

Frames are in a HaGRID layout. Crops of hands and pictures without people, where given, become further frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from gesture_app.errors import InputError
from gesture_app.vision.labels import HAGRID_LABELS
from gesture_app.vision.model_info import ModelInfo, load_model, save_model
from gesture_app.vision.runtimes import choose_device
from gesture_app.vision.yolox import SIZES, YOLOX, build_yolox, load_matching
from training.checkpoint import provenance
from training.datasets import HandFrames, Pasting, SameShapeBatches, collate_frames
from training.engine import (
    ema_model,
    grad_scaler,
    one_cycle,
    parameter_groups,
    train_one_epoch,
)
from training.evaluate import evaluate_detector
from training.hagrid import picture_files, read_all
from training.losses import detector_loss

HAND = ("hand",)


@dataclass(frozen=True)
class DetectorConfig:
    """Train the hand detector."""

    data: tuple[Path, ...]
    """Folders of frames in a HaGRID layout."""
    boxes: Path | None = None
    """JSON of boxes for frames that have none: uuid -> [{"bbox": [x, y, w, h]}]."""
    crops: tuple[Path, ...] = ()
    """Class folders of hand crops, to be pasted into frames and backgrounds."""
    backgrounds: Path | None = None
    """Folder of pictures without people."""
    gestures: bool = False
    """One class a gesture instead of the single class `hand`."""
    yolox: str = "tiny"
    """Size: nano, tiny, s, m, l or x."""
    output: Path = Path("runs/detector.safetensors")
    """The best weights by AP50 on the validation split; the info file goes beside it."""
    init: Path | None = None
    """Start from these weights: ours (.safetensors), or a YOLOX release's (.pth)."""
    input_hw: tuple[int, int] = (288, 384)
    """Height and width, multiples of 32; upright frames take it on end."""
    window: int = 192
    """Side of the squares around hands, at many scales, that all but the last epochs train on; a multiple of 32."""
    epochs: int = 30
    whole_epochs: int = 4
    """The last epochs train on whole frames and add the L1 loss."""
    batch_size: int = 8
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    device: str = "auto"
    workers: int = 2
    seed: int = 0


def detector_step(model: nn.Module, batch: Any, l1_weight: float) -> dict[str, Tensor]:
    """The loss of a batch as `collate_frames` makes it."""
    images, boxes, classes = batch
    device = next(model.parameters()).device
    raw = model(images.to(device, non_blocking=True))
    size_hw = (images.shape[2], images.shape[3])
    with torch.autocast(device.type, enabled=False):
        return detector_loss(raw, [b.to(device) for b in boxes], [c.to(device) for c in classes], size_hw, l1_weight)


def initial_detector(config: DetectorConfig, labels: tuple[str, ...]) -> tuple[YOLOX, str]:
    """The network to train, and one sentence on where its weights come from.

    Raises:
        InputError: the initial weights cannot be read or do not fit.
    """
    model = build_yolox(config.yolox, len(labels))
    if config.init is None:
        return model, "from scratch"
    if config.init.suffix == ".safetensors":
        state = load_model(config.init, "detector")[0].state_dict()
    else:
        state = read_release(config.init)
    try:
        skipped = load_matching(model, state)
    except ValueError as error:
        raise InputError(f"cannot start from {config.init}: {error}") from error
    return model, f"from {config.init.name}" + (", with new class layers" if skipped else "")


def read_release(path: Path) -> dict[str, Tensor]:
    """The state dict in a YOLOX release's .pth file, without running anything in it.

    Raises:
        InputError: it cannot be read, or holds something else.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        state = content.get("model", content)
        if not all(isinstance(value, Tensor) for value in state.values()):
            raise ValueError("no state dict")
    except Exception as error:  # torch.load raises anything from KeyError to UnpicklingError
        raise InputError(f"cannot start from {path}: not a PyTorch checkpoint of plain tensors") from error
    return dict(state)


def build_frames(
    config: DetectorConfig, labels: tuple[str, ...], shape: tuple[int, int]
) -> tuple[HandFrames, HandFrames]:
    """Training and validation frames. Only frames whose boxes were all drawn by people are validated on."""
    training = read_all(config.data, HAGRID_LABELS, "train", config.boxes)
    validation = [p for p in read_all(config.data, HAGRID_LABELS, "val") if p.true_boxes]
    crops = [p for p in read_all(config.crops, HAGRID_LABELS, "train") if p.is_crop]
    backgrounds = list(picture_files([config.backgrounds])) if config.backgrounds else []
    pasting = Pasting(crops, backgrounds)
    frames = HandFrames(training, labels, shape, augment=True, pasting=pasting)
    held_out = HandFrames(validation, labels, shape, augment=False)
    if not len(frames) or not len(held_out):
        raise InputError(f"{len(frames)} training and {len(held_out)} validation frames: both are needed. Add data")
    return frames, held_out


def train(config: DetectorConfig) -> dict[str, Any]:
    """Train, keep the best weights, return their metrics.

    Raises:
        InputError: the data, the options or the initial weights cannot be used.
    """
    if config.yolox not in SIZES or any(side % 32 for side in (*config.input_hw, config.window)):
        raise InputError(f"--yolox is one of {', '.join(SIZES)}; the sides of input and window are multiples of 32")
    torch.manual_seed(config.seed)
    device = choose_device(config.device)
    labels = HAGRID_LABELS if config.gestures else HAND
    frames, held_out = build_frames(config, labels, config.input_hw)
    model, start = initial_detector(config, labels)
    print(f"Training starts {start}.")
    model = model.to(device).to(memory_format=torch.channels_last)
    ema = ema_model(model)
    batches = SameShapeBatches(frames.upright, config.batch_size, config.seed)
    optimizer = torch.optim.AdamW(parameter_groups(model, config.weight_decay), lr=config.learning_rate)
    schedule = one_cycle(optimizer, config.learning_rate, config.epochs * len(batches))
    scaler = grad_scaler(device)
    best: dict[str, Any] = {"ap50": -1.0}
    for epoch in range(config.epochs):
        whole = epoch >= config.epochs - config.whole_epochs
        frames.window = None if whole else config.window
        losses = train_one_epoch(
            model,
            DataLoader(frames, batch_sampler=batches, collate_fn=collate_frames, num_workers=config.workers),
            partial(detector_step, l1_weight=float(whole)),
            optimizer,
            schedule,
            scaler,
            ema,
            f"epoch {epoch + 1}/{config.epochs} on {'whole frames' if whole else 'windows'}",
        )
        metrics = evaluate_detector(ema.module, held_out)
        print(f"epoch {epoch + 1}: {losses}, AP50 {metrics['ap50']:.4f}, mAP {metrics['map']:.4f}")
        if metrics["ap50"] > best["ap50"]:
            best = metrics
            trained = provenance(start, epoch + 1, config.data, frames.pictures)
            info = ModelInfo("detector", f"yolox-{config.yolox}", labels, config.input_hw, metrics, trained)
            save_model(config.output, ema.module, info)
    return best
