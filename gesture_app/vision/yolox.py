"""YOLOX: an anchor-free one-stage detector in one file.

Ge et al., "YOLOX: Exceeding YOLO Series in 2021", arXiv:2107.08430. Layer and parameter names, and the numerics, are
those of Megvii's release (Apache-2.0), so that its COCO checkpoints load. The network takes raw 0..255 BGR pixels, as
the release does from version 0.1.1 on; its first convolution and batch norm take the place of a normalisation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from gesture_app.vision import postprocess

SIZES: dict[str, tuple[float, float, bool]] = {
    "nano": (0.33, 0.25, True),
    "tiny": (0.33, 0.375, False),
    "s": (0.33, 0.50, False),
    "m": (0.67, 0.75, False),
    "l": (1.00, 1.00, False),
    "x": (1.33, 1.25, False),
}
"""Depth factor, width factor, and whether the 3x3 convolutions are depthwise separable."""

PRIOR = 0.01
"""The probability that every cell starts with."""


class BaseConv(nn.Module):
    """Convolution without bias, batch norm, SiLU; padded so that stride 1 keeps the size."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(out_channels, eps=1e-3, momentum=0.03)
        self.act = nn.SiLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, out_channels, H / stride, W / stride)."""
        out: Tensor = self.act(self.bn(self.conv(x)))
        return out


class DWConv(nn.Module):
    """Depthwise then pointwise convolution."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.dconv = BaseConv(in_channels, in_channels, kernel, stride, groups=in_channels)
        self.pconv = BaseConv(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, out_channels, H / stride, W / stride)."""
        out: Tensor = self.pconv(self.dconv(x))
        return out


def conv3x3(in_channels: int, out_channels: int, stride: int, depthwise: bool) -> nn.Module:
    """The 3x3 convolution of the chosen kind."""
    kind = DWConv if depthwise else BaseConv
    return kind(in_channels, out_channels, 3, stride)


class Focus(nn.Module):
    """Every 2x2 block of pixels as channels (top-left, bottom-left, top-right, bottom-right), then a convolution.

    Computed as one convolution of stride 2 over the pixels themselves, whose kernel holds the same weights: the same
    sums, without a rearranged copy of the picture.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int) -> None:
        super().__init__()
        self.conv = BaseConv(in_channels * 4, out_channels, kernel)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, out_channels, H / 2, W / 2)."""
        over_blocks = self.conv.conv.weight
        size = self.conv.conv.kernel_size[0]
        weight = over_blocks.view(-1, 2, 2, over_blocks.shape[1] // 4, size, size)  # (out, column, row, C, size, size)
        weight = weight.permute(0, 3, 4, 2, 5, 1).flatten(4, 5).flatten(2, 3)  # (out, C, 2 * size, 2 * size)
        out: Tensor = self.conv.act(self.conv.bn(conv2d(x, weight, self.conv.conv.bias, stride=2, padding=size - 1)))
        return out


class Bottleneck(nn.Module):
    """1x1 then 3x3 convolution, with a shortcut around both."""

    def __init__(self, channels: int, shortcut: bool, depthwise: bool) -> None:
        super().__init__()
        self.conv1 = BaseConv(channels, channels, 1)
        self.conv2 = conv3x3(channels, channels, 1, depthwise)
        self.use_add = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W), same out."""
        out: Tensor = self.conv2(self.conv1(x))
        return out + x if self.use_add else out


