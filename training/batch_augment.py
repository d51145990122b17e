"""Augmentation of whole batches on the device."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.transforms import v2

from gesture_app.vision.preprocess import GREY

Change = Callable[[Tensor], Tensor]
"""(N, 3, H, W) BGR, float, 0..255 -> the same pictures in other colours, perhaps beyond 0..255."""


class RandomChanges(nn.Module):
    """Other colours and other light, for each picture its own; boxes stay where they are.

    Takes and gives (N, 3, H, W) BGR, 0..255, in the same memory format; uint8 or float in, float out.

    Args:
        changes: what happens to pictures, one after the other, and to which share of them.
    """

    def __init__(self, changes: Sequence[tuple[Change, float]]) -> None:
        super().__init__()
        self.changes = tuple(changes)

    def compile(self, *_args: object, **_options: object) -> None:
        """Compile the changes that consist of many passes over the pictures, for any number of them."""
        self.changes = tuple(
            (torch.compile(change, dynamic=True) if change in MANY_PASSES else change, share)
            for change, share in self.changes
        )

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """The pictures as other cameras in other light would take them."""
        last = images.is_contiguous(memory_format=torch.channels_last)
        # Channel by channel: what a picture's one number changes goes twice as fast.
        changed = images.to(torch.float32, copy=True, memory_format=torch.contiguous_format)
        with torch.autocast(changed.device.type, enabled=False):  # pictures are no activations
            for change, share in self.changes:
                # Drawn on the CPU, so that nothing waits for a GPU.
                chosen = (torch.rand(len(changed)) < share).nonzero().flatten()
                chosen = chosen.to(changed.device, non_blocking=True)
                if len(chosen):
                    changed[chosen] = change(changed[chosen]).clamp(0, 255)
        # The detector, channels last, begins with layers that are slow for pictures that are not.
        return changed.contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)


def drawn(images: Tensor, low: float, high: float, channels: int = 1) -> Tensor:
    """A random number for each picture, or for each of its channels: (N, channels, 1, 1)."""
    return torch.empty(len(images), channels, 1, 1, device=images.device).uniform_(low, high)


def luminance(images: Tensor) -> Tensor:
    """(N, 3, H, W) BGR -> (N, 1, H, W), by ITU-R BT.601."""
    blue, green, red = images.chunk(3, dim=1)
    return torch.add(0.114 * blue, green, alpha=0.587).add_(red, alpha=0.299)


def jittered(images: Tensor) -> Tensor:
    """Other brightness, contrast, saturation and white balance. The colour of skin still tells a hand."""
    images = images * (drawn(images, 0.6, 1.4) * drawn(images, 0.92, 1.08, 3))
    middle = images.mean(dim=(1, 2, 3), keepdim=True)
    images = torch.lerp(middle, images, drawn(images, 0.6, 1.4))
    return torch.lerp(luminance(images), images, drawn(images, 0.6, 1.4))


def dimmed(images: Tensor) -> Tensor:
    """A dim room: a gamma curve, mostly downwards, and less light."""
    return (images / 255).pow_(drawn(images, 0.7, 2.0)).mul_(255 * drawn(images, 0.3, 1.0))


def summed_around(images: Tensor) -> Tensor:
    """81 times two passes of a 3x3 mean, as sums of shifted pictures: a few times as fast as pooling."""
    for axis, edges in ((2, (0, 0, 2, 2)), (3, (2, 2, 0, 0))):
        length, edged = images.shape[axis], F.pad(images, edges, mode="replicate")
        first, second, middle, fourth, last = (edged.narrow(axis, start, length) for start in range(5))
        images = (first + last).add_(second, alpha=2).add_(fourth, alpha=2).add_(middle, alpha=3)
    return images


def blurred(images: Tensor) -> Tensor:
    """Out of focus by up to a pixel or so."""
    return torch.lerp(images, summed_around(images).div_(81), drawn(images, 0.3, 1.0))


def moved(images: Tensor) -> Tensor:
    """Everything moved while the shutter was open, by up to eleven pixels in any direction."""
    count, channels, height, width = images.shape
    reach = 5
    direction, length = drawn(images, 0, math.pi), drawn(images, 2, 2 * reach + 1)
    across = torch.arange(-reach, reach + 1, device=images.device, dtype=torch.float32)
    x, y = across[None, :], across[:, None]
    along, beside = x * direction.cos() + y * direction.sin(), y * direction.cos() - x * direction.sin()
    kernels = (length / 2 + 0.5 - along.abs()).clamp(0, 1) * (1 - beside.abs()).clamp(0, 1)  # (N, 1, 11, 11)
    kernels = (kernels / kernels.sum(dim=(2, 3), keepdim=True)).repeat_interleave(channels, dim=0)
    edged = F.pad(images, (reach,) * 4, mode="replicate").reshape(1, -1, height + 2 * reach, width + 2 * reach)
    return F.conv2d(edged, kernels, groups=count * channels).view(images.shape)


def noisy(images: Tensor) -> Tensor:
    """The noise of a sensor at some gain: of its photons and of its readout, in linear light; at times coarse.

    The variance is linear in the light as in Foi et al., "Practical Poissonian-Gaussian noise modeling and fitting for
    single-image raw-data", IEEE TIP 2008. Coarse grain is what a camera's smoothing leaves of it.
    """
    light = images.clamp(0, 255).div_(255).pow_(2.2)
    fine = torch.randn_like(images)
    coarse = summed_around(fine).div_(1 + 4 + 9 + 4 + 1)  # of unit variance: those are the squares of its weights
    grain = torch.lerp(fine, coarse, drawn(images, 0, 1))
    photons, readout = 10 ** drawn(images, -4, -1.5), 10 ** drawn(images, -4, -2.5)
    spread = torch.addcmul(readout**2, photons, light).sqrt_()
    return light.addcmul_(grain, spread).clamp_(0, 1).pow_(1 / 2.2).mul_(255)


def greyed(images: Tensor) -> Tensor:
    """Without colour."""
    return luminance(images).expand_as(images)


def posterised(images: Tensor) -> Tensor:
    """Four bits of each channel."""
    return images - images % 16


def equalized(images: Tensor) -> Tensor:
    """Every shade equally often."""
    equal: Tensor = v2.functional.equalize(images.round().to(torch.uint8))
    return equal.float()


POOR_CAMERA: tuple[tuple[Change, float], ...] = ((moved, 0.3), (blurred, 0.15), (dimmed, 0.4), (noisy, 0.45))
"""A cheap camera in a dim room, in the order in which light meets it."""

FRAME_CHANGES: tuple[tuple[Change, float], ...] = (
    (jittered, 0.7),
    (greyed, 0.03),
    (equalized, 0.03),
    (posterised, 0.03),
    *POOR_CAMERA,
)
"""Of the detector's frames."""

