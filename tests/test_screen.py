"""The screen as a source; in a process of its own with a display of its own, where there is an X server to start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from xserver import AVAILABLE, x_server

pytest.importorskip("mss")

from gesture_app.errors import EnvironmentFault, InputError
from gesture_app.video import screen
from gesture_app.video.addresses import ScreenArea

MONITORS = [
    {"left": -200, "top": 0, "width": 500, "height": 100},
    {"left": 0, "top": 0, "width": 300, "height": 100, "is_primary": True},
    {"left": -200, "top": 0, "width": 200, "height": 100},
]


@pytest.mark.parametrize(("text", "place"), [
    ("screen", (0, 0, 300, 100)),
    ("screen:2", (-200, 0, 200, 100)),
    ("screen:50x40+10+20", (10, 20, 50, 40)),
    ("screen:999x999+-999+-999", (-200, 0, 200, 0)),
    ("screen:999x999+250+50", (250, 50, 50, 50)),
])  # fmt: skip
def test_where_an_area_is(text: str, place: tuple[int, int, int, int]) -> None:
    area = ScreenArea.parse(text)
    if place[3] == 0:
        with pytest.raises(InputError, match="not on the desktop"):
            screen._place(area, MONITORS)
        return
    found = screen._place(area, MONITORS)
    assert tuple(found[name] for name in ("left", "top", "width", "height")) == place


def test_a_monitor_that_is_not_there() -> None:
    with pytest.raises(InputError, match="the last monitor is screen:2"):
        screen._place(ScreenArea(3), MONITORS)


@pytest.mark.skipif(sys.platform != "linux", reason="asks for a display of X11")
def test_no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", ":987")
    with pytest.raises(EnvironmentFault, match=r"^screen: screen:1: cannot be read"):
        screen.ScreenSource(ScreenArea())


@pytest.mark.skipif(sys.platform != "linux", reason="asks for a display of X11")
@pytest.mark.parametrize("x_display", ["", ":0"])  # most such desktops have an X server, too, which shows black
def test_wayland(monkeypatch: pytest.MonkeyPatch, x_display: str) -> None:
    monkeypatch.setenv("DISPLAY", x_display)
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    with pytest.raises(InputError, match="Wayland"):  # not a fault that may pass, after which it is tried again
        screen.ScreenSource(ScreenArea())


READ = """
from gesture_app.video.addresses import ScreenArea
from gesture_app.video.screen import ScreenSource
for text, shape in (("screen", (96, 128, 3)), ("screen:40x30+90+80", (16, 38, 3))):
    source = ScreenSource(ScreenArea.parse(text))
    frames = [source.read() for _ in range(3)]
    source.release()
    assert [frame.image.shape for frame in frames] == [shape] * 3, frames[0].image.shape
"""


@pytest.mark.skipif(not AVAILABLE, reason="needs Xvfb")
def test_a_real_screen() -> None:
    root = Path(__file__).parents[1]
    with x_server("128x96") as display:
        environment = {**os.environ, "PYTHONPATH": str(root), "DISPLAY": display, "WAYLAND_DISPLAY": ""}
        command = [sys.executable, "-c", READ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=root, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
