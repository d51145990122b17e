"""A training of a second: a small network with batch norm and dropout that learns a sum from noisy numbers.

As a program, `python toy.py OUTPUT [--resume] [--pause SECONDS]`, it is what a test interrupts.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import Dataset, default_collate

from gesture_app.vision.model_info import ModelInfo
from training import journal
from training.draws import in_batches
from training.fit import fit
from training.options import TrainingConfig
from training.run import Epoch, Task

ITEMS, BATCH = 22, 4
BATCHES = 6
"""In an epoch; the last one holds two items."""


class Numbers(Dataset):
    """Item i: four numbers with noise from the global generator, as an augmentation, and their sum."""

    def __len__(self) -> int:
        return ITEMS

    def __getitem__(self, item: int):
        numbers = torch.randn(4, generator=torch.Generator().manual_seed(item))
        return numbers + 0.1 * torch.randn(4), numbers.sum(dim=0, keepdim=True)


def send(number: int) -> None:
    """A signal to this process, and wait until the thread that waits for it has passed it on."""
    os.kill(os.getpid(), number)
    end_s = time.monotonic() + 20
    while signal.getsignal(number) and number in signal.sigpending() and time.monotonic() < end_s:
        time.sleep(0.01)
    time.sleep(0.1)


def step(model: nn.Module, batch) -> dict[str, torch.Tensor]:
    numbers, sums = batch
    return {"loss": (model(numbers).float() - sums).square().mean()}


def toy_config(output: Path, **changes) -> TrainingConfig:
    usual = {"output": output, "epochs": 3, "batch_size": BATCH, "learning_rate": 0.02, "device": "cpu", "workers": 0,
             "seed": 3, "precision": "f32"}  # fmt: skip  # the same figures on CPUs with and without bfloat16
    return TrainingConfig(**{**usual, **changes})


def toy_task(
    config: TrainingConfig, own_step=step, score: Callable[[int], float] | None = None, norm: bool = True
) -> Task:
    torch.manual_seed(config.seed)
    body = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8) if norm else nn.Identity(), nn.ReLU(), nn.Dropout(0.2))
    head = nn.Linear(8, 1)
    model = nn.Sequential(body, head)

    def epoch(number: int) -> Epoch:
        order = torch.randperm(ITEMS, generator=torch.Generator().manual_seed(number)).tolist()
        return Epoch(Numbers(), in_batches(order, config.batch_size), own_step, "", default_collate)

    def evaluate(averaged: nn.Module, number: int, most: int | None) -> dict[str, float]:
        averaged.eval()
        data = Numbers()
        numbers, sums = (torch.stack(part) for part in zip(*(data[i] for i in range(ITEMS)), strict=True))
        with torch.no_grad():
            error = float((averaged(numbers) - sums).square().mean())
        return {"macro_f1": score(number) if score is not None else 1 / (1 + error)}

    def info(number: int, metrics) -> ModelInfo:
        return ModelInfo("classifier", "toy", ("sum",), (32, 32), metrics)

    return Task(config, model, [body, head], epoch, evaluate, "macro_f1", info)


def main(output: str, *words: str) -> None:
    pause_s = float(words[words.index("--pause") + 1]) if "--pause" in words else 0.0

    def slow_step(model: nn.Module, batch) -> dict[str, torch.Tensor]:
        time.sleep(pause_s)
        print("step", flush=True)
        return step(model, batch)

    fit(toy_task(toy_config(Path(output), resume="--resume" in words, save_minutes=0), slow_step))


if __name__ == "__main__":
    from gesture_app.errors import run_and_exit

    torch.set_num_threads(1)
    journal.curves = lambda rows: b""  # drawing takes longer than this training
    run_and_exit(lambda: main(*sys.argv[1:]), "toy")
