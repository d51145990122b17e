"""One training step as a plain function, and what it changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from gesture_app.errors import InputError

Step = Callable[[nn.Module, Any], dict[str, Tensor]]
"""(model, batch as the loader gives it) -> losses; the one called `loss` is minimised."""

Precision = Literal["auto", "f32", "bf16", "f16"]


@dataclass
class Learner:
    """What learns: a step changes all of it.

    Attributes:
        model: the network itself; its state is what is saved.
        network: what a step calls: the model, perhaps compiled, perhaps wrapped for several processes.
        ema: the moving average of the model, which is evaluated and becomes the result.
        dtype: of the forward pass, see `autocast_dtype`.
        clip_norm: the largest norm of all gradients together; 0 does not clip.
        pieces: a batch is worked off in so many pieces, whose gradients are added up.
    """

    model: nn.Module
    network: nn.Module
    ema: MovingAverage
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    scaler: torch.amp.GradScaler
    dtype: torch.dtype
    clip_norm: float = 10.0
    pieces: int = 1

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.parameters()).device


def autocast_dtype(device: torch.device, precision: Precision = "auto") -> torch.dtype:
    """The dtype of the forward pass: on CUDA bfloat16, before Ampere float16; on a CPU bfloat16 if it is native.

    Raises:
        InputError: float16 on a CPU, which has no kernels for it.
    """
    if precision != "auto":
        if precision == "f16" and device.type == "cpu":
            raise InputError("--precision f16 needs a GPU: use bf16, f32 or auto on a CPU")
        return {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}[precision]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return torch.bfloat16 if torch.cpu._is_avx512_bf16_supported() else torch.float32


def grad_scaler(device: torch.device, dtype: torch.dtype) -> torch.amp.GradScaler:
    """A scaler that does something only for float16, whose small gradients would vanish."""
    return torch.amp.GradScaler(device.type, enabled=dtype == torch.float16)


def autocast(device: torch.device, dtype: torch.dtype) -> torch.autocast:
    """The forward pass in `dtype`; float32 is left alone."""
    return torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32)


class MovingAverage(nn.Module):
    """An exponential moving average of a model's weights and buffers that starts fast.

    In place of `torch.optim.swa_utils.AveragedModel`, which copies its count to the GPU several times a step, each time
    waiting for all that is under way.

    Args:
        model: to be averaged; its tensors are only ever changed in place.
        decay: what an update keeps of the average, at most (1 + n) / (10 + n) after n updates.

    Attributes:
        module: the average, a model of its own.
        n_averaged: updates so far; stays on the CPU.
    """

    n_averaged: Tensor

    def __init__(self, model: nn.Module, decay: float = 0.998) -> None:
        super().__init__()
        self.module = deepcopy(model)
        self.decay = decay
        self.register_buffer("n_averaged", torch.tensor(0, dtype=torch.long))
        buffers = [buffer.detach() for buffer in model.buffers()]
        noted = [buffer.clone() for buffer in buffers]
        self._noted = [parts for kind in (True, False) if (parts := of_kind(kind, noted, buffers))[0]]
        own = [value.detach() for value in (*self.module.parameters(), *self.module.buffers())]
        values = [*(parameter.detach() for parameter in model.parameters()), *noted]
        self._averages, self._values = of_kind(True, own, values)
        self._counts, self._counted = of_kind(False, own, values)

    @torch.no_grad()
    def note_buffers(self) -> None:
        """Take the model's buffers down for the next update; the forward pass of the next step changes them."""
        for noted, buffers in self._noted:
            torch._foreach_copy_(noted, buffers)

    @torch.no_grad()
    def update(self) -> None:
        """Take the model's weights, and its buffers as noted, into the average; at first the average becomes them."""
        count = int(self.n_averaged)
        keep = min(self.decay, (1 + count) / (10 + count)) if count else 0.0
        torch._foreach_lerp_(self._averages, self._values, 1 - keep)
        if self._counts:
            torch._foreach_copy_(self._counts, self._counted)
        self.n_averaged += 1

    @torch.no_grad()
    def mend(self, model: nn.Module) -> None:
        """Replace what is not finite in the model's buffers: a forward pass that overflows leaves it in batch norms."""
        for value, average in zip(model.buffers(), self.module.buffers(), strict=True):
            if value.is_floating_point():
                value.copy_(torch.where(value.isfinite(), value, average))


def of_kind(floats: bool, *lists: Sequence[Tensor]) -> list[list[Tensor]]:
    """Of lists of tensors that go together those of floating point, or the others."""
    return [[tensor for tensor in tensors if tensor.is_floating_point() == floats] for tensors in lists]


