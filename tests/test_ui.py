"""The window and its widgets, with a fake recognizer and a real video."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from fakes import LEFT_BGR, RIGHT_BGR, FakeRecognizer, Options, write_two_colours
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtGui import QColor, QImage
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QLineEdit, QMessageBox

import gesture_app.vision.tracking  # noqa: F401  # brings torch, whose import takes more time than a test may wait
from gesture_app.errors import InputError
from gesture_app.ui import app, source_bar
from gesture_app.ui.banner import Banner, banner_for
from gesture_app.ui.live import LiveSettings, Phase, Status
from gesture_app.ui.main_window import MainWindow
from gesture_app.ui.source_bar import SourceBar, is_camera, shown_source
from gesture_app.ui.video_view import BACKGROUND, VideoView
from gesture_app.ui.workers import LiveWorker

NO_CAMERA = "987"


@pytest.fixture(scope="session")
def clip(tmp_path_factory) -> Path:
    return write_two_colours(tmp_path_factory.mktemp("clip") / "two_colours.mp4")


@pytest.fixture
def open_window(qtbot):
    windows: list[MainWindow] = []

    def make(recognizer=None, load=None, loop=True) -> MainWindow:
        recognizer = recognizer or FakeRecognizer()
        worker = LiveWorker(load or (lambda: recognizer), app.open_reader, LiveSettings(Options()))
        window = MainWindow(worker, Options(), loop)
        windows.append(window)
        qtbot.addWidget(window)
        window.show()
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        return window

    yield make
    for window in windows:
        assert window.shutdown(5.0)


def is_near(colour: QColor, bgr: tuple[int, int, int]) -> bool:
    return all(abs(a - b) < 25 for a, b in zip((colour.blue(), colour.green(), colour.red()), bgr, strict=True))


@pytest.mark.parametrize(
    ("source", "camera", "shown"),
    [
        ("0", True, "camera 0"),
        ("", False, ""),
        ("²", False, "²"),
        ("/home/me/a clip.mp4", False, "a clip.mp4"),
        ("rtsp://me:secret@host:554/x?token=1", False, "host:554"),
        ("http://host/video", False, "host"),
    ],
)
def test_names_of_sources(source, camera, shown):
    assert is_camera(source) is camera
    assert shown_source(source) == shown


def test_source_bar(qtbot):
    bar = SourceBar()
    qtbot.addWidget(bar)
    for entered, source in [
        ("0", "0"),
        ("12", "12"),
        ("camera 3", "3"),
        ("  /tmp/a clip.mp4 ", "/tmp/a clip.mp4"),  # noqa: S108
        ("file:///media/a%20clip.mp4", "/media/a clip.mp4"),
        ("rtsp://host/x", "rtsp://host/x"),
        ("~/clip.mp4", str(Path("~/clip.mp4").expanduser())),
        ("", ""),
    ]:
        bar.set_source(entered)
        assert bar.source() == source
    bar.set_source("4")
    assert bar.source() == "4", "a camera's number is shown as a name and read back as a number"


@pytest.mark.parametrize(("entered", "source"), [("Camera 0", "0"), ("camera 0", "0"), ("a.mp4", "a.mp4")])
def test_enter_chooses_once(qtbot, monkeypatch, entered, source):
    monkeypatch.setattr(source_bar, "camera_indices", lambda: [0, 1])
    bar = SourceBar()
    qtbot.addWidget(bar)
    chosen = []
    bar.chosen.connect(lambda: chosen.append(bar.source()))
    line = bar.findChild(QLineEdit)
    line.setText(entered)
    qtbot.keyClick(line, Qt.Key.Key_Return)
    qtbot.wait(20)
    assert chosen == [source]


@pytest.mark.parametrize("phase", list(Phase))
def test_every_phase_has_its_banner(phase):
    banner = banner_for(Status(1, phase, "why"), "clip.mp4")
    assert (banner is None) is (phase is Phase.LIVE)
    assert banner is None or banner.title


@pytest.mark.parametrize(("size_wh", "place"), [((400, 200), (100, 0, 200, 200)), ((300, 600), (0, 150, 300, 300))])
def test_view_keeps_the_aspect_ratio(qtbot, size_wh, place):
    view = VideoView()
    qtbot.addWidget(view)
    view.setMinimumSize(1, 1)
    view.resize(*size_wh)
    assert view.picture_rect().isEmpty()
    picture = QImage(50, 50, QImage.Format.Format_RGB32)
    picture.fill(QColor("white"))
    view.show_picture(picture, 0.0)
    assert view.picture_rect().getRect() == place
    grabbed = view.grab().toImage()
    assert grabbed.pixelColor(view.rect().center()) == QColor("white")
    assert grabbed.pixelColor(0, 0) == BACKGROUND


def test_view_tells_each_picture_once_when_painted(qtbot):
    view = VideoView()
    qtbot.addWidget(view)
    painted = []
    view.painted.connect(painted.append)
    view.show_picture(QImage(5, 5, QImage.Format.Format_RGB32), 12.5)
    view.grab()
    view.grab()
    assert painted == [12.5]


@pytest.mark.parametrize("text", ["", "short", "/a/very/long/path/without/any/space" * 20, "many words " * 80])
def test_view_paints_any_banner_at_any_size(qtbot, text):
    view = VideoView()
    qtbot.addWidget(view)
    view.setMinimumSize(1, 1)
    for banner in (Banner("Title", text), Banner("Title", text, busy=True), Banner("Title", text, alarm=True)):
        view.show_banner(banner)
        for size in (1, 40, 500):
            view.resize(size, size)
            view.grab()
    assert "Title" in view.accessibleDescription()


def test_window_is_there_before_the_models(open_window, qtbot):
    go_on = threading.Event()
    recognizer = FakeRecognizer()
    window = open_window(load=lambda: recognizer if go_on.wait(10) else None)
    window.play(NO_CAMERA)
    qtbot.waitUntil(lambda: window.phase is Phase.LOADING)
    assert window.view.banner.busy
    go_on.set()
    qtbot.waitUntil(lambda: window.phase is Phase.NO_SOURCE)
    assert window.figures.device_label.text() == "fake device"


def test_frames_and_figures(open_window, qtbot, clip):
    window = open_window()
    window.play(str(clip))
    qtbot.waitUntil(lambda: window.phase is Phase.LIVE)
    qtbot.waitUntil(lambda: "– FPS" not in window.figures.rate_label.text())
    qtbot.waitUntil(lambda: "–" not in window.figures.latency_label.text())
    assert window.view.banner is None
    assert window.figures.size_label.text() == "160 × 120"
    assert window.windowTitle().startswith("two_colours.mp4")
    picture = window.view.picture
    assert is_near(picture.pixelColor(5, 5), LEFT_BGR)
    assert not is_near(picture.pixelColor(10, 45), LEFT_BGR), "the box is drawn"
    qtbot.wait(1500)
    assert 20 < float(window.figures.rate_label.text().split()[0]) < 40


def test_start_and_stop(open_window, qtbot, clip):
    window = open_window()
    window.source_bar.set_source(str(clip))
    for _ in range(3):
        assert "Start" in window.source_bar.start_button.text()
        window.source_bar.start_button.click()
        qtbot.waitUntil(lambda: window.view.picture is not None)
        assert "Stop" in window.source_bar.start_button.text()
        window.source_bar.start_button.click()
        assert window.view.picture is None
        assert window.phase is Phase.IDLE
        qtbot.wait(50)
        assert window.view.picture is None, "a late result of the stopped run is not shown"


def test_the_end_of_a_video(open_window, qtbot, clip):
    window = open_window(loop=False)
    window.play(str(clip))
    qtbot.waitUntil(lambda: window.phase is Phase.ENDED, timeout=8000)
    assert is_near(window.view.picture.pixelColor(10, 45), LEFT_BGR), "no box is left"
    assert "Start" in window.source_bar.start_button.text()


@pytest.mark.parametrize("source", ["no_such_file.mp4", NO_CAMERA, "gopher://host/x", "rtsp://127.0.0.1:1/x"])
def test_a_source_that_is_not_there(open_window, qtbot, clip, source):
    window = open_window()
    window.play(source)
    qtbot.waitUntil(lambda: window.phase is Phase.NO_SOURCE, timeout=8000)
    assert window.view.banner.alarm and window.view.banner.text
    window.play(str(clip))
    qtbot.waitUntil(lambda: window.phase is Phase.LIVE)


def test_weights_that_cannot_be_used(open_window, qtbot, clip):
    def load():
        raise InputError("weights: x: no such folder. Give another")

    window = open_window(load=load)
    window.play(str(clip))
    qtbot.waitUntil(lambda: window.phase is Phase.FAILED)
    assert window.view.banner.text == "weights: x: no such folder. Give another"


def test_an_exception_while_recognizing(open_window, qtbot, clip):
    window = open_window(recognizer := FakeRecognizer())
    window.play(str(clip))
    qtbot.waitUntil(lambda: window.phase is Phase.LIVE)
    recognizer.fails = lambda call: True
    qtbot.waitUntil(lambda: window.phase is Phase.FRAME_FAULT)
    assert window.view.banner.text == "ValueError: a bad frame"
    recognizer.fails = lambda call: False
    qtbot.waitUntil(lambda: window.phase is Phase.LIVE)
    assert window.view.banner is None


def test_controls_act_at_once(open_window, qtbot, clip):
    window = open_window(recognizer := FakeRecognizer())
    window.play(str(clip))
    qtbot.waitUntil(lambda: window.phase is Phase.LIVE)
    window.controls.hand.number.setValue(0.31)
    window.controls.gesture.number.setValue(0.82)
    window.controls.most_hands.setValue(2)
    qtbot.waitUntil(lambda: recognizer.options == Options(0.31, 0.82, 2), timeout=1000)


def test_mirror(open_window, qtbot, clip):
    window = open_window()
    window.play(str(clip))
    qtbot.waitUntil(lambda: window.view.picture is not None)
    assert not window.controls.mirror.isChecked(), "a file shows what was filmed"
    window.controls.mirror.click()
    qtbot.waitUntil(lambda: is_near(window.view.picture.pixelColor(5, 5), RIGHT_BGR))
    window.play(NO_CAMERA)
    assert window.controls.mirror.isChecked(), "a camera is a mirror"
    window.mirror_action.trigger()
    window.play(str(clip))
    assert window.controls.mirror.isChecked(), "each kind of source keeps the user's choice"
    window.play(NO_CAMERA)
    assert not window.controls.mirror.isChecked()


def test_keys(open_window, qtbot, clip):
    window = open_window()
    window.source_bar.set_source(str(clip))
    view = window.view
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_Space)
    assert window.phase.running
    qtbot.keyClick(view, Qt.Key.Key_M)
    assert window.controls.mirror.isChecked()
    qtbot.keyClick(view, Qt.Key.Key_F)
    assert window.isFullScreen() and not window.source_bar.isVisible()
    qtbot.keyClick(view, Qt.Key.Key_Space)
    assert not window.phase.running, "keys work in full screen too"
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert not window.isFullScreen() and window.source_bar.isVisible()
    window.controls.mirror.setFocus()
    qtbot.keyClick(window.controls.mirror, Qt.Key.Key_Space)
    assert not window.controls.mirror.isChecked() and not window.phase.running, "Space presses a focused check box"
    qtbot.keyClick(view, Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier)
    assert not window.isVisible()


def test_double_click_is_full_screen(open_window, qtbot):
    window = open_window()
    for expected in (True, False):
        QTest.mouseDClick(window.view, Qt.MouseButton.LeftButton, pos=QPoint(20, 20))
        assert window.isFullScreen() is expected
    assert window.minimumSize().width() == 800 and window.minimumSize().height() == 600


def test_a_fault_is_shown_once(open_window, qtbot):
    window = open_window()
    window.fault.emit("ValueError: one")
    window.fault.emit("ValueError: two")
    boxes = [box for box in QApplication.topLevelWidgets() if isinstance(box, QMessageBox) and box.isVisible()]
    assert [box.text() for box in boxes] == ["ValueError: one"]
    boxes[0].close()
    window.fault.emit("ValueError: three")
