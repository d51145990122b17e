"""How fast training is here, on JPEG files drawn for it, and which part limits."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from gesture_app.vision.atomic import write_file
from gesture_app.vision.images import read_image
from gesture_app.vision.model_info import DeviceName
from gesture_app.vision.runtimes import choose_device
from training import train_classifier, train_detector
from training.draws import Loading, load, seeded_share, uploaded
from training.engine import Step, launch_step, set_training
from training.run import Epoch, Run, build_run
from training.train_classifier import ClassifierConfig
from training.train_detector import DetectorConfig

LABELS = ("fist", "palm")
ENOUGH_BATCHES = 32
"""Loading and whole epochs are timed over so many at least."""
PICTURE_HW = {"classifier": (220, 200), "detector": (384, 512)}


@dataclass(frozen=True, kw_only=True)
class BenchmarkConfig:
    """Time decoding, augmentation, the step and the whole epoch of a training, beside a plain float32 loop."""

    network: Literal["classifier", "detector"] = "classifier"
    """Which training."""
    size: int = 96
    """Side of the classifier's input, longer side of the detector's."""
    batch_size: int = 32
    """Pictures a step."""
    seconds: float = 5.0
    """How long each part is measured."""
    pictures: int = 256
    """How many are drawn."""
    precision: Literal["auto", "f32", "bf16", "f16"] = "auto"
    """Of the forward pass, as in training."""
    compile: bool = False
    """torch.compile the network, as in training."""
    device: DeviceName = "auto"
    """auto, cpu or cuda; auto is a GPU where there is one."""
    workers: int = 2
    """Processes that read pictures; 0 reads them in this one."""
    json: Path | None = None
    """File for the figures."""


def benchmark(config: BenchmarkConfig) -> dict[str, Any]:
    """Measure and print.

    Returns:
        Pictures a second of `decode`, `decode_and_augment` (in one process), `load` (all workers), `step`, `plain_step`
        and `epoch`; `limit`, the slower of loading and stepping; `step_share` of the epoch in which the step does not
        wait for a batch; `speedup` of the step over the plain one; `peak_memory_gib` on a GPU.
    """
    with tempfile.TemporaryDirectory(prefix="gesture-train-benchmark-") as folder:
        root = Path(folder)
        draw(root / "data", config.pictures, PICTURE_HW[config.network])
        with redirect_stdout(StringIO()):
            run = build(config, root)
        result = measure(run, config, sorted((root / "data").rglob("*.jpg")))
    print(table(config, result))
    if config.json is not None:
        write_file(config.json, (json.dumps(result, indent=2) + "\n").encode(), "the figures")
    return result


def draw(root: Path, count: int, size_hw: tuple[int, int]) -> None:
    """JPEG files with the sizes and the busyness of photographs, in HaGRID's layout, one box each."""
    rng = np.random.default_rng(0)
    (root / "ann_train_val").mkdir(parents=True)
    rows = ["uuid,split"]
    for name in LABELS:
        folder = root / "pictures" / f"train_val_{name}"
        folder.mkdir(parents=True)
        entries = {}
        for number in range(-(-count // len(LABELS))):
            coarse = rng.integers(0, 256, (12, 16, 3), np.uint8)
            image = cv2.resize(coarse, size_hw[::-1], interpolation=cv2.INTER_CUBIC)
            image = cv2.add(image, rng.integers(0, 24, image.shape, np.uint8))
            cv2.imwrite(str(folder / f"{name}{number}.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 90])
            entries[f"{name}{number}"] = {"bboxes": [[0.2, 0.2, 0.5, 0.5]], "labels": [name], "user_id": f"p{number}"}
            rows.append(f"{name}{number},{'val' if number == 0 else 'train'}")
        (root / "ann_train_val" / f"{name}.json").write_text(json.dumps(entries))
    (root / "index.csv").write_text("\n".join(rows) + "\n")


def build(config: BenchmarkConfig, root: Path) -> Run:
    """The training itself, as its program builds it."""
    device = choose_device(config.device)
    usual: dict[str, Any] = {
        "data": (root / "data",),
        "epochs": 1000,
        "batch_size": config.batch_size,
        "precision": config.precision,
        "compile": config.compile,
        "workers": config.workers,
        "output": root / "run.safetensors",
    }
    if config.network == "classifier":
        crops = ClassifierConfig(**usual, labels=LABELS, pretrained=False, size=config.size, start_size=config.size)
        return build_run(train_classifier.build(crops, device))
    height = max(32, round(config.size * 0.75 / 32) * 32)
    frames = DetectorConfig(**usual, input_hw=(height, config.size), whole_epochs=1000)
    return build_run(train_detector.build(frames, device))


def measure(run: Run, config: BenchmarkConfig, files: list[Path]) -> dict[str, Any]:
    """The figures, see `benchmark`."""
    work = run.task.epoch(0)
    seeds = seeded_share(work.batches, 0, 0)
    batch = next(iter(load(work.dataset, seeds, work.collate, Loading(pin=run.loading.pin))))
    result: dict[str, Any] = {
        "decode": rate(lambda n: bool(read_image(files[n % len(files)]).size), 1, config.seconds),
        "decode_and_augment": rate(lambda n: work.dataset[n % len(work.dataset)], 1, config.seconds),  # type: ignore[arg-type]
    }
    plain = PlainLoop(run, work, batch)
    set_training(run.learner.model, False)
    ours, theirs = [], []
    for _ in range(3):  # in turns, so that a busy machine slows both
        ours.append(rate(lambda _: learn(run, batch, work.step), len(batch[0]), config.seconds / 3))
        theirs.append(rate(lambda _: plain.step(), len(batch[0]), config.seconds / 3))
    result["step"], result["plain_step"] = float(np.median(ours)), float(np.median(theirs))
    result["speedup"] = float(np.median([one / other for one, other in zip(ours, theirs, strict=True)]))
    start = 2 * run.loading.workers + 2  # by then the loading processes run and what they had ahead is used up
    seeds = seeds * -(-(start + ENOUGH_BATCHES) // len(seeds))
    result["load"] = flow(load(work.dataset, seeds, work.collate, run.loading), lambda batch: None, start)[0]
    batches = uploaded(load(work.dataset, seeds, work.collate, run.loading), run.learner.device)
    result["epoch"], result["step_share"] = flow(batches, lambda batch: learn(run, batch, work.step), start)
    result["limit"] = "loading" if result["load"] < result["step"] else "step"
    if run.learner.device.type == "cuda":
        result["peak_memory_gib"] = torch.cuda.max_memory_allocated() / 2**30
    return result


def learn(run: Run, batch: Sequence[Tensor], step: Step) -> None:
    """A step as in a training, which settles the one before."""
    run.launched = launch_step(run.learner, batch, step, run.launched)


class PlainLoop:
    """The loop of a tutorial: float32, contiguous, no averaging, no fused anything; the yardstick."""

    def __init__(self, run: Run, work: Epoch, batch: Sequence[Tensor]) -> None:
        import copy

        self.model: nn.Module = copy.deepcopy(run.learner.model).to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-4)
        self.model.train()
        self.losses = work.step
        self.batch = [batch[0].contiguous(), *batch[1:]]

    def step(self) -> None:
        """Learn from the batch."""
        self.optimizer.zero_grad()
        self.losses(self.model, self.batch)["loss"].backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()


def rate(action: Callable[[int], Any], pictures: int, seconds: float) -> float:
    """Pictures a second of an action, repeated for a while after a first, untimed call.

    As in a training, one begins while the GPU still works on what is left of the one before.
    """
    action(0)
    synchronize()
    count, start_s = 0, time.perf_counter()
    while time.perf_counter() - start_s < seconds:
        count += 1
        action(count)
    synchronize()
    return count * pictures / (time.perf_counter() - start_s)


def flow(batches: Iterable[Any], action: Callable[[Any], Any], start: int = 0) -> tuple[float, float]:
    """Pictures a second through a loader and an action, and the share of the time in which nothing waits for a batch.

    Args:
        start: so many first batches are not counted.
    """
    pictures, waiting_s = 0, 0.0
    start_s = asked_s = time.perf_counter()
    for number, batch in enumerate(batches):
        waiting_s += time.perf_counter() - asked_s
        if number == start:
            synchronize()
            pictures, waiting_s, start_s = 0, 0.0, time.perf_counter()
        action(batch)
        pictures += len(batch[0])
        asked_s = time.perf_counter()
    synchronize()
    whole_s = time.perf_counter() - start_s
    return pictures / whole_s, 1 - waiting_s / whole_s


def synchronize() -> None:
    """Wait for the GPU, where there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def table(config: BenchmarkConfig, result: dict[str, Any]) -> str:
    """The measurement for people."""
    names = {
        "decode": "decode a JPEG, one process",
        "decode_and_augment": "decode and augment, one process",
        "load": f"load batches, {config.workers} workers",
        "step": "training step",
        "plain_step": "the same, plain float32",
        "epoch": "whole epoch",
    }
    lines = [f"{config.network} at {config.size} px, batches of {config.batch_size}, pictures a second:"]
    lines += [f"  {text:34}{result[name]:10.1f}" for name, text in names.items()]
    lines.append(f"The step is {result['speedup']:.2f} times as fast as the plain one.")
    lines.append(f"{result['limit']} limits; in {result['step_share']:.0%} of the epoch's time the step works.")
    if "peak_memory_gib" in result:
        lines.append(f"Peak GPU memory {result['peak_memory_gib']:.2f} GiB.")
    return "\n".join(lines)
