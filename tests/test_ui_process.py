"""What could end the program: no display, closing at any moment, signals, exceptions; in processes of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import FakeRecognizer, write_two_colours

from gesture_app.errors import EnvironmentFault
from gesture_app.ui import app, display

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    return write_two_colours(tmp_path_factory.mktemp("clip") / "two_colours.mp4")


@pytest.mark.skipif(sys.platform != "linux", reason="asks for a display of X11 or Wayland")
@pytest.mark.parametrize(("variables", "expected"), [
    ({}, "none: DISPLAY and"), ({"DISPLAY": ":987"}, ":987"), ({"WAYLAND_DISPLAY": "wayland-987"}, "wayland-987"),
    ({"WAYLAND_DISPLAY": "wayland-987", "DISPLAY": ":987"}, ":987"),
    ({"QT_QPA_PLATFORM": "wayland", "DISPLAY": ":987"}, "wayland-0"),
    ({"QT_QPA_PLATFORM": "xcb", "WAYLAND_DISPLAY": "wayland-987"}, "none: DISPLAY is not"),
    ({"QT_QPA_PLATFORM": "wayland;xcb", "DISPLAY": ":987"}, ":987"),
])  # fmt: skip
def test_no_display_is_told(monkeypatch, variables, expected):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_RUNTIME_DIR", "")
    monkeypatch.setattr(display, "X11_LIBRARIES", {})
    with pytest.raises(EnvironmentFault, match=f"^display: {expected}"):
        app.run("0", lambda choice: FakeRecognizer(), {})


@pytest.mark.skipif(sys.platform != "linux", reason="asks for a desktop of Wayland")
def test_a_compositor_that_answers(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    with socket.socket(socket.AF_UNIX) as compositor:
        compositor.bind(str(tmp_path / "wayland-987"))
        compositor.listen()
        for name in ("wayland-987", str(tmp_path / "wayland-987")):
            monkeypatch.setenv("WAYLAND_DISPLAY", name)
            display.require_display()
    monkeypatch.setenv("WAYLAND_DISPLAY", "none")
    monkeypatch.setenv("WAYLAND_SOCKET", "7")  # a file that it inherits, as from `waypipe --oneshot`
    display.require_display()


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
from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import QApplication
from gesture_app.ui import app, event_loop
from fakes import FakeRecognizer

def load(choice): return FakeRecognizer()
def after(seconds, act): QTimer.singleShot(round(seconds * 1000), act)
def windows(): return [w for w in QApplication.topLevelWidgets() if type(w).__name__ == "MainWindow"]
def close(): windows()[0].close()
def when_live(act):
    if windows() and windows()[0].playback.phase.name == "LIVE" and windows()[0].view.picture is not None: act()
    else: after(0.05, lambda: when_live(act))
def plan(): pass
source = {source!r}
open_reader = app.open_reader
{body}
qapp = QApplication(["gesture-app"])
plan()
print("started", flush=True)
sys.exit(event_loop.show_window(source, load, open_reader, {{"welcome_seen": True}}, True))
"""


@pytest.fixture
def start(tmp_path) -> Callable[[Path | str, str], subprocess.Popen[str]]:
    def start_program(source: Path | str, body: str) -> subprocess.Popen[str]:
        program = PROGRAM.format(tests=str(Path(__file__).parent), source=str(source), body=textwrap.dedent(body))
        environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "GESTURE_APP_CONFIG_DIR": str(tmp_path)}
        return subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-c", program],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start_program


def finish(process: subprocess.Popen[str], timeout_s: float = 60.0) -> tuple[int, str]:
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
        def load(choice): time.sleep(1.0); return FakeRecognizer()
        def plan(): after(0.4, close)
    """,
    "while models load for ever": """
        def load(choice): time.sleep(60)
        def plan(): after(0.4, close)
    """,
    "while a source opens": """
        from gesture_app.video.reader import FrameReader
        def open_slowly(source, options): time.sleep(0.8); raise OSError("slow")
        def open_reader(*args): return FrameReader(*args, opener=open_slowly)
        def plan(): after(0.4, close)
    """,
    "while recognizing": """
        class Slow(FakeRecognizer):
            def detect(self, image, options):
                print("recognizing", file=sys.stderr)
                time.sleep(0.5)
                return super().detect(image, options)
        def load(choice): return Slow()
        def plan(): when_live(lambda: after(0.3, close))
    """,
    "from a stopped source": """
        def plan(): when_live(lambda: (windows()[0].playback.halt(), after(0.1, close)))
    """,
    "from full screen": """
        def plan(): when_live(lambda: (windows()[0].menus.full_screen.trigger(), after(0.3, close)))
    """,
    "while recording": """
        def record():
            windows()[0]._store.update(record_folder=os.environ["GESTURE_APP_CONFIG_DIR"])
            windows()[0].menus.record.trigger()
        def plan(): when_live(lambda: (record(), after(0.6, close)))
    """,
    "while paused": """
        def plan(): when_live(lambda: (windows()[0].menus.forward.trigger(), after(0.3, close)))
    """,
    "by quit": "def plan(): when_live(QApplication.quit)",
}


@pytest.mark.parametrize("moment", CLOSINGS)
def test_closing_at_any_moment(start, clip, tmp_path, moment):
    started = time.monotonic()
    code, errors = finish(start(clip, CLOSINGS[moment]))
    assert code == 0, errors
    assert "QThread" not in errors
    if moment == "while recording":
        assert [path.suffix for path in tmp_path.glob("gestures *")] == [".mp4"], "the file is whole"
    assert time.monotonic() - started < 60


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_closes(start, clip, tmp_path, number):
    process = start(clip, "def plan(): when_live(lambda: print('live', flush=True))")
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(2)] == ["started\n", "live\n"]
    sent = time.monotonic()
    process.send_signal(number)
    code, errors = finish(process)
    assert code == 128 + number, errors
    assert errors == ""
    assert time.monotonic() - sent < 20
    assert (tmp_path / "window.ini").is_file(), "size and docks are kept"


def test_what_a_desktop_portal_refuses_is_not_told_in_the_terminal(start, clip):
    code, errors = finish(
        start(
            clip,
            """
            from PyQt6.QtCore import QLoggingCategory
            def tells(what): return QLoggingCategory("qt.qpa." + what).isWarningEnabled()
            def plan(): when_live(lambda: (print(tells("services"), tells("wayland"), file=sys.stderr), close()))
            """,
        )
    )
    assert (code, errors) == (0, "False True\n")


def test_an_exception_in_a_slot_does_not_end_the_program(start, clip):
    code, errors = finish(
        start(
            clip,
            """
            def fail(): raise ValueError("in a slot")
            def fail_in_thread(): threading.Thread(target=fail).start()
            def look():
                boxes = [w for w in QApplication.topLevelWidgets() if type(w).__name__ == "QMessageBox"]
                print("shown:", boxes[0].text(), windows()[0].playback.phase.name, file=sys.stderr)
            def all(): after(0, fail); after(0.1, fail_in_thread); after(0.6, look); after(0.7, close)
            def plan(): when_live(all)
            """,
        )
    )
    assert code == 0, errors
    assert errors.count("ValueError: in a slot") == 3, "two tracebacks and the box"
    assert "shown: ValueError: in a slot LIVE" in errors
