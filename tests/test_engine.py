from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from gesture_app.errors import InputError
from training.engine import (
    Learner,
    MovingAverage,
    autocast_dtype,
    grad_scaler,
    launch_step,
    set_training,
    split_batch,
    train_step,
)
from training.optimization import build_optimizer, build_schedule, parameter_groups

CPU = torch.device("cpu")


def step(model: nn.Module, batch) -> dict[str, torch.Tensor]:
    inputs, targets = batch
    return {"loss": (model(inputs).float() - targets).square().mean()}


def learner(norm: bool = True, dtype: torch.dtype = torch.float32, optimizer: str = "adamw", **changes) -> Learner:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4) if norm else nn.Tanh(), nn.Linear(4, 1))
    optimizer = build_optimizer(optimizer, parameter_groups([model], 0.05, 0.01))
    schedule = build_schedule("one-cycle", optimizer, 200)
    return Learner(model, model, MovingAverage(model), optimizer, schedule, grad_scaler(CPU, dtype), dtype, **changes)


def batch(size: int = 8, factor: float = 1.0):
    inputs = torch.randn(size, 2) * factor
    return inputs, inputs.sum(dim=1, keepdim=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_learns(dtype: torch.dtype) -> None:
    own = learner(dtype=dtype)
    for _ in range(200):
        losses, taken = train_step(own, batch(), step)
        assert taken and losses["loss"].dtype == torch.float32 and not losses["loss"].requires_grad
    x, y = batch(64)
    for network in (own.model.eval(), own.ema.module.eval()):
        assert step(network, (x, y))["loss"] < 0.2


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_step_that_is_not_finite_changes_nothing(optimizer: str) -> None:
    own = learner(optimizer=optimizer)
    train_step(own, batch(), step)

    def state() -> list[dict]:
        return [part.state_dict() for part in (own.model, own.ema, own.schedule, own.optimizer)]

    before = copy.deepcopy(state())
    set_training(own.model, freeze_norm=True)
    losses, taken = train_step(own, batch(factor=float("nan")), step)
    assert not taken and losses["loss"].isnan()
    assert str(before) == str(state())
    assert all(p.grad is None for p in own.model.parameters())
    assert train_step(own, batch(), step)[1]


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("factors", [[1.0] * 6, [1.0, 1.0, float("nan"), 1.0, 1.0]])
def test_steps_settled_late_are_the_same_steps(factors: list[float], device: str, monkeypatch) -> None:
    monkeypatch.setattr(Learner, "device", torch.device(device))  # the order of a GPU, on the CPU
    at_once, late = learner(), learner()
    launched = None
    for seed, factor in enumerate(factors):
        torch.manual_seed(seed)
        data = batch(factor=factor)
        for own in (at_once, late):  # on a GPU statistics of a step left out are mended after the next forward pass
            set_training(own.model, freeze_norm=device == "cuda" and factor != 1)
        losses, taken = train_step(at_once, data, step)
        launched, before = launch_step(late, data, step, launched), launched
        assert launched.losses["loss"].equal(losses["loss"]) or not taken
        assert launched.taken is None and (before is None or before.taken is not None)
    assert launched is not None and launched.settle() and launched.settle()
    for part in ("model", "ema", "optimizer", "schedule"):
        assert str(getattr(at_once, part).state_dict()) == str(getattr(late, part).state_dict()), part


def test_a_step_that_is_not_finite_leaves_statistics_finite() -> None:
    own = learner()
    for _ in range(3):
        train_step(own, batch(), step)
    before = own.model[1].running_var.clone()
    assert not train_step(own, batch(factor=float("inf")), step)[1]
    assert own.model[1].running_var.isfinite().all() and own.model[1].running_mean.isfinite().all()
    assert train_step(own, batch(), step)[1] and not own.model[1].running_var.equal(before)
    assert all(value.isfinite().all() for value in own.ema.state_dict().values())


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_first_step_that_is_left_out_leaves_no_trace(optimizer: str) -> None:
    own, other = (learner(norm=False, optimizer=optimizer) for _ in range(2))
    torch.full((1 << 20,), float("nan"))  # what new memory may hold
    assert not train_step(own, batch(factor=float("nan")), step)[1]
    torch.manual_seed(1)
    data = batch()
    for one in (own, other):
        assert train_step(one, data, step)[1]
    for a, b in zip(own.model.parameters(), other.model.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("pieces", [1, 2, 3, 8])
def test_pieces_add_up_to_the_batch(pieces: int) -> None:
    whole, parted = learner(norm=False), learner(norm=False, pieces=pieces)
    for seed in range(5):
        torch.manual_seed(seed)
        data = batch(8)
        one, other = train_step(whole, data, step)[0], train_step(parted, data, step)[0]
        assert float(one["loss"]) == pytest.approx(float(other["loss"]), rel=1e-5)
    for a, b in zip(whole.model.parameters(), parted.model.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-5)


def test_split_batch() -> None:
    pieces = split_batch([torch.arange(5), list("abcde")], 2)
    assert [(piece[0].tolist(), piece[1], share) for piece, share in pieces] == [
        ([0, 1, 2], ["a", "b", "c"], 0.6),
        ([3, 4], ["d", "e"], 0.4),
    ]
    assert [share for _, share in split_batch([torch.arange(2)], 9)] == [0.5, 0.5]


@pytest.mark.parametrize(("clip_norm", "least", "most"), [(1e-3, 0, 2e-3), (0.0, 1, 1e9)])
def test_gradients_are_clipped_before_the_step_unless_told_not_to(clip_norm: float, least: float, most: float) -> None:
    own = learner(norm=False, clip_norm=clip_norm)
    own.optimizer = build_optimizer("sgd", parameter_groups([own.model], 1.0, 0.0))
    own.schedule = torch.optim.lr_scheduler.LambdaLR(own.optimizer, lambda number: 1.0)
    before = nn.utils.parameters_to_vector(own.model.parameters()).detach().clone()
    train_step(own, batch(factor=100), step)
    moved = float((nn.utils.parameters_to_vector(own.model.parameters()).detach() - before).norm())
    assert least < moved < most  # Nesterov's first step is 1.9 times the gradient


def test_frozen_norms_keep_their_statistics() -> None:
    model = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 2), nn.BatchNorm1d(2))
    set_training(model, freeze_norm=True)
    assert [m.training for m in model] == [False, True, False]
    model[0].requires_grad_(False)
    set_training(model, freeze_norm=False)
    assert [m.training for m in model] == [False, True, True]


