from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from training.engine import (
    ema_model,
    grad_scaler,
    one_cycle,
    parameter_groups,
    progressive_side,
    train_one_epoch,
)

CPU = torch.device("cpu")


def step(model: nn.Module, batch: tuple[torch.Tensor, torch.Tensor]) -> dict[str, torch.Tensor]:
    inputs, targets = batch
    return {"loss": (model(inputs) - targets).square().mean()}


def run(batches, steps: int = 0):
    model = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    ema = ema_model(model)
    optimizer = torch.optim.AdamW(parameter_groups(model, 0.01), lr=0.05)
    schedule = one_cycle(optimizer, 0.05, steps or len(batches))
    before = copy.deepcopy(model.state_dict())
    result = train_one_epoch(model, batches, step, optimizer, schedule, grad_scaler(CPU), ema, "epoch")
    return model, ema, before, result


def batches(count: int, bad: int | None = None):
    inputs = torch.randn(count, 8, 2)
    made = [(x, x.sum(dim=1, keepdim=True)) for x in inputs]
    if bad is not None:
        made[bad] = (made[bad][0] * float("nan"), made[bad][1])
    return made


def test_learns() -> None:
    model, ema, _, result = run(batches(200))
    x = torch.randn(64, 2)
    model.eval()
    ema.module.eval()
    for network in (model, ema.module):
        assert step(network, (x, x.sum(dim=1, keepdim=True)))["loss"] < 0.2
    assert result["skipped_steps"] == 0 and result["loss"] > 0


def test_no_batches() -> None:
    model, _, before, result = run([], steps=2)
    assert result == {"skipped_steps": 0.0}
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_step_that_is_not_finite_is_skipped_and_counted() -> None:
    model, ema, _, result = run(batches(5, bad=2))
    assert result["skipped_steps"] == 1 and torch.isfinite(torch.tensor(result["loss"]))
    assert all(p.isfinite().all() for p in model.parameters())
    assert all(p.isfinite().all() for p in ema.module.parameters())


def test_weight_decay_spares_biases_and_norms() -> None:
    groups = parameter_groups(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)), 0.1)
    assert [len(group["params"]) for group in groups] == [1, 3]
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0]


def test_ema_follows_weights_and_buffers() -> None:
    model = nn.BatchNorm1d(2)
    ema = ema_model(model)
    with torch.no_grad():
        for _ in range(300):
            model.weight.fill_(5.0)
            model.running_mean.fill_(3.0)
            model.num_batches_tracked += 1
            ema.update_parameters(model)
    assert ema.module.weight.tolist() == pytest.approx([5, 5], abs=0.1)
    assert ema.module.running_mean.tolist() == pytest.approx([3, 3], abs=0.1)
    assert ema.module.num_batches_tracked == 300


@pytest.mark.parametrize(
    ("start", "end", "epochs", "multiple", "expected"),
    [
        (64, 96, 1, 16, [64]),
        (64, 96, 5, 16, [64, 64, 64, 96, 96]),
        (96, 96, 3, 16, [96, 96, 96]),
        (192, 288, 6, 32, [192, 192, 192, 224, 288, 288]),
    ],
)
def test_progressive_side(start, end, epochs, multiple, expected) -> None:
    assert [progressive_side(start, end, epoch, epochs, multiple) for epoch in range(epochs)] == expected


def test_one_cycle_peaks_and_ends_low() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = one_cycle(optimizer, 0.1, 100)
    rates = []
    for _ in range(100):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    assert max(rates) == pytest.approx(0.1, rel=0.01)
    assert rates.index(max(rates)) < 20 and rates[-1] < 1e-3
