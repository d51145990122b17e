"""Checks before the first epoch that stop a run which would come to nothing."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import torch

from gesture_app.errors import InputError
from training import distributed
from training.checkpoint import random_state, set_random_state
from training.draws import Loading, load, seeded_share
from training.engine import Learner, set_training, train_step
from training.optimization import build_schedule
from training.run import Run, build_learner

TRIED_PICTURES = 4
OVERFIT_PICTURES = 8
OVERFIT_STEPS = 60
OVERFIT_SHARE, OVERFIT_LOSS = 0.6, 0.6
"""Learnt by heart is a loss below this share of the first one, or below this figure where it began low."""


class PreflightFailed(InputError):
    """A run that cannot come to anything."""


def first_pictures(run: Run, count: int) -> Any:
    """The first so many drawn pictures as a batch, always the same, on this process alone."""
    work = run.task.epoch(run.progress.epoch)
    draws = seeded_share([work.batches[0][:count]], run.config.seed, 0)  # those of one batch have one shape
    (batch,) = load(work.dataset, draws, work.collate, Loading())
    return batch


def trial(run: Run) -> Learner:
    """A copy of which every layer learns, to try things on; the run's own weights stay as they are."""
    model = copy.deepcopy(run.learner.model).requires_grad_(True)
    learner = build_learner(model, [model], replace(run.config, optimizer="adamw", weight_decay=0.0, accumulate=1))
    learner.schedule = build_schedule("one-cycle", learner.optimizer, OVERFIT_STEPS)
    return learner


def preflight(run: Run) -> None:
    """Put a few pictures through loss, step and evaluation, on a copy; no random number is used up.

    Raises:
        PreflightFailed: the loss is not finite, or nothing in the network depends on it.
    """
    before, learner = random_state(), trial(run)
    set_training(learner.model, True)
    step = run.task.epoch(run.progress.epoch).step
    weights = [p.detach().clone() for p in learner.model.parameters()]
    losses, finite = train_step(learner, first_pictures(run, TRIED_PICTURES), step)
    told = ", ".join(f"{name} {float(value):.4g}" for name, value in losses.items())
    if not finite and not learner.scaler.is_enabled():
        raise PreflightFailed(
            f"preflight: the first pictures give a loss that is not finite ({told}). Look at the data"
        )
    if finite and all(torch.equal(old, new) for old, new in zip(weights, learner.model.parameters(), strict=True)):
        raise PreflightFailed(f"preflight: a step changes no weight ({told}). Check --learning-rate and --freeze")
    run.task.evaluate(learner.model, run.progress.epoch, TRIED_PICTURES)
    set_random_state(before)


def overfit_check(run: Run) -> None:
    """Learn eight pictures by heart, on a copy.

    Raises:
        PreflightFailed: the loss hardly falls, so that boxes, labels or options must be wrong.
    """
    before, learner = random_state(), trial(run)
    set_training(learner.model, True)
    step = run.task.epoch(run.progress.epoch).step
    batch, losses = first_pictures(run, OVERFIT_PICTURES), []
    for _ in range(OVERFIT_STEPS):
        set_random_state(before)  # the same views in every step
        losses.append(float(train_step(learner, batch, step)[0]["loss"]))
    set_random_state(before)
    first, last = losses[0], min(losses[-5:])
    if not last < max(OVERFIT_SHARE * first, OVERFIT_LOSS):
        raise PreflightFailed(
            f"overfit check: {OVERFIT_STEPS} steps on the same {OVERFIT_PICTURES} pictures took the loss from "
            f"{first:.3g} to {last:.3g} only. Check boxes and labels (gesture-train data) and --learning-rate"
        )
    if distributed.is_main():
        print(f"Overfit check: {OVERFIT_STEPS} steps on {OVERFIT_PICTURES} pictures, loss {first:.3g} -> {last:.3g}.")
