from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fakes import FakeGpu, FakeRecognizer, write_two_colours

from gesture_app import benchmark_gpu, benchmark_report
from gesture_app.benchmark import LoopedVideo
from gesture_app.vision.assets import assets_folder


@pytest.mark.parametrize("memory_mb", [None, 250.0])
def test_frames_and_batches(tmp_path: Path, monkeypatch, memory_mb: float | None) -> None:
    monkeypatch.setattr(benchmark_gpu, "gpu_memory_mb", lambda: memory_mb)
    clip = LoopedVideo(write_two_colours(tmp_path / "clip.mp4"))
    result = benchmark_gpu.measure_gpu(FakeGpu(), FakeRecognizer(), clip, 0.1)
    assert set(result) == {"frame", "plain_frame", "batch_fps", "memory_mb", "size_wh"}
    assert result["frame"]["p50_ms"] <= result["frame"]["p95_ms"]
    assert result["batch_fps"] > 0 and result["size_wh"] == (160, 120)
    told = benchmark_report.gpu_table(result)
    assert "160x120" in told and "plain PyTorch" in told and ("250 MB" in told) is bool(memory_mb)


def test_the_plain_recognizer_is_the_reference() -> None:
    plain = benchmark_gpu.plain_recognizer(assets_folder() / "weights", "cpu")
    assert plain.device_name == "CPU, PyTorch"
    assert plain(np.zeros((90, 160, 3), np.uint8)) == []
