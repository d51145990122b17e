"""One epoch as a plain function."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sized
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

Step = Callable[[nn.Module, Any], dict[str, Tensor]]
"""(model, batch as the loader gives it) -> losses; the one called `loss` is minimised."""

CLIP_NORM = 10.0


def autocast_dtype(device: torch.device) -> torch.dtype:
    """The dtype of the forward pass: on CUDA bfloat16, before Ampere float16; on a CPU bfloat16 if it is native."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return torch.bfloat16 if torch.cpu._is_avx512_bf16_supported() else torch.float32


def grad_scaler(device: torch.device) -> torch.amp.GradScaler:
    """A scaler that does something only for float16, whose small gradients would vanish."""
    return torch.amp.GradScaler(device.type, enabled=autocast_dtype(device) == torch.float16)


def ema_model(model: nn.Module, decay: float = 0.998) -> AveragedModel:
    """An exponential moving average of weights and buffers that starts fast: decay is at most (1 + n) / (10 + n)."""

    @torch.no_grad()
    def average(averaged: Any, current: Any, count: Any) -> None:
        keep = min(decay, (1 + int(count)) / (10 + int(count)))
        for old, new in zip(averaged, current, strict=True):
            if old.is_floating_point():
                old.lerp_(new, 1 - keep)
            else:
                old.copy_(new)

    return AveragedModel(model, multi_avg_fn=average, use_buffers=True)


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Weight decay for kernels and matrices, none for biases and batch norms."""
    decayed = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim <= 1]
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": plain, "weight_decay": 0.0}]


def train_one_epoch(
    model: nn.Module,
    loader: Iterable[Any],
    step: Step,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    scaler: torch.amp.GradScaler,
    ema: AveragedModel,
    description: str,
) -> dict[str, float]:
    """Train over every batch once; a step whose gradients are not finite is skipped and counted.

    Returns:
        The mean of every loss, and `skipped_steps`.
    """
    model.train()
    device = next(model.parameters()).device
    dtype = autocast_dtype(device)
    sums: dict[str, float] = {}
    taken = skipped = 0
    with tqdm(loader, desc=description, total=len(loader) if isinstance(loader, Sized) else None) as progress:
        for batch in progress:
            with torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32):
                losses = step(model, batch)
            scaler.scale(losses["loss"]).backward()  # type: ignore[no-untyped-call]
            scaler.unscale_(optimizer)
            norm = nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM)
            if scaler.is_enabled() or bool(norm.isfinite()):
                scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()
            schedule.step()
            if not bool(norm.isfinite()):
                skipped += 1
                continue
            ema.update_parameters(model)
            taken += 1
            for name, value in losses.items():
                sums[name] = sums.get(name, 0.0) + float(value.detach())
            progress.set_postfix(loss=f"{sums['loss'] / taken:.3f}", lr=f"{schedule.get_last_lr()[0]:.1e}")
    return {**{name: total / max(taken, 1) for name, total in sums.items()}, "skipped_steps": float(skipped)}


def progressive_side(start: int, end: int, epoch: int, epochs: int, multiple: int) -> int:
    """The input side of an epoch: small, cheap pictures for the first half, the full size for the last fifth.

    Progressive resizing as in fast.ai's recipes and EfficientNetV2 (arXiv:2104.00298, section 4).
    """
    share = min(1.0, max(0.0, epoch / max(1, epochs - 1) - 0.5) / 0.3)
    return min(end, max(multiple, round((start + (end - start) * share) / multiple) * multiple))


def one_cycle(
    optimizer: torch.optim.Optimizer, learning_rate: float, total_steps: int
) -> torch.optim.lr_scheduler.OneCycleLR:
    """OneCycle (arXiv:1708.07120): a short warm-up to `learning_rate`, then a cosine down to nearly nothing."""
    return torch.optim.lr_scheduler.OneCycleLR(
        optimizer, learning_rate, total_steps=max(total_steps, 2), pct_start=0.15, div_factor=20, final_div_factor=500
    )