class CSPLayer(nn.Module):
    """Cross-stage-partial block (arXiv:1911.11929): half of the channels pass `depth` bottlenecks, half do not."""

    def __init__(self, in_channels: int, out_channels: int, depth: int, shortcut: bool, depthwise: bool) -> None:
        super().__init__()
        hidden = int(out_channels * 0.5)
        self.conv1 = BaseConv(in_channels, hidden, 1)
        self.conv2 = BaseConv(in_channels, hidden, 1)
        self.conv3 = BaseConv(2 * hidden, out_channels, 1)
        self.m = nn.Sequential(*[Bottleneck(hidden, shortcut, depthwise) for _ in range(depth)])

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, out_channels, H, W)."""
        out: Tensor = self.conv3(torch.cat((self.m(self.conv1(x)), self.conv2(x)), dim=1))
        return out


class SPPBottleneck(nn.Module):
    """Spatial pyramid pooling: max pools of 5, 9 and 13 beside the input.

    A pool of 5 over a pool of 5 is one of 9, and a third makes it 13, with fewer comparisons.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        hidden = in_channels // 2
        self.conv1 = BaseConv(in_channels, hidden, 1)
        self.pool = nn.MaxPool2d(5, stride=1, padding=2)
        self.conv2 = BaseConv(hidden * 4, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, out_channels, H, W)."""
        x = self.conv1(x)
        pool5 = self.pool(x)
        pool9 = self.pool(pool5)
        out: Tensor = self.conv2(torch.cat((x, pool5, pool9, self.pool(pool9)), dim=1))
        return out


class CSPDarknet(nn.Module):
    """The backbone; gives features at strides 8, 16 and 32."""

    def __init__(self, depth: float, width: float, depthwise: bool) -> None:
        super().__init__()
        base, layers = int(width * 64), max(round(depth * 3), 1)
        self.stem = Focus(3, base, 3)
        self.dark2 = nn.Sequential(
            conv3x3(base, base * 2, 2, depthwise), CSPLayer(base * 2, base * 2, layers, True, depthwise)
        )
        self.dark3 = nn.Sequential(
            conv3x3(base * 2, base * 4, 2, depthwise), CSPLayer(base * 4, base * 4, layers * 3, True, depthwise)
        )
        self.dark4 = nn.Sequential(
            conv3x3(base * 4, base * 8, 2, depthwise), CSPLayer(base * 8, base * 8, layers * 3, True, depthwise)
        )
        self.dark5 = nn.Sequential(
            conv3x3(base * 8, base * 16, 2, depthwise),
            SPPBottleneck(base * 16, base * 16),
            CSPLayer(base * 16, base * 16, layers, False, depthwise),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(N, 3, H, W) -> features of stride 8, 16 and 32."""
        dark3 = self.dark3(self.dark2(self.stem(x)))
        dark4 = self.dark4(dark3)
        return dark3, dark4, self.dark5(dark4)


