"""How fast a GPU recognizes hands, beside the same networks in PyTorch without what makes it fast."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gesture_app.benchmark import WARM_UP, LoopedVideo, Result, percentiles_ms
from gesture_app.vision.hands import Image
from gesture_app.vision.model_folders import weights_path
from gesture_app.vision.recognizer import Recognizer
from gesture_app.vision.runtimes import load_network

FRAMES = 96


def plain_recognizer(weights: Path, device: str) -> Recognizer:
    """Both networks in PyTorch in float32, one step after the other; letterbox, crops and suppression on the CPU.

    Raises:
        InputError: the weights cannot be read.
        EnvironmentFault: CUDA cannot be used.
    """
    return Recognizer(
        load_network(weights_path(weights, "detector"), "detector", device, "torch", "f32"),
        load_network(weights_path(weights, "classifier"), "classifier", device, "torch", "f32"),
    )


def measure_gpu(recognizer: Recognizer, plain: Recognizer, clip: LoopedVideo, seconds: float) -> Result:
    """Time recognition alone, without decoding and drawing, of `FRAMES` frames of a clip, again and again.

    Returns:
        `frame` and `plain_frame`, with `p50_ms`, `p95_ms` and `p99_ms` from a frame in the CPU's memory to its hands
        there; `batch_fps`, frames a second when they come in batches, as for a file; `size_wh`; `memory_mb`, the most
        that was allocated on the GPU, None without one.

    Raises:
        InputError: the clip cannot be read.
    """
    images = [frame.image for frame in itertools.islice(clip.frames(), FRAMES)]
    result: Result = {"frame": time_frames(recognizer, images, seconds)}
    list(recognizer.stream(images))
    count, start_s = 0, time.perf_counter()
    while not count or time.perf_counter() - start_s < seconds:
        count += sum(1 for _ in recognizer.stream(images))
    result["batch_fps"] = count / (time.perf_counter() - start_s)
    result["memory_mb"] = gpu_memory_mb()
    result["plain_frame"] = time_frames(plain, images, seconds)
    result["size_wh"] = (images[0].shape[1], images[0].shape[0])
    return result


def time_frames(recognize: Callable[[Image], Any], images: list[Image], seconds: float) -> dict[str, float]:
    """The percentiles of recognizing one picture after the other."""
    for image in images[:WARM_UP]:
        recognize(image)
    times: list[float] = []
    end_s = time.perf_counter() + seconds
    for image in itertools.cycle(images):
        start_s = time.perf_counter()
        recognize(image)
        times.append(time.perf_counter() - start_s)
        if start_s > end_s:
            return percentiles_ms(times)
    raise AssertionError("a clip has a frame")


def gpu_memory_mb() -> float | None:
    """The most memory that PyTorch has allocated on the GPU so far; None without one."""
    import torch

    return torch.cuda.max_memory_allocated() / (1 << 20) if torch.cuda.is_available() else None
