from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from training.benchmark import BenchmarkConfig, benchmark, flow, rate

NEEDS_CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA")


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=NEEDS_CUDA)])
@pytest.mark.parametrize(("network", "size"), [("classifier", 32), ("detector", 64)])
def test_every_part_is_timed(network: str, size: int, device: str, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr("training.benchmark.ENOUGH_BATCHES", 2)
    file = tmp_path / "figures" / "train.json"
    result = benchmark(
        BenchmarkConfig(network=network, size=size, batch_size=4, seconds=0.1, pictures=10, workers=0, device=device,
                        json=file)
    )  # fmt: skip
    assert json.loads(file.read_text()) == result
    parts = ("decode", "decode_and_augment", "load", "step", "plain_step", "epoch", "speedup")
    assert all(result[name] > 0 for name in parts)
    assert result["limit"] in ("loading", "step") and 0 < result["step_share"] <= 1
    told = capsys.readouterr().out
    assert "plain float32" in told and "limits" in told and "Training starts" not in told


def test_rate_and_flow_count_pictures() -> None:
    calls: list[int] = []
    assert rate(calls.append, 3, 0.01) > 0 and calls[0] == 0 and calls == list(range(len(calls)))
    pictures_a_second, share = flow([([0, 0],), ([0],)], lambda batch: None)
    assert pictures_a_second > 0 and 0 <= share <= 1
