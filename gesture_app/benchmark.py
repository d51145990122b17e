"""How fast the engine is here: every stage of a frame, timed over a clip."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gesture_app.errors import InputError
from gesture_app.video.sources import open_video
from gesture_app.vision.hands import Frame, Image
from gesture_app.vision.model_info import assets_folder
from gesture_app.vision.overlay import draw_hands
from gesture_app.vision.recognizer import Recognizer
from gesture_app.vision.tracking import Tracker

WARM_UP = 10
MAX_FRAMES = 300
"""Frames are decoded before the clock starts, so their number bounds the memory."""


def demo_clip() -> Path:
    """The clip that comes with the program."""
    return assets_folder() / "demo.mp4"


def measure(recognizer: Recognizer, clip: Path, seconds: float) -> dict[str, Any]:
    """Run the engine over a clip, again and again, for some seconds.

    Returns:
        `fps`, frames through the whole engine a second; `frames`; `hands` a frame; `size_wh`; and for every stage
        and the whole `p50_ms` and `p95_ms`.

    Raises:
        InputError: the clip cannot be read.
    """
    with open_video(clip) as video:
        frames = list(itertools.islice(video, MAX_FRAMES))
    if not frames:
        raise InputError(f"video: {clip}: it has no frames")
    tracker = Tracker(recognizer.labels, recognizer.options.label_threshold)
    rows: list[dict[str, float]] = []
    hands = 0
    for number, frame in enumerate(itertools.cycle(frames)):
        row, found = time_frame(recognizer, tracker, frame)
        if number < WARM_UP:
            start_s = time.perf_counter()
            continue
        rows.append(row)
        hands += found
        if time.perf_counter() - start_s > seconds:
            break
    stages = {name: percentiles([row[name] for row in rows]) for name in rows[0]}
    return {
        "fps": len(rows) / (time.perf_counter() - start_s),
        "frames": len(rows),
        "hands": hands / len(rows),
        "size_wh": (frames[0].image.shape[1], frames[0].image.shape[0]),
        "stages": stages,
    }


def time_frame(recognizer: Recognizer, tracker: Tracker, frame: Frame) -> tuple[dict[str, float], int]:
    """The milliseconds of every stage of one frame, and its number of hands."""
    row: dict[str, float] = {}

    def timed(name: str, work: Callable[[Image], Any]) -> Any:
        start_s = time.perf_counter()
        result = work(frame.image)
        row[name] = (time.perf_counter() - start_s) * 1000
        return result

    found = timed("detect", lambda image: recognizer.detect(image, recognizer.options))
    hands = timed("classify", lambda image: recognizer.name(image, found, recognizer.options))
    hands = timed("track", lambda image: tracker.update(hands, frame.time_s))
    timed("draw", lambda image: draw_hands(image, hands))
    row["whole"] = sum(row.values())
    return row, len(hands)


def percentiles(times_ms: Sequence[float]) -> dict[str, float]:
    """The median and the 95th percentile."""
    p50, p95 = np.percentile(times_ms, (50, 95))
    return {"p50_ms": float(p50), "p95_ms": float(p95)}


def table(result: dict[str, Any]) -> str:
    """The measurement for people."""
    lines = [f"{'stage':10}{'p50 ms':>9}{'p95 ms':>9}"]
    lines += [f"{name:10}{times['p50_ms']:9.1f}{times['p95_ms']:9.1f}" for name, times in result["stages"].items()]
    width, height = result["size_wh"]
    lines.append(
        f"{result['fps']:.1f} FPS over {result['frames']} frames of {width}x{height}, {result['hands']:.1f} hands"
    )
    return "\n".join(lines)
