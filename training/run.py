"""A training in progress: what learns, and how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import Dataset

from gesture_app.vision.model_info import ModelInfo
from training import distributed
from training.checkpoint import RunFolder, fingerprint, plain
from training.collection import Picture
from training.draws import Loading
from training.engine import LaunchedStep, Learner, MovingAverage, Step, autocast_dtype, grad_scaler
from training.optimization import build_optimizer, build_schedule, parameter_groups
from training.options import TrainingConfig

Model = TypeVar("Model", bound=nn.Module)

MOST_SIZES = 64
"""Of the input, that a training compiles; progressive sizes of up to a thousand pixels."""


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
        return {**plain(asdict(self.config)), "pictures": fingerprint(self.pictures)}


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


def placed(model: Model, device: torch.device, config: TrainingConfig, start: str) -> Model:
    """The model on the device, laid out as the options say; `start` tells where its weights come from."""
    if distributed.is_main():
        print(f"Training starts {start}.")
    model = model.to(device)
    if config.channels_last:
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model


def build_run(task: Task) -> Run:
    """Everything that learning needs, at the start of the first phase."""
    config = task.config
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