class YOLOPAFPN(nn.Module):
    """Backbone and path-aggregation feature pyramid (PANet, arXiv:1803.01534)."""

    def __init__(self, depth: float, width: float, depthwise: bool) -> None:
        super().__init__()
        c3, c4, c5 = (int(channels * width) for channels in (256, 512, 1024))
        layers = round(3 * depth)
        self.backbone = CSPDarknet(depth, width, depthwise)
        self.upsample = nn.Upsample(scale_factor=2, mode="nearest")
        self.lateral_conv0 = BaseConv(c5, c4, 1)
        self.C3_p4 = CSPLayer(2 * c4, c4, layers, False, depthwise)
        self.reduce_conv1 = BaseConv(c4, c3, 1)
        self.C3_p3 = CSPLayer(2 * c3, c3, layers, False, depthwise)
        self.bu_conv2 = conv3x3(c3, c3, 2, depthwise)
        self.C3_n3 = CSPLayer(2 * c3, c4, layers, False, depthwise)
        self.bu_conv1 = conv3x3(c4, c4, 2, depthwise)
        self.C3_n4 = CSPLayer(2 * c4, c5, layers, False, depthwise)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(N, 3, H, W) -> fused features of stride 8, 16 and 32."""
        dark3, dark4, dark5 = self.backbone(images)
        top = self.lateral_conv0(dark5)
        middle = self.reduce_conv1(self.C3_p4(torch.cat((self.upsample(top), dark4), dim=1)))
        out8 = self.C3_p3(torch.cat((self.upsample(middle), dark3), dim=1))
        out16 = self.C3_n3(torch.cat((self.bu_conv2(out8), middle), dim=1))
        out32 = self.C3_n4(torch.cat((self.bu_conv1(out16), top), dim=1))
        return out8, out16, out32


class YOLOXHead(nn.Module):
    """Decoupled head: one branch for the classes, one for box and objectness, at every stride."""

    def __init__(self, num_classes: int, width: float, depthwise: bool) -> None:
        super().__init__()
        hidden = int(256 * width)
        channels = [int(c * width) for c in (256, 512, 1024)]

        def branch() -> nn.Sequential:
            return nn.Sequential(conv3x3(hidden, hidden, 1, depthwise), conv3x3(hidden, hidden, 1, depthwise))

        self.stems = nn.ModuleList([BaseConv(c, hidden, 1) for c in channels])
        self.cls_convs = nn.ModuleList([branch() for _ in channels])
        self.reg_convs = nn.ModuleList([branch() for _ in channels])
        self.cls_preds = nn.ModuleList([nn.Conv2d(hidden, num_classes, 1) for _ in channels])
        self.reg_preds = nn.ModuleList([nn.Conv2d(hidden, 4, 1) for _ in channels])
        self.obj_preds = nn.ModuleList([nn.Conv2d(hidden, 1, 1) for _ in channels])
        # Starting at a low probability keeps the many background cells from drowning the first steps (RetinaNet).
        for layer in (*self.cls_preds, *self.obj_preds):
            assert isinstance(layer, nn.Conv2d) and layer.bias is not None
            nn.init.constant_(layer.bias, -math.log((1 - PRIOR) / PRIOR))

    def forward(self, features: tuple[Tensor, ...]) -> Tensor:
        """Features of every stride -> (N, cells of all strides, 5 + classes)."""
        outputs = []
        for level, feature in enumerate(features):
            x = self.stems[level](feature)
            box_features = self.reg_convs[level](x)
            raw = torch.cat(
                (
                    self.reg_preds[level](box_features),
                    self.obj_preds[level](box_features),
                    self.cls_preds[level](self.cls_convs[level](x)),
                ),
                dim=1,
            )
            outputs.append(raw.flatten(2))
        return torch.cat(outputs, dim=2).transpose(1, 2)


class YOLOX(nn.Module):
    """The detector: images in, raw predictions out, in training and evaluation alike.

    Args:
        num_classes: gesture classes, or 1 for a detector of hands.
        depth, width: factors of the CSPDarknet; see `SIZES`.
        depthwise: depthwise separable 3x3 convolutions, as in the nano size.
    """

    def __init__(self, num_classes: int, depth: float, width: float, depthwise: bool = False) -> None:
        super().__init__()
        self.backbone = YOLOPAFPN(depth, width, depthwise)
        self.head = YOLOXHead(num_classes, width, depthwise)

    def forward(self, images: Tensor) -> Tensor:
        """Predict for every cell of every stride.

        Args:
            images: (N, 3, H, W), BGR, 0..255, uint8 or float; H and W multiples of 32.

        Returns:
            (N, H*W/64 + H*W/256 + H*W/1024, 5 + classes): box offsets dx, dy in cells and log of width, height in
            cells, then logits of objectness and of the classes. `decode_boxes` makes pixels of them.
        """
        dtype = next(self.parameters()).dtype
        out: Tensor = self.head(self.backbone(images.to(dtype)))
        return out


@lru_cache(maxsize=8)
@torch.inference_mode(False)
def cell_grid(input_hw: tuple[int, int], device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
    """The corners and strides of the cells, in the order of the raw output, as `postprocess.cell_grid` has them.

    Returns:
        corners_xy (M, 2), in cells, and strides (M,), in input pixels; both float32, not to be written to.
    """
    corners, strides = postprocess.cell_grid(input_hw)
    return torch.tensor(corners, device=device), torch.tensor(strides, device=device)


def decode_boxes(raw: Tensor, corners: Tensor, strides: Tensor) -> Tensor:
    """Boxes of the raw output, with gradients; see `postprocess.decode_boxes`.

    Args:
        raw: (..., M, 5 + classes), see `YOLOX.forward`.
        corners, strides: of the same M cells, see `cell_grid`.

    Returns:
        boxes_xyxy (..., M, 4), pixels of the model input, float32, not clipped.
    """
    offsets = raw[..., :4].float()
    centre = (offsets[..., :2] + corners) * strides[:, None]
    half = offsets[..., 2:].clamp(max=postprocess.MAX_LOG_SIZE).exp() * strides[:, None] / 2
    return torch.cat((centre - half, centre + half), dim=-1)


def build_yolox(size: str, num_classes: int) -> YOLOX:
    """A YOLOX of a published size.

    Raises:
        ValueError: the size is not one of `SIZES`.
    """
    if size not in SIZES:
        raise ValueError(f"no YOLOX size {size!r}: choose one of {', '.join(SIZES)}")
    depth, width, depthwise = SIZES[size]
    return YOLOX(num_classes, depth, width, depthwise)


def load_matching(model: YOLOX, state: Mapping[str, Tensor]) -> list[str]:
    """Load a checkpoint whose class layers may be for another number of classes; those layers then stay as they are.

    Args:
        state: the state dict, or Megvii's release around it (`{"model": state_dict, ...}`, already unpickled).

    Returns:
        The names of the class layers that were left alone; empty when everything was loaded.

    Raises:
        ValueError: any other parameter is missing, unknown or of another shape.
    """
    own = model.state_dict()
    skipped = [
        name
        for name in own
        if name.startswith("head.cls_preds.") and name in state and state[name].shape != own[name].shape
    ]
    wrong = sorted(
        set(own) ^ set(state) | {n for n in own if n in state and n not in skipped and own[n].shape != state[n].shape}
    )
    if wrong:
        raise ValueError(f"{len(wrong)} parameters do not fit this YOLOX, the first is {wrong[0]}")
    model.load_state_dict({**state, **{name: own[name] for name in skipped}})
    return skipped
