"""A contact sheet: samples of every class with their boxes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from gesture_app.vision.atomic import write_file
from gesture_app.vision.hands import Image
from gesture_app.vision.images import read_image
from gesture_app.vision.labels import HAGRID_LABELS
from training.hagrid import Picture, read

TILE, COLUMNS = 160, 10


def tile(picture: Picture) -> Image:
    """A picture with its boxes in a square (TILE, TILE, 3)."""
    image = read_image(picture.path)
    height, width = image.shape[:2]
    scale = TILE / max(height, width)
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    small = cv2.resize(image, (round(width * scale), round(height * scale)), interpolation=interpolation)
    for box in picture.boxes_xywh:
        left, top, box_w, box_h = np.array(box) * (*small.shape[1::-1], *small.shape[1::-1])
        first = (round(float(left)), round(float(top)))
        last = (round(float(left + box_w)), round(float(top + box_h)))
        cv2.rectangle(small, first, last, (80, 220, 80), 1)
    square = np.zeros((TILE, TILE, 3), np.uint8)
    square[: small.shape[0], : small.shape[1]] = small
    return square


def write_sheet(out: Path, file: Path) -> None:
    """Write a picture with a row for every class and kind found below `out`."""
    rows = []
    for kind in ("frames", "crops"):
        if not (out / kind / "ann_train_val").is_dir():
            continue
        pictures = read(out / kind, HAGRID_LABELS).pictures
        for label in HAGRID_LABELS:
            shown = [tile(p) for p in pictures if p.path.parent.name == f"train_val_{label}"][:COLUMNS]
            if shown:
                row = np.hstack(shown + [np.zeros((TILE, TILE, 3), np.uint8)] * (COLUMNS - len(shown)))
                cv2.putText(row, label, (4, TILE - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 255, 255), 1, cv2.LINE_AA)
                rows.append(row)
    write_file(file, cv2.imencode(".png", np.vstack(rows))[1].tobytes(), "the sheet")
