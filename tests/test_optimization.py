from __future__ import annotations

import pytest
import torch
from torch import nn

from training.optimization import build_optimizer, build_schedule, halve_rates, parameter_groups, rate_factor


def network() -> list[nn.Module]:
    return [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2)]  # kernels, vectors, both


def test_weight_decay_spares_biases_and_norms() -> None:
    groups = parameter_groups([nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))], 0.01, 0.1)
    assert [len(group["params"]) for group in groups] == [1, 3]
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0]


def test_early_layers_learn_at_a_share_of_the_rate() -> None:
    groups = parameter_groups(network(), 0.01, 0.1, earliest=0.01)
    assert [group["lr"] for group in groups] == pytest.approx([1e-4, 1e-4, 1e-3, 1e-2, 1e-2])
    assert sum(len(group["params"]) for group in groups) == 6
    assert parameter_groups([], 0.1, 0.0) == []
    assert [g["lr"] for g in parameter_groups([nn.Linear(1, 1)], 0.1, 0.0, earliest=0.1)] == [0.1, 0.1]


def rates(name: str, steps: int = 200, halve_at: int | None = None) -> list[list[float]]:
    optimizer = build_optimizer("sgd", parameter_groups(network(), 0.1, 0.0, earliest=0.01))
    schedule = build_schedule(name, optimizer, steps)
    seen = []
    for number in range(steps):
        if number == halve_at:
            halve_rates(optimizer, schedule)
        seen.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        schedule.step()
    return seen


@pytest.mark.parametrize("name", ["one-cycle", "cosine", "step"])
def test_schedules_rise_peak_and_end_low_in_every_group(name: str) -> None:
    seen = rates(name)
    for group, peak in ((-1, 0.1), (0, 0.001)):
        series = [row[group] for row in seen]
        assert max(series) == pytest.approx(peak, rel=0.02) and series[0] < 0.1 * peak
        assert series.index(max(series)) < 0.2 * len(series) and series[-1] < 0.02 * peak


@pytest.mark.parametrize("name", ["one-cycle", "cosine", "step"])
def test_from_halving_on_the_rates_are_half(name: str) -> None:
    whole, halved = rates(name), rates(name, halve_at=100)
    assert halved[:100] == whole[:100]
    for one, other in zip(whole[100:], halved[100:], strict=True):
        assert other == pytest.approx([rate / 2 for rate in one], rel=1e-6)


@pytest.mark.parametrize(
    ("name", "share", "expected"),
    [("step", 0.3, 1), ("step", 0.7, 0.1), ("step", 0.9, 0.01), ("cosine", 1, 1e-3), ("cosine", 0.525, 0.5005)],
)
def test_rate_factor(name, share, expected) -> None:
    assert rate_factor(name, share) == pytest.approx(expected)


def test_sgd_has_nesterov_momentum() -> None:
    optimizer = build_optimizer("sgd", parameter_groups(network(), 0.1, 0.0))
    assert isinstance(optimizer, torch.optim.SGD) and optimizer.defaults["nesterov"]
