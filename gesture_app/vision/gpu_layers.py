"""The layers of evaluated networks in fewer kernels, whose starts are most of what small pictures cost a GPU."""

from __future__ import annotations

from itertools import pairwise

import torch
from timm.models.resnet import BasicBlock
from torch import Tensor, nn
from torch.nn.functional import linear, relu
from torch.nn.utils.fusion import fuse_conv_bn_eval

from gesture_app.vision.yolox import SPPBottleneck


class PointwiseConv(nn.Module):
    """A 1x1 convolution as a matrix product over channels: cuBLAS adds the bias in the same kernel, cuDNN does not."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        assert convolution.kernel_size == convolution.stride == (1, 1) and convolution.groups == 1
        self.weight, self.bias = nn.Parameter(convolution.weight.flatten(1)), convolution.bias

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, out_channels, H, W), channels last."""
        return linear(x.permute(0, 2, 3, 1), self.weight, self.bias).permute(0, 3, 1, 2)


class ResidualBlock(nn.Module):
    """timm's `BasicBlock` of a ResNet, its batch norms folded; cuDNN convolves, adds and clips at once.

    (Its kernel without a sum, `cudnn_convolution_relu`, adds zero times memory that nobody wrote, which may hold NaN.)
    """

    def __init__(self, block: BasicBlock) -> None:
        super().__init__()
        self.conv1, self.conv2 = block.conv1, block.conv2
        self.downsample = block.downsample or nn.Identity()
        self.at_once = True

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, out_channels, H / stride, W / stride)."""
        shortcut, x, last = self.downsample(x), relu(self.conv1(x), inplace=True), self.conv2
        if self.at_once:
            places = last.stride, last.padding, last.dilation, last.groups
            try:
                return torch.cudnn_convolution_add_relu(x, last.weight, shortcut, 1.0, last.bias, *places)
            except torch.cuda.OutOfMemoryError:
                raise
            except RuntimeError:  # a CPU, or a GPU for which there is no such kernel; told by the first, eager run
                self.at_once = False
        out: Tensor = relu(last(x) + shortcut, inplace=True)
        return out


class ContiguousPool(nn.Module):
    """A pool whose pictures lie channel by channel: channels last it takes a GPU several times as long."""

    def __init__(self, pool: nn.MaxPool2d) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W), same out."""
        out: Tensor = self.pool(x.contiguous())
        return out


def fuse(network: nn.Module) -> None:
    """Join the layers of an evaluated detector or classifier, in place; it computes what it did."""
    fold_batch_norms(network)
    for parent in list(network.modules()):
        if isinstance(parent, SPPBottleneck):
            parent.register_module("pool", ContiguousPool(parent.pool))
        for name, layer in parent.named_children():
            if isinstance(layer, BasicBlock):
                parent.register_module(name, ResidualBlock(layer))
    for parent in list(network.modules()):
        for name, layer in parent.named_children():
            if isinstance(layer, nn.Conv2d) and layer.kernel_size == layer.stride == (1, 1) and layer.groups == 1:
                parent.register_module(name, PointwiseConv(layer))


def fold_batch_norms(network: nn.Module) -> None:
    """Put every batch norm of an evaluated network into the convolution before it, in place.

    Both of our networks define a batch norm directly after its convolution.
    """
    kinds = (nn.Conv2d, nn.BatchNorm2d)
    layers = [(name, module) for name, module in network.named_modules() if isinstance(module, kinds)]
    for (_, convolution), (name, norm) in pairwise(layers):
        if isinstance(norm, nn.BatchNorm2d):
            assert isinstance(convolution, nn.Conv2d)
            fused = fuse_conv_bn_eval(convolution, norm)
            convolution.weight, convolution.bias = fused.weight, fused.bias
            parent, _, place = name.rpartition(".")
            setattr(network.get_submodule(parent), place, nn.Identity())
