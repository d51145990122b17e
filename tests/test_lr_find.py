from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from toy import toy_config, toy_task

from gesture_app.command_line import parse
from gesture_app.errors import InputError
from training import lr_find, run
from training.cli import Command
from training.lr_find import SMOOTHING, LearningRateConfig, find_learning_rate, search, valley
from training.train_classifier import ClassifierConfig


@pytest.mark.parametrize(
    "words",
    [
        ("lr-find", "classifier", "--data", "crops", "--steps", "25"),
        ("lr-find", "--steps", "25", "classifier", "--data", "crops"),
    ],
)
def test_its_own_options_stand_before_or_after_the_network(words: tuple[str, ...]) -> None:
    config = parse(Command, "gesture-train", "", words)
    assert config.steps == 25 and config.program.data == (Path("crops"),)


def test_valley_of_a_typical_curve() -> None:
    rates = np.geomspace(1e-6, 1, 100)
    # Flat, then falling from 1e-4 to 1e-2, then rising steeply.
    losses = [
        2 - min(2, max(0, math.log10(r) + 4)) * 0.8 + 40 * max(0, r - 0.02) + 1e-3 * (i % 2)
        for i, r in enumerate(rates)
    ]
    assert 3e-4 < valley(rates, losses) < 4e-3


@pytest.mark.parametrize("seed", range(3))
def test_valley_of_a_noisy_curve(seed: int) -> None:
    # The loss starts to fall at 3e-4 and explodes from 0.05 on; before, noise falls here and there.
    rng, rates = np.random.default_rng(seed), np.geomspace(1e-6, 1, 100).tolist()
    losses, mean = [], 0.0
    for n, t in enumerate(np.log10(rates).tolist()):
        loss = 2.95 - 0.25 * min(max(t + 3.5, 0), 2) + 3 * max(t + 1.3, 0) + rng.normal(0, 0.08)
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        losses.append(mean / (1 - SMOOTHING ** (n + 1)))
    assert 1e-3 < valley(rates, losses) < 1e-2


@pytest.mark.parametrize("losses", [[], [1.0], [1.0, 2.0, 3.0, 4.0]])
def test_no_valley(losses) -> None:
    with pytest.raises(InputError, match="falls at no rate"):
        valley([0.1] * len(losses), losses)


def test_search_suggests_a_rate_that_learns_and_leaves_the_model_alone(tmp_path: Path) -> None:
    task = toy_task(toy_config(tmp_path / "w.safetensors"))
    before = {name: value.clone() for name, value in task.model.state_dict().items()}
    rates, losses = search(task, 1e-5, 10.0, 80)
    assert all(torch.equal(value, before[name]) for name, value in task.model.state_dict().items())
    assert len(rates) == len(losses) <= 80 and rates == sorted(rates) and rates[0] == pytest.approx(1e-5)
    assert 1e-4 < valley(rates, losses) < 1


@pytest.mark.parametrize(
    ("changes", "moved"),
    [
        ({}, {"0.0.weight": 1.0, "1.weight": 1.0}),
        ({"freeze": "backbone"}, {"0.0.weight": 0.0, "1.weight": 1.0}),
        ({"early_rate": 0.1}, {"0.0.weight": 0.1, "1.weight": 1.0}),
        ({"clip_norm": 1e-9}, {"0.0.weight": 0.0, "1.weight": 0.0}),
    ],
    ids=str,
)
def test_layers_learn_as_in_the_training(tmp_path: Path, monkeypatch, changes: dict, moved: dict[str, float]) -> None:
    # Each step of plain SGD moves the weights by rate times gradient.
    monkeypatch.setattr(run, "build_optimizer", lambda name, groups: torch.optim.SGD(groups, fused=True))
    learners = []
    original = lr_find.train_step
    monkeypatch.setattr(lr_find, "train_step", lambda *args: learners.append(args[0]) or original(*args))
    task = toy_task(toy_config(tmp_path / "w.safetensors", weight_decay=0.0, **changes), norm=False)
    search(task, 1e-3, 1e-2, 10)
    before, after = dict(task.model.named_parameters()), dict(learners[0].model.named_parameters())
    rates = {id(p): group["lr"] for group in learners[0].optimizer.param_groups for p in group["params"]}
    for name, share in moved.items():
        assert after[name].requires_grad == (share > 0 or "clip_norm" in changes)
        assert torch.allclose(after[name], before[name], atol=1e-7) == (share == 0)
        if share:
            assert rates[id(after[name])] == pytest.approx(share * learners[0].optimizer.param_groups[-1]["lr"])


def test_the_command_draws_and_suggests(crops_root: Path, tmp_path: Path, capsys) -> None:
    program = ClassifierConfig(
        data=(crops_root,), labels=("fist", "palm"), pretrained=False, size=32, start_size=32, batch_size=4, workers=0,
        device="cpu", output=tmp_path / "run" / "c.safetensors",
    )  # fmt: skip
    plot = tmp_path / "plots" / "rate.png"
    found = find_learning_rate(LearningRateConfig(program=program, steps=20, plot=plot))
    assert 1e-6 <= found <= 1 and f"--learning-rate {found:.1e}" in capsys.readouterr().out
    assert plot.read_bytes().startswith(b"\x89PNG")
    for wrong in ({"start": 1, "end": 0.1}, {"steps": 19}):
        with pytest.raises(InputError, match="--start"):
            find_learning_rate(LearningRateConfig(program=program, plot=plot, **wrong))
