"""A training in progress: its options, what learns, and how far it is."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import Dataset

from gesture_app.errors import InputError
from gesture_app.vision.model_info import DeviceName, ModelInfo, require_suffix
from training import distributed
from training.checkpoint import RunFolder, fingerprint, options_of
from training.collection import Picture, mirror_images
from training.draws import Loading
from training.engine import LaunchedStep, Learner, MovingAverage, Precision, Step, autocast_dtype, grad_scaler
from training.optimization import (
    OptimizerName,
    ScheduleName,
    build_optimizer,
    build_schedule,
    parameter_groups,
)

Model = TypeVar("Model", bound=nn.Module)

RANGES: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("epochs", "batch_size", "accumulate", "repeats"), (1, math.inf)),
    **dict.fromkeys(("freeze_epochs", "whole_epochs", "patience", "samples", "workers"), (0, math.inf)),
    **dict.fromkeys(("learning_rate", "weight_decay", "clip_norm", "save_minutes", "mixup"), (0, math.inf)),
    **dict.fromkeys(("ema_decay", "early_rate", "balance", "label_smoothing", "mosaic", "threshold"), (0, 1)),
    **dict.fromkeys(("size", "start_size", "window", "input_hw"), (32, math.inf)),
    "seed": (0, 2**32 - 1),
    "seconds": (0.1, math.inf),
}
"""The least and the largest value of options, in every command that has them."""
STRIDE = 32
"""Of the last features of both networks in their input."""
MOST_SIZES = 64
"""Of the input, that a training compiles; progressive sizes of up to a thousand pixels."""


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


@dataclass(frozen=True)
class Epoch:
    """The work of one epoch.

    Attributes:
        batches: the items of each batch, of all processes together; the same at every call.
        step: the losses of a batch.
        title: for the progress bar.
        collate: items to a batch.
    """

    dataset: Dataset[Any]
    batches: list[list[int]]
    step: Step
    title: str
    collate: Callable[[Any], Any]


@dataclass(frozen=True)
class Task:
    """What distinguishes one training from another.

    Attributes:
        config: all its options.
        model: on the device, with the weights to start from.
        stages: its parts from input to output; the last one is what learns while the rest is frozen.
        epoch: the work of the epoch with this number, from 0 on.
        evaluate: (model, epoch, most items or None) -> metrics on the validation split.
        score: the metric that decides which epoch is best.
        info: (epoch, metrics) -> what is written beside the weights.
        pictures: for training and validation, to be listed in the run's folder.
    """

    config: TrainingConfig
    model: nn.Module
    stages: list[nn.Module]
    epoch: Callable[[int], Epoch]
    evaluate: Callable[[nn.Module, int, int | None], dict[str, Any]]
    score: str
    info: Callable[[int, dict[str, Any]], ModelInfo]
    pictures: Sequence[Picture] = ()

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What tells a run from others: its options and pictures, as plain data."""
        return {**options_of(self.config), "pictures": fingerprint(self.pictures)}


@dataclass
class Progress:
    """How far a run has come; all of it is in every checkpoint.

    Attributes:
        epoch, batch: the next batch to learn from.
        best: metrics of the best epoch; empty before the first.
        best_epoch: its number, from 1 on.
        kept: metrics of the weights that are kept.
        rows: the figures of every epoch so far.
        sums: of the losses in this epoch so far.
        taken, skipped: steps in this epoch; bad_in_a_row: skipped ones since the last good one.
        reloads: how often the rates were halved because steps were not finite.
        seconds: spent in this epoch so far.
    """

    epoch: int = 0
    batch: int = 0
    best: dict[str, Any] = field(default_factory=dict)
    best_epoch: int = 0
    kept: dict[str, Any] = field(default_factory=dict)
    rows: list[dict[str, float]] = field(default_factory=list)
    sums: dict[str, float] = field(default_factory=dict)
    taken: int = 0
    skipped: int = 0
    bad_in_a_row: int = 0
    reloads: int = 0
    seconds: float = 0.0

    def begin_next_epoch(self) -> None:
        """Go on to the first batch of the next epoch, in which nothing is counted yet."""
        self.epoch, self.batch = self.epoch + 1, 0
        self.taken, self.skipped, self.seconds, self.sums = 0, 0, 0.0, {}

    def means(self) -> dict[str, float]:
        """The mean of every loss over the steps taken, and the number of those that were not."""
        return {**{name: total / self.taken for name, total in self.sums.items()}, "skipped_steps": float(self.skipped)}


@dataclass
class Run:
    """A task being trained: what learns, how far it is, where it is saved.

    Attributes:
        initial: the weights to be mixed into the result; None where they have no weight in it.
        launched: the step that is not counted yet.
    """

    task: Task
    learner: Learner
    progress: Progress
    folder: RunFolder
    loading: Loading
    initial: nn.Module | None = None
    launched: LaunchedStep | None = None
    sums: dict[str, Tensor] = field(default_factory=dict)
    saved_s: float = field(default_factory=time.monotonic)

    @property
    def config(self) -> TrainingConfig:
        """The options of the task."""
        return self.task.config

    def phase(self) -> tuple[int, int]:
        """The first epoch of the phase (frozen, or not) that the run is in, and the first after it."""
        frozen = min(self.config.freeze_epochs, self.config.epochs)
        return (0, frozen) if self.progress.epoch < frozen else (frozen, self.config.epochs)

    def result(self) -> nn.Module:
        """What is evaluated and kept: the moving average of the weights, with the initial ones' part in it."""
        averaged: nn.Module = self.learner.ema.module
        if self.initial is None:
            return averaged
        mixed, initial = deepcopy(averaged), self.initial.state_dict()
        for name, value in mixed.state_dict().items():
            if value.is_floating_point():
                value.lerp_(initial[name], self.config.initial_weight)
        return mixed


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


