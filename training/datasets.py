"""Samples to model input, through the same functions as the app."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset, default_collate

from gesture_app.errors import InputError
from gesture_app.vision.hands import Box, FloatArray, Image
from gesture_app.vision.labels import BACKGROUND
from gesture_app.vision.preprocess import crop_hand, letterbox, mirror, oriented_hw, scaled_hw, to_tensor
from training.augment import (
    in_context,
    paste_hands,
    perhaps_compressed,
    random_crop,
    random_patches,
    to_bgr_array,
    to_rgb_tensor,
)
from training.collection import BoxXywh, Picture, canonical, picture_size
from training.frame_views import flip, frame_view, hand_window
from training.picture_store import PictureStore

SIGNS = {"right": 1, "left": -1}
CONTEXT_SHARE = 0.7
LARGE_HANDS = 1 / 8
"""Of a picture: one that its hands fill further is a single hand and gives no surroundings to others."""
WINDOW_SCALES = (0.45, 1.8)
"""How much smaller or larger than the app shows them to the detector hands are trained."""


def pixel_boxes(boxes_xywh: Sequence[BoxXywh], image: Image) -> FloatArray:
    """Fractions of a picture (N, 4) left, top, width, height -> boxes_xyxy in its pixels."""
    boxes = np.array(boxes_xywh, np.float32).reshape(-1, 4)
    height, width = image.shape[:2]
    corners = np.concatenate((boxes[:, :2], boxes[:, :2] + boxes[:, 2:]), axis=1)
    return np.asarray(corners * np.array((width, height, width, height), np.float32), np.float32)


def fraction_boxes(boxes_xyxy: Sequence[Box] | FloatArray, image: Image) -> list[BoxXywh]:
    """boxes_xyxy (N, 4) in a picture's pixels, cut at its edges -> left, top, width, height as fractions of it."""
    height, width = image.shape[:2]
    boxes = np.asarray(boxes_xyxy, np.float64).reshape(-1, 4).clip(0, (width, height, width, height))
    return [(x0 / width, y0 / height, (x1 - x0) / width, (y1 - y0) / height) for x0, y0, x1, y1 in boxes.tolist()]


def hand_share(picture: Picture) -> float:
    """How much of a picture its hands' boxes fill, where they do not overlap."""
    return sum(width * height for _, _, width, height in picture.boxes_xywh)


@dataclass(frozen=True)
class CropVariation:
    """How hand crops are varied, another way every time.

    Attributes:
        transform: what else happens to a crop, an RGB tensor (3, size, size).
        mirror: half of them are mirror images, which swaps the sides.
    """

    transform: Callable[[Tensor], Tensor] | None = None
    mirror: bool = True


class HandCrops(Dataset[tuple[Tensor, int, int]]):
    """Every labelled hand of some pictures as classifier input.

    Items are a uint8 tensor (3, size, size), BGR, the class, and the side: 1 for a right hand, -1 for a left one, 0
    where that is not known.

    Args:
        pictures: hands without a label are left out.
        labels: the class names in the order of the outputs.
        size: side of the input in pixels.
        variation: of every view of a hand; None shows it as the app does. Most of the tight crops are laid on a part of
            one of the frames among the pictures, if there are any in which hands are small.
        store: reads the pictures; by default from their files.
    """

    def __init__(
        self,
        pictures: Sequence[Picture],
        labels: Sequence[str],
        size: int,
        variation: CropVariation | None = None,
        store: PictureStore | None = None,
    ) -> None:
        index = {name: number for number, name in enumerate(labels)}
        self.hands = [(p, i, index[name]) for p in pictures for i, name in enumerate(p.labels) if name in index]
        self.paths = [p.path for p, _, _ in self.hands]
        self.sides = [SIGNS.get(p.sides[i] if p.sides else "", 0) for p, i, _ in self.hands]
        self.frames = [p for p in pictures if not p.is_crop and hand_share(p) < LARGE_HANDS]
        self.size = size
        self.variation = variation
        self.store = store or PictureStore(self.paths)

    def __len__(self) -> int:
        return len(self.hands)

    def __getitem__(self, item: int) -> tuple[Tensor, int, int]:
        item, image = read_from(self.store, self.paths, item)
        picture, number, target = self.hands[item]
        side = self.sides[item]
        left, top, right, bottom = pixel_boxes(picture.boxes_xywh, image)[number].tolist()
        box = (left, top, right, bottom)
        if self.variation is None:
            return to_tensor(crop_hand(image, box, self.size)), target, side
        rng = np.random.default_rng(int(torch.randint(1 << 62, ())))
        if picture.is_crop and self.frames and min(image.shape[:2]) > 1 and rng.random() < CONTEXT_SHARE:
            frame = self.frames[int(rng.integers(len(self.frames)))]
            around = self.store.get(frame.path)
            if around is not None:
                image, box = in_context(image, around, pixel_boxes(frame.boxes_xywh, around), rng)
        crop = random_crop(image, box, self.size, rng)
        if self.variation.mirror and rng.random() < 0.5:
            crop, side = mirror(crop), -side
        if self.variation.transform is not None:
            crop = to_bgr_array(self.variation.transform(to_rgb_tensor(crop)))
        return to_tensor(perhaps_compressed(crop, rng)), target, side

    @property
    def targets(self) -> list[int]:
        """The class of every item."""
        return [target for _, _, target in self.hands]


