"""Train the hand detector.

    gesture-train detector --data FRAMES [MORE ...] --crops CROPS --backgrounds ROOMS --output runs/detector.safetensors
    torchrun --nproc-per-node 4 -m training detector --data ... (the same options)

Frames are in any layout with boxes: HaGRID, COCO or YOLO. Crops of hands and pictures without people, where given,
become further frames.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gesture_app.errors import InputError
from gesture_app.vision.model_info import ModelInfo, load_model
from gesture_app.vision.yolox import SIZES, YOLOX, build_yolox, load_matching
from training import distributed
from training.batch_augment import FRAME_CHANGES, RandomChanges
from training.checkpoint import provenance
from training.collection import Picture, canonical, picture_files
from training.datasets import (
    FrameVariation,
    HandFrames,
    collate_frames,
    frames_for,
    is_background,
    left_out,
)
from training.draws import same_shape_batches
from training.evaluate import AP_BY_SIZE, SCORES, evaluate_detector
from training.losses import detector_loss
from training.mosaic import Mosaic
from training.options import TrainingConfig, refuse_contradictions
from training.picture_store import PictureStore
from training.run import Epoch, Task, placed
from training.sets import read_all, read_parts, require_classes

HAND = ("hand",)
STORED_SIDES = 2
"""Pictures are shrunk to so many times the longer side of the input: windows show hands up to 1.8 times larger."""


@dataclass(frozen=True, kw_only=True)
class DetectorConfig(TrainingConfig):
    """Train the hand detector."""

    data: tuple[Path, ...]
    """Folders of frames in any layout with boxes: HaGRID, COCO or YOLO."""
    boxes: Path | None = None
    """JSON of boxes for frames that have none: uuid -> [{"bbox": [x, y, w, h]}]."""
    splits: Path | None = None
    """Exactly these pictures in these splits: a list that an earlier run wrote as `splits.csv`."""
    cache: Path | None = None
    """Folder for the pictures, decoded and shrunk once: faster epochs, about 1 MB a picture."""
    crops: tuple[Path, ...] = ()
    """Class folders of hand crops, to be pasted into frames and backgrounds."""
    backgrounds: Path | None = None
    """Folder of pictures without people, in it or in folders below."""
    hard_classes: tuple[str, ...] = ()
    """Gestures that are found badly: their frames come twice an epoch, their crops are pasted three times as often."""
    labels: tuple[str, ...] = HAND
    """The single class `hand`, which learns from every box; or names of gestures, one class each: frames with a hand by
    any other name are left out."""
    yolox: str = "tiny"
    """Size: nano, tiny, s, m, l or x."""
    output: Path = Path("runs/detector.safetensors")
    """The best weights by AP50 on the validation split; the info file and the run's folder go beside it."""
    init: Path | None = None
    """Start from these weights: ours (.safetensors), or a YOLOX release's (.pth)."""
    input_hw: tuple[int, int] = (288, 384)
    """Height and width, multiples of 32; upright frames take it on end."""
    window: int = 192
    """Side of the squares around hands, at many scales, that all but the last epochs train on; a multiple of 32."""
    epochs: int = 30
    """How often training goes through its frames."""
    whole_epochs: int = 4
    """The last epochs train on whole frames and add the L1 loss."""
    repeats: int = 1
    """Every frame comes so often an epoch: longer epochs, where frames are few and steps are fast."""
    batch_size: int = 8
    """Frames a step; under torchrun of every process."""
    learning_rate: float = 1e-3
    """The largest one of the schedule, for the head; `gesture-train lr-find` suggests one."""
    mosaic: float = 0.0
    """Share of the training frames that become four frames, smaller and side by side."""

    def task(self, device: torch.device) -> Task:
        """The training that these options describe, see `build`."""
        return build(self, device)


def detector_step(
    model: nn.Module, batch: Any, l1_weight: float, recolour: Callable[[Tensor], Tensor] | None = None
) -> dict[str, Tensor]:
    """The loss of a batch as `collate_frames` makes it, its colours changed before where `recolour` says how."""
    device = next(model.parameters()).device
    images, boxes, classes = (part.to(device, non_blocking=True) for part in batch)
    raw = model(images if recolour is None else recolour(images))
    size_hw = (images.shape[2], images.shape[3])
    with torch.autocast(device.type, enabled=False):
        return detector_loss(raw, boxes, classes, size_hw, l1_weight, distributed.mean_of_all)


def initial_detector(config: DetectorConfig) -> tuple[YOLOX, str]:
    """The network to train, and one sentence on where its weights come from.

    Raises:
        InputError: the initial weights cannot be read or do not fit.
    """
    model = build_yolox(config.yolox, len(config.labels))
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


def names_to_read(labels: tuple[str, ...]) -> tuple[str, ...] | None:
    """The names of hands to be read for a detector of these labels; None, for the single class, takes any."""
    return None if labels == HAND else labels


