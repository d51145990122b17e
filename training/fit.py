"""A whole training: epochs, what goes wrong and how it goes on. Both programs come through here."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from tqdm import tqdm

from gesture_app.errors import EnvironmentFault, InputError
from gesture_app.vision.atomic import write_file
from gesture_app.vision.model_info import save_model
from training import distributed
from training.checkpoint import random_state
from training.draws import load, seeded_share, uploaded
from training.engine import LaunchedStep, Step, grad_scaler, launch_step, set_training
from training.journal import TensorBoard, write_journal
from training.optimization import halve_rates
from training.preflight import overfit_check, preflight
from training.resume import refuse_unfinished, restore, save, state_to_resume
from training.run import (
    Run,
    Task,
    all_finite,
    build_run,
    out_of_patience,
    start_phase,
)
from training.signals import StopSignal
from training.splits import write_splits

BAD_STEPS = 50
"""So many steps in a row that are not finite are no accident."""


MAX_RELOADS = 3


MAX_HALVINGS = 3


class Diverged(InputError):
    """The losses or weights are no longer finite, and half the learning rate, three times, did not help."""


class NotFinite(Exception):
    """Many steps in a row, or the weights, are not finite."""


def fit(
    task: Task,
    on_epoch: Callable[[dict[str, float]], None] | None = None,
    stop: StopSignal | None = None,
) -> dict[str, Any]:
    """Train, keep the best or the last weights in the task's `output` and the run beside it, return their metrics.

    Args:
        on_epoch: receives the figures of every epoch.
        stop: open already, best since before PyTorch started its threads; by default one is opened here.

    Raises:
        InputError: the data, the options or the run to go on with cannot be used.
        EnvironmentFault: disk or memory is full, or a process that loads pictures died.
        Diverged: training is not stable at any of four learning rates.
        KeyboardInterrupt, Terminated: after a signal; the run is saved.
    """
    run, config = build_run(task), task.config
    if distributed.rank():  # the same network everywhere, but each process varies its pictures in its own way
        torch.manual_seed(config.seed + distributed.rank())
    with ExitStack() as stack:
        if distributed.is_main():
            stack.enter_context(run.folder.locked())
        state = state_to_resume(run) if config.resume else None
        if not config.resume:
            refuse_unfinished(run)
        board = TensorBoard(run.folder.path) if config.tensorboard and distributed.is_main() else None
        stop = stop or stack.enter_context(StopSignal())
        stack.enter_context(clear_faults(run))
        if state is not None:
            restore(run, state)
        else:
            begin(run)
        while run.progress.epoch < config.epochs and not out_of_patience(run):
            try:
                with stop.deferred():
                    train_epoch(run, stop)
                metrics = evaluate_epoch(run)
            except NotFinite as error:
                go_back(run, error)
                continue
            with stop.deferred():
                row = complete_epoch(run, metrics)
            if distributed.is_main():
                write_journal(run.folder.path, run.progress.rows)
                print(describe(row, run.progress.epoch == run.progress.best_epoch))
                if board is not None:
                    board.add(row)
                if on_epoch is not None:
                    on_epoch(row)
    return run.progress.kept


def begin(run: Run) -> None:
    """Checks before the first epoch; the first checkpoint is the one to go back to."""
    if run.config.preflight:
        preflight(run)
    if run.config.overfit_check:
        overfit_check(run)
    if distributed.is_main():
        write_options(run)
        if run.task.pictures:
            write_splits(run.folder.path / "splits.csv", run.task.pictures)
    save(run)


def write_options(run: Run) -> None:
    """Write down for people what the run was begun with: every option, and what `auto` came to."""
    learner = run.learner
    on = torch.cuda.get_device_name(learner.device) if learner.device.type == "cuda" else learner.device.type
    told = {"device": on, "precision": str(learner.dtype).removeprefix("torch."), "options": run.task.identity}
    write_file(run.folder.path / "options.json", (json.dumps(told, indent=2) + "\n").encode(), "the options")


def train_epoch(run: Run, stop: StopSignal) -> None:
    """Learn from the batches of this epoch that are left."""
    progress, config = run.progress, run.config
    if progress.epoch == config.freeze_epochs > 0 and progress.batch == 0:
        start_phase(run)
    work = run.task.epoch(progress.epoch)
    shares = seeded_share(work.batches, config.seed, progress.epoch, distributed.rank(), distributed.world_size())
    set_training(run.learner.model, config.freeze_norm)
    before_s, start_s = progress.seconds, time.monotonic()
    title = f"epoch {progress.epoch + 1}/{config.epochs} {work.title}".strip()
    hidden = True if not distributed.is_main() else None
    batches = load(work.dataset, shares[progress.batch :], work.collate, run.loading)
    with tqdm(
        uploaded(batches, run.learner.device), title, len(shares), initial=progress.batch, leave=False, disable=hidden
    ) as bar:
        for batch in bar:
            launched = step_within_memory(run, batch, work.step)
            settle(run)
            run.launched = launched
            progress.batch += 1
            progress.seconds = before_s + time.monotonic() - start_s
            if progress.batch % 20 == 0 and progress.taken:
                rate = run.learner.optimizer.param_groups[-1]["lr"]
                bar.set_postfix(loss=f"{float(run.sums['loss']) / progress.taken:.3f}", lr=f"{rate:.1e}", refresh=False)
            save_if_asked(run, stop)
    settle(run)
    save_if_asked(run, stop)  # by a signal that came while the loading processes ended


def save_if_asked(run: Run, stop: StopSignal) -> None:
    """Save the run where it is time to, or where a signal asks for that, which then ends it.

    Raises:
        KeyboardInterrupt, Terminated: after a signal.
    """
    progress = run.progress
    late = time.monotonic() - run.saved_s > run.config.save_minutes * 60 and progress.bad_in_a_row == 0
    asked = distributed.largest(2 * stop.number + late, run.learner.device)  # one question for both
    if asked:
        settle(run)
        save(run)
    if asked > 1:
        say(f"Stopped in epoch {progress.epoch + 1} after batch {progress.batch}; {how_to_go_on(run)}.")
        stop.raise_as(asked // 2)


def settle(run: Run) -> None:
    """Wait for the step launched last, if any, and count it.

    Raises:
        NotFinite: it is one of too many.
    """
    progress, launched, run.launched = run.progress, run.launched, None
    if launched is None:
        return
    if launched.settle():
        progress.taken, progress.bad_in_a_row = progress.taken + 1, 0
        for name, value in launched.losses.items():
            run.sums[name] = run.sums[name] + value if name in run.sums else value.double()
        return
    progress.skipped, progress.bad_in_a_row = progress.skipped + 1, progress.bad_in_a_row + 1
    if progress.bad_in_a_row >= BAD_STEPS:
        raise NotFinite(f"{BAD_STEPS} steps in a row up to batch {progress.batch} of epoch {progress.epoch + 1}")


def step_within_memory(run: Run, batch: Any, step: Step) -> LaunchedStep:
    """A step; where the GPU's memory is too small for it in the first epoch, in pieces of half the size.

    Raises:
        EnvironmentFault: memory is short later, or even for an eighth of the batch; the run is saved.
    """
    learner = run.learner
    for halvings in range(MAX_HALVINGS + 1):
        try:
            return launch_step(learner, batch, step, run.launched)
        except torch.cuda.OutOfMemoryError as error:
            learner.optimizer.zero_grad()
            used = f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB used" if torch.cuda.is_available() else "full"
            size = -(-len(batch[0]) // learner.pieces)
            alone = not distributed.active()
            if run.progress.epoch > 0 or halvings == MAX_HALVINGS or size == 1 or not alone:
                if alone:
                    settle(run)
                    save(run)
                saved = "is saved" if alone else "is as it was last saved"
                raise EnvironmentFault(
                    f"GPU memory: {used}, none left for {size} pictures in epoch {run.progress.epoch + 1}. The run "
                    f"{saved}: go on with --resume --accumulate {learner.pieces * 2}"
                ) from error
        # Outside `except`, so that the failed step's tensors are gone.
        learner.pieces *= 2
        scale = learner.scaler.state_dict()
        learner.scaler = grad_scaler(learner.device, learner.dtype)  # the old one may be in the middle of a step
        learner.scaler.load_state_dict(scale)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        say(f"GPU memory is too small for {size} pictures: a batch is now worked off in {learner.pieces} pieces.")
    raise AssertionError("unreachable")


def evaluate_epoch(run: Run) -> dict[str, Any]:
    """Metrics of the run's result so far on the validation split; a signal ends it at once and saves.

    Raises:
        NotFinite: the weights are not finite.
    """
    averaged = run.learner.ema.module
    distributed.synchronize_from_main(averaged)
    if not all_finite(averaged):
        raise NotFinite(f"the weights after epoch {run.progress.epoch + 1}")
    before = random_state()
    try:
        return run.task.evaluate(run.result(), run.progress.epoch, None)
    except KeyboardInterrupt:
        if not distributed.active():
            save(run, before)
            say(f"Stopped while evaluating epoch {run.progress.epoch + 1}; {how_to_go_on(run)}.")
        raise


def how_to_go_on(run: Run) -> str:
    """What to do with a run that was saved; retraining resumes by itself."""
    return "the same command goes on" if run.config.resume else "go on with --resume"


def complete_epoch(run: Run, metrics: dict[str, Any]) -> dict[str, float]:
    """Keep the weights if they are the best so far, or any are, begin the next epoch, save; this one's figures."""
    progress = run.progress
    progress.sums = {n: float(distributed.summed(v)) / distributed.world_size() for n, v in run.sums.items()}
    measured = {name: float(value) for name, value in metrics.items() if isinstance(value, (int, float))}
    row = {"epoch": float(progress.epoch + 1), **progress.means(), **measured}
    row["learning_rate"] = float(run.learner.optimizer.param_groups[-1]["lr"])
    row["seconds"] = round(progress.seconds, 3)
    progress.rows.append(row)
    # Of equals the later one, which has learnt longer: on few held-out pictures many epochs are perfect.
    if not progress.best or metrics[run.task.score] >= progress.best[run.task.score]:
        progress.best, progress.best_epoch = metrics, progress.epoch + 1
    if run.config.keep == "last" or progress.best_epoch == progress.epoch + 1:
        progress.kept = metrics
        if distributed.is_main():
            info = run.task.info(progress.epoch + 1, metrics)
            save_model(run.config.output, run.result(), info)
    progress.begin_next_epoch()
    run.sums = {}
    save(run)
    return row


