from __future__ import annotations

import timm
import torch
from huggingface_hub import constants

from gesture_app.vision.classifier import ARCHITECTURE, GestureClassifier, build_classifier


def test_normalisation_and_channel_order_are_inside() -> None:
    model = GestureClassifier(19).eval()
    image = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    mean, std = (torch.tensor(model.network.pretrained_cfg[k]).view(1, 3, 1, 1) for k in ("mean", "std"))
    rgb = image[:, [2, 1, 0]].float() / 255
    with torch.no_grad():
        assert torch.allclose(model(image), model.network((rgb - mean) / std), atol=1e-4)
        assert torch.equal(model(image), model(image.float()))


def test_state_dict_is_timms_under_one_prefix() -> None:
    timm_names = timm.create_model(ARCHITECTURE, num_classes=5).state_dict().keys()
    assert set(GestureClassifier(5).state_dict()) == {f"network.{name}" for name in timm_names}


def test_says_plainly_when_it_starts_from_scratch(monkeypatch) -> None:
    real = timm.create_model

    def offline(name: str, pretrained: bool, **others: object):
        if pretrained:
            assert constants.HF_HUB_OFFLINE
            raise OSError("no network. Please check it.\nOr not.")
        return real(name, pretrained=False, **others)

    def unreachable():
        raise ConnectionError

    monkeypatch.setattr(timm, "create_model", offline)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.get_session", unreachable)
    model, start = build_classifier(3, pretrained=True)
    assert model(torch.zeros(1, 3, 64, 64)).shape == (1, 3)
    why = "timm's ImageNet weights could not be had (no network)"
    assert start == f"from scratch: {why}. --init names other weights, --no-pretrained none"
    assert not constants.HF_HUB_OFFLINE
    assert build_classifier(3, pretrained=False)[1] == "from scratch"


def test_says_when_imagenet_weights_are_used(monkeypatch) -> None:
    real = timm.create_model
    monkeypatch.setattr(timm, "create_model", lambda name, pretrained, **o: real(name, pretrained=False, **o))
    assert build_classifier(3, pretrained=True)[1] == "from timm's ImageNet weights"