def build_frames(
    config: DetectorConfig,
    pictures: tuple[list[Picture], list[Picture]] | None = None,
    recolour: Callable[[Tensor], Tensor] | None = None,
) -> tuple[HandFrames, HandFrames]:
    """Training and validation frames. Only frames whose boxes were all drawn by people are validated on.

    Args:
        pictures: for training and validation; by default what `config.data` holds.
        recolour: changes the colours of single training frames, see `FrameVariation`.

    Raises:
        InputError: frames, crops or backgrounds cannot be read or are none, a class has no hand, or a hard class is no
            gesture.
    """
    gestures = names_to_read(config.labels)
    training, validation, beside = (
        (*pictures, [])
        if pictures
        else read_parts(config.data, gestures, ("train", "val", None), config.boxes, config.splits)
    )
    crops = read_all(config.crops, gestures, "train", beside=beside)
    crops = [p for p in crops if p.is_crop and not is_background(p)]
    backgrounds = list(picture_files([config.backgrounds], below=True)) if config.backgrounds else []
    if config.backgrounds and not backgrounds:
        raise InputError(f"no picture: {config.backgrounds}: --backgrounds is a folder of pictures without people")
    true = [p for p in validation if p.true_boxes]
    found = sum(not p.is_crop for p in (*training, *true))
    training, true = frames_for(config.labels, training), frames_for(config.labels, true)
    told = f"{len(training)} training frames, {len(true)} validation frames"
    if left := left_out(config.labels, found - len(training) - len(true)):
        told += f" ({left})"
    if training and not true and (unsure := sum(not (p.is_crop or p.true_boxes) for p in validation)):
        why = f"{unsure} held-out pictures have boxes that a program found, which cannot tell how good a detector is"
        mark = "mark yours with a column `boxes` (`true`) in index.csv"
        raise InputError(f"{told}: {why}. Add a set with drawn boxes, or {mark}")
    if not training or not true:
        raise InputError(
            f"{told}: both are needed. Add data" + (", or names to --labels" if left and config.labels != HAND else "")
        )
    names = sorted({name for p in (*training, *crops) for name in p.labels if name})
    for wanted in config.hard_classes:
        if canonical(wanted) not in map(canonical, names):
            raise InputError(f"--hard-classes {wanted}: no such gesture. The names are {', '.join(names)}")
    hard_classes = [name for name in names if canonical(name) in map(canonical, config.hard_classes)]
    if config.labels != HAND:
        require_classes([*training, *crops], config.labels)
    if distributed.is_main():
        print(told)
    paths = [*(p.path for p in (*training, *true, *crops)), *backgrounds]
    store = PictureStore(paths, config.cache, STORED_SIDES * max(config.input_hw), config.workers)
    variation = FrameVariation(crops, backgrounds, hard_classes, recolour=recolour, mirror=config.mirror)
    training = [*training, *(p for p in training if set(p.labels) & set(hard_classes))]
    frames = HandFrames(training, config.labels, config.input_hw, variation, store)
    return frames, HandFrames(true, config.labels, config.input_hw, store=store)


def stages(model: nn.Module) -> list[nn.Module]:
    """The detector's parts from its input to its output, for rates and freezing."""
    pyramid: Any = model.backbone
    joining = [child for name, child in pyramid.named_children() if name != "backbone"]
    return [pyramid.backbone, nn.ModuleList(joining), model.head]  # type: ignore[list-item]


def build(
    config: DetectorConfig, device: torch.device, pictures: tuple[list[Picture], list[Picture]] | None = None
) -> Task:
    """The training as a task.

    Args:
        pictures: frames for training and validation; by default what `config.data` holds.

    Raises:
        InputError: the data, the options or the initial weights cannot be used.
    """
    if config.yolox not in SIZES or any(side % 32 for side in (*config.input_hw, config.window)):
        raise InputError(f"--yolox is one of {', '.join(SIZES)}; the sides of input and window are multiples of 32")
    if len(config.labels) == 1 and config.labels != HAND:
        raise InputError(f"--labels {config.labels[0]}: a single class is `hand`. Name two gestures or more")
    refuse_contradictions(config, config.labels, min(*config.input_hw, config.window))
    torch.manual_seed(config.seed)
    recolour, in_batches = RandomChanges(FRAME_CHANGES), device.type == "cuda"
    if config.compile and in_batches:
        recolour.compile()
    # In the loading processes recolouring is most of the work: a GPU does it with whole batches.
    frames, held_out = build_frames(config, pictures, None if in_batches else recolour)
    model, start = initial_detector(config)
    model = placed(model, device, config, start)
    batch_size = config.batch_size * distributed.world_size()
    collate = partial(collate_frames, channels_last=config.channels_last)

    def epoch(number: int) -> Epoch:
        whole = number >= config.epochs - config.whole_epochs
        frames.window = None if whole else config.window
        batches = same_shape_batches(frames.upright, batch_size, (config.seed, number), config.repeats)
        dataset = Mosaic(frames, frames.upright, config.mosaic) if config.mosaic > 0 else frames
        step = partial(detector_step, l1_weight=float(whole), recolour=recolour if in_batches else None)
        return Epoch(dataset, batches, step, f"on {'whole frames' if whole else 'windows'}", collate)

    def evaluate(averaged: nn.Module, _number: int, most: int | None) -> dict[str, Any]:
        metrics = evaluate_detector(averaged, held_out, most=most, workers=config.workers if most is None else 0)
        return {name: value for name, value in metrics.items() if name not in AP_BY_SIZE}  # the store shrinks frames

    def info(number: int, metrics: dict[str, Any]) -> ModelInfo:
        trained = provenance(start, number, config.data, frames.pictures)
        described = ModelInfo("detector", f"yolox-{config.yolox}", config.labels, config.input_hw, metrics, trained)
        return replace(described, mirror=config.mirror)

    used = (*frames.pictures, *held_out.pictures)
    score = SCORES["detector"][0]
    return Task(config, model, stages(model), epoch, evaluate, score, info, used)
