"""Four frames as one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms import v2

from gesture_app.vision.preprocess import GREY

FrameItem = tuple[Tensor, Tensor, Tensor]


class Mosaic(Dataset[FrameItem]):
    """Frames of which a share are four frames around a random centre (arXiv:2004.10934), each whole and smaller.

    Args:
        frames: items (3, H, W), boxes_xyxy (N, 4) in pixels, classes (N,).
        upright: one a frame; the four are all upright or all wide.
        share: of the items that become a mosaic.
    """

    def __init__(self, frames: Dataset[FrameItem], upright: Sequence[bool], share: float) -> None:
        self.frames, self.share, self.upright = frames, share, list(upright)
        self.others = {shape: [i for i, u in enumerate(upright) if u == shape] for shape in (False, True)}

    def __len__(self) -> int:
        return len(self.upright)

    def __getitem__(self, item: int) -> FrameItem:
        if float(torch.rand(())) >= self.share:
            return self.frames[item]
        alike = self.others[self.upright[item]]
        numbers = [item, *(alike[int(torch.randint(len(alike), ()))] for _ in range(3))]
        return join_four([self.frames[number] for number in numbers], torch.empty(2).uniform_(0.35, 0.65).tolist())


def join_four(items: Sequence[FrameItem], centre_xy: Sequence[float]) -> FrameItem:
    """Four frames of one shape in the corners of a grey one of the same shape, touching at a point (fractions)."""
    height, width = items[0][0].shape[1:]
    x, y = round(centre_xy[0] * width), round(centre_xy[1] * height)
    canvas = torch.full_like(items[0][0], GREY)
    boxes, classes = [], []
    for number, (image, boxes_xyxy, names) in enumerate(items):
        right, down = number % 2, number // 2
        room_w, room_h = (width - x if right else x), (height - y if down else y)
        scale = min(room_w / width, room_h / height)
        new_w, new_h = max(1, int(width * scale)), max(1, int(height * scale))
        left, top = (x if right else x - new_w), (y if down else y - new_h)
        canvas[:, top : top + new_h, left : left + new_w] = v2.functional.resize(image, [new_h, new_w], antialias=True)
        sides = boxes_xyxy.new_tensor((new_w / width, new_h / height)).repeat(2)
        boxes.append(boxes_xyxy * sides + boxes_xyxy.new_tensor((left, top, left, top)))
        classes.append(names)
    return canvas, torch.cat(boxes), torch.cat(classes)
