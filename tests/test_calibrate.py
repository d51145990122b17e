from __future__ import annotations

from pathlib import Path

import pytest
import torch

from gesture_app.errors import InputError
from gesture_app.vision.classifier import GestureClassifier
from gesture_app.vision.model_info import ModelInfo, load_info, load_model, save_model
from training.calibrate import TEMPERATURES, CalibrateConfig, calibrate, cool, fit_temperature

LABELS = ("fist", "palm")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "w.safetensors"
    info = ModelInfo("classifier", "resnet18d", LABELS, (48, 48), {"ece": 0.5}, handedness=True)
    save_model(path, GestureClassifier(3), info)
    return path


def drawn(temperature: float, count: int = 20_000) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits whose probabilities at a temperature are those of the classes."""
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(count, 4, generator=generator)
    return logits, torch.multinomial((logits / temperature).softmax(dim=1), 1, generator=generator).flatten()


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
@pytest.mark.parametrize("scale", [0.06, 0.2, 1, 6])
def test_the_temperature_is_found(temperature: float, scale: float) -> None:
    logits, targets = drawn(temperature)
    low, high = TEMPERATURES
    expected = min(max(scale * temperature, low), high)
    assert fit_temperature(scale * logits, targets) == pytest.approx(expected, rel=0.06)


def test_where_every_name_is_right_the_temperature_has_an_end() -> None:
    logits = torch.eye(3).repeat(5, 1)
    assert fit_temperature(logits, logits.argmax(dim=1)) == pytest.approx(TEMPERATURES[0], rel=0.5)
    assert fit_temperature(logits, logits.roll(1, dims=1).argmax(dim=1)) <= TEMPERATURES[1]


def test_names_and_sides_stay() -> None:
    torch.manual_seed(0)
    model = GestureClassifier(3).eval()
    images = torch.randint(0, 256, (4, 3, 48, 48), dtype=torch.uint8)
    with torch.inference_mode():
        before = model(images)
        cool(model, 2, 0.5)
        after = model(images)
    assert torch.allclose(after[:, :2], 2 * before[:, :2], atol=1e-4) and torch.equal(after[:, 2], before[:, 2])


def test_calibrated_weights_are_written(weights: Path, crops_root: Path, tmp_path: Path) -> None:
    output = tmp_path / "calibrated" / "w.safetensors"
    told = calibrate(CalibrateConfig(weights, (crops_root,), output, split="train", device="cpu", workers=0))
    assert told["crops"] > 0 and 0 <= told["ece_after"] <= 1
    info = load_info(output)
    assert info.trained["temperature"] == pytest.approx(told["temperature"], abs=1e-4)
    assert info.metrics["ece"] == told["ece_after"] and info.labels == LABELS and info.handedness
    state, before = (load_model(path, "classifier")[0].state_dict() for path in (output, weights))
    ratio = state["network.fc.bias"][:2] / before["network.fc.bias"][:2]
    assert torch.allclose(ratio, torch.tensor(1 / told["temperature"]), rtol=1e-4)
    assert state["network.fc.bias"][2] == before["network.fc.bias"][2]


def test_a_given_temperature_comes_on_top_of_an_earlier_one(weights: Path, crops_root: Path, tmp_path: Path) -> None:
    once, twice = tmp_path / "once.safetensors", tmp_path / "twice.safetensors"
    for source, output in ((weights, once), (once, twice)):
        calibrate(CalibrateConfig(source, (crops_root,), output, 0.5, device="cpu", split="train", workers=0))
    assert load_info(twice).trained["temperature"] == 0.25


def test_nothing_is_written_where_no_output_is_named(weights: Path, crops_root: Path) -> None:
    before = sorted(weights.parent.rglob("*"))
    calibrate(CalibrateConfig(weights, (crops_root,), device="cpu", split="train", workers=0))
    assert sorted(weights.parent.rglob("*")) == before


def test_hands_that_are_all_named_right_tell_no_temperature(weights: Path, crops_root: Path, monkeypatch) -> None:
    monkeypatch.setattr("training.calibrate.classify", lambda *args: (torch.eye(2) * 9, torch.arange(2)))
    with pytest.raises(InputError, match="all 2 hands are named right"):
        calibrate(CalibrateConfig(weights, (crops_root,), device="cpu", split="train", workers=0))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"temperature": 0.0}, "--temperature 0.0"),
        ({"split": "test"}, "no labelled hand"),
        ({"output": "w.calibrated"}, r"w\.calibrated: let the name end in \.safetensors"),
    ],
)
def test_what_cannot_be_used(weights: Path, crops_root: Path, changes: dict, reason: str) -> None:
    if "output" in changes:  # whose info file would be that of the weights
        changes = {**changes, "output": weights.parent / changes["output"]}
    with pytest.raises(InputError, match=reason):
        calibrate(CalibrateConfig(weights, (crops_root,), device="cpu", workers=0, **changes))