@pytest.mark.parametrize(
    ("name", "device", "expected"),
    [
        ("f32", "cpu", torch.float32),
        ("bf16", "cpu", torch.bfloat16),
        ("bf16", "cuda", torch.bfloat16),
        ("f16", "cuda", torch.float16),
    ],
)
def test_precision(name, device, expected) -> None:
    assert autocast_dtype(torch.device(device), name) == expected
    scaler = torch.amp.GradScaler("cpu", enabled=expected == torch.float16)
    assert scaler.is_enabled() == (expected == torch.float16)


def test_precision_of_this_machine() -> None:
    assert autocast_dtype(CPU) in (torch.float32, torch.bfloat16)
    assert not grad_scaler(CPU, autocast_dtype(CPU)).is_enabled() and grad_scaler(CPU, torch.float16).is_enabled()
    with pytest.raises(InputError, match="f16 needs a GPU"):
        autocast_dtype(CPU, "f16")


def test_a_scaled_step_is_the_same_step() -> None:
    plain, scaled = learner(norm=False), learner(norm=False)
    scaled.scaler = torch.amp.GradScaler("cpu", enabled=True, init_scale=1024.0, growth_interval=1)
    for seed in range(4):
        torch.manual_seed(seed)
        data = batch()
        train_step(plain, data, step)
        assert train_step(scaled, data, step)[1]
    assert scaled.scaler.get_scale() == 1024 * 2**4
    for a, b in zip(plain.model.parameters(), scaled.model.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-5)
    _, taken = train_step(scaled, batch(factor=float("inf")), step)
    assert not taken and scaled.scaler.get_scale() == 1024 * 2**3


def test_ema_follows_weights_and_buffers() -> None:
    model = nn.BatchNorm1d(2)
    ema = MovingAverage(model)
    with torch.no_grad():
        for _ in range(300):
            model.weight.fill_(5.0)
            model.running_mean.fill_(3.0)
            model.num_batches_tracked += 1
            ema.note_buffers()
            ema.update()
    assert ema.module.weight.tolist() == pytest.approx([5, 5], abs=0.1)
    assert ema.module.running_mean.tolist() == pytest.approx([3, 3], abs=0.1)
    assert ema.module.num_batches_tracked == ema.n_averaged == 300


def test_ema_goes_on_from_a_checkpoint_as_young_as_that_was() -> None:
    model = nn.Linear(1, 1, bias=False)
    ema = MovingAverage(model)
    young = copy.deepcopy(ema.state_dict())
    for _ in range(6000):
        ema.update()
    ema.load_state_dict(young)
    with torch.no_grad():
        model.weight.fill_(5.0)
    for _ in range(2):
        ema.update()
    assert ema.module.weight.item() == 5.0
