"""The figures of a benchmark as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def stages_table(result: Mapping[str, Any]) -> str:
    """What `measure_stages` gives."""
    lines = [f"{'stage':10}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}"]
    for name, times in result["stages"].items():
        lines.append(f"{name:10}{times['p50_ms']:9.1f}{times['p95_ms']:9.1f}{times['p99_ms']:9.1f}")
    width, height = result["size_wh"]
    lines.append(
        f"every frame: {result['fps']:.1f} FPS over {result['frames']} frames of {width}x{height}, "
        f"{result['hands']:.1f} hands, {result['cpu_cores']:.1f} cores busy"
    )
    return "\n".join(lines)


def live_line(result: Mapping[str, Any]) -> str:
    """What `measure_live` gives."""
    return (
        f"as a camera at 30 FPS: {result['fps']:.1f} FPS, {result['dropped']:.1%} of the frames dropped, "
        f"{result['p50_ms']:.0f} ms to the drawn picture (p95 {result['p95_ms']:.0f}, p99 {result['p99_ms']:.0f}), "
        f"{result['cpu_cores']:.1f} cores busy"
    )


def start_line(result: Mapping[str, Any]) -> str:
    """What `measure_start` gives."""
    memory = f", {result['memory_mb']:.0f} MB of memory at most" if result["memory_mb"] else ""
    return f"start to first result: {result['seconds']:.1f} s{memory}"


def gpu_table(result: Mapping[str, Any]) -> str:
    """What `measure_gpu` gives."""
    lines = [f"{'frame to hands':26}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}"]
    for name, key in (("one upload and one graph", "frame"), ("plain PyTorch, float32", "plain_frame")):
        times = result[key]
        lines.append(f"{name:26}{times['p50_ms']:9.2f}{times['p95_ms']:9.2f}{times['p99_ms']:9.2f}")
    memory = f", {result['memory_mb']:.0f} MB of the GPU's memory" if result["memory_mb"] else ""
    width, height = result["size_wh"]
    lines.append(f"in batches: {result['batch_fps']:.0f} frames of {width}x{height} a second{memory}")
    return "\n".join(lines)


def comparison_table(results: Mapping[str, Mapping[str, float]]) -> str:
    """What `measure_unpaced` gives; factors are over the slowest engine's every-frame rate."""
    slowest = min(result["every_frame_fps"] for result in results.values())
    lines = [f"{'engine':22}{'every frame':>14}{'':8}{'as in live':>14}"]
    for name, result in results.items():
        every, live = result["every_frame_fps"], result["live_fps"]
        lines.append(f"{name:22}{every:10.1f} FPS{every / slowest:7.2f}x{live:10.1f} FPS{live / slowest:7.2f}x")
    return "\n".join(lines)


def scaling_table(results: Sequence[Mapping[str, Any]]) -> str:
    """What `measure_scaling` gives."""
    lines = [f"{'picture':12}{'hands':>6}{'detect ms':>11}{'classify ms':>13}"]
    for result in results:
        size = "{}x{}".format(*result["size_wh"])
        lines.append(f"{size:12}{result['hands']:6}{result['detect']:11.1f}{result['classify']:13.1f}")
    return "\n".join(lines)
