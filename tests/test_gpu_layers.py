from __future__ import annotations

import pytest
import torch
from torch import nn

from gesture_app.vision.gpu_layers import ConvReLU, fuse
from gesture_app.vision.model_info import ModelInfo, build_network


@pytest.mark.parametrize(
    ("info", "relus"),
    [
        (ModelInfo("detector", "yolox-nano", ("hand",), (64, 96)), 0),
        (ModelInfo("detector", "yolox-tiny", ("hand",), (64, 96)), 0),
        (ModelInfo("classifier", "resnet18d", ("like", "palm"), (32, 32)), 18),
    ],
)
def test_fused_layers_compute_what_they_did(info: ModelInfo, relus: int) -> None:
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
    assert sum(isinstance(m, ConvReLU) for m in layers) == relus
    torch.testing.assert_close(got, expected, atol=1e-3 * float(expected.abs().max()), rtol=0)


def test_a_shortcut_is_added_before_the_relu() -> None:
    layer = ConvReLU(nn.Conv2d(1, 1, 1))
    nn.init.ones_(layer.convolution.weight)
    nn.init.zeros_(layer.convolution.bias)
    x, shortcut = torch.tensor((-3.0, 1.0, 2.0)).view(1, 1, 1, 3), torch.tensor((4.0, -2.0, 1.0)).view(1, 1, 1, 3)
    assert layer(x).flatten().tolist() == [0, 1, 2]
    assert layer(x, shortcut).flatten().tolist() == [1, 0, 3]