def go_back(run: Run, error: NotFinite) -> None:
    """Load the last good state and go on at half the learning rate.

    Raises:
        Diverged: that was done three times already.
    """
    if run.progress.reloads >= MAX_RELOADS:
        raise Diverged(
            f"training is not stable: not finite: {error}, at an eighth of the learning rate still. Look at the data "
            "(gesture-train data --verify) and lower --learning-rate"
        )
    reloads, state = run.progress.reloads + 1, run.folder.load()
    if state is None:
        raise Diverged(f"training is not stable: not finite: {error}, and no checkpoint to go back to is left")
    restore(run, state)
    while run.progress.reloads < reloads:
        halve_rates(run.learner.optimizer, run.learner.schedule)
        run.progress.reloads += 1
    say(f"Not finite: {error}. Back to the last good state, at half the learning rate.")
    save(run)


def describe(row: dict[str, float], best: bool) -> str:
    """The figures of an epoch in a line."""
    skipped = f", {row['skipped_steps']:.0f} steps skipped" if row.get("skipped_steps") else ""
    hidden = {"epoch", "skipped_steps", "learning_rate", "seconds", "threshold", "frames", "hands", "crops", "sides"}
    figures = ", ".join(f"{n.replace('_', ' ')} {v:.4f}" for n, v in row.items() if n not in hidden)
    return f"epoch {row['epoch']:.0f}: {figures}{skipped}, {row['seconds']:.0f} s{' (best)' if best else ''}"


def say(message: str) -> None:
    """A line beside the progress bar, of the main process only."""
    if distributed.is_main():
        tqdm.write(message, file=sys.stderr)


@contextmanager
def clear_faults(run: Run) -> Iterator[None]:
    """Say in a line what a dead loading process means.

    Raises:
        EnvironmentFault: a process that loads pictures ended.
    """
    try:
        yield
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise EnvironmentFault(
            f"a process that loads pictures ended ({str(error).splitlines()[0]}): perhaps memory was short. With "
            f"fewer --workers {how_to_go_on(run)}; the run is in {run.folder.path}"
        ) from error
