from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gesture_app.errors import InputError
from gesture_app.vision.classifier import GestureClassifier
from gesture_app.vision.model_folders import shipped_weights
from gesture_app.vision.model_info import ModelInfo, build_network, load_info, load_model, save_model

INFO = ModelInfo("detector", "yolox-nano", ("hand",), (64, 96), {"ap50": 0.5}, {"command": "x"})


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "detector.safetensors"
    torch.manual_seed(1)
    model = build_network(INFO)
    model.get_buffer("backbone.backbone.stem.conv.bn.running_var").fill_(1e6)  # beyond float16
    save_model(path, model, INFO)
    return path


@pytest.fixture
def copy(saved: Path, tmp_path: Path) -> Path:
    for suffix in (".safetensors", ".json"):
        shutil.copy(saved.with_suffix(suffix), tmp_path / f"detector{suffix}")
    return tmp_path / "detector.safetensors"


def test_round_trip(saved: Path) -> None:
    model, info = load_model(saved, "detector")
    assert replace(info, sha256="") == INFO
    assert not model.training
    assert all(p.dtype == torch.float32 for p in model.parameters())
    assert model.get_buffer("backbone.backbone.stem.conv.bn.running_var")[0] == 1e6
    torch.manual_seed(1)
    original = build_network(INFO).eval()
    original.get_buffer("backbone.backbone.stem.conv.bn.running_var").fill_(1e6)
    image = torch.randint(0, 256, (1, 3, 64, 96), dtype=torch.uint8)
    with torch.no_grad():
        assert torch.allclose(model(image), original(image), atol=0.02)
    assert sorted(p.name for p in saved.parent.iterdir()) == ["detector.json", "detector.safetensors"]


@pytest.mark.parametrize("handedness", [False, True])
def test_a_classifier_may_have_an_output_for_the_side(tmp_path: Path, handedness: bool) -> None:
    info = ModelInfo(
        "classifier", "resnet18d", ("fist", "palm"), (48, 48), handedness=handedness, mirror=not handedness
    )
    path = tmp_path / "classifier.safetensors"
    save_model(path, build_network(info), info)
    model, loaded = load_model(path, "classifier")
    assert loaded.handedness == handedness != loaded.mirror and loaded.labels == info.labels
    outputs = model(torch.zeros(1, 3, 48, 48))
    assert outputs.shape == (1, len(loaded.outputs)) and len(loaded.outputs) == 2 + handedness
    if not handedness:  # as info files were before there was such an output
        fields = json.loads(path.with_suffix(".json").read_text())
        del fields["handedness"], fields["mirror"]
        path.with_suffix(".json").write_text(json.dumps(fields))
        assert load_info(path) == loaded


def edit(path: Path, **changes: object) -> None:
    fields = json.loads(path.with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps({**fields, **changes}))


def flip_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)


def resign(path: Path, data: bytes) -> None:
    import hashlib

    path.write_bytes(data)
    edit(path, sha256=hashlib.sha256(data).hexdigest())


def with_nan(path: Path) -> None:
    model, info = load_model(path, "detector")
    model.get_parameter("head.obj_preds.0.bias").data.fill_(float("nan"))
    save_model(path, model, info)


