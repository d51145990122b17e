"""Networks, pictures and a trap, for the tests of what runs and reads them."""

from __future__ import annotations

import numpy as np
import torch

from gesture_app.vision.model_info import ModelInfo, build_network

CLASSIFIER = ModelInfo("classifier", "resnet18d", ("like", "palm", "no_gesture"), (64, 64))


class Blur(torch.nn.Module):
    """Quick to export and to compile."""

    def __init__(self, channels: int = 2) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(3, channels, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.conv(images.to(self.conv.weight.dtype)).flatten(1)


class Malicious:
    """Ends the program when it is unpickled."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('executed')",))


def randomised(info: ModelInfo) -> torch.nn.Module:
    """The network of an info file, its batch norms with statistics of their own, as after training."""
    network = build_network(info)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.5, 0.5)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
    return network.eval()


def pictures(count: int, height: int, width: int) -> np.ndarray:
    """Noise, (count, height, width, 3) uint8."""
    return np.random.default_rng(count).integers(0, 256, (count, height, width, 3), np.uint8)
