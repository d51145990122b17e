from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from networks import CLASSIFIER, Blur, randomised

from gesture_app.errors import InputError
from gesture_app.vision import openvino_runtime
from gesture_app.vision.model_folders import quantization_path, shipped_weights
from gesture_app.vision.model_info import load_info
from gesture_app.vision.openvino_runtime import OpenVinoNetwork, export_openvino, fastest_precision, load_openvino
from gesture_app.vision.quantization import (
    Quantization,
    Rounding,
    fitting_quantization,
    graph_sha256,
    load_quantization,
    nodes_of,
    save_quantization,
)
from gesture_app.vision.runtimes import load_network

pytestmark = pytest.mark.usefixtures("export_cache")


def exported(channels: int = 2):
    torch.manual_seed(0)
    return export_openvino(Blur(channels), CLASSIFIER)


def by_hand(model, weights_sha256: str = "") -> Quantization:
    """Eight bits for all convolutions: pixels as they are, other activations within 0..60, weights as they need."""
    roundings = []
    for number, node in enumerate(nodes_of(model)):
        if node.get_type_name() == "Convolution":
            kernel = node.input_value(1).get_node().data
            high = np.abs(kernel).reshape(len(kernel), -1).max(axis=1).clip(1e-6).reshape(-1, 1, 1, 1)
            inside = np.full((1, 1, 1, 1), 255 if len(roundings) == 0 else 60, np.float32)
            roundings.append(Rounding(((number, 0),), 256, np.zeros_like(inside), inside))
            # Half of the range, since products of whole ones overflow without VNNI.
            roundings.append(Rounding(((number, 1),), 255, -2 * high, 2 * high))
    return Quantization(weights_sha256, graph_sha256(model), roundings, {}, {"macro_f1_int8": 0.9})


def pictures(count: int) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, 64, 64, 3), np.uint8)


def outputs(model, precision="f32") -> np.ndarray:
    return OpenVinoNetwork(model, "classifier", precision)(pictures(2))


def test_a_network_in_eight_bits_gives_about_the_same() -> None:
    plain, rounded = exported(), exported()
    quantization = by_hand(plain)
    quantization.apply(rounded)
    expected, got = outputs(plain), outputs(rounded, "int8")
    assert not np.array_equal(got, expected)
    assert got == pytest.approx(expected, abs=0.05 * float(np.abs(expected).max()))


def test_biases_are_replaced() -> None:
    plain, shifted = exported(), exported()
    add = next(n for n, node in enumerate(nodes_of(plain)) if node.get_type_name() == "Add")
    port = [i.get_source_output().get_node().get_type_name() for i in nodes_of(plain)[add].inputs()].index("Constant")
    bias = nodes_of(plain)[add].input_value(port).get_node().data
    Quantization("", graph_sha256(plain), [], {(add, port): bias + 3}).apply(shifted)
    assert outputs(shifted) == pytest.approx(outputs(plain) + 3, abs=1e-2)


def test_another_network_is_refused_and_left_alone() -> None:
    other = exported(channels=3)
    before = outputs(other)
    with pytest.raises(ValueError, match="another way"):
        by_hand(exported()).apply(other)
    assert np.array_equal(outputs(other), before)


def test_the_checksum_is_of_the_graph_alone(weights: Path) -> None:
    fresh, _ = load_openvino(weights, "classifier")
    cached, info = load_openvino(weights, "classifier")
    other_weights = export_openvino(randomised(info), info)
    assert graph_sha256(fresh) == graph_sha256(cached) == graph_sha256(other_weights)
    assert graph_sha256(exported()) != graph_sha256(exported(channels=3))


def test_written_and_read(tmp_path: Path) -> None:
    model = exported()
    quantization = replace(by_hand(model, "abc"), constants={(4, 1): np.ones((1, 2, 1, 1), np.float32)})
    save_quantization(tmp_path / "a.int8.safetensors", quantization)
    read = load_quantization(tmp_path / "a.int8.safetensors")
    assert (read.weights_sha256, read.graph, read.measured) == ("abc", quantization.graph, {"macro_f1_int8": 0.9})
    assert list(read.constants) == [(4, 1)] and read.constants[4, 1].shape == (1, 2, 1, 1)
    for got, expected in zip(read.roundings, quantization.roundings, strict=True):
        assert (got.readers, got.levels) == (expected.readers, expected.levels)
        assert np.array_equal(got.low, expected.low) and np.array_equal(got.high, expected.high)


