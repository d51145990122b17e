from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gesture_app.errors import EnvironmentFault, InputError
from gesture_app.vision import runtimes
from gesture_app.vision.model_info import ModelInfo, build_network
from gesture_app.vision.runtimes import OpenVinoNetwork, TorchNetwork, build_runtime, choose_device

CPU = torch.device("cpu")
DETECTOR = ModelInfo("detector", "yolox-nano", ("hand",), (64, 96))
CLASSIFIER = ModelInfo("classifier", "resnet18d", ("like", "palm", "no_gesture"), (64, 64))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(runtimes, "user_cache_path", lambda name: tmp_path / "cache" / name)
    return tmp_path / "cache" / "gesture-app"


def randomised(info: ModelInfo) -> torch.nn.Module:
    network = build_network(info)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.5, 0.5)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
    return network.eval()


@pytest.mark.parametrize(
    ("info", "shapes"),
    [
        (DETECTOR, [(1, 3, 64, 96), (1, 3, 96, 64), (1, 3, 64, 96)]),
        (CLASSIFIER, [(1, 3, 64, 64), (4, 3, 64, 64), (2, 3, 64, 64)]),
    ],
)
def test_openvino_equals_the_reference(info: ModelInfo, shapes) -> None:
    network = randomised(info)
    reference, fast = TorchNetwork(network, CPU), OpenVinoNetwork(network, info)
    for shape in shapes:
        batch = torch.randint(0, 256, shape, dtype=torch.uint8)
        expected, got = reference(batch), fast(batch)
        assert got.dtype == np.float32 and got.shape == expected.shape
        assert got == pytest.approx(expected, abs=1e-3)


def test_a_batch_that_is_not_contiguous() -> None:
    fast = OpenVinoNetwork(build_network(CLASSIFIER), CLASSIFIER)
    batch = torch.randint(0, 256, (2, 64, 64, 3), dtype=torch.uint8).permute(0, 3, 1, 2)
    assert fast(batch) == pytest.approx(fast(batch.contiguous()))


def test_the_export_is_kept_and_used_again(cache: Path, monkeypatch) -> None:
    info = replace(DETECTOR, sha256="a" * 64)
    network = randomised(info)
    batch = torch.randint(0, 256, (1, 3, 64, 96), dtype=torch.uint8)
    first = OpenVinoNetwork(network, info)(batch)
    assert {path.suffix for path in cache.iterdir()} == {".xml", ".bin"}
    monkeypatch.setattr(runtimes, "export_openvino", lambda *_: pytest.fail("exported again"))
    assert OpenVinoNetwork(network, info)(batch) == pytest.approx(first)


def test_a_damaged_cache_is_made_anew(cache: Path) -> None:
    info = replace(DETECTOR, sha256="b" * 64)
    network = build_network(info)
    OpenVinoNetwork(network, info)
    for path in cache.iterdir():
        path.write_bytes(b"damaged")
    batch = torch.randint(0, 256, (1, 3, 64, 96), dtype=torch.uint8)
    assert OpenVinoNetwork(network, info)(batch) == pytest.approx(TorchNetwork(network, CPU)(batch), abs=1e-3)
    assert all(path.stat().st_size > 10 for path in cache.iterdir())


def test_works_without_a_cache(cache: Path) -> None:
    cache.parent.write_text("a file where the folder should be")
    info = replace(CLASSIFIER, sha256="c" * 64)
    assert OpenVinoNetwork(build_network(info), info)(torch.zeros(1, 3, 64, 64, dtype=torch.uint8)).shape == (1, 3)


@pytest.mark.parametrize(
    ("runtime", "kind"), [("auto", OpenVinoNetwork), ("torch", TorchNetwork), ("openvino", OpenVinoNetwork)]
)
def test_choice_on_a_cpu(runtime, kind) -> None:
    assert isinstance(build_runtime(build_network(CLASSIFIER), CLASSIFIER, CPU, runtime), kind)


def test_without_openvino(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    network = build_network(CLASSIFIER)
    assert isinstance(build_runtime(network, CLASSIFIER, CPU), TorchNetwork)
    with pytest.raises(EnvironmentFault, match="pip install openvino"):
        build_runtime(network, CLASSIFIER, CPU, "openvino")


def test_openvino_is_not_for_cuda() -> None:
    with pytest.raises(InputError, match="--device cpu"):
        build_runtime(build_network(CLASSIFIER), CLASSIFIER, torch.device("cuda"), "openvino")


def test_choose_device(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == choose_device("cpu") == CPU
    with pytest.raises(EnvironmentFault, match="no CUDA device"):
        choose_device("cuda")
    with pytest.raises(InputError, match="no device"):
        choose_device("tpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto").type == "cuda" and choose_device("cpu").type == "cpu"


NO_NETWORK = """
import socket, sys
def refuse(*arguments, **options):
    print("network use", arguments, file=sys.stderr)
    raise OSError("no network here")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
import torch
from gesture_app.vision.model_info import ModelInfo, build_network
from gesture_app.vision.runtimes import OpenVinoNetwork
info = ModelInfo("classifier", "resnet18d", ("a", "b"), (64, 64))
OpenVinoNetwork(build_network(info), info)(torch.zeros(1, 3, 64, 64, dtype=torch.uint8))
"""


def test_nothing_is_reported_over_the_network(monkeypatch) -> None:
    monkeypatch.delenv("CI", raising=False)  # the converter's telemetry is off in CI, which would hide it here
    done = subprocess.run([sys.executable, "-c", NO_NETWORK], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "network use" not in done.stderr