def set_training(model: nn.Module, freeze_norm: bool) -> None:
    """Training mode; batch norms keep their statistics where they are frozen, all of them with `freeze_norm`.

    Statistics of a few pictures are worse than those that the network came with, and of several processes they differ.
    """
    model.train()
    for module in model.modules():
        if isinstance(module, _BatchNorm) and (freeze_norm or not any(p.requires_grad for p in module.parameters())):
            module.eval()


def split_batch(batch: Sequence[Any], pieces: int) -> list[tuple[list[Any], float]]:
    """Cut a batch, whose parts are tensors or lists of the same length, into pieces and their shares of it."""
    total = len(batch[0])
    size = max(1, -(-total // pieces))
    return [
        ([part[start : start + size] for part in batch], min(size, total - start) / total)
        for start in range(0, total, size)
    ]


@dataclass
class LaunchedStep:
    """A training step that a GPU may still be working on.

    Attributes:
        losses: detached, on the model's device.
        is_finite: waits for the gradients.
        taken: None until it is settled.
    """

    learner: Learner
    losses: dict[str, Tensor]
    is_finite: Callable[[], bool]
    taken: bool | None = None

    def settle(self) -> bool:
        """Wait until it is known whether the step was taken; if so, schedule and average move on, once."""
        if self.taken is None:
            self.taken = self.is_finite()
            if self.taken:
                self.learner.schedule.step()
                self.learner.ema.update()
            else:
                self.learner.ema.mend(self.learner.model)
        return self.taken


def train_step(learner: Learner, batch: Sequence[Any], step: Step) -> tuple[dict[str, Tensor], bool]:
    """Learn from a batch, see `launch_step`.

    Returns:
        The losses, detached, on the model's device, and whether the step was taken.
    """
    launched = launch_step(learner, batch, step)
    return launched.losses, launched.settle()


def launch_step(learner: Learner, batch: Sequence[Any], step: Step, before: LaunchedStep | None = None) -> LaunchedStep:
    """Learn from a batch, in the only right order of scaling, clipping and stepping; a GPU does so on its own.

    A step whose gradients are not finite changes nothing but the scaler and the statistics of batch norms. Gradients of
    the pieces add up to that of the batch for losses that are means over pictures; batch norms see the pieces.

    Args:
        before: the step launched last, if it is not settled: it is settled here, on a GPU only just before weights
            change again, so that it had work while this step was prepared.
    """
    device, totals = learner.device, dict[str, Tensor]()
    if before is not None and device.type != "cuda":
        before.settle()  # at once, so that nothing depends on when a run is saved
    pieces = split_batch(batch, learner.pieces)
    for number, (piece, share) in enumerate(pieces, 1):
        waits = number < len(pieces) and isinstance(learner.network, DistributedDataParallel)
        with learner.network.no_sync() if waits else nullcontext():  # type: ignore[operator]
            with autocast(device, learner.dtype):
                losses = step(learner.network, piece)
            learner.scaler.scale(losses["loss"] * share).backward()  # type: ignore[no-untyped-call]
        for name, value in losses.items():
            part = value.detach() * share
            totals[name] = totals[name] + part if name in totals else part
    if before is not None:
        before.settle()
    learner.scaler.unscale_(learner.optimizer)
    norm = nn.utils.clip_grad_norm_(learner.model.parameters(), learner.clip_norm or float("inf"))
    finite = norm.isfinite()
    is_finite = read_later(finite)
    # The optimizer itself leaves a step out that is not finite: nobody waits for the GPU before it has its work.
    if learner.scaler.is_enabled():
        learner.scaler.step(learner.optimizer)
    else:
        step_if(finite, learner.optimizer)
    learner.scaler.update()
    learner.optimizer.zero_grad()
    learner.ema.note_buffers()
    return LaunchedStep(learner, totals, is_finite)


def step_if(finite: Tensor, optimizer: torch.optim.Optimizer) -> None:
    """A step of a fused optimizer, decided where this truth value is; as `GradScaler` does it."""
    optimizer.found_inf = (~finite).float()  # type: ignore[attr-defined]
    optimizer.step()
    del optimizer.found_inf  # type: ignore[attr-defined]


def read_later(value: Tensor) -> Callable[[], bool]:
    """Send a truth value to the CPU; what is returned waits for it, and not for what a GPU has to do after it."""
    if value.device.type != "cuda":
        return lambda: bool(value)
    sent = value.to("cpu", non_blocking=True)
    # Who waits leaves the core to the loading processes.
    event = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
    event.record(torch.cuda.current_stream(value.device))

    def read() -> bool:
        event.synchronize()
        return bool(sent)

    return read