BAD = {
    "weights missing": (lambda p: p.unlink(), "no such file"),
    "both missing": (lambda p: (p.unlink(), p.with_suffix(".json").unlink()), "no such file.* copy what it lacks from"),
    "info missing": (lambda p: p.with_suffix(".json").unlink(), "needs its .json"),
    "info is no JSON": (lambda p: p.with_suffix(".json").write_text("{"), "not the info file"),
    "info is too deep": (lambda p: p.with_suffix(".json").write_text("[" * 100_000), "not the info file"),
    "infinite shape": (lambda p: edit(p, input_hw=[float("inf"), 64]), "not the info file"),
    "info is a list": (lambda p: p.with_suffix(".json").write_text("[]"), "not the info file"),
    "info lacks a field": (lambda p: p.with_suffix(".json").write_text('{"kind": "detector"}'), "not the info file"),
    "no labels": (lambda p: edit(p, labels=[]), "make no sense"),
    "labels twice": (lambda p: edit(p, labels=["a", "a"]), "make no sense"),
    "odd shape": (lambda p: edit(p, input_hw=[60, 96]), "multiple of 32"),
    "mirrored in words": (lambda p: edit(p, mirror="false"), "`mirror` is neither true nor false"),
    "mirrored by a number": (lambda p: edit(p, mirror=0), "`mirror` is neither true nor false"),
    "mirrored by nothing": (lambda p: edit(p, mirror=None), "`mirror` is neither true nor false"),
    "one byte flipped": (flip_byte, "sha256"),
    "truncated": (lambda p: p.write_bytes(p.read_bytes()[:5000]), "sha256"),
    "empty": (lambda p: p.write_bytes(b""), "sha256"),
    "text, signed": (lambda p: resign(p, b"not weights at all"), "not a safetensors file"),
    "header of 2^60 bytes": (lambda p: resign(p, (1 << 60).to_bytes(8, "little") + b"{}"), "not a safetensors file"),
    "other classes": (lambda p: edit(p, labels=["a", "b"]), "size mismatch"),
    "other architecture": (lambda p: edit(p, architecture="yolox-tiny"), "Error"),
    "unknown architecture": (lambda p: edit(p, architecture="resnet50"), "unknown detector"),
    "a folder": (lambda p: (p.unlink(), p.mkdir()), "no such file"),
    "a folder alone": (lambda p: (p.unlink(), p.with_suffix(".json").unlink(), p.mkdir()), r"a folder\. Name"),
    "not finite": (with_nan, "NaN"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files(copy: Path, name: str) -> None:
    spoil, reason = BAD[name]
    spoil(copy)
    with pytest.raises(InputError, match=reason) as caught:
        load_model(copy, "detector")
    message = str(caught.value)
    assert str(copy.parent) in message and "\n" not in message


def test_a_place_that_cannot_be_looked_at(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="File name too long"):
        load_info(tmp_path / ("n" * 300) / "detector.safetensors")


def test_wrong_kind(copy: Path) -> None:
    with pytest.raises(InputError, match="a classifier's are needed"):
        load_model(copy, "classifier")


@pytest.mark.parametrize("kind", ["detector", "classifier"])
def test_shipped_weights_load_and_say_how_they_were_made(kind) -> None:
    path = shipped_weights(kind)
    _, info = load_model(path, kind)
    assert info.metrics and info.trained["command"].startswith("gesture-train")
    assert "/" not in info.trained["command"].split()[0]
    assert load_info(path) == info


@pytest.mark.parametrize(
    ("labels", "shares", "expected"),
    [
        (("fist", "palm"), (), (1, 1)),
        (("fist", "palm"), (0.25, 0.5), (2, 1)),
        (("fist", "palm", "no_gesture", "background"), (0.1, 0.2, 0.6, 0.1), (2, 1, 1, 1)),
        (("fist", "palm", "ok"), (0.0, 0.2, 0.8), (1, 4, 1)),  # kept from other weights, without pictures
        (("no_gesture",), (1.0,), (1,)),
        (("hand",), (0.0,), (1,)),
    ],
)
def test_gestures_are_taken_for_equally_likely(labels, shares, expected) -> None:
    info = ModelInfo("classifier", "resnet18d", labels, (48, 48), shares=shares)
    assert info.shifts == pytest.approx(np.log(expected))


@pytest.mark.parametrize("shares", [[0.5], [0.5, 0.5, 0], [2.0, 0.1], [-0.1, 0.1], [float("nan"), 0.1], ["x", "y"], 3])
def test_bad_shares_are_refused(tmp_path: Path, shares) -> None:
    info = ModelInfo("classifier", "resnet18d", ("fist", "palm"), (48, 48), shares=(0.5, 0.25))
    path = tmp_path / "a.safetensors"
    saved = save_model(path, GestureClassifier(2), info)
    assert load_info(path) == saved and saved.shares == (0.5, 0.25)
    fields = json.loads(path.with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps(fields | {"shares": shares}))
    with pytest.raises(InputError, match=r"shares|not the info file"):
        load_info(path)
