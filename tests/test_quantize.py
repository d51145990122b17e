from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from gesture_app.errors import EnvironmentFault, InputError
from gesture_app.vision.hands import Hand
from gesture_app.vision.model_folders import quantization_path
from gesture_app.vision.model_info import ModelInfo, build_network, save_model
from gesture_app.vision.openvino_runtime import OpenVinoNetwork, export_openvino
from gesture_app.vision.quantization import Quantization, graph_sha256, load_quantization, nodes_of
from gesture_app.vision.runtimes import load_network
from training import quantize as module
from training.quantize import QuantizeConfig, calibrate, import_nncf, quantize, same_hands

DETECTOR = ModelInfo("detector", "yolox-nano", ("hand",), (64, 96))
CLASSIFIER = ModelInfo("classifier", "resnet18d", ("fist", "palm"), (32, 32))

pytestmark = pytest.mark.usefixtures("export_cache")


@pytest.fixture
def nncf() -> None:
    pytest.importorskip("nncf", reason="NNCF is not installed: pip install nncf")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    folder = tmp_path / "weights"
    for info in (DETECTOR, CLASSIFIER):
        network = build_network(info)
        for layer in network.modules():
            if isinstance(layer, torch.nn.BatchNorm2d):
                torch.nn.init.uniform_(layer.weight, 0.8, 1.2)
        save_model(folder / f"{info.kind}.safetensors", network.eval(), info)
    return folder


class Small(torch.nn.Module):
    """Branches, activations and a last layer by the name of the detector's."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 8, 3, 2)
        self.left, self.right = (torch.nn.Conv2d(8, 8, 3, padding=1) for _ in range(2))
        self.reg_preds = torch.nn.Conv2d(16, 4, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = torch.nn.functional.silu(self.stem(images.float() / 255))
        both = torch.cat([torch.nn.functional.silu(branch(x)) for branch in (self.left, self.right)], dim=1)
        return self.reg_preds(both).flatten(2)


def test_the_file_makes_the_network_that_nncf_made(nncf, monkeypatch) -> None:
    small = Small()
    model, plain = (export_openvino(small, DETECTOR) for _ in range(2))
    batches = [np.random.default_rng(i).integers(0, 256, (1, 64, 96, 3), np.uint8) for i in range(3)]
    made = []
    whole = import_nncf().quantize
    monkeypatch.setattr(import_nncf(), "quantize", lambda *a, **k: made.append(whole(*a, **k)) or made[0])
    quantization = calibrate(model, DETECTOR, batches)
    assert quantization.graph == graph_sha256(model)
    names = [node.get_friendly_name() for node in nodes_of(model)]
    read = {names[number] for rounding in quantization.roundings for number, _ in rounding.readers}
    assert len(quantization.roundings) >= 3 and not any("preds" in name for name in read)
    quantization.apply(model)
    got, expected = (OpenVinoNetwork(m, "detector", "int8")(batches[0]) for m in (model, made[0]))
    assert got == pytest.approx(expected, abs=1e-4)
    original = OpenVinoNetwork(plain, "detector", "f32")(batches[0])
    assert not np.array_equal(got, original)
    assert got == pytest.approx(original, abs=0.1 * float(np.abs(original).max()))


@pytest.fixture
def exact(monkeypatch) -> None:
    """What NNCF does is left out: nothing is rounded."""

    def calibrate(model, info: ModelInfo, batches) -> Quantization:
        assert all(batch.dtype == np.uint8 and batch.shape[0] == 1 and batch.shape[3] == 3 for batch in batches)
        return Quantization(info.sha256, graph_sha256(model), [], {})

    monkeypatch.setattr(module, "import_nncf", lambda: None)
    monkeypatch.setattr(module, "calibrate", calibrate)


def test_the_command(nncf, exact, weights: Path, hagrid_root: Path, crops_root: Path, capsys) -> None:
    results = quantize(QuantizeConfig((hagrid_root,), (crops_root,), weights))
    assert set(results) == {"detector", "classifier", "agreement"}
    assert set(results["detector"]) == {"ap50_f32", "ap50_int8"} and results["agreement"] == 1
    for info in (DETECTOR, CLASSIFIER):
        path = weights / f"{info.kind}.safetensors"
        assert load_quantization(quantization_path(path)).measured["agreement"] == results["agreement"]
        assert load_network(path, info.kind, "cpu", "openvino", "int8")[0].name.endswith("int8")
    assert "end to end" in capsys.readouterr().out


@pytest.mark.parametrize(("after", "lost"), [(0.898, ""), (0.896, "0.40")])
def test_what_loses_too_much_is_not_written(
    exact, weights: Path, crops_root: Path, tmp_path: Path, monkeypatch, after: float, lost: str
) -> None:
    figures = iter([0.9, after])
    monkeypatch.setattr(module, "evaluate_classifier", lambda *_: {"macro_f1": next(figures)})
    config = QuantizeConfig(crops=(crops_root,), weights=weights, output=tmp_path / "out")
    if lost:
        with pytest.raises(InputError, match=rf"the classifier loses {lost} points"):
            quantize(config)
    else:
        assert quantize(config) == {"classifier": {"macro_f1_f32": 0.9, "macro_f1_int8": after}}
    written = [path.parent.name for path in tmp_path.rglob(quantization_path(Path("classifier.safetensors")).name)]
    assert written == ([] if lost else ["out"])


def test_without_pictures() -> None:
    with pytest.raises(InputError, match="--frames"):
        quantize(QuantizeConfig())


def test_without_nncf(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "nncf", None)
    with pytest.raises(EnvironmentFault, match="pip install nncf"):
        quantize(QuantizeConfig((tmp_path,)))


def hand(left: float, label: str) -> Hand:
    return Hand((left, 0, left + 10, 10), 0.9, label, 0.9, (), np.zeros(1, np.float32))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ([], [], 0),
        ([hand(0, "like")], [], 0),
        ([hand(0, "like")], [hand(1, "like")], 1),
        ([hand(0, "like")], [hand(1, "palm")], 0),
        ([hand(0, "like")], [hand(9, "like")], 0),
        ([hand(0, "like"), hand(1, "like")], [hand(1, "like")], 1),
        ([hand(0, "like"), hand(50, "palm")], [hand(50, "palm"), hand(0, "like")], 2),
    ],
)
def test_same_hands(one, other, expected: int) -> None:
    assert same_hands(one, other) == expected
