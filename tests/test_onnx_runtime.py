from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from networks import CLASSIFIER, pictures, randomised

from gesture_app.errors import EnvironmentFault, InputError
from gesture_app.vision import onnx_runtime
from gesture_app.vision.model_info import ModelInfo, save_model
from gesture_app.vision.onnx_runtime import TENSORRT
from gesture_app.vision.runtimes import load_network

DETECTOR = ModelInfo("detector", "yolox-nano", ("hand",), (64, 96))

pytestmark = pytest.mark.usefixtures("export_cache")


def save(tmp_path: Path, info: ModelInfo) -> Path:
    path = tmp_path / "weights" / f"{info.kind}.safetensors"
    save_model(path, randomised(info), info)
    return path


@pytest.fixture
def installed() -> None:
    for package in ("onnx", "onnxruntime"):
        pytest.importorskip(package, reason=f"{package} is not installed: pip install onnx onnxruntime")


@pytest.mark.parametrize(
    ("info", "shapes"),
    [(DETECTOR, [(1, 64, 96), (1, 96, 64), (2, 32, 96)]), (CLASSIFIER, [(1, 64, 64), (3, 64, 64)])],
)
def test_equals_the_reference(installed, tmp_path: Path, info: ModelInfo, shapes) -> None:
    path = save(tmp_path, info)
    reference = load_network(path, info.kind, "cpu", "torch")[0]
    network, loaded = load_network(path, info.kind, "cpu", "onnx")
    assert network.name == "CPU, ONNX Runtime" and loaded.labels == info.labels
    for shape in shapes:
        got = network(pictures(*shape))
        assert got.dtype == np.float32
        assert got == pytest.approx(reference(pictures(*shape)), abs=1e-3)


def test_the_export_is_kept_and_mended(installed, tmp_path: Path, export_cache: Path, monkeypatch, caplog) -> None:
    path = save(tmp_path, CLASSIFIER)
    first = load_network(path, "classifier", "cpu", "onnx")[0](pictures(2, 64, 64))
    (kept,) = export_cache.iterdir()
    kept.write_bytes(b"damaged")
    again = load_network(path, "classifier", "cpu", "onnx")[0](pictures(2, 64, 64))
    assert "damaged" in caplog.text and kept.stat().st_size > 1e6
    monkeypatch.setattr(onnx_runtime, "load_model", lambda *_: pytest.fail("built again"))
    cached = load_network(path, "classifier", "cpu", "onnx")[0](pictures(2, 64, 64))
    assert np.array_equal(first, cached) and np.array_equal(again, cached)


class FakeRuntime:
    """ONNX Runtime with some execution providers, of which a session gets some."""

    def __init__(self, available: list[str], given: list[str]) -> None:
        self.available, self.given = available, given

    def disable_telemetry_events(self) -> None:
        pass

    def get_available_providers(self) -> list[str]:
        return self.available

    def InferenceSession(self, model: bytes, providers: list) -> SimpleNamespace:
        self.asked = [provider if isinstance(provider, str) else provider[0] for provider in providers]
        return SimpleNamespace(get_providers=lambda: self.given, run=lambda *_: [np.ones((1, 3))])


@pytest.mark.parametrize(("available", "given"), [(["CPUExecutionProvider"], []), ([TENSORRT], ["CUDA"]), (None, [])])
def test_without_tensorrt_it_is_told_what_to_install(tmp_path: Path, monkeypatch, available, given) -> None:
    path = save(tmp_path, CLASSIFIER)
    monkeypatch.setitem(sys.modules, "onnxruntime", available and FakeRuntime(available, given))
    monkeypatch.setattr(onnx_runtime, "export_onnx", lambda *_: b"a network")
    for _ in range(2):  # with an export in the cache too
        with pytest.raises(EnvironmentFault, match="pip install onnx onnxruntime-gpu"):
            load_network(path, "classifier", "auto", "tensorrt")


def test_tensorrt(tmp_path: Path, monkeypatch) -> None:
    runtime = FakeRuntime([TENSORRT], [TENSORRT])
    monkeypatch.setitem(sys.modules, "onnxruntime", runtime)
    monkeypatch.setattr(onnx_runtime, "export_onnx", lambda *_: b"a network")
    network, _ = load_network(save(tmp_path, CLASSIFIER), "classifier", "cuda", "tensorrt")
    assert network.name == "CUDA, TensorRT" and runtime.asked[0] == TENSORRT
    assert network(pictures(1, 64, 64)).dtype == np.float32


@pytest.mark.parametrize("package", ["onnxruntime", "onnx"])
def test_what_to_install_is_told(tmp_path: Path, monkeypatch, package: str) -> None:
    path = save(tmp_path, CLASSIFIER)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(EnvironmentFault, match="pip install onnx onnxruntime`"):
        load_network(path, "classifier", "cpu", "onnx")


@pytest.mark.parametrize(
    ("runtime", "device", "precision", "told"),
    [
        ("onnx", "cuda", "auto", "--device cpu"),
        ("onnx", "cpu", "int8", "float32"),
        ("onnx", "cpu", "bf16", "float32"),
        ("tensorrt", "cpu", "auto", "runs on CUDA"),
        ("tensorrt", "cuda", "bf16", "float16"),
    ],
)
def test_what_does_not_go_together(tmp_path: Path, runtime, device: str, precision, told: str) -> None:
    with pytest.raises(InputError, match=told):
        load_network(tmp_path / "none.safetensors", "classifier", device, runtime, precision)
