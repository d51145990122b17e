from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from fakes import FakeRecognizer

from training.conditions import DEGRADATIONS
from training.filmed import EMPTY, FPS, SHOWN, ClipResult, drift, evaluate_clips, filmed
from training.sets import GestureFrame

BRIGHT = np.full((48, 64, 3), 90, np.uint8)
BRIGHT[14:20, 7:13] = 250


class Sees(FakeRecognizer):
    """The hand wherever there is light."""

    def detect(self, image, options):
        found = super().detect(image, options)
        return found if image.max() > 220 else found.take(np.zeros(1, bool))


@pytest.mark.parametrize("condition", [None, *DEGRADATIONS])
def test_a_picture_becomes_a_clip(condition) -> None:
    before = BRIGHT.copy()
    clip = list(filmed(BRIGHT, condition, 3))
    assert [shown for _, shown in clip] == [False] * EMPTY + [True] * SHOWN + [False] * EMPTY
    assert all(image.shape == BRIGHT.shape and image.dtype == np.uint8 for image, _ in clip)
    assert len({image.tobytes() for image, _ in clip}) == len(clip) and np.array_equal(before, BRIGHT)
    again = [image.tobytes() for image, _ in filmed(BRIGHT, condition, 3)]
    assert again == [image.tobytes() for image, _ in clip]


def test_the_camera_drifts_and_does_not_jump() -> None:
    way = drift(90, np.random.default_rng(0))
    assert way.shape == (90,) and 0.3 < np.abs(way).max() < 1.5 and np.abs(np.diff(way)).max() < 0.4


@pytest.mark.parametrize(
    ("right", "first", "lost"),
    [([], None, 0), ([0, 0], None, 0), ([0, 1, 1], 1, 0), ([1, 0, 1, 0], 0, 2), ([0, 1, 0, 0], 1, 1)],
)
def test_when_a_name_comes_and_how_often_it_goes(right, first, lost) -> None:
    result = ClipResult([bool(r) for r in right], [], [])
    assert (result.first, result.lost) == (first, lost)


@pytest.mark.parametrize(("gesture", "named"), [("like", 1.0), ("peace", 0.0)])
def test_clips_are_recognized(tmp_path: Path, gesture: str, named: float) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), BRIGHT)
    metrics = evaluate_clips(Sees(), [GestureFrame(tmp_path / "a.png", gesture, "val", True)])
    assert metrics["named"] == metrics["steady"] == named and metrics["never"] == metrics["wrong"] == 1 - named
    assert metrics["lost_a_minute"] == metrics["seconds"] == 0 and metrics["clips"] == 1
    assert metrics["nobody"] == 0  # a hand stays for one frame that misses it, which is not counted


class Blinks(Sees):
    """Sees nothing in three frames of ten."""

    frames = 0

    def detect(self, image, options):
        self.frames += image.shape == BRIGHT.shape  # no closer look
        return super().detect(image if self.frames % 10 > 2 else image * 0, options)


def test_names_that_blink(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), BRIGHT)
    metrics = evaluate_clips(Blinks(), [GestureFrame(tmp_path / "a.png", "like", "val", True)])
    assert metrics["named"] == pytest.approx(0.8, abs=0.05)  # the first of three is bridged
    assert metrics["lost_a_minute"] == pytest.approx(60 * FPS / 10, abs=61 * FPS / SHOWN)
