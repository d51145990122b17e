"""Networks and pictures that are anything but zero, for the tests of what runs them."""

from __future__ import annotations

import numpy as np
import torch

from gesture_app.vision.model_info import ModelInfo, build_network


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
