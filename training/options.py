"""The options of every training, and which of them cannot be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from gesture_app.errors import InputError
from gesture_app.vision.model_info import DeviceName, require_suffix
from training import distributed
from training.collection import canonical, mirror_images
from training.engine import Precision
from training.optimization import OptimizerName, ScheduleName

if TYPE_CHECKING:
    from training.run import Task

RANGES: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("epochs", "batch_size", "accumulate", "repeats"), (1, math.inf)),
    **dict.fromkeys(("calibration_frames", "calibration_crops", "compared_frames", "compared_crops"), (1, math.inf)),
    **dict.fromkeys(("freeze_epochs", "whole_epochs", "patience", "samples", "workers"), (0, math.inf)),
    **dict.fromkeys(("learning_rate", "weight_decay", "clip_norm", "save_minutes", "mixup"), (0, math.inf)),
    **dict.fromkeys(("ema_decay", "early_rate", "balance", "label_smoothing", "mosaic"), (0, 1)),
    **dict.fromkeys(("threshold", "min_score", "min_detection"), (0, 1)),
    **dict.fromkeys(("size", "start_size", "window", "input_hw"), (32, math.inf)),
    "seed": (0, 2**32 - 1),
    "seconds": (0.1, math.inf),
    "pictures": (4, math.inf),
}
"""The least and the largest value of options, in every command that has them."""
STRIDE = 32
"""Of the last features of both networks in their input."""


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """Options of every training."""

    output: Path
    """The weights that are kept; the info file and the run's folder go beside them."""
    init: Path | None = None
    """Start from these weights."""
    epochs: int = 8
    """How often training goes through its pictures."""
    batch_size: int = 64
    """Pictures a step; under torchrun of every process."""
    accumulate: int = 1
    """Work off a batch in so many pieces whose gradients are added up: less memory, nearly the same step (the
    detector and sides weigh pieces by their pictures)."""
    learning_rate: float = 2e-3
    """The largest one of the schedule, for the last layers; `gesture-train lr-find` suggests one."""
    weight_decay: float = 0.05
    """How strongly large weights are drawn to zero; biases and norms are left alone."""
    optimizer: OptimizerName = "adamw"
    """AdamW, or SGD with Nesterov's momentum of 0.9."""
    schedule: ScheduleName = "one-cycle"
    """How the learning rate goes: up and down (one-cycle), down as a cosine, or in steps to a tenth."""
    ema_decay: float = 0.998
    """Of the moving average of the weights, which is what is evaluated and kept."""
    clip_norm: float = 10.0
    """The largest norm of all gradients together; 0 does not clip."""
    freeze: Literal["nothing", "backbone"] = "nothing"
    """backbone: only the last layers learn, the network is a fixed extractor of features."""
    freeze_epochs: int = 0
    """So many first epochs train the last layers only; then all learn, on a new schedule."""
    early_rate: float = 1.0
    """The first layers learn at this share of the learning rate, those between in even ratios; 0.1 for fine-tuning."""
    freeze_norm: bool = False
    """Batch norms keep their statistics: for fine-tuning on few pictures or in small batches."""
    sync_norm: bool = True
    """Under torchrun on GPUs, batch norms see the batches of all processes."""
    initial_weight: float = 0.0
    """So much of the weights that are evaluated and kept is those of --init: 0.5 makes fine-tuning robust (WiSE-FT,
    arXiv:2109.01903)."""
    mirror: bool = True
    """Learn from mirror images too; not where that of a gesture is another one, as of point_left and point_right."""
    keep: Literal["best", "last"] = "best"
    """The epoch whose weights are kept; the last one where few pictures are held out and the best is luck."""
    patience: int = 0
    """Stop after so many epochs that were all worse than the best; 0 never does."""
    precision: Precision = "auto"
    """Of the forward pass; auto chooses by the device."""
    compile: bool = False
    """torch.compile the network: faster steps after a minute of compilation, for every size of its input."""
    channels_last: bool = True
    """Lay pictures out as the convolutions like them best."""
    resume: bool = False
    """Go on with the run of this --output, with the same options; begin it if there is none."""
    save_minutes: float = 10.0
    """Save the run so often within an epoch; it is always saved after one."""
    preflight: bool = True
    """Before the first epoch try one batch through loss, step and evaluation."""
    overfit_check: bool = False
    """Before the first epoch see whether eight pictures can be learnt by heart."""
    tensorboard: bool = False
    """Write the figures for TensorBoard too."""
    device: DeviceName = "auto"
    """auto, cpu or cuda; auto is a GPU where there is one."""
    workers: int = 2
    """Processes that read pictures; 0 reads them in this one."""
    seed: int = 0
    """Of everything that is drawn by chance."""

    def task(self, device: torch.device) -> Task:
        """The training that these options describe.

        Raises:
            InputError: the data, the options or the initial weights cannot be used.
        """
        raise NotImplementedError


def require_ranges(config: Any) -> None:
    """Refuse options that are out of their range; a default, which may mean something else, is none.

    Args:
        config: a dataclass.

    Raises:
        InputError: names the first one.
    """
    for option in fields(config):
        value = getattr(config, option.name)
        if option.name not in RANGES or value == option.default:
            continue
        low, high = RANGES[option.name]
        if not all(low <= number <= high and math.isfinite(number) for number in np.atleast_1d(value)):
            within = f"at least {low}" if math.isinf(high) else f"from {low} to {high}"
            raise InputError(f"--{option.name.replace('_', '-')} {value}: it is {within}")


def refuse_contradictions(config: TrainingConfig, labels: Sequence[str], side: int) -> None:
    """Refuse options that do not go together, before data is read; tell where mirror images are other gestures.

    Args:
        labels: the names that are to be learnt.
        side: the least of the input, in pixels.

    Raises:
        InputError: names them. One picture at a time is too little for batch norms that learn, where its last features
            are a single value a channel.
    """
    require_suffix(config.output)
    if len(set(map(canonical, labels))) < len(labels):
        raise InputError(f"--labels {' '.join(labels)}: a name comes twice")
    if not 0 <= config.initial_weight < 1 or (config.initial_weight and config.init is None):
        raise InputError(f"--initial-weight {config.initial_weight}: it is from 0 to below 1, and needs --init")
    if config.initial_weight and config.init is not None and config.init.resolve() == config.output.resolve():
        raise InputError(f"--output {config.output}: is --init, which --initial-weight needs to the end")
    if config.freeze == "backbone" and (config.freeze_epochs or config.early_rate != 1):
        given = "--freeze-epochs" if config.freeze_epochs else "--early-rate"
        raise InputError(f"{given}: --freeze backbone lets the last layers alone learn in every epoch. Leave one out")
    piece = -(-config.batch_size // config.accumulate)
    frozen = config.freeze_norm or config.freeze == "backbone"
    if side <= STRIDE and not frozen and (config.batch_size - 1) % piece == 0:
        given = f"--batch-size {config.batch_size} --accumulate {config.accumulate}"
        why = f"a single picture of {side} pixels is too little for batch norms"
        raise InputError(f"{given}: {why}. Give larger ones, or --freeze-norm")
    pairs = ", ".join(map(" and ".join, mirror_images(labels)))
    if config.mirror and pairs and distributed.is_main():
        print(f"By their names {pairs} are mirror images of each other: give --no-mirror to tell them apart.")
