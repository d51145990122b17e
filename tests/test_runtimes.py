from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from networks import pictures

from gesture_app.errors import EnvironmentFault, InputError
from gesture_app.vision import runtimes
from gesture_app.vision.openvino_runtime import OpenVinoNetwork
from gesture_app.vision.runtimes import TorchNetwork, choose_device, load_network

CPU = torch.device("cpu")

pytestmark = pytest.mark.usefixtures("export_cache")


@pytest.mark.parametrize("runtime", ["torch", "openvino"])
def test_bfloat16_runs_on_every_cpu(weights: Path, runtime) -> None:
    network = load_network(weights, "classifier", "cpu", runtime, "bf16")[0]
    expected = load_network(weights, "classifier", "cpu", "torch")[0](pictures(2, 64, 64))
    assert network(pictures(2, 64, 64)) == pytest.approx(expected, abs=0.1 * float(np.abs(expected).max()))


@pytest.mark.parametrize(
    ("runtime", "kind"), [("auto", OpenVinoNetwork), ("torch", TorchNetwork), ("openvino", OpenVinoNetwork)]
)
def test_choice_on_a_cpu(weights: Path, runtime, kind) -> None:
    assert isinstance(load_network(weights, "classifier", "cpu", runtime)[0], kind)


def test_without_openvino(weights: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert isinstance(load_network(weights, "classifier", "cpu")[0], TorchNetwork)
    with pytest.raises(EnvironmentFault, match="pip install openvino"):
        load_network(weights, "classifier", "cpu", "openvino")


def test_openvino_is_not_for_cuda(weights: Path) -> None:
    with pytest.raises(InputError, match="--device cpu"):
        load_network(weights, "classifier", "cuda", "openvino")


def test_a_driver_without_a_gpu(weights: Path, monkeypatch) -> None:
    monkeypatch.setattr(runtimes, "sees_gpu", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert isinstance(load_network(weights, "classifier")[0], OpenVinoNetwork)


def test_choose_device(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == choose_device("cpu") == CPU
    with pytest.raises(EnvironmentFault, match="no CUDA device"):
        choose_device("cuda")
    with pytest.raises(InputError, match="no device"):
        choose_device("tpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto").type == "cuda" and choose_device("cpu").type == "cpu"