def read_from(store: PictureStore, paths: Sequence[Path], first: int) -> tuple[int, Image]:
    """The first picture from `first` on that can be read, its number and pixels; after the last comes number 0.

    Raises:
        InputError: there is none, or too many are bad.
    """
    for number in chain(range(first, len(paths)), range(first)):
        image = store.get(paths[number])
        if image is not None:
            return number, image
    raise InputError(store.describe_bad())


@dataclass(frozen=True)
class FrameVariation:
    """How frames are varied, another way every time; hand crops and backgrounds become further ones.

    Attributes:
        crops: pictures of single hands, to be pasted.
        backgrounds: picture files without any hand.
        hard_classes: labels that are pasted three times as often as the others, which all come equally often.
        background_share: share of frames that are a background instead, with 0 to 4 hands pasted.
        paste_share: share of the true frames into which 1 to 4 hands are pasted.
        recolour: changes the colours of (1, 3, H, W); None where that is done with whole batches.
        mirror: half of the frames are mirror images.
    """

    crops: Sequence[Picture] = ()
    backgrounds: Sequence[Path] = ()
    hard_classes: Sequence[str] = ()
    background_share: float = 0.25
    paste_share: float = 0.7
    recolour: Callable[[Tensor], Tensor] | None = None
    mirror: bool = True

    @cached_property
    def crop_paths(self) -> list[Path]:
        """The files of the crops."""
        return [p.path for p in self.crops]

    @cached_property
    def crops_by_class(self) -> dict[str, list[int]]:
        """The numbers of the crops of every class."""
        found = defaultdict[str, list[int]](list)
        for number, crop in enumerate(self.crops):
            found[crop.labels[0]].append(number)
        return dict(found)

    def draw_crop(self, rng: np.random.Generator) -> int:
        """The number of a crop to paste."""
        names = list(self.crops_by_class)
        weights = np.array([3.0 if name in self.hard_classes else 1.0 for name in names])
        numbers = self.crops_by_class[names[int(rng.choice(len(names), p=weights / weights.sum()))]]
        return numbers[int(rng.integers(len(numbers)))]


def is_background(picture: Picture) -> bool:
    """Whether a box of the picture is named as what is no hand."""
    return BACKGROUND in map(canonical, picture.labels)


def frames_for(labels: Sequence[str], pictures: Sequence[Picture]) -> list[Picture]:
    """The frames that a detector of these labels can use: of gestures those of which every hand has one of them."""
    frames = [p for p in pictures if not p.is_crop]
    return [p for p in frames if (set(p.labels) <= set(labels) if len(labels) > 1 else not is_background(p))]


def left_out(labels: Sequence[str], count: int) -> str:
    """What to say of so many frames that `frames_for` these labels leaves out; nothing of none."""
    why = "a hand without a known label" if len(labels) > 1 else "a box named background"
    return f"{count} left out: {why}" if count else ""


