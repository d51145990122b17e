"""The screen, or a part of it, as a live source."""

from __future__ import annotations

import os
import sys
import time

import cv2
import numpy as np
from mss import MSS
from mss.exception import ScreenShotError

from gesture_app.errors import EnvironmentFault, InputError
from gesture_app.video.addresses import ScreenArea
from gesture_app.vision.hands import Frame

FRAME_S = 1 / 30


class ScreenSource:
    """Grabs a monitor or a rectangle of the desktop, thirty times a second at most.

    Its reader numbers and times the frames.

    Raises:
        InputError: the area is not on the desktop, or the desktop lets no program look at it.
        EnvironmentFault: the display does not answer.
    """

    clip = None

    def __init__(self, area: ScreenArea) -> None:
        self.name = str(area)
        if is_hidden():
            raise InputError(f"screen: {area}: Wayland lets no program see it. Log in with X11 for that")
        try:
            self._grabber = MSS()
        except (ScreenShotError, OSError) as error:
            raise EnvironmentFault(f"screen: {area}: cannot be read ({error}). Check the display") from error
        try:
            self._part = _place(area, self._grabber.monitors)
        except BaseException:
            self._grabber.close()
            raise
        self._next_s = time.monotonic()

    def read(self) -> Frame | None:
        """What is on the screen now; None when it cannot be had."""
        now_s = time.monotonic()
        if now_s < self._next_s:
            time.sleep(self._next_s - now_s)
        self._next_s = max(self._next_s, now_s) + FRAME_S
        try:
            shot = self._grabber.grab(self._part)
        except (ScreenShotError, OSError):
            return None
        pixels = np.frombuffer(shot.raw, np.uint8).reshape(shot.height, shot.width, 4)
        return Frame(np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGRA2BGR), np.uint8), 0, 0.0)  # five times NumPy's speed

    def release(self) -> None:
        """Let go of the display."""
        self._grabber.close()


def is_hidden() -> bool:
    """Whether this is a desktop of Wayland, whose X server, where there is one, gives black pictures."""
    return sys.platform.startswith("linux") and bool(os.environ.get("WAYLAND_DISPLAY"))


def _place(area: ScreenArea, monitors: list[dict[str, int]]) -> dict[str, int]:
    """The area as mss takes it, cut to the desktop; `monitors` begins with the whole desktop."""
    desktop, *single = monitors
    if area.rect is None:
        if area.monitor > len(single):
            raise InputError(f"screen: {area}: the last monitor is screen:{len(single)}. Give a smaller number")
        return {name: single[area.monitor - 1][name] for name in ("left", "top", "width", "height")}
    left, top = max(area.rect[0], desktop["left"]), max(area.rect[1], desktop["top"])
    right = min(area.rect[0] + area.rect[2], desktop["left"] + desktop["width"])
    bottom = min(area.rect[1] + area.rect[3], desktop["top"] + desktop["height"])
    if right <= left or bottom <= top:
        raise InputError(f"screen: {area}: is not on the desktop. Choose another part")
    return {"left": left, "top": top, "width": right - left, "height": bottom - top}
