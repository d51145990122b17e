"""What could end the program: no display, closing at any moment, signals, exceptions; in processes of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from fakes import FakeRecognizer, Options, write_two_colours

from gesture_app.errors import EnvironmentFault
from gesture_app.ui import app, display

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    return write_two_colours(tmp_path_factory.mktemp("clip") / "two_colours.mp4")


@pytest.mark.skipif(sys.platform != "linux", reason="asks for a display of X11 or Wayland")
@pytest.mark.parametrize(("variables", "expected"), [({}, "none"), ({"DISPLAY": ":987"}, ":987")])
def test_no_display_is_told(monkeypatch, variables, expected):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(display, "X11_LIBRARIES", {})
    with pytest.raises(EnvironmentFault, match=f"^display: {expected}: "):
        app.run("0", FakeRecognizer, Options())


@pytest.mark.skipif(sys.platform != "linux", reason="asks for a display of X11")
def test_missing_libraries_are_named(monkeypatch):
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(display, "X11_LIBRARIES", {"libnothing-of-that-name.so.0": "libnothing0"})
    with pytest.raises(EnvironmentFault, match="apt install libnothing0"):
        display.require_display()


PROGRAM = """
import os, sys, threading, time
sys.path.insert(0, {tests!r})
from types import ModuleType
from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import QApplication
from gesture_app.ui import app, event_loop
from fakes import FakeRecognizer, Options

class Tracker:
    def __init__(self, labels, label_threshold): pass
    def update(self, hands, time_s): return hands

# The real one imports torch, which none of these processes needs and every one would wait for.
sys.modules["gesture_app.vision.tracking"] = ModuleType("gesture_app.vision.tracking")
sys.modules["gesture_app.vision.tracking"].Tracker = Tracker

def load(): return FakeRecognizer()
def after(seconds, act): QTimer.singleShot(round(seconds * 1000), act)
def windows(): return [w for w in QApplication.topLevelWidgets() if type(w).__name__ == "MainWindow"]
def close(): windows()[0].close()
def plan(): pass
source = {source!r}
open_reader = app.open_reader
{body}
qapp = QApplication(["gesture-app"])
plan()
print("started", flush=True)
sys.exit(event_loop.show_window(source, load, open_reader, Options(), True))
"""


def start(source: Path | str, body: str) -> subprocess.Popen[str]:
    program = PROGRAM.format(tests=str(Path(__file__).parent), source=str(source), body=textwrap.dedent(body))
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    return subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], timeout_s: float = 30.0) -> tuple[int, str]:
    try:
        _, errors = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return process.returncode, errors


CLOSINGS = {
    "before anything": "def plan(): after(0, close)",
    "while models load": """
        def load(): time.sleep(1.0); return FakeRecognizer()
        def plan(): after(0.4, close)
    """,
    "while models load for ever": """
        def load(): time.sleep(60)
        event_loop.CLOSE_TIMEOUT_S = 0.5
        def plan(): after(0.4, close)
    """,
    "while a source opens": """
        from gesture_app.video.sources import FrameReader
        def open_slowly(source, loop): time.sleep(0.8); raise OSError("slow")
        def open_reader(*args): return FrameReader(*args, opener=open_slowly)
        def plan(): after(0.4, close)
    """,
    "while recognizing": """
        class Slow(FakeRecognizer):
            def __call__(self, image):
                print("recognizing", file=sys.stderr)
                time.sleep(0.5)
                return super().__call__(image)
        def load(): return Slow()
        def plan(): after(0.8, close)
    """,
    "from a stopped source": """
        def plan(): after(0.5, lambda: windows()[0].halt()); after(0.6, close)
    """,
    "from full screen": """
        def plan(): after(0.5, lambda: windows()[0].full_screen_action.trigger()); after(0.8, close)
    """,
    "by quit": "def plan(): after(0.6, lambda: QApplication.quit())",
}


@pytest.mark.parametrize("moment", CLOSINGS)
def test_closing_at_any_moment(clip, moment):
    started = time.monotonic()
    code, errors = finish(start(clip, CLOSINGS[moment]))
    assert code == 0, errors
    assert "QThread" not in errors
    assert time.monotonic() - started < 25


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_closes(clip, number):
    process = start(clip, "")
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    time.sleep(0.7)
    sent = time.monotonic()
    process.send_signal(number)
    code, errors = finish(process)
    assert code == 128 + number, errors
    assert errors == ""
    assert time.monotonic() - sent < 3.0


def test_an_exception_in_a_slot_does_not_end_the_program(clip):
    code, errors = finish(
        start(
            clip,
            """
            def fail(): raise ValueError("in a slot")
            def fail_in_thread(): threading.Thread(target=fail).start()
            def look():
                boxes = [w for w in QApplication.topLevelWidgets() if type(w).__name__ == "QMessageBox"]
                print("shown:", boxes[0].text(), windows()[0].phase.name, file=sys.stderr)
            def plan(): after(0.5, fail); after(0.6, fail_in_thread); after(1.2, look); after(1.3, close)
            """,
        )
    )
    assert code == 0, errors
    assert errors.count("ValueError: in a slot") == 3, "two tracebacks and the box"
    assert "shown: ValueError: in a slot LIVE" in errors
