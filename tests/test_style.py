from __future__ import annotations

import cv2
import numpy as np
import pytest

from gesture_app.vision.labels import HAGRID_LABELS
from gesture_app.vision.style import COLOURS_RGB, gesture_colour, text_colour

# Machado, Oliveira and Fernandes (2009), severity 1: linear RGB as eyes without one kind of cones see it.
DICHROMATS = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def distances(rgb: np.ndarray) -> np.ndarray:
    lab = cv2.cvtColor(rgb[None].astype(np.float32), cv2.COLOR_RGB2LAB)[0]
    apart = np.linalg.norm(lab[:, None] - lab[None], axis=2)
    return apart[~np.eye(len(lab), dtype=bool)]


def colours_rgb() -> np.ndarray:
    return np.array([gesture_colour(name)[::-1] for name in HAGRID_LABELS]) / 255


def test_every_gesture_has_its_colour() -> None:
    assert set(COLOURS_RGB) == set(HAGRID_LABELS)
    assert gesture_colour("like") == (0xE6, 0x78, 0x1E)
    assert gesture_colour("thumb_war") == gesture_colour("thumb_war") != gesture_colour("thumb_peace")


def test_colours_are_far_apart() -> None:
    assert distances(colours_rgb()).min() > 28


@pytest.mark.parametrize("kind", DICHROMATS)
def test_colours_stay_apart_for_colour_blind_eyes(kind: str) -> None:
    linear = cv2.pow(colours_rgb(), 2.2) @ np.array(DICHROMATS[kind]).T
    assert distances(np.clip(linear, 0, 1) ** (1 / 2.2)).min() > 16


@pytest.mark.parametrize(
    ("background", "text"), [((0, 0, 0), (255,) * 3), ((255, 255, 255), (0,) * 3), ((0, 255, 255), (0,) * 3)]
)
def test_text_is_readable(background: tuple[int, int, int], text: tuple[int, int, int]) -> None:
    assert text_colour(background) == text
