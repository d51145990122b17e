"""Optimizers, schedules of the learning rate, and which layers learn how fast."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR

OptimizerName = Literal["adamw", "sgd"]
ScheduleName = Literal["one-cycle", "cosine", "step"]

WARM_UP = 0.05
"""Share of the steps in which `cosine` and `step` rise from nothing to the learning rate."""
RATE_KEYS = ("lr", "initial_lr", "max_lr", "min_lr")
"""Where PyTorch's optimizers and schedules keep rates in a parameter group."""


def parameter_groups(
    stages: Sequence[nn.Module], learning_rate: float, weight_decay: float, earliest: float = 1.0
) -> list[dict[str, Any]]:
    """Groups of parameters with a rate each, and weight decay for kernels and matrices only.

    Args:
        stages: parts of the network from its input to its output; together they hold every parameter once.
        learning_rate: of the last stage.
        earliest: the first stage learns at this share of the last one's rate, those between in even ratios: layers
            near the input hold what most pictures have in common (discriminative fine-tuning, arXiv:1801.06146).
    """
    groups = []
    for number, stage in enumerate(stages):
        depth = number / (len(stages) - 1) if len(stages) > 1 else 1.0
        rate = learning_rate * earliest ** (1 - depth)
        parameters = list(stage.parameters())
        decayed, plain = [p for p in parameters if p.ndim > 1], [p for p in parameters if p.ndim <= 1]
        groups.append({"params": decayed, "lr": rate, "peak": rate, "weight_decay": weight_decay})
        groups.append({"params": plain, "lr": rate, "peak": rate, "weight_decay": 0.0})
    return [group for group in groups if group["params"]]


def build_optimizer(name: OptimizerName, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """AdamW, or SGD with Nesterov's momentum of 0.9: all of a step in one pass over the weights."""
    optimizer = (
        torch.optim.AdamW(groups, fused=True)
        if name == "adamw"
        else torch.optim.SGD(groups, momentum=0.9, nesterov=True, fused=True)
    )
    fuse_steps(optimizer)
    return optimizer


def fuse_steps(optimizer: torch.optim.Optimizer) -> None:
    """Make its steps such as can be left out where they are computed, as `launch_step` needs it; its state is kept.

    PyTorch's fused SGD takes memory that nobody wrote for momentum where its first step is left out.
    """
    for group in optimizer.param_groups:
        group["fused"] = True
        for parameter in group["params"] if group.get("momentum") else ():
            if optimizer.state[parameter].get("momentum_buffer") is None:
                optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)


def rate_factor(name: ScheduleName, share: float) -> float:
    """The rate at a share 0..1 of the steps, as a part of the peak, for the schedules that have no momentum.

    `cosine` falls to a thousandth (arXiv:1608.03983), `step` to a tenth after 60 % and after 85 % of the steps.
    """
    if share < WARM_UP:
        return (share + 1e-3) / (WARM_UP + 1e-3)
    if name == "step":
        return 0.1 ** ((share >= 0.6) + (share >= 0.85))
    return 1e-3 + (1 - 1e-3) * (1 + math.cos(math.pi * (share - WARM_UP) / (1 - WARM_UP))) / 2


def build_schedule(name: ScheduleName, optimizer: torch.optim.Optimizer, steps: int) -> LRScheduler:
    """Schedule the rates of all groups over so many steps, each around the `peak` of its group.

    `one-cycle` (arXiv:1708.07120) warms up over 15 % of the steps and then falls to a ten-thousandth.
    """
    peaks = [float(group["peak"]) for group in optimizer.param_groups]
    if name == "one-cycle":
        return OneCycleLR(
            optimizer, peaks, total_steps=max(steps, 2), pct_start=0.15, div_factor=20, final_div_factor=500
        )
    for group, peak in zip(optimizer.param_groups, peaks, strict=True):
        group["lr"] = group["initial_lr"] = peak
    return LambdaLR(optimizer, lambda step: rate_factor(name, min(1.0, step / max(1, steps))))


def halve_rates(optimizer: torch.optim.Optimizer, schedule: LRScheduler) -> None:
    """From here on the schedule goes at half of its rates."""
    for group in optimizer.param_groups:
        for key in (*RATE_KEYS, "peak"):
            if key in group:
                group[key] /= 2
    schedule.base_lrs = [rate / 2 for rate in schedule.base_lrs]