def test_nothing_beside_the_weights_is_no_fault(weights: Path, caplog) -> None:
    model, info = load_openvino(weights, "classifier")
    assert fitting_quantization(weights, info, model) is None
    assert not caplog.records


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda good: replace(good, weights_sha256="0" * 64), "other weights"),
        (lambda good: replace(good, graph="0" * 64), "exports the network in another way"),
        (lambda good: replace(good, roundings=[replace(good.roundings[0], high=np.float32([np.nan]))]), "no sense"),
        (lambda good: replace(good, roundings=[replace(good.roundings[0], readers=())]), "no sense"),
        (None, "damaged"),
    ],
)
def test_what_does_not_fit_is_not_used_and_told(weights: Path, caplog, damage, reason: str) -> None:
    model, info = load_openvino(weights, "classifier")
    path = quantization_path(weights)
    if damage is None:
        path.write_bytes(b"damaged")
    else:
        save_quantization(path, damage(by_hand(model, info.sha256)))
    with caplog.at_level(logging.WARNING):
        assert fitting_quantization(weights, info, model) is None
    assert len(caplog.records) == 1 and reason in caplog.text and path.name in caplog.text
    with pytest.raises(InputError, match="gesture-train quantize"):
        load_network(weights, "classifier", "cpu", "openvino", "int8")


@pytest.mark.parametrize(
    ("abilities", "machine", "expected"),
    [
        (["FP32", "INT8"], "x86_64", "int8"),
        (["FP32", "INT8"], "AMD64", "int8"),
        (["FP32", "INT8", "BF16"], "x86_64", "int8"),
        (["FP32", "INT8"], "aarch64", "f32"),
        (["FP32"], "x86_64", "f32"),
        (["FP32", "BF16"], "x86_64", "bf16"),
    ],
)
def test_what_a_cpu_is_fastest_at(monkeypatch, abilities, machine: str, expected: str) -> None:
    class Core:
        def get_property(self, device: str, name: str) -> list[str]:
            return abilities

    monkeypatch.setattr(openvino_runtime, "openvino_core", Core)
    monkeypatch.setattr(openvino_runtime.platform, "machine", lambda: machine)
    assert fastest_precision(quantized=True) == expected
    assert fastest_precision(quantized=False) == ("bf16" if "BF16" in abilities else "f32")


def test_a_network_is_loaded_in_eight_bits(weights: Path, monkeypatch) -> None:
    plain = load_network(weights, "classifier", "cpu", "openvino", "f32")[0]
    model, info = load_openvino(weights, "classifier")
    save_quantization(quantization_path(weights), by_hand(model, info.sha256))
    monkeypatch.setattr(openvino_runtime, "fastest_precision", lambda quantized: "int8" if quantized else "f32")
    chosen = load_network(weights, "classifier", "cpu")[0]
    asked = load_network(weights, "classifier", "cpu", "openvino", "int8")[0]
    assert chosen.name == asked.name == "CPU, OpenVINO int8"
    assert load_network(weights, "classifier", "cpu", "openvino", "f32")[0].name == "CPU, OpenVINO f32"
    by_hand(model, info.sha256).apply(model)
    expected = outputs(model, "int8")
    assert not np.array_equal(plain(pictures(2)), expected)
    assert np.array_equal(chosen(pictures(2)), expected) and np.array_equal(asked(pictures(2)), expected)


def test_pytorch_has_no_eight_bits(weights: Path) -> None:
    with pytest.raises(InputError, match="--runtime openvino"):
        load_network(weights, "classifier", "cpu", "torch", "int8")


@pytest.mark.parametrize("kind", ["detector", "classifier"])
def test_what_is_shipped_belongs_to_the_shipped_weights(kind) -> None:
    path = quantization_path(shipped_weights(kind))
    if not path.is_file():
        pytest.skip("this network is shipped without")
    assert load_quantization(path).weights_sha256 == load_info(shipped_weights(kind)).sha256
