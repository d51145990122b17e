"""A contact sheet: some pictures of every class with their boxes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from gesture_app.errors import InputError
from gesture_app.vision.atomic import write_file
from gesture_app.vision.hands import Image
from gesture_app.vision.images import read_image
from training.collection import Picture
from training.splits import percentile

TILE_PX, COLUMNS = 180, 8
FONT = cv2.FONT_HERSHEY_SIMPLEX
WHITE, DARK, BOX, UNLABELLED = (245, 245, 245), (30, 28, 26), (80, 220, 80), (60, 160, 250)


def tile(picture: Picture) -> Image:
    """A picture with its boxes and labels in a square (TILE_PX, TILE_PX, 3); a readable note where it is bad."""
    square = np.full((TILE_PX, TILE_PX, 3), DARK, np.uint8)
    try:
        image = read_image(picture.path)
    except InputError:
        put_text(square, "cannot be read", (8, TILE_PX // 2), 0.45)
        return square
    scale = TILE_PX / max(image.shape[:2])
    size_wh = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    small = cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    square[: size_wh[1], : size_wh[0]] = small
    if not picture.is_crop:
        for (left, top, width, height), name in zip(picture.boxes_xywh, picture.labels, strict=True):
            first = (round(left * size_wh[0]), round(top * size_wh[1]))
            last = (round((left + width) * size_wh[0]), round((top + height) * size_wh[1]))
            cv2.rectangle(square, first, last, BOX if name else UNLABELLED, 1, cv2.LINE_AA)
            put_text(square, name, (first[0] + 1, max(first[1] - 3, 9)), 0.35)
    put_text(square, picture.split, (3, TILE_PX - 5), 0.35)
    return square


def put_text(image: Image, text: str, left_bottom: tuple[int, int], scale: float) -> None:
    """White text with a dark edge."""
    for colour, thickness in ((DARK, 3), (WHITE, 1)):
        cv2.putText(image, text, left_bottom, FONT, scale, colour, thickness, cv2.LINE_AA)


def by_class(pictures: Sequence[Picture]) -> dict[str, list[Picture]]:
    """Some pictures of every label, always the same ones, those without a known hand last."""
    groups = defaultdict[str, list[Picture]](list)
    for picture in sorted(pictures, key=lambda p: (percentile(p.path.name), p.path)):
        for name in set(picture.labels or ("",)):
            if len(groups[name]) < COLUMNS:
                groups[name].append(picture)
    return {name: groups[name] for name in sorted(groups, key=lambda name: (not name, name))}


def draw_sheet(pictures: Sequence[Picture]) -> Image:
    """A row a class, its name above."""
    bar_px = 22
    rows = []
    for name, chosen in by_class(pictures).items():
        bar = np.full((bar_px, TILE_PX * COLUMNS, 3), DARK, np.uint8)
        put_text(bar, name or "(no label)", (6, bar_px - 7), 0.5)
        empty = np.full((TILE_PX, TILE_PX, 3), DARK, np.uint8)
        rows += [bar, np.hstack([tile(p) for p in chosen] + [empty] * (COLUMNS - len(chosen)))]
    return np.vstack(rows) if rows else np.full((TILE_PX, TILE_PX, 3), DARK, np.uint8)


def check_name(file: Path) -> None:
    """Refuse a file for a sheet by its name.

    Raises:
        InputError: its suffix is neither .png nor .jpg.
    """
    if file.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise InputError(f"cannot draw {file}: a sheet is a .png or .jpg file")


def write_sheet(pictures: Sequence[Picture], file: Path) -> None:
    """Draw the sheet into a .png or .jpg file, see `check_name`.

    Raises:
        EnvironmentFault: it cannot be written.
    """
    write_file(file, cv2.imencode(file.suffix, draw_sheet(pictures))[1].tobytes(), "the sheet")
