"""Find a learning rate: the loss while the rate rises from nearly nothing until training falls apart.

    gesture-train lr-find classifier --data CROPS
    gesture-train lr-find detector --data FRAMES

The range test is Smith's (arXiv:1506.01186); the suggestion is fastai's "valley": the middle of the longest stretch
over which the loss keeps falling, without the first rates, which change it less than noise does, and the last ones.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import tyro
from torch.optim.lr_scheduler import LambdaLR
from tqdm import tqdm

from gesture_app.errors import InputError
from gesture_app.vision.atomic import write_file
from gesture_app.vision.runtimes import choose_device
from training.draws import Loading, load, seeded_share
from training.engine import set_training, train_step
from training.plots import learning_rate_search
from training.run import Epoch, Task, build_learner, free_layers
from training.train_classifier import ClassifierConfig
from training.train_detector import DetectorConfig

SMOOTHING = 0.9
FELL_APART = 4.0
"""So many times the least loss ends the search."""
FEWEST = 20
LAST_LEFT_OUT = 5


@dataclass(frozen=True, kw_only=True)
class LearningRateConfig:
    """Suggest a learning rate for a training, which takes the same options; nothing is trained."""

    program: (
        Annotated[ClassifierConfig, tyro.conf.subcommand("classifier", prefix_name=False)]
        | Annotated[DetectorConfig, tyro.conf.subcommand("detector", prefix_name=False)]
    )
    start: float = 1e-6
    """The first rate."""
    end: float = 1.0
    """The last rate, unless training falls apart before."""
    steps: int = 100
    """So many rates are tried at most."""
    plot: Path = Path("runs/learning-rate.png")
    """PNG of the loss over the rate."""


def find_learning_rate(config: LearningRateConfig) -> float:
    """Search, draw, print and return the suggestion.

    Raises:
        InputError: the options or the data cannot be used, or the loss falls nowhere.
        EnvironmentFault: the plot cannot be written.
    """
    if not 0 < config.start < config.end or config.steps < FEWEST:
        raise InputError(f"--start must be above 0 and below --end, and --steps at least {FEWEST}")
    task = config.program.task(choose_device(config.program.device))
    rates, losses = search(task, config.start, config.end, config.steps)
    suggested = valley(rates, losses)
    write_file(config.plot, learning_rate_search(rates, losses, suggested), "the plot")
    print(f"--learning-rate {suggested:.1e}   (plot: {config.plot})")
    return suggested


def search(task: Task, start: float, end: float, steps: int) -> tuple[list[float], list[float]]:
    """The rates of the last layers and the smoothed losses, on a copy of the model, as after any `freeze_epochs`."""
    config, (model, stages) = task.config, copy.deepcopy((task.model, task.stages))
    free_layers(stages, config.freeze == "backbone")
    learner = build_learner(model, stages, replace(config, learning_rate=start))
    learner.schedule = LambdaLR(learner.optimizer, lambda step: (end / start) ** (step / (steps - 1)))
    set_training(model, config.freeze_norm)
    rates: list[float] = []
    losses: list[float] = []
    mean = 0.0
    with tqdm(endless(task), "rates", steps, leave=False, disable=None) as bar:
        for work, batch in bar:
            rate = float(learner.optimizer.param_groups[-1]["lr"])
            loss = float(train_step(learner, batch, work.step)[0]["loss"])
            mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
            smooth = mean / (1 - SMOOTHING ** (len(rates) + 1))
            if not math.isfinite(smooth) or (len(losses) > FEWEST and smooth > FELL_APART * min(losses)):
                break
            rates.append(rate)
            losses.append(smooth)
            if len(rates) == steps:
                break
    return rates, losses


def endless(task: Task) -> Iterator[tuple[Epoch, Any]]:
    """The batches of the first epoch, with other views each time."""
    for again in range(1 << 30):
        work = task.epoch(0)
        draws = seeded_share(work.batches, task.config.seed, again)
        for batch in load(work.dataset, draws, work.collate, Loading(task.config.workers)):
            yield work, batch


def valley(rates: Sequence[float], losses: Sequence[float]) -> float:
    """The rate in the middle of the longest run of losses that fall, others left out, where they lie close together.

    The first tenth and the last five are not looked at.

    Raises:
        InputError: there is no run of three losses or more.
    """
    first = len(losses) // 10
    falling = losses[first:-LAST_LEFT_OUT]
    lengths: list[int] = []
    for i, loss in enumerate(falling):
        lengths.append(1 + max((lengths[j] for j in range(i) if falling[j] > loss), default=0))
    if max(lengths, default=0) < 3:
        raise InputError("lr-find: the loss falls at no rate. Look at the data, or search with other --start and --end")
    longest = max(lengths)
    return rates[first + lengths.index(longest) - longest // 2]