def placed(model: Model, device: torch.device, config: TrainingConfig, start: str) -> Model:
    """The model on the device, laid out as the options say; `start` tells where its weights come from."""
    if distributed.is_main():
        print(f"Training starts {start}.")
    model = model.to(device)
    if config.channels_last:
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model


def hint_at_mirror_images(config: TrainingConfig, labels: Sequence[str]) -> None:
    """Tell where names say that the mirror image of a gesture, of which it is to be learnt too, is another one."""
    pairs = ", ".join(map(" and ".join, mirror_images(labels)))
    if config.mirror and pairs and distributed.is_main():
        print(f"By their names {pairs} are mirror images of each other: give --no-mirror to tell them apart.")


def refuse_single_values(config: TrainingConfig, side: int) -> None:
    """Refuse batches, or pieces of them, of which a batch norm would see a single value a channel.

    Args:
        side: the least of the input, in pixels.

    Raises:
        InputError: one picture at a time is too little for norms that learn.
    """
    piece = -(-config.batch_size // config.accumulate)
    frozen = config.freeze_norm or config.freeze == "backbone"
    if side <= STRIDE and not frozen and (config.batch_size - 1) % piece == 0:
        given = f"--batch-size {config.batch_size} --accumulate {config.accumulate}"
        why = f"a single picture of {side} pixels is too little for batch norms"
        raise InputError(f"{given}: {why}. Give larger ones, or --freeze-norm")


def build_run(task: Task) -> Run:
    """Everything that learning needs, at the start of the first phase.

    Raises:
        InputError: the options do not go together.
    """
    config = task.config
    if not 0 <= config.initial_weight < 1 or (config.initial_weight and config.init is None):
        raise InputError(f"--initial-weight {config.initial_weight}: it is from 0 to below 1, and needs --init")
    if config.freeze == "backbone" and (config.freeze_epochs or config.early_rate != 1):
        given = "--freeze-epochs" if config.freeze_epochs else "--early-rate"
        raise InputError(f"{given}: --freeze backbone lets the last layers alone learn in every epoch. Leave one out")
    require_suffix(config.output)
    if config.initial_weight and config.init is not None and config.init.resolve() == config.output.resolve():
        raise InputError(f"--output {config.output}: is --init, which --initial-weight needs to the end")
    device = next(task.model.parameters()).device
    if distributed.active() and config.sync_norm and device.type == "cuda":
        nn.SyncBatchNorm.convert_sync_batchnorm(task.model)  # type: ignore[no-untyped-call]
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")
    learner = build_learner(task.model, task.stages, config)
    run = Run(task, learner, Progress(), RunFolder(config.output), Loading(config.workers, device.type == "cuda"))
    if config.initial_weight:
        run.initial = deepcopy(task.model).requires_grad_(False)
    start_phase(run)
    return run


def build_learner(model: nn.Module, stages: list[nn.Module], config: TrainingConfig) -> Learner:
    """What learns, on the device of the model, at the same rate until it is given a schedule."""
    device = next(model.parameters()).device
    dtype = autocast_dtype(device, config.precision)
    groups = parameter_groups(stages, config.learning_rate, config.weight_decay, config.early_rate)
    optimizer = build_optimizer(config.optimizer, groups)
    return Learner(
        model,
        model,
        MovingAverage(model, config.ema_decay),
        optimizer,
        LambdaLR(optimizer, lambda step: 1.0),
        grad_scaler(device, dtype),
        dtype,
        config.clip_norm,
        config.accumulate,
    )


def start_phase(run: Run) -> None:
    """Freeze or free the layers of this phase, and begin its schedule."""
    first, end = run.phase()
    head_only = run.config.freeze == "backbone" or run.progress.epoch < run.config.freeze_epochs
    free_layers(run.task.stages, head_only)
    network = compiled(run.learner.model) if run.config.compile else run.learner.model
    run.learner.network = distributed.wrap(network, run.learner.device)  # type: ignore[arg-type]
    steps = (end - first) * len(run.task.epoch(run.progress.epoch).batches)
    run.learner.schedule = build_schedule(run.config.schedule, run.learner.optimizer, steps)


def free_layers(stages: Sequence[nn.Module], head_only: bool) -> None:
    """Let all layers learn, or only those of the last stage."""
    for number, stage in enumerate(stages):
        stage.requires_grad_(not head_only or number == len(stages) - 1)


def compiled(model: nn.Module) -> nn.Module:
    """The model, compiled anew for every size of its input, however many a training has.

    PyTorch gives up after eight, without an error, and goes on as if nothing were compiled.
    """
    from torch._dynamo import config

    limit = "recompile_limit" if hasattr(config, "recompile_limit") else "cache_size_limit"  # until PyTorch 2.6
    setattr(config, limit, MOST_SIZES)
    return cast("nn.Module", torch.compile(model, dynamic=False))


def out_of_patience(run: Run) -> bool:
    """Whether the result has not become better for too many epochs."""
    patience, progress = run.config.patience, run.progress
    return patience > 0 and progress.best_epoch > 0 and progress.epoch - progress.best_epoch >= patience


def all_finite(model: nn.Module) -> bool:
    """Whether no weight and no statistic is NaN or infinite."""
    return all(bool(v.isfinite().all()) for v in model.state_dict().values() if v.is_floating_point())