MANY_PASSES = (jittered, blurred, dimmed, noisy)
"""Not the others: the convolution of `moved` would be compiled anew for every number of pictures."""


class BatchAugmentation(nn.Module):
    """The standard augmentation of a whole batch where it lies, each picture its own way.

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

        def factor(spread: float) -> Tensor:
            return draw(1 - spread, 1 + spread).view(-1, 1, 1, 1)

        with torch.autocast(device.type, enabled=False):  # bfloat16 tells places to a 256th of the picture only
            views = F.grid_sample(images - float(GREY), sampling_grid(draw, *images.shape[2:]), align_corners=False)
            brightness, contrast = factor(0.4), factor(0.35)
            saturation = factor(0.4) * (draw(0, 1) > 0.05).float().view(-1, 1, 1, 1)
            # Brightness, contrast around the mean and saturation around the greys are linear: here they are one.
            level = brightness * ((1 - contrast) * views.mean(dim=(1, 2, 3), keepdim=True) + GREY)
            strength = brightness * contrast
            greys = (1 - saturation) * strength * luminance(views) + level
            views = torch.addcmul(greys, views, saturation * strength).clamp_(0, 255)
            return views.masked_fill_(erased(draw, images.shape[2], images.shape[3]), GREY)


def sampling_grid(draw: Callable[[float, float], Tensor], height: int, width: int) -> Tensor:
    """Where every pixel of another view lies in a picture, turned, scaled, sheared and shifted: (N, H, W, 2), -1..1."""
    turn, scale = draw(-math.pi / 12, math.pi / 12), draw(0.85, 1.15)
    x = (2 * torch.arange(width, device=turn.device) + 1) / width - 1
    y = (2 * torch.arange(height, device=turn.device) + 1) / height - 1
    across = torch.stack((turn.cos() * scale, turn.sin() * scale), -1)
    down = torch.stack((draw(-0.1, 0.1) - turn.sin() * scale, turn.cos() * scale), -1)
    shift = torch.stack((draw(-0.16, 0.16), draw(-0.16, 0.16)), -1)
    starts = torch.addcmul(shift[:, None], down[:, None], y[None, :, None])  # of the rows, (N, H, 2)
    return torch.addcmul(starts[:, :, None], across[:, None, None], x[None, None, :, None])


def erased(draw: Callable[[float, float], Tensor], height: int, width: int) -> Tensor:
    """For a fifth of the pictures a rectangle to be erased (arXiv:1708.04896): (N, 1, H, W) of truth values."""
    chosen, middle_x, middle_y = draw(0, 1) < 0.2, draw(0, 1), draw(0, 1)
    half_x, half_y = draw(0.07, 0.17), draw(0.07, 0.17)
    x = (torch.arange(width, device=chosen.device) + 0.5) / width
    y = (torch.arange(height, device=chosen.device) + 0.5) / height
    across = (x[None] - middle_x[:, None]).abs() < half_x[:, None]  # (N, W)
    down = (y[None] - middle_y[:, None]).abs() < half_y[:, None]  # (N, H)
    return (down[:, :, None] & across[:, None, :] & chosen[:, None, None])[:, None]