class HandFrames(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """Frames as detector input.

    Items are a uint8 tensor (3, H, W), BGR, boxes_xyxy (N, 4) in input pixels, and classes (N,), for one class all 0.
    H and W are `input_hw`, or that on end for an upright frame.

    Args:
        pictures: those that `frames_for` leaves are used; a detector of a single class uses boxes alone.
        labels: the class names, a single one for a detector of hands.
        input_hw: the detector's input shape.
        variation: of every view of a frame; None shows it as the app does.
        store: reads the pictures, those of the variation too; by default from their files.

    Attributes:
        window: varied items are squares of this side around hands, see `hand_window`, instead of whole frames; None for
            those.
    """

    def __init__(
        self,
        pictures: Sequence[Picture],
        labels: Sequence[str],
        input_hw: tuple[int, int],
        variation: FrameVariation | None = None,
        store: PictureStore | None = None,
    ) -> None:
        self.index = {name: number for number, name in enumerate(labels)} if len(labels) > 1 else None
        self.pictures = frames_for(labels, pictures)
        self.input_hw = input_hw
        self.variation = variation
        self.window: int | None = None
        self.paths = [p.path for p in self.pictures]
        further = [*variation.crop_paths, *variation.backgrounds] if variation is not None else []
        self.store = store or PictureStore([*self.paths, *further])
        self.upright = [is_upright(p.path, self.store) for p in self.pictures]

    def __len__(self) -> int:
        return len(self.pictures)

    def read(self, item: int) -> tuple[Image, FloatArray, FloatArray]:
        """A frame as it is: the picture, boxes_xyxy (N, 4) in its pixels, classes (N,); of a bad one the next."""
        item, image = read_from(self.store, self.paths, item)
        picture = self.pictures[item]
        classes = [0 if self.index is None else self.index[name] for name in picture.labels]
        return image, pixel_boxes(picture.boxes_xywh, image), np.array(classes, np.float32)

    def __getitem__(self, item: int) -> tuple[Tensor, Tensor, Tensor]:
        image, boxes, classes = self.read(item)
        size_hw = oriented_hw((2, 1) if self.upright[item] else (1, 2), self.input_hw)
        variation = self.variation
        if variation is None:
            canvas, scale = letterbox(image, size_hw)
            return to_tensor(canvas), torch.from_numpy(boxes * scale), torch.from_numpy(classes)
        rng = np.random.default_rng(int(torch.randint(1 << 62, ())))
        image, boxes, classes = self.compose(variation, image, boxes, classes, rng)
        if variation.mirror and rng.random() < 0.5:
            image, boxes = flip(image, boxes)
        if self.window is not None:
            fit = scaled_hw((image.shape[0], image.shape[1]), size_hw)[1]
            scale = fit * float(np.exp(rng.uniform(*np.log(WINDOW_SCALES))))
            image, boxes, classes = hand_window(image, boxes, classes, self.window, scale, rng)
        else:
            image, boxes, classes = frame_view(image, boxes, classes, size_hw, rng)
        batch = to_tensor(perhaps_compressed(image, rng))[None]
        if variation.recolour is not None:
            batch = variation.recolour(batch).round().to(torch.uint8)
        return batch[0], torch.from_numpy(boxes), torch.from_numpy(classes)

    def compose(
        self,
        variation: FrameVariation,
        image: Image,
        boxes: FloatArray,
        classes: FloatArray,
        rng: np.random.Generator,
    ) -> tuple[Image, FloatArray, FloatArray]:
        """Perhaps swap the frame for a background, perhaps paste hands."""
        backgrounds, count = variation.backgrounds, 0
        if backgrounds and rng.random() < variation.background_share:
            image = read_from(self.store, backgrounds, int(rng.integers(len(backgrounds))))[1]
            boxes, classes, count = np.zeros((0, 4), np.float32), np.zeros(0, np.float32), int(rng.integers(0, 5))
        elif rng.random() < variation.paste_share:
            count = int(rng.integers(1, 5))
        if not count or not variation.crops:
            return image, boxes, classes
        image, _ = paste_hands(image, boxes, random_patches(image, boxes, int(rng.integers(0, 4)), rng), rng)
        chosen = [variation.draw_crop(rng) for _ in range(count)]
        before = len(boxes)
        if self.index is not None:
            # With gesture classes every pasted hand must be the same one, since crowded places drop some of them.
            chosen = chosen[:1]
        hands = [read_from(self.store, variation.crop_paths, i) for i in chosen]
        image, boxes = paste_hands(image, boxes, [hand for _, hand in hands], rng)
        added = 0 if self.index is None else self.index[variation.crops[hands[0][0]].labels[0]]
        return image, boxes, np.concatenate((classes, np.full(len(boxes) - before, added, np.float32)))


def is_upright(path: Path, store: PictureStore | None = None) -> bool:
    """Whether a picture, turned by its EXIF orientation, is higher than wide; reads the header only."""
    cached = store.cache.size_hw(path) if store is not None and store.cache is not None else None
    height, width = cached or picture_size(path)[::-1]
    return height > width


def stack_pictures(pictures: Sequence[Tensor], channels_last: bool) -> Tensor:
    """Stack (3, H, W) to (N, 3, H, W). Items lie in memory with their channels last, so that is one copy of a block."""
    stacked: Tensor = default_collate([picture.permute(1, 2, 0) for picture in pictures]).permute(0, 3, 1, 2)
    return stacked if channels_last else stacked.contiguous()


def collate_crops(items: list[tuple[Tensor, int, int]], channels_last: bool = True) -> list[Tensor]:
    """Stack crops (N, 3, size, size), classes (N,) and sides (N,)."""
    images, targets, sides = zip(*items, strict=True)
    return [stack_pictures(images, channels_last), torch.tensor(targets), torch.tensor(sides)]


def collate_frames(
    items: list[tuple[Tensor, Tensor, Tensor]], channels_last: bool = True
) -> tuple[Tensor, Tensor, Tensor]:
    """Stack pictures (N, 3, H, W), boxes_xyxy (N, G, 4) and classes (N, G) int64: -1 where one has fewer hands."""
    images, boxes, classes = zip(*items, strict=True)
    names = [c.long() for c in classes]
    padded = pad_sequence(list(boxes), batch_first=True), pad_sequence(names, batch_first=True, padding_value=-1)
    return stack_pictures(images, channels_last), *padded
