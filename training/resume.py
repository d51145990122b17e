"""A training is saved and gone on with: its checkpoint, and whether it belongs to what is asked for."""

from __future__ import annotations

import time
from dataclasses import asdict, fields
from typing import Any

import torch

from gesture_app.errors import InputError
from training import distributed
from training.checkpoint import plain, random_state, set_random_state
from training.optimization import fuse_steps
from training.run import Progress, Run, all_finite, out_of_patience, start_phase

FREE_TO_CHANGE = {
    "resume", "save_minutes", "preflight", "overfit_check", "tensorboard", "device", "workers", "accumulate",
    "compile", "channels_last", "output", "patience", "sync_norm", "cache",
}  # fmt: skip
"""Options that a run may go on with differently."""


def refuse_unfinished(run: Run) -> None:
    """Do not write over a run that could be gone on with.

    Raises:
        InputError: there is one.
    """
    state = run.folder.load()
    if state is not None and not state["finished"] and state["progress"]["epoch"] + state["progress"]["batch"] > 0:
        raise InputError(
            f"{run.folder.path} holds an unfinished run (epoch {state['progress']['epoch'] + 1} of "
            f"{state['options'].get('epochs')}): go on with --resume, or name another --output, or delete the folder"
        )


class OtherRun(InputError):
    """The run that is to be gone on with was begun with other options.

    Attributes:
        finished: and it has come to its end.
        changed: these options; `pictures` where they are others.
    """

    def __init__(self, message: str, finished: bool, changed: frozenset[str]) -> None:
        super().__init__(message)
        self.finished = finished
        self.changed = changed


def state_to_resume(run: Run) -> dict[str, Any] | None:
    """The checkpoint to go on from; None to begin, where there is none.

    Raises:
        OtherRun: it was begun with other options, which are named, or on other pictures.
    """
    state = run.folder.load()
    if state is None:
        return None
    now = run.task.identity
    usual = plain({option.name: option.default for option in fields(run.config)})
    before = {**usual, **state["options"]}  # an earlier version knew fewer options, or others
    changed = frozenset(name for name in now.keys() - FREE_TO_CHANGE if before.get(name) != now[name])
    if changed:
        pictures = "pictures" in changed
        told = ["the pictures have changed"] if pictures else []
        told += [f"{n} was {before.get(n)!r}, is {now.get(n)!r}" for n in sorted(changed) if n != "pictures"]
        what = "it is finished, and " if state["finished"] else ""
        same = "the same pictures and options" if pictures else "the same options"
        advice = "another --output, perhaps with --init" if state["finished"] else f"{same}, or another --output"
        reason = f"cannot resume {run.folder.path}: {what}{', '.join(told)}. Give {advice}"
        raise OtherRun(reason, state["finished"], changed)
    return state


def save(run: Run, randomness: dict[str, Any] | None = None) -> None:
    """Write a checkpoint, with the random state of every process; weights that are not finite are never saved."""
    progress, learner = run.progress, run.learner
    if not all_finite(learner.model):
        return
    progress.sums = {name: float(value) for name, value in run.sums.items()}
    states = distributed.gathered([randomness or random_state()])
    run.saved_s = time.monotonic()
    if not distributed.is_main():
        return
    run.folder.save(
        {
            "options": run.task.identity,
            "finished": progress.epoch >= run.config.epochs or out_of_patience(run),
            "model": learner.model.state_dict(),
            "ema": learner.ema.state_dict(),
            "optimizer": learner.optimizer.state_dict(),
            "schedule": learner.schedule.state_dict(),
            "scaler": learner.scaler.state_dict(),
            "pieces": learner.pieces,
            "random": states,
            "progress": asdict(progress),
        }
    )


def restore(run: Run, state: dict[str, Any]) -> None:
    """Be where the checkpoint was taken.

    Raises:
        InputError: it is of another network.
    """
    learner, run.launched = run.learner, None
    run.progress = Progress(**{f.name: state["progress"][f.name] for f in fields(Progress)})
    try:
        learner.model.load_state_dict(state["model"])
        learner.ema.load_state_dict(state["ema"])
        start_phase(run)
        learner.optimizer.load_state_dict(state["optimizer"])
        fuse_steps(learner.optimizer)  # they were not in every checkpoint
        learner.schedule.load_state_dict(state["schedule"])
        learner.scaler.load_state_dict(state["scaler"])
    except (RuntimeError, ValueError, KeyError) as error:
        raise InputError(f"cannot resume {run.folder.path}: {str(error).splitlines()[0]}") from error
    learner.pieces = max(int(state["pieces"]), run.config.accumulate)
    run.sums = {
        name: torch.tensor(value, dtype=torch.float64, device=learner.device)
        for name, value in run.progress.sums.items()
    }
    if len(state["random"]) == distributed.world_size():
        set_random_state(state["random"][distributed.rank()])
    if distributed.is_main():
        place = f"Going on with epoch {run.progress.epoch + 1}, batch {run.progress.batch + 1}, of {run.folder.path}."
        print(f"The run in {run.folder.path} is finished." if state["finished"] else place)
