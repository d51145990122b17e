"""Augmentation of whole batches on the device."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gesture_app.vision.preprocess import GREY


class BatchAugmentation(nn.Module):
    """The standard augmentation of a whole batch where it lies, each picture its own way: for a GPU.

    Nothing is flipped here: `HandCrops` does that, because it knows the sides.

    Takes and gives (N, 3, H, W) BGR, 0..255; uint8 or float in, float out. Turns, shifts and scaling are one
    resampling, whose edge is grey; then brightness, contrast, saturation, grey and an erased rectangle.
    """

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """Another view of every picture."""
        count, device = len(images), images.device
        if not count:
            return images.float()

        def draw(low: float, high: float) -> Tensor:
            return torch.empty(count, device=device).uniform_(low, high)

        turn = draw(-math.pi / 12, math.pi / 12)
        scale = draw(0.85, 1.15)
        row_x = torch.stack((turn.cos() * scale, -turn.sin() * scale + draw(-0.1, 0.1), draw(-0.16, 0.16)), dim=1)
        row_y = torch.stack((turn.sin() * scale, turn.cos() * scale, draw(-0.16, 0.16)), dim=1)
        grid = F.affine_grid(torch.stack((row_x, row_y), dim=1), list(images.shape), align_corners=False)
        views = F.grid_sample(images.float() - GREY, grid, align_corners=False) + GREY

        def factor(spread: float) -> Tensor:
            return draw(1 - spread, 1 + spread).view(-1, 1, 1, 1)

        views = views * factor(0.4)
        middle = views.mean(dim=(1, 2, 3), keepdim=True)
        views = middle + (views - middle) * factor(0.35)
        grey = (views * views.new_tensor((0.114, 0.587, 0.299)).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)
        saturation = factor(0.4) * (draw(0, 1) > 0.05).float().view(-1, 1, 1, 1)
        views = (grey + (views - grey) * saturation).clamp(0, 255)
        return torch.where(erased(draw, images.shape[2], images.shape[3]), float(GREY), views)


def erased(draw: Callable[[float, float], Tensor], height: int, width: int) -> Tensor:
    """For a fifth of the pictures a rectangle to be erased (arXiv:1708.04896): (N, 1, H, W) of truth values."""
    chosen, middle_x, middle_y = draw(0, 1) < 0.2, draw(0, 1), draw(0, 1)
    half_x, half_y = draw(0.07, 0.17), draw(0.07, 0.17)
    x = (torch.arange(width, device=chosen.device) + 0.5) / width
    y = (torch.arange(height, device=chosen.device) + 0.5) / height
    across = (x[None] - middle_x[:, None]).abs() < half_x[:, None]  # (N, W)
    down = (y[None] - middle_y[:, None]).abs() < half_y[:, None]  # (N, H)
    return (down[:, :, None] & across[:, None, :] & chosen[:, None, None])[:, None]
