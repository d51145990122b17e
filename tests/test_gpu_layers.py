from __future__ import annotations

import pytest
import torch
from torch import nn

from gesture_app.vision.gpu_layers import ResidualBlock, fuse
from gesture_app.vision.model_info import ModelInfo, build_network


@pytest.mark.parametrize(
    ("info", "blocks"),
    [
        (ModelInfo("detector", "yolox-nano", ("hand",), (64, 96)), 0),
        (ModelInfo("detector", "yolox-tiny", ("hand", "palm"), (64, 96)), 0),
        (ModelInfo("classifier", "resnet18d", ("like", "palm"), (32, 32)), 8),
    ],
)
def test_fused_layers_compute_what_they_did(info: ModelInfo, blocks: int) -> None:
    network = build_network(info)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
    network.eval().to(memory_format=torch.channels_last)
    shown = torch.randint(0, 256, (2, 3, 64, 96), generator=torch.Generator().manual_seed(0)).float()
    with torch.inference_mode():
        expected = network(shown)
        fuse(network)
        got = network(shown.contiguous(memory_format=torch.channels_last))
    layers = [*network.modules()]
    assert not [m for m in layers if isinstance(m, nn.BatchNorm2d)]
    assert not [m for m in layers if isinstance(m, nn.Conv2d) and m.kernel_size == (1, 1)]
    assert sum(isinstance(m, ResidualBlock) for m in layers) == blocks
    torch.testing.assert_close(got, expected, atol=1e-3 * float(expected.abs().max()), rtol=0)


def test_memory_that_is_short_is_told(monkeypatch) -> None:
    network = build_network(ModelInfo("classifier", "resnet18d", ("like", "palm"), (32, 32))).eval()
    fuse(network)

    def full(*args: object) -> None:
        raise torch.cuda.OutOfMemoryError("full")

    monkeypatch.setattr(torch, "cudnn_convolution_add_relu", full)
    with torch.inference_mode(), pytest.raises(torch.cuda.OutOfMemoryError):
        network(torch.zeros(1, 3, 32, 32))
