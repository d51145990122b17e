"""The window with all its parts, a fake recognizer, a fake camera and real files."""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import av
import pytest
from fakes import LEFT_BGR, RIGHT_BGR, FakeRecognizer, write_two_colours
from media import INDEX_FIRST, REGULAR, cut_off, regular, write_video
from PIL import Image as PillowImage
from PyQt6.QtCore import QCoreApplication, QEvent, QMimeData, QPoint, QPointF, QRect, QSettings, QSize, Qt, QUrl
from PyQt6.QtGui import (
    QColor,
    QDesktopServices,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QKeySequence,
)
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QCheckBox,
    QComboBox,
    QDialog,
    QDockWidget,
    QFileDialog,
    QLabel,
    QMenu,
    QMessageBox,
    QPushButton,
    QTabBar,
    QToolButton,
    QWidget,
)

import gesture_app.annotate  # as below
import gesture_app.vision.video_recognizer  # noqa: F401  # its import takes more time than a test may wait
from gesture_app.errors import EnvironmentFault, InputError
from gesture_app.settings import Settings
from gesture_app.ui import app, quiet_pointer
from gesture_app.ui.annotate_dialog import AnnotateDialog
from gesture_app.ui.banner import Look
from gesture_app.ui.cameras import Camera
from gesture_app.ui.doctor_dialog import DoctorDialog
from gesture_app.ui.event_panel import EventPanel
from gesture_app.ui.event_table import GESTURE, START
from gesture_app.ui.gesture_drawing import GestureDrawing
from gesture_app.ui.live import ModelChoice, Phase
from gesture_app.ui.main_window import MainWindow
from gesture_app.ui.opening import Opening
from gesture_app.ui.recording_badge import RecordingBadge
from gesture_app.ui.settings_store import SettingsStore
from gesture_app.ui.shortcuts_dialog import shortcuts_of
from gesture_app.video.reader import FrameReader
from gesture_app.vision.assets import demo_clip, models_folder, shipped_folder
from gesture_app.vision.hands import Frame
from gesture_app.vision.labels import HAGRID_GESTURES
from gesture_app.vision.model_folders import RETRAINED, copy_networks, network_files, shipped_weights, weights_path
from gesture_app.vision.model_info import KINDS, ModelInfo

NO_CAMERA = "987"


class FakeCamera:
    """Thirty pictures a second; `plugged` cleared makes it give none."""

    name, clip = "fake camera", None

    def __init__(self, picture, plugged: threading.Event) -> None:
        self.picture, self.plugged = picture, plugged

    def read(self) -> Frame | None:
        time.sleep(1 / 30)
        return Frame(self.picture, 0, 0.0) if self.plugged.is_set() else None

    def release(self) -> None:
        pass


class World:
    """What a window finds: cameras that can be plugged, options of every source that was opened."""

    def __init__(self) -> None:
        self.plugged = threading.Event()
        self.plugged.set()
        self.opened: list[tuple[str, object]] = []

    def open_reader(self, source, mailbox, on_state, options) -> FrameReader:
        self.opened.append((source, options))
        if source not in ("0", "1", "2"):
            return app.open_reader(source, mailbox, on_state, options)

        def opener(source, options):
            from fakes import two_colours

            if not self.plugged.is_set():
                raise EnvironmentFault(f"camera: {source}: is gone")
            return FakeCamera(two_colours((160, 120)), self.plugged)

        return FrameReader(source, mailbox, on_state, options, opener)


@pytest.fixture(scope="session")
def clip(tmp_path_factory) -> Path:
    return write_two_colours(tmp_path_factory.mktemp("clip") / "two_colours.mp4")


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def open_window(qtbot, tmp_path, monkeypatch, world):
    monkeypatch.setenv("GESTURE_APP_CONFIG_DIR", str(tmp_path / "config"))
    windows: list[MainWindow] = []

    def make(recognizer=None, load=None, loop=True, cameras=(), geometry=None, **settings) -> MainWindow:
        recognizer = recognizer or FakeRecognizer()
        path = tmp_path / "config" / "settings.json"
        if settings or not path.exists():
            record_folder = str(tmp_path / "recordings")
            Settings(**{"welcome_seen": True, "record_folder": record_folder} | settings).save(path)
        window = MainWindow(load or (lambda choice: recognizer), world.open_reader, SettingsStore(path), geometry, loop)
        windows.append(window)
        qtbot.addWidget(window)
        set_cameras(window, *cameras)
        window.show()
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        return window

    yield make
    for window in windows:
        assert window.shutdown(10.0)


def set_cameras(window: MainWindow, *cameras: Camera) -> None:
    window.sources.cameras._found = list(cameras)
    window.sources.cameras.changed.emit()


def playing(qtbot, window: MainWindow, source: object) -> MainWindow:
    window.play(str(source))
    qtbot.waitUntil(lambda: window.playback.phase is Phase.LIVE and window.view.picture is not None)
    return window


def settings_of(window: MainWindow) -> Settings:
    return window._store.settings


def is_near(colour: QColor, bgr: tuple[int, int, int]) -> bool:
    return all(abs(a - b) < 25 for a, b in zip((colour.blue(), colour.green(), colour.red()), bgr, strict=True))


def spoken(widget: QWidget) -> str:
    """What a screen reader says."""
    if isinstance(widget, QTabBar):
        return widget.tabText(widget.currentIndex())
    return widget.accessibleName() or getattr(widget, "text", str)()


def test_window_is_there_before_the_models(open_window, qtbot):
    go_on = threading.Event()
    recognizer = FakeRecognizer()
    window = open_window(load=lambda choice: recognizer if go_on.wait(10) else None)
    window.play(NO_CAMERA)
    qtbot.waitUntil(lambda: window.playback.phase is Phase.LOADING)
    assert window.view.banner.look is Look.BUSY
    go_on.set()
    qtbot.waitUntil(lambda: window.playback.phase is Phase.UNAVAILABLE)
    assert window.figures.device_label.text() == "fake device"


def test_frames_and_figures(open_window, qtbot, clip):
    window = playing(qtbot, open_window(), clip)
    qtbot.waitUntil(lambda: "– FPS" not in window.figures.rate_label.text())
    qtbot.waitUntil(lambda: "–" not in window.figures.latency_label.text())
    assert window.view.banner is None
    assert window.figures.size_label.text() == "160 × 120"
    assert window.windowTitle() == "two_colours.mp4 – Gesture App"
    picture = window.view.picture
    assert is_near(picture.pixelColor(5, 5), LEFT_BGR)
    assert not is_near(picture.pixelColor(10, 45), LEFT_BGR), "the box is drawn"


def test_start_and_stop(open_window, qtbot, clip):
    window = open_window()
    window.source_bar.set_source(str(clip))
    for _ in range(3):
        assert "Start" in window.source_bar.start_button.text().replace("&", "")
        window.source_bar.start_button.click()
        qtbot.waitUntil(lambda: window.view.picture is not None)
        window.source_bar.start_button.click()
        assert window.view.picture is None
        assert window.playback.phase is Phase.IDLE
        qtbot.wait(50)
        assert window.view.picture is None, "a late result of the stopped run is not shown"


def test_the_end_of_a_video_and_again(open_window, qtbot, clip):
    window = open_window(loop=False)
    window.play(str(clip))
    qtbot.waitUntil(lambda: window.playback.phase is Phase.ENDED, timeout=20000)
    assert window.view.banner.title == "The video has ended" and window.view.banner.look is Look.ASIDE
    qtbot.wait(50)
    assert not is_near(window.view.picture.pixelColor(10, 45), LEFT_BGR), "the box stays"
    window.menus.toggle.trigger()
    qtbot.waitUntil(lambda: window.playback.phase is Phase.LIVE)
    assert window.playback.position_s < 1.5
    window.menus.loop.trigger()
    window.menus.to_end.trigger()
    qtbot.waitUntil(lambda: window.playback.position_s > 1.9)
    qtbot.waitUntil(lambda: window.playback.phase is Phase.LIVE and window.playback.position_s < 1.0)


def test_a_video_that_is_cut_off_says_so(open_window, qtbot, tmp_path):
    clip = cut_off(write_video(tmp_path / "cut.mp4", regular(120), INDEX_FIRST), 0.5)
    window = open_window(loop=False)
    window.play(str(clip))
    qtbot.waitUntil(lambda: window.playback.phase is Phase.ENDED)
    assert window.notice.isVisible() and "of 4.0 s: it seems to be cut off" in window.notice.label.text()


@pytest.mark.parametrize(("acts", "phase"), [
    (("toggle",), Phase.PAUSED),
    (("toggle", "toggle"), Phase.LIVE),
    (("forward",), Phase.PAUSED),
    (("forward", "toggle"), Phase.LIVE),
    (("forward", "toggle", "toggle"), Phase.PAUSED),
])  # fmt: skip
def test_space_and_steps_pause_a_clip_while_networks_load_and_the_button_tells(open_window, qtbot, clip, acts, phase):
    go_on, recognizer = threading.Event(), FakeRecognizer()
    go_on.set()
    window = playing(qtbot, open_window(load=lambda choice: recognizer if go_on.wait(10) else None), clip)
    qtbot.waitUntil(lambda: window.playback.position_s > 0.2)
    go_on.clear()
    window.playback.choose_model(ModelChoice(device="cpu"))
    qtbot.waitUntil(lambda: window.playback.phase is Phase.LOADING)
    button = window.playback_bar.play_button
    assert button.accessibleName() == "Pause"
    for act in acts:
        getattr(window.menus, act).trigger()
    assert window.playback.phase is Phase.LOADING and window.playback.clip is not None
    told = button.accessibleName()
    assert told == ("Play" if phase is Phase.PAUSED else "Pause")
    go_on.set()
    qtbot.waitUntil(lambda: window.playback.phase is phase)
    assert window.playback.position_s > 0.2 and button.accessibleName() == told


def test_space_goes_on_from_a_step_when_other_networks_come(open_window, qtbot, clip):
    go_on = threading.Event()
    load = lambda choice: FakeRecognizer() if choice.device == "auto" or go_on.wait(10) else None  # noqa: E731
    window = playing(qtbot, open_window(load=load), clip)
    window.menus.forward.trigger()
    qtbot.waitUntil(lambda: window.playback.phase is Phase.PAUSED)
    window.playback.choose_model(ModelChoice(device="cpu"))
    qtbot.waitUntil(lambda: window.playback.phase is Phase.LOADING)
    window.playback_bar.play_button.click()
    go_on.set()
    qtbot.waitUntil(lambda: window.playback.phase is Phase.LIVE)


def test_a_file_that_goes_while_it_plays_leaves_no_dead_controls(open_window, qtbot, tmp_path):
    (video := tmp_path / "clip.mp4").write_bytes(demo_clip().read_bytes())
    window = playing(qtbot, open_window(), video)
    controls = (window.menus.forward, window.menus.to_end, window.menus.faster)
    assert window.playback_bar.isVisible() and all(action.isEnabled() for action in controls)
    video.write_bytes(b"")
    window.menus.to_end.trigger()
    qtbot.waitUntil(lambda: window.playback.phase is Phase.NO_SOURCE)
    assert not window.playback_bar.isVisible() and not any(action.isEnabled() for action in controls)
    assert window.playback.clip is None


@pytest.mark.parametrize(("presses", "phase"), [(1, Phase.PAUSED), (2, Phase.LIVE)])
@pytest.mark.parametrize("when", [Phase.OPENING, Phase.LOADING])
def test_space_pauses_a_clip_before_its_first_frame(open_window, qtbot, clip, when, presses, phase):
    go_on = threading.Event()
    window = open_window(load=lambda choice: FakeRecognizer() if go_on.wait(10) else None)
    if when is Phase.OPENING:  # it waits for what loads for a camera
        window.play("0")
        qtbot.waitUntil(lambda: window.playback.phase is Phase.LOADING)
    window.play(str(clip))
    qtbot.waitUntil(lambda: window.playback.phase is when)
    for _ in range(presses):
        qtbot.keyClick(window.view, Qt.Key.Key_Space)
    go_on.set()
    qtbot.waitUntil(lambda: window.playback.phase is phase and window.view.picture is not None)
    if phase is Phase.LIVE:
        qtbot.waitUntil(lambda: window.playback.position_s > 0)
    else:
        qtbot.wait(100)
        assert window.playback.phase is phase and window.playback.position_s == 0


def test_cameras_that_come_and_go_leave_no_dead_keys(open_window, qtbot):
    window = open_window(cameras=CAMERAS)
    for count in (1, 2, 0, 2):
        set_cameras(window, *CAMERAS[:count])
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    groups = dict(shortcuts_of(window, "More"))
    keys = [key for lines in groups.values() for line in lines for key in line.keys]
    assert keys.count("1") == keys.count("2") == 1
    assert not [line for line in groups.get("More", []) if "camera" in line.text.lower()]


def test_pause_step_and_seek(open_window, qtbot, clip, world):
    window = playing(qtbot, open_window(), clip)
    assert window.playback_bar.isVisible()
    view = window.view
    qtbot.keyClick(view, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: window.playback.phase is Phase.PAUSED)
    assert window.view.banner is None and window.playback_bar.play_button.accessibleName() == "Play"

    def at(time_s: float):
        return lambda: abs(window.playback.position_s - time_s) < 0.001

    window.playback_bar.sought.emit(1.0)
    qtbot.waitUntil(at(1.0))
    for key, modifier, time_s in (
        (Qt.Key.Key_Right, None, 31 / 30),
        (Qt.Key.Key_Left, None, 1.0),
        (Qt.Key.Key_Left, None, 29 / 30),
        (Qt.Key.Key_Home, None, 0.0),
        (Qt.Key.Key_End, None, 59 / 30),
        (Qt.Key.Key_Left, Qt.KeyboardModifier.ControlModifier, 0.0),
        (Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier, 59 / 30),
    ):
        qtbot.keyClick(view, key, modifier or Qt.KeyboardModifier.NoModifier)
        qtbot.waitUntil(at(time_s))
    assert window.playback_bar.label.text() == "0:01.9 / 0:02.0"
    assert window.playback.phase is Phase.PAUSED
    window.timeline.time_chosen.emit(0.5)
    qtbot.waitUntil(at(0.5))
    for button, time_s in ((window.playback_bar.forward_button, 16 / 30), (window.playback_bar.back_button, 0.5)):
        button.click()
        qtbot.waitUntil(at(time_s))
    window.playback_bar.play_button.click()
    qtbot.waitUntil(lambda: window.playback.phase is Phase.LIVE)
    qtbot.keyClick(view, Qt.Key.Key_BracketLeft)
    assert window.playback_bar.speed_button.text() == "0.5 ×"
    window.play(str(clip))
    qtbot.waitUntil(lambda: window.playback.phase is Phase.LIVE)
    assert world.opened[-1][1].speed == 0.5, "the next clip, too"


def test_a_video_that_does_not_tell_how_long_it_is(open_window, qtbot, tmp_path):
    window = playing(qtbot, open_window(loop=False), write_video(tmp_path / "in.h264", REGULAR * 4))
    assert not window.playback_bar.slider.isEnabled()
    window.menus.to_end.trigger()
    qtbot.waitUntil(lambda: window.playback.phase is Phase.ENDED)
    bar = window.playback_bar
    assert bar.slider.isEnabled() and bar.slider.value() > 0.9 * bar.slider.maximum() > 1500
    bar.sought.emit(0.0)
    qtbot.waitUntil(lambda: window.playback.position_s < 2.0)  # it plays on from there
    window.menus.to_end.trigger()
    qtbot.waitUntil(lambda: window.playback.position_s > 1.5)


@pytest.mark.parametrize(
    ("source", "phase"),
    [
        ("no_such_file.mp4", Phase.NO_SOURCE),
        ("gopher://host/x", Phase.NO_SOURCE),
        (NO_CAMERA, Phase.UNAVAILABLE),
        ("rtsp://127.0.0.1:1/x", Phase.UNAVAILABLE),
    ],
)
def test_a_source_that_is_not_there(open_window, qtbot, clip, source, phase):
    window = open_window()
    window.play(source)
    qtbot.waitUntil(lambda: window.playback.phase is phase, timeout=20000)
    assert window.view.banner.text and "No picture" in window.view.banner.title
    assert not window.playback_bar.isVisible()
    playing(qtbot, window, clip)


def test_pictures_and_folders(open_window, qtbot, tmp_path):
    for number, colour in enumerate(("red", "blue")):
        PillowImage.new("RGB", (64, 48), colour).save(tmp_path / f"{number}.png")
    window = open_window()
    window.play(str(tmp_path / "0.png"))
    qtbot.waitUntil(lambda: window.playback.phase is Phase.PAUSED and window.view.picture is not None)
    assert not window.playback_bar.isVisible() and window.view.banner is None
    assert window.view.picture.pixelColor(60, 40) == QColor("red")
    window.menus.mirror.trigger()
    qtbot.waitUntil(lambda: window.view.picture.pixelColor(5, 40) == QColor("red"))
    window.play(str(tmp_path))
    qtbot.waitUntil(lambda: window.playback.phase is Phase.LIVE)
    qtbot.waitUntil(lambda: window.playback_bar.label.text() == "Picture 1 of 2 · 0.png")
    window.menus.forward.trigger()
    qtbot.waitUntil(lambda: window.playback_bar.label.text() == "Picture 2 of 2 · 1.png")
    qtbot.waitUntil(lambda: window.playback.phase is Phase.PAUSED)
    assert window.view.picture.pixelColor(60, 40) == QColor("blue")
    folder = tmp_path.name
    places = ["0.png", f"{folder}/0.png", f"{folder}/1.png"]  # the first was played by itself
    qtbot.waitUntil(lambda: list(dict.fromkeys(event.place for event in window.event_panel.events)) == places)
    oldest = window.event_panel.table.rowCount() - 3  # behind the two hands of the first
    window.event_panel.view.activated.emit(window.event_panel.table.index(oldest, 0))
    qtbot.waitUntil(lambda: window.playback_bar.label.text() == "Picture 1 of 2 · 0.png")


def test_a_picture_that_cannot_be_read_is_told(open_window, qtbot, clip, tmp_path):
    for name in ("a", "c"):
        PillowImage.new("RGB", (64, 48), "red").save(tmp_path / f"{name}.png")
    (tmp_path / "b.png").write_text("broken")
    window = open_window()
    window.play(str(tmp_path))
    qtbot.waitUntil(lambda: window.playback.phase is Phase.LIVE)
    assert window.notice.isHidden()
    window.menus.forward.trigger()
    qtbot.waitUntil(lambda: window.notice.isVisible())
    assert "b.png" in window.notice.label.text() and window.playback.phase in (Phase.LIVE, Phase.PAUSED)
    qtbot.waitUntil(lambda: window.playback_bar.label.text() == "Picture 3 of 3 · c.png")
    playing(qtbot, window, clip)
    assert window.notice.isHidden()


CAMERAS = (Camera("Front camera", "0"), Camera("USB camera", "1"))


def test_cameras_have_names_and_keys(open_window, qtbot, world):
    window = playing(qtbot, open_window(cameras=CAMERAS), "0")
    assert window.windowTitle().startswith("Front camera") and not window.playback_bar.isVisible()
    assert [action.text() for action in window.menus.camera_menu.actions()] == ["Front camera", "USB camera"]
    qtbot.keyClick(window.view, Qt.Key.Key_2)
    qtbot.waitUntil(lambda: window.playback.phase is Phase.LIVE)
    assert window.playback.source == "1" and window.source_bar.source() == "1"
    assert [action.isChecked() for action in window.menus.camera_menu.actions()] == [False, True]
    size = next(action for action in window.menus.size_menu.actions() if action.text() == "1280 × 720")
    size.trigger()
    qtbot.waitUntil(lambda: world.opened[-1][1].camera_size_wh == (1280, 720))
    assert world.opened[-1][0] == "1" and settings_of(window).camera_size_wh == (1280, 720)
    qtbot.waitUntil(lambda: window.playback.phase is Phase.LIVE)
    for menu, text in ((window.menus.camera_menu, "USB camera"), (window.menus.size_menu, "1280 × 720")):
        next(action for action in menu.actions() if action.text() == text).trigger()
        assert [action.text() for action in menu.actions() if action.isChecked()] == [text], "it stays, chosen again"
    qtbot.waitUntil(lambda: window.playback.phase is Phase.LIVE)
    qtbot.keyClick(window.view, Qt.Key.Key_Space)
    assert window.playback.phase is Phase.IDLE, "a camera is stopped, not paused"
    assert not any(action.isChecked() for action in window.menus.camera_menu.actions()), "none plays"


def test_a_camera_may_be_given_by_its_device(open_window, qtbot):
    window = playing(qtbot, open_window(cameras=CAMERAS), "/dev/video1")
    assert window.playback.source == settings_of(window).last_source == "1"
    assert window.windowTitle().startswith("USB camera") and window.source_bar.source() == "1"


def test_a_camera_that_is_unplugged_comes_back_under_another_number(open_window, qtbot, world):
    window = playing(qtbot, open_window(cameras=CAMERAS), "1")
    edge_xy = 149, 45  # of the box, in the mirrored picture
    qtbot.waitUntil(lambda: not is_near(window.view.picture.pixelColor(*edge_xy), LEFT_BGR))
    world.plugged.clear()
    set_cameras(window, CAMERAS[0])
    qtbot.waitUntil(lambda: window.playback.phase is Phase.RECONNECTING, timeout=10000)
    assert window.view.banner.title == "Reconnecting to USB camera…" and window.view.banner.look is Look.BUSY
    qtbot.waitUntil(lambda: is_near(window.view.picture.pixelColor(*edge_xy), LEFT_BGR))  # boxes are gone
    world.plugged.set()
    set_cameras(window, CAMERAS[0], Camera("USB camera", "2"))
    qtbot.waitUntil(lambda: window.playback.source == "2" and window.playback.phase is Phase.LIVE)


def test_a_camera_that_is_back_is_tried_at_once(open_window, qtbot, world, monkeypatch):
    monkeypatch.setattr("gesture_app.video.reader.BACKOFF_S", (60.0,))
    world.plugged.clear()
    window = open_window(cameras=CAMERAS[1:])
    window.play("0")
    qtbot.waitUntil(lambda: window.playback.phase is Phase.UNAVAILABLE)
    assert "Is gone" in window.view.banner.text
    world.plugged.set()
    set_cameras(window, *CAMERAS)
    qtbot.waitUntil(lambda: window.playback.phase is Phase.LIVE)


@pytest.mark.parametrize(("last", "played"), [("", "0"), ("1", "1"), ("7", "0"), ("clip.mp4", "0")])
def test_what_is_played_at_the_start(open_window, qtbot, last, played):
    window = open_window(cameras=CAMERAS, last_source=last)
    window.playback.halt()
    window.begin(None)
    assert window.playback.source == played
    qtbot.waitUntil(lambda: window.playback.phase is Phase.LIVE)


def test_no_camera_at_the_start_and_then_one(open_window, qtbot):
    window = open_window()
    window.begin(None)
    assert window.playback.phase is Phase.IDLE and "No camera is connected" in window.view.banner.text
    qtbot.waitUntil(lambda: window.playback._worker._loading is not None)
    set_cameras(window, CAMERAS[0])
    qtbot.waitUntil(lambda: window.playback.phase is Phase.LIVE)


def test_the_first_start_asks(open_window, qtbot, clip, monkeypatch):
    window = open_window(cameras=CAMERAS)
    window.playback.halt()
    window._store.update(welcome_seen=False)
    window.begin(None)
    welcome = window.layout_.stack.currentWidget()
    assert welcome is not window.view and window.playback.phase is Phase.IDLE
    welcome.chosen.emit("1")
    qtbot.waitUntil(lambda: window.playback.phase is Phase.LIVE)
    assert window.layout_.stack.currentWidget() is window.view and settings_of(window).welcome_seen
    window.menus.welcome.trigger()
    assert window.layout_.stack.currentWidget() is welcome
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(clip), ""))
    welcome.file_requested.emit()
    assert window.playback.source == str(clip) and window.layout_.stack.currentWidget() is window.view


def test_start_without_a_source_asks_for_a_file_and_a_file_of_the_last_time_is_offered(open_window, clip, monkeypatch):
    window = open_window(last_source=str(clip))
    window.begin(None)
    assert not window.playback.source and window.source_bar.source() == str(clip)
    assert "No camera" not in window.view.banner.text and "Press Start" in window.view.banner.text
    window.source_bar.set_source("")
    asked = []
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: asked.append(1) or ("", ""))
    window.source_bar.start_button.click()
    assert asked and not window.playback.source


def test_who_has_played_something_is_not_welcomed_again(open_window, qtbot, clip):
    window = playing(qtbot, open_window(welcome_seen=False), clip)
    assert settings_of(window).welcome_seen


def test_recent_sources(open_window, qtbot, clip):
    window = playing(qtbot, open_window(), clip)
    window.play("rtsp://me:secret@127.0.0.1:1/x")
    texts = [action.text() for action in window.menus.recent_menu.actions() if action.text()]
    assert texts == ["rtsp://***@127.0.0.1:1/x", "two_colours.mp4", "&Clear this list"]
    assert "secret" not in window.windowTitle()
    window.menus.recent_menu.actions()[1].trigger()
    assert window.playback.source == str(clip)
    window.menus.clear_recent.trigger()
    assert settings_of(window).recent_sources == () and not window.menus.recent_menu.isEnabled()


def test_what_cannot_be_played_is_not_offered_again(open_window, qtbot, clip, tmp_path):
    window = playing(qtbot, open_window(), clip)
    broken = tmp_path / "not a video.mp4"
    broken.write_text("x")
    window.play(str(broken))
    qtbot.waitUntil(lambda: window.playback.phase is Phase.NO_SOURCE)
    assert settings_of(window).recent_sources == (str(clip),) and settings_of(window).last_source == ""
    assert window.source_bar.source() == str(broken), "what was entered stays, to be mended"


def test_drag_and_drop(open_window, qtbot, clip, tmp_path):
    window = open_window()
    actions = Qt.DropAction.MoveAction | Qt.DropAction.CopyAction
    sign, pressed = window.layout_.drop_sign, (Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)

    def drag(*paths: Path) -> QMimeData:
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
        enter = QDragEnterEvent(QPoint(50, 50), actions, data, *pressed)
        enter.setAccepted(False)
        window.dragEnterEvent(enter)
        assert enter.isAccepted() is sign.isVisible()
        return data

    def drop(data: QMimeData) -> None:
        move, drop = (
            QDragMoveEvent(QPoint(50, 50), actions, data, *pressed),
            QDropEvent(QPointF(50, 50), actions, data, *pressed),
        )
        window.dragMoveEvent(move)
        window.dropEvent(drop)
        for event in (move, drop):
            assert event.isAccepted() and event.dropAction() is Qt.DropAction.CopyAction, "else the file may be deleted"
        assert not sign.isVisible()

    drag(tmp_path / "list.txt")
    assert not sign.isVisible(), "what cannot be played is refused at the door"
    data = drag(clip)
    assert sign.isVisible() and window.acceptDrops()
    window.dragLeaveEvent(QDragLeaveEvent())
    assert not sign.isVisible()
    drop(data)
    assert window.playback.source == str(clip)
    other = write_two_colours(tmp_path / "other.mp4")
    drop(drag(clip, other))
    (dialog,) = window.findChildren(AnnotateDialog)
    assert dialog.isVisible() and [dialog.list.source(row) for row in dialog.list.rows()] == [clip, other]
    assert window.playback.source == str(clip) and not window.figures.currentMessage()
    dialog.set_folder(tmp_path)
    dialog.start()
    drop(drag(clip, tmp_path))
    assert "once those on the list" in window.figures.currentMessage()
    assert dialog.shutdown(10)
    qtbot.waitUntil(lambda: not dialog.running)


def test_weights_that_cannot_be_used_and_others_that_can(open_window, qtbot, clip):
    def load(choice):
        if choice.device == "cuda":
            raise InputError("device: cuda: there is none. Use cpu")
        return FakeRecognizer()

    window = open_window(load=load, device="cuda")
    window.play(str(clip))
    qtbot.waitUntil(lambda: window.playback.phase is Phase.FAILED)
    assert window.view.banner.text.startswith("Device: cuda: there is none. Use cpu.\nAnother model")
    window._store.update(device="cpu")
    qtbot.waitUntil(lambda: window.playback.phase is Phase.LIVE)


@pytest.mark.parametrize(("act", "phase", "least_s", "most_s"), [
    (lambda w: w.menus.toggle.trigger(), Phase.LIVE, 0.0, 1.0),
    (lambda w: (w.menus.toggle.trigger(), w.menus.toggle.trigger()), Phase.PAUSED, 0.0, 0.1),
    (lambda w: (w.playback.seek(1.2), w.menus.toggle.trigger()), Phase.PAUSED, 1.1, 1.3),
    (lambda w: w.playback.step(-9), Phase.PAUSED, 1.0, 1.9),
    (lambda w: (w.playback.step(-30), w.menus.toggle.trigger()), Phase.LIVE, 0.9, 1.9),
])  # fmt: skip
def test_space_at_the_end_of_a_video_while_other_networks_load(open_window, qtbot, clip, act, phase, least_s, most_s):
    go_on = threading.Event()

    def load(choice):
        assert choice.device == "auto" or go_on.wait(10)
        return FakeRecognizer()

    window = playing(qtbot, open_window(load=load, loop=False), clip)
    window.menus.to_end.trigger()
    qtbot.waitUntil(lambda: window.playback.phase is Phase.ENDED)
    window._store.update(device="cpu")
    qtbot.waitUntil(lambda: window.playback.phase is Phase.LOADING)
    act(window)
    go_on.set()
    qtbot.waitUntil(lambda: window.playback.phase is phase and least_s <= window.playback.position_s <= most_s)


def test_an_exception_while_recognizing(open_window, qtbot, clip):
    window = playing(qtbot, open_window(recognizer := FakeRecognizer()), clip)
    recognizer.fails = lambda call: True
    qtbot.waitUntil(lambda: window.view.banner is not None)
    assert window.playback.phase is Phase.FRAME_FAULT
    assert window.view.banner.text == "ValueError: a bad frame"
    recognizer.fails = lambda call: False
    qtbot.waitUntil(lambda: window.playback.phase is Phase.LIVE)
    assert window.view.banner is None


def test_controls_act_at_once_and_are_kept(open_window, qtbot, clip):
    window = playing(qtbot, open_window(recognizer := FakeRecognizer()), clip)
    window.controls.changed.emit(Settings(detector_threshold=0.31, max_hands=2, picture_mode="fill", theme="dark"))
    qtbot.waitUntil(lambda: recognizer.options.detector_threshold == 0.31)
    assert recognizer.options.max_hands == 2 and window.view.mode == "fill"
    assert window.menus._modes["fill"].isChecked() and window.menus._themes["dark"].isChecked()
    window.menus._modes["actual"].trigger()
    assert window.view.mode == settings_of(window).picture_mode == "actual"
    assert window.close() and window.shutdown(10.0)
    again = open_window()
    assert settings_of(again).max_hands == 2 and settings_of(again).theme == "dark"


def test_a_new_window_has_everything_before_anything_plays(open_window):
    copy_networks((shipped_weights(kind) for kind in ("detector", "classifier")), models_folder() / "Mine")
    window = open_window(picture_mode="fill", theme="dark", sounds=True)
    menus, panel = window.menus, window.event_panel
    assert menus._modes["fill"].isChecked() and menus._themes["dark"].isChecked() and menus.loop.isChecked()
    assert panel.sounds_action.isChecked() and window.controls.model.model.findText("Mine") >= 0
    assert window.acceptDrops() and window.windowTitle() and window.source_bar.start_button.hasFocus()
    events = [panel.export_action, panel.copy_action, panel.clear_action, panel.sounds_action]
    assert menus.gestures_menu.actions()[-len(events) :] == events
    assert panel.export_action in window.actions(), "its key acts in full screen, where there are no menus"


def test_a_broken_settings_file_is_told_once(open_window, tmp_path):
    path = tmp_path / "config" / "settings.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    window = open_window()
    window.begin(NO_CAMERA)
    assert window.notice.isVisible() and "not JSON" in window.notice.label.text()


def test_mirror(open_window, qtbot, clip):
    window = playing(qtbot, open_window(), clip)
    assert not window.menus.mirror.isChecked(), "a file shows what was filmed"
    window.menus.mirror.trigger()
    qtbot.waitUntil(lambda: is_near(window.view.picture.pixelColor(5, 5), RIGHT_BGR))
    window.play(NO_CAMERA)
    assert window.menus.mirror.isChecked(), "a camera is a mirror"
    window.menus.mirror.trigger()
    window.play(str(clip))
    assert window.menus.mirror.isChecked(), "each kind of source keeps the user's choice"
    assert settings_of(window).mirror_files and not settings_of(window).mirror_cameras


def test_keys(open_window, qtbot, clip):
    window = open_window()
    window.source_bar.set_source(str(clip))
    view = window.view
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: window.playback.phase is Phase.LIVE)
    qtbot.keyClick(view, Qt.Key.Key_M)
    assert settings_of(window).mirror_files
    docks = [dock for dock in window.findChildren(QDockWidget) if dock.isVisible()]
    assert docks
    qtbot.keyClick(view, Qt.Key.Key_F)
    assert window.isFullScreen() and not window.source_bar.isVisible()
    assert not any(dock.isVisible() for dock in docks)
    qtbot.keyClick(view, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: window.playback.phase is Phase.PAUSED)  # keys work in full screen too
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert not window.isFullScreen() and window.source_bar.isVisible() and window.playback_bar.isVisible()
    assert all(dock.isVisible() for dock in docks)
    window.source_bar.start_button.setFocus()
    qtbot.keyClick(window.source_bar.start_button, Qt.Key.Key_Space)
    assert window.playback.phase is Phase.IDLE, "Space presses a focused button"
    qtbot.keyClick(view, Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier)
    assert not window.isVisible()


def test_space_does_not_play_what_is_half_typed(open_window, qtbot, clip):
    window = playing(qtbot, open_window(loop=False), clip)
    box = window.source_bar.findChild(QComboBox)
    for leave in (lambda: qtbot.keyClick(box, Qt.Key.Key_Escape), window.view.setFocus):
        box.setFocus()
        qtbot.keyClicks(box, "/ho")
        leave()
        assert window.source_bar.source() == str(clip)
    box.setEditText("0")
    for phase in (Phase.PAUSED, Phase.LIVE, Phase.ENDED, Phase.LIVE, Phase.ENDED):
        if phase is Phase.ENDED:
            window.menus.to_end.trigger()
        else:
            qtbot.keyClick(window.view, Qt.Key.Key_Space)
        qtbot.waitUntil(lambda phase=phase: window.playback.phase is phase)
    assert window.playback.source == str(clip) and window.source_bar.source() == "0"
    window.source_bar.start_button.click()
    assert window.playback.source == "0"


def test_arrows_move_a_focused_slider_and_not_the_film(open_window, qtbot, clip):
    window = playing(qtbot, open_window(), clip)
    stepped = []
    window.playback.step = stepped.append
    window.menus.forward.triggered.disconnect()
    window.menus.forward.triggered.connect(lambda: stepped.append(1))
    slider = window.playback_bar.slider
    slider.setFocus()
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert stepped == []
    window.view.setFocus()
    qtbot.keyClick(window.view, Qt.Key.Key_Right)
    assert stepped == [1]


@pytest.mark.parametrize("floating", [False, True])
def test_a_control_in_a_panel_keeps_its_keys(open_window, qtbot, clip, floating):
    window = playing(qtbot, open_window(), clip)
    dock = window.findChild(QDockWidget, "controls")
    dock.setFloating(floating)
    box = next(box for box in dock.findChildren(QCheckBox) if box.isVisible() and box.isEnabled())
    box.window().activateWindow()
    box.setFocus()
    qtbot.waitUntil(box.hasFocus)
    before = box.isChecked()
    qtbot.keyClick(box, Qt.Key.Key_Space)
    assert box.isChecked() is not before and window.playback.phase is Phase.LIVE
    qtbot.keyClick(box, Qt.Key.Key_Period, Qt.KeyboardModifier.ControlModifier)
    assert window.playback.phase is Phase.IDLE, "the window's other keys act"


def test_letters_choose_in_a_focused_list(open_window, qtbot):
    window = open_window(loop=False)
    theme, gestures = window.controls.theme, window.controls.gestures._list
    theme.setFocus()
    qtbot.keyClick(theme, Qt.Key.Key_L)
    assert settings_of(window).theme == "light" and not window.menus.loop.isChecked()
    gestures.setFocus()
    qtbot.keyClick(gestures, Qt.Key.Key_F)
    assert gestures.currentItem().text() == "fist" and not window.isFullScreen()


def test_a_click_on_a_control_leaves_the_keys_to_the_window(open_window, qtbot, clip):
    window = playing(qtbot, open_window(), clip)
    window.view.setFocus()
    names, slider = window.controls._overlay["labels"], window.controls.hand.slider
    for part in (names, slider, window.controls.gestures._list.viewport()):
        qtbot.mouseClick(part, Qt.MouseButton.LeftButton, pos=QPoint(8, part.height() // 2))
        assert window.view.hasFocus()
    assert not settings_of(window).overlay.labels and settings_of(window).detector_threshold != 0.12
    threshold = settings_of(window).detector_threshold
    qtbot.keyClick(window.view, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: window.playback.phase is Phase.PAUSED)
    qtbot.keyClick(window.view, Qt.Key.Key_Right)
    assert not settings_of(window).overlay.labels and settings_of(window).detector_threshold == threshold
    qtbot.mouseClick(window.controls.hand.number, Qt.MouseButton.LeftButton)
    assert window.controls.hand.number.hasFocus(), "a number can be typed"


@pytest.mark.parametrize("cameras", [(), CAMERAS])
def test_the_welcome_is_done_with_the_keyboard(open_window, qtbot, cameras):
    window = open_window(welcome_seen=False)
    window.begin(None)
    welcome = window.layout_.stack.currentWidget()
    qtbot.waitUntil(welcome.demo_button.hasFocus)
    window.source_bar.last_part.setFocus()
    qtbot.keyClick(window.source_bar.last_part, Qt.Key.Key_Tab)
    assert welcome.file_button.hasFocus(), "the first of the page without a camera"
    qtbot.keyClick(welcome.file_button, Qt.Key.Key_Tab)
    assert welcome.demo_button.hasFocus()
    qtbot.keyClick(welcome.skip_button, Qt.Key.Key_Return)
    assert window.view.hasFocus()
    window.menus.welcome.trigger()
    assert welcome.demo_button.hasFocus()
    set_cameras(window, *cameras)
    first = welcome.start_button if cameras else welcome.demo_button
    assert first.hasFocus() and first.isDefault(), "Enter does what is offered first, also when that changes"
    qtbot.keyClick(first, Qt.Key.Key_Return)
    assert window.playback.source == ("0" if cameras else str(demo_clip())) and window.view.hasFocus()


@pytest.mark.parametrize(("panel", "welcomed"), [("controls", False), ("events", False), ("controls", True)])
def test_a_letter_with_alt_means_one_thing(open_window, panel, welcomed):
    window = open_window()
    dock = window.findChild(QDockWidget, panel)
    dock.raise_()
    if welcomed:
        window.sources.show_welcome()
    texts = [action.text() for action in window.menuBar().actions()]
    parts = [*window.source_bar.findChildren(QPushButton), *window.notice.findChildren(QPushButton)]
    for place in (dock, window.layout_.stack.currentWidget()):
        parts += place.findChildren(QAbstractButton)
        parts += [label for label in place.findChildren(QLabel) if label.buddy() is not None]
    letters = [QKeySequence.mnemonic(text).toString() for text in [*texts, *(part.text() for part in parts)]]
    counts = Counter(letter for letter in letters if letter)
    assert len(counts) >= 7 and [letter for letter, count in counts.items() if count > 1] == []


def test_a_letter_in_a_menu_means_one_thing(open_window):
    window = open_window(cameras=CAMERAS)
    for menu in window.menuBar().findChildren(QMenu):
        letters = [QKeySequence.mnemonic(action.text()).toString() for action in menu.actions()]
        twice = [letter for letter, count in Counter(letters).items() if letter and count > 1]
        assert not twice, f"{menu.title()}: {twice}"


def test_every_action_has_a_name_and_a_key_of_its_own(open_window):
    window = open_window(cameras=CAMERAS)
    keys: dict[str, str] = {}
    menus = window.menuBar().findChildren(QMenu)
    assert len(menus) >= 6
    dynamic = {window.menus.recent_menu, window.menus.size_menu}
    for menu in menus:
        for action in menu.actions():
            if action.isSeparator() or action.menu() is not None or menu in dynamic:
                continue
            if menu is window.menus.speed_menu and action.isCheckable():
                continue  # between slowest and fastest [ and ] lead everywhere
            assert action.text() and action.shortcuts(), action.text()
            for key in action.shortcuts():
                text = key.toString(QKeySequence.SequenceFormat.PortableText)
                assert text not in keys, f"{text}: {keys[text]} and {action.text()}"
                keys[text] = action.text()
    assert {"Space", "F", "S", "R", "M", "1", "2", "Ctrl+O", "Ctrl+,", "F1"} <= set(keys)


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("open", "ask_file"),
        ("open_folder", "ask_folder"),
        ("open_address", "ask_address"),
        ("screen", "take_screen"),
        ("screen_part", "ask_screen_part"),
    ],
)
def test_actions_that_open_something(open_window, monkeypatch, name, asked):
    calls = []
    monkeypatch.setattr(Opening, asked, lambda self, *_: calls.append(asked))
    getattr(open_window().menus, name).trigger()
    assert calls == [asked]


def test_stop(open_window, qtbot, clip):
    window = playing(qtbot, open_window(), clip)
    window.menus.stop.trigger()
    assert window.playback.phase is Phase.IDLE and window.view.picture is None and not window.menus.stop.isEnabled()


def test_recordings_are_shown(open_window, monkeypatch, tmp_path):
    opened = []
    monkeypatch.setattr("gesture_app.ui.capture.open_file", lambda path: opened.append(path) or True)
    window = open_window()
    window.menus.show_recordings.trigger()
    assert opened == [tmp_path / "recordings"] and opened[0].is_dir() and not window.notice.isVisible()


def test_a_desktop_without_programs_is_told(open_window, monkeypatch, tmp_path):
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda _url: False)
    window = open_window()
    window.menus.show_recordings.trigger()
    notice = window.notice
    assert notice.label.text() == f"Found no program that opens {tmp_path / 'recordings'}"
    for button in (notice.open_button, notice.folder_button):
        notice.show_saved(tmp_path / "a.mp4")
        button.click()
        assert notice.label.text() == f"Found no program that opens {tmp_path / 'a.mp4'}" and notice.isVisible()


@pytest.mark.parametrize("theme", ["light", "dark", "system"])
def test_colours(open_window, theme):
    window = open_window()
    window.menus._themes[theme].trigger()
    assert settings_of(window).theme == theme and window.controls.theme.currentData() == theme


@pytest.mark.parametrize(
    ("key", "name"),
    [("Ctrl+,", "controls"), ("Ctrl+Shift+E", "events"), ("Ctrl+Shift+B", "bars"), ("Ctrl+Shift+T", "timeline")],
)
def test_docks_are_shown_and_hidden(open_window, qtbot, key, name):
    window = open_window()
    dock = window.findChild(QDockWidget, name)
    (action,) = [action for action in window.layout_.dock_actions if action.shortcut().toString() == key]
    for _ in range(3):
        seen = action.isChecked()
        assert seen is not dock.visibleRegion().isEmpty()
        qtbot.keySequence(window, key)
        qtbot.waitUntil(lambda seen=seen: action.isChecked() is not seen)


@pytest.mark.parametrize(("acts", "playing"), [("toggle", True), ("toggle toggle", False), ("back toggle", True)])
def test_keys_at_the_end_of_a_video_before_it_has_moved(open_window, qtbot, clip, acts, playing):
    window = open_window(loop=False)
    window.play(str(clip))
    qtbot.waitUntil(lambda: window.playback.phase is Phase.ENDED)
    for act in acts.split():
        getattr(window.menus, act).trigger()
    assert window.playback.playing is playing
    qtbot.waitUntil(lambda: window.playback.phase is (Phase.LIVE if playing else Phase.PAUSED))
    assert "back" not in acts or window.playback.position_s > 0


@pytest.mark.parametrize(("room_wh", "shown"), [
    ((1920, 1080), ["controls", "events", "timeline"]),
    ((800, 480), ["controls", "events", "timeline"]),
    ((533, 480), ["timeline"]),  # 800 at 150 %
    ((533, 320), []),
])  # fmt: skip
def test_docks_for_which_a_small_screen_has_no_room_begin_hidden(open_window, monkeypatch, room_wh, shown):
    screen = SimpleNamespace(availableGeometry=lambda: QRect(0, 0, *room_wh))
    monkeypatch.setattr(MainWindow, "screen", lambda self: screen)
    window = open_window()
    assert sorted(dock.objectName() for dock in window.findChildren(QDockWidget) if not dock.isHidden()) == shown
    least, size = window.minimumSizeHint(), window.size()
    assert least.width() <= size.width() and least.height() <= size.height()


SMALL, LARGE = (533, 480), (1920, 1080)


@pytest.mark.parametrize(("screens", "counts"), [
    ([(SMALL, []), (LARGE, []), (SMALL, []), (LARGE, [])], [1, 3, 1, 3]),
    ([(LARGE, ["controls", "events"]), (SMALL, ["timeline"]), (LARGE, [])], [3, 1, 0]),
])  # fmt: skip
def test_docks_that_a_small_screen_hides_are_back_on_a_large_one(open_window, monkeypatch, tmp_path, screens, counts):
    shown = []
    for room_wh, hidden_by_user in screens:
        screen = SimpleNamespace(availableGeometry=lambda room_wh=room_wh: QRect(0, 0, *room_wh))
        monkeypatch.setattr(MainWindow, "screen", lambda self, screen=screen: screen)
        window = open_window(geometry=QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat))
        shown.append(sum(not dock.isHidden() for dock in window.findChildren(QDockWidget)))
        for name in hidden_by_user:
            window.findChild(QDockWidget, name).hide()
        assert window.close() and window.shutdown(10.0)
    assert shown == counts


def test_a_dock_behind_another_comes_to_the_front(open_window, qtbot):
    window = open_window()
    controls, events = (window.findChild(QDockWidget, name) for name in ("controls", "events"))
    for key, front, back in (("Ctrl+Shift+E", events, controls), ("Ctrl+,", controls, events)):
        qtbot.keySequence(window, key)
        qtbot.waitUntil(lambda front=front: not front.visibleRegion().isEmpty())
        assert back.visibleRegion().isEmpty() and not back.isHidden()


def test_the_button_that_checks_this_computer(open_window, qtbot):
    window = open_window()
    window.controls.check_button.click()
    qtbot.waitUntil(lambda: any(isinstance(w, DoctorDialog) and w.isVisible() for w in window.findChildren(QDialog)))


def test_what_can_be_done_with_events(open_window, qtbot, clip, tmp_path, monkeypatch):
    window = playing(qtbot, open_window(), clip)
    panel = window.event_panel
    assert not panel.export_action.isEnabled() or panel.events
    qtbot.waitUntil(lambda: len(panel.events) > 0)
    window.playback.halt()
    assert all(event.end_s is not None for event in panel.events), "nothing goes on without a picture"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "events.csv"), ""))
    panel.export_action.trigger()
    assert "like" in (tmp_path / "events.csv").read_text()
    panel.copy_action.trigger()
    assert "like" in QApplication.clipboard().text()
    panel.sounds_action.trigger()
    assert settings_of(window).sounds
    monkeypatch.setattr(QMessageBox, "question", lambda *_, **__: QMessageBox.StandardButton.Yes)
    panel.clear_action.trigger()
    assert panel.events == () and not panel.export_action.isEnabled()


def test_a_gesture_is_gone_to_or_it_is_told_why_not(open_window, qtbot, clip):
    window = playing(qtbot, open_window(), clip)
    panel, figures = window.event_panel, window.figures
    qtbot.waitUntil(lambda: len(panel.events) > 0 and window.playback.position_s > 0.5)
    window.menus.toggle.trigger()
    qtbot.waitUntil(lambda: window.playback.phase is Phase.PAUSED)
    panel.view.activated.emit(panel.table.index(len(panel.events) - 1, 0))
    qtbot.waitUntil(lambda: abs(window.playback.position_s - panel.events[0].start_s) < 0.05)
    assert figures.currentMessage() == "" and figures.rate_label.isVisible()
    start_s = panel.events[0].start_s
    for leave in (window.playback.halt, lambda: window.play(NO_CAMERA)):
        leave()
        window.menus.loop.setChecked(False)
        panel.view.activated.emit(panel.table.index(len(panel.events) - 1, 0))
        qtbot.waitUntil(lambda: window.playback.source == str(clip) and window.playback.position_s > start_s)
    panel.event_chosen.emit("/not/there.mp4", 1.0)
    figures.refresh()
    assert "seen in /not/there.mp4, which is not there" in figures.currentMessage()
    assert window.playback.source == str(clip)
    assert not figures.size_label.isVisible(), "nothing is painted over the message"
    figures.clearMessage()
    figures.refresh()
    assert figures.rate_label.isVisible()


def tab_order(qtbot, first: QWidget) -> list[QWidget]:
    """Where the key leads to, until it is back."""
    first.setFocus()
    order = [first]
    for _ in range(200):
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        if (reached := QApplication.focusWidget()) is first:
            break
        order.append(reached)
    assert len(order) == len(set(order)) < 200, "the key is caught somewhere"
    return order


def test_the_tab_key_reaches_everything_and_comes_round(open_window, qtbot, clip):
    window = playing(qtbot, open_window(), clip)
    qtbot.keyClick(window.view, Qt.Key.Key_Space)
    order = tab_order(qtbot, window.source_bar.start_button)
    expected = {window.timeline, window.playback_bar.slider, window.playback_bar.play_button}
    expected |= set(window.source_bar.findChildren(QToolButton))
    expected |= {window.controls.hand.slider, window.controls.theme, window.controls.gestures.all_button}
    assert {widget for widget in expected if widget.isEnabled()} <= set(order)
    for widget in order:
        assert spoken(widget), f"{widget} has no name"
    buttons = [b for b in window.source_bar.findChildren(QToolButton) if b.isEnabled()]
    assert order[1 : len(buttons) + 3] == [*buttons, window.view, window.playback_bar.back_button], "as one reads"


def test_the_tab_key_passes_over_what_is_behind(open_window, qtbot):
    window = open_window()
    window.controls.hand.slider.setFocus()
    window.layout_.dock_actions[1].trigger()
    order = tab_order(qtbot, window.source_bar.start_button)
    assert not any(window.controls.isAncestorOf(widget) for widget in order)
    assert any(window.event_panel.isAncestorOf(widget) for widget in order) and window.timeline in order
    qtbot.keyClick(window.source_bar.start_button, Qt.Key.Key_Backtab)
    assert QApplication.focusWidget() is order[-1], "and back"


def test_recording_and_frame_rate_are_seen_in_full_screen(open_window, qtbot, clip):
    window = playing(qtbot, open_window(), clip)
    (rate,) = {*window.view.findChildren(QLabel)} - {*window.view.findChildren(RecordingBadge)}
    assert not rate.isVisible()
    badges = window.findChildren(RecordingBadge)
    assert len(badges) == 2 and not any(badge.isVisible() for badge in badges)
    window.menus.record.trigger()
    qtbot.waitUntil(lambda: sum(badge.isVisible() for badge in badges) == 1)
    window.menus.full_screen.trigger()
    (seen,) = [badge for badge in badges if badge.isVisible()]
    assert window.view.isAncestorOf(seen)
    qtbot.waitUntil(lambda: rate.isVisible() and "FPS" in rate.text())
    window.menus.full_screen.trigger()
    assert [badge.isVisible() for badge in badges if badge is not seen] == [True] and not seen.isVisible()
    assert not rate.isVisible()
    window.menus.record.trigger()
    qtbot.waitUntil(lambda: window.notice.isVisible())


def test_the_playback_bar_follows_the_pointer_in_full_screen(open_window, qtbot, clip, monkeypatch):
    monkeypatch.setattr(quiet_pointer, "HIDE_AFTER_MS", 100)
    window = playing(qtbot, open_window(), clip)
    bar, view = window.playback_bar, window.view
    window.menus.full_screen.trigger()
    qtbot.waitUntil(lambda: not bar.isVisible())
    height = view.height()
    qtbot.mouseMove(view, QPoint(50, 50))
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(60, 60))
    stack = window.layout_.stack

    def bottom(widget: QWidget) -> int:
        return widget.mapTo(window, widget.rect().bottomLeft()).y()

    qtbot.waitUntil(lambda: bar.isVisible() and bottom(bar) == bottom(stack))
    assert view.height() == height, "it lies over the picture, which stays as large"
    window.menus.leave_full_screen.trigger()
    qtbot.waitUntil(lambda: bar.isVisible() and bottom(bar) - bar.height() >= bottom(stack))


def test_double_click_is_full_screen(open_window, qtbot):
    window = open_window()
    for expected in (True, False):
        QTest.mouseDClick(window.view, Qt.MouseButton.LeftButton, pos=QPoint(20, 20))
        QTest.mouseRelease(window.view, Qt.MouseButton.LeftButton)  # else Qt takes it for pressed from then on
        assert window.isFullScreen() is expected


def test_the_window_manager_begins_and_ends_full_screen_too(open_window, qtbot):
    window = open_window()
    begin, end = window.menus.full_screen.trigger, window.menus.leave_full_screen.trigger
    for change, expected in ((begin, True), (window.showNormal, False), (window.showFullScreen, True), (end, False)):
        change()
        assert (window.isFullScreen(), window.menus.full_screen.isChecked()) == (expected, expected)
        assert window.source_bar.isVisible() is not expected


def test_what_can_be_kept_of_a_source(open_window, qtbot, tmp_path):
    go_on = threading.Event()
    window = open_window(load=lambda choice: FakeRecognizer() if go_on.wait(10) else None)
    record, snapshot = window.menus.record, window.menus.snapshot
    window.play("0")
    qtbot.waitUntil(lambda: window.playback.phase is Phase.LOADING)
    assert not record.isEnabled() and not snapshot.isEnabled(), "no picture has come"
    go_on.set()
    qtbot.waitUntil(record.isEnabled)
    record.trigger()
    window.playback.halt()
    assert record.isEnabled() and not snapshot.isEnabled(), "what is recorded can be ended"
    record.trigger()
    assert not record.isEnabled()
    PillowImage.new("RGB", (64, 48)).save(tmp_path / "still.png")
    window.play(str(tmp_path / "still.png"))
    qtbot.waitUntil(lambda: window.playback.phase is Phase.PAUSED and snapshot.isEnabled())
    assert not record.isEnabled(), "nothing comes after a picture by itself"


def test_snapshot_and_recording(open_window, qtbot, clip, tmp_path):
    window = open_window()
    assert not window.menus.snapshot.isEnabled() and not window.menus.record.isEnabled()
    playing(qtbot, window, clip)
    folder, size = tmp_path / "recordings", window.view.size()
    qtbot.keyClick(window.view, Qt.Key.Key_S)
    qtbot.waitUntil(lambda: list(folder.glob("*.png")) != [] and window.notice.isVisible())
    qtbot.wait(50)
    assert window.view.size() == size, "the line lies over the picture, which does not jump"
    qtbot.keyClick(window.view, Qt.Key.Key_R)
    assert window.capture.recorder.recording and window.menus.record.isChecked()
    tips = [button.toolTip() for button in window.source_bar.findChildren(QToolButton)]
    assert tips == ["Open (Ctrl+O)", "Snapshot (S)", "Record (R)", "Full screen (F)"], "disabled and enabled since"
    assert window.view.accessibleDescription() == "Recording", "for who does not see the red dot"
    qtbot.wait(500)
    qtbot.keyClick(window.view, Qt.Key.Key_R)
    qtbot.waitUntil(lambda: list(folder.glob("g*.mp4")) != [], timeout=20000)
    assert not window.menus.record.isChecked()
    with av.open(str(next(folder.glob("g*.mp4")))) as recording:
        assert recording.streams.video[0].codec_context.name == "h264"
        assert sum(1 for _ in recording.decode(video=0)) >= 2
    assert str(folder) in window.notice.label.text()


def test_one_check_of_this_computer_at_a_time(open_window, qtbot):
    window = open_window()
    window.tools.doctor()
    window.tools.doctor()
    (dialog,) = window.findChildren(DoctorDialog)
    assert dialog.running, "the one that looks is shown again"
    dialog.reject()
    window.tools.doctor()
    qtbot.waitUntil(lambda: len(window.findChildren(DoctorDialog)) == 1)
    (dialog,) = window.findChildren(DoctorDialog)
    assert dialog.running and dialog.isVisible()


def test_a_camera_is_checked_unless_it_is_played_then(open_window, qtbot):
    window = playing(qtbot, open_window(cameras=CAMERAS), "0")
    window.menus.doctor.trigger()
    dialog = window.findChild(DoctorDialog)
    assert dialog._camera_in_use() == "0"
    window.playback.halt()
    assert dialog._camera_in_use() == "", "when it is checked again"


@pytest.mark.parametrize("weights", ["", "chosen"])
def test_what_is_told_of_the_networks_is_of_those_in_use(open_window, tmp_path, weights):
    folders = {"": shipped_folder(), "chosen": tmp_path / "chosen", "other": models_folder() / RETRAINED}
    for name in ("chosen", "other"):
        folders[name].mkdir(parents=True)
        for file in (file for kind in KINDS for file in network_files(weights_path(folders[name], kind))):
            file.touch()
        info = ModelInfo("classifier", "resnet18d", (name, "no_gesture"), (64, 64))
        (folders[name] / "classifier.json").write_text(json.dumps(asdict(info)))
    window = open_window(weights=weights and str(folders[weights]))
    window.tools.gestures()
    window.tools.doctor()
    assert window.findChildren(GestureDrawing)[0].name == (weights or HAGRID_GESTURES[0])
    assert window.findChild(DoctorDialog)._weights() == folders[weights]


@pytest.mark.parametrize("name", ["gestures", "annotate", "train", "doctor", "shortcuts", "about"])
def test_dialogs(open_window, qtbot, name):
    window = open_window()
    before = set(QApplication.topLevelWidgets())
    for _ in range(2):  # asked for once more, it is shown once all the same
        getattr(window.menus, name).trigger()
    dialogs = [w for w in QApplication.topLevelWidgets() if w.isVisible() and w not in before]
    assert len(dialogs) == 1 and dialogs[0].windowTitle()
    assert not dialogs[0].isModal(), "the picture goes on"
    for part in dialogs[0].findChildren(QWidget):
        if part.isVisible() and part.focusPolicy() & Qt.FocusPolicy.TabFocus and part.focusProxy() is None:
            assert spoken(part), f"{part} has no name"
    window.close()
    qtbot.waitUntil(lambda: not any(w.isVisible() for w in QApplication.topLevelWidgets()))


def test_files_that_are_annotated_in_the_background(open_window, qtbot, tmp_path):
    waiting, go_on = threading.Event(), threading.Event()

    def waits(call: int) -> bool:
        if call == 30:
            waiting.set()
            go_on.wait(10)
        return False

    videos = [write_two_colours(tmp_path / f"{name}.mp4") for name in "ab"]
    window = open_window(load=lambda choice: FakeRecognizer(fails=waits))
    window.menus.annotate.trigger()
    (dialog,) = window.findChildren(AnnotateDialog)
    button = window.tools.buttons[0]
    dialog.add_files(videos)
    dialog.start()
    qtbot.waitUntil(waiting.is_set)
    assert not button.isVisible(), "the dialog tells"
    QDialog.reject(dialog)
    assert button.isVisible()
    qtbot.waitUntil(lambda: re.fullmatch(r"Annotating \d+ %", button.text()) is not None)
    button.click()
    assert dialog.isVisible() and not button.isVisible()
    QDialog.reject(dialog)
    assert button.isVisible() and not window.notice.isVisible()
    go_on.set()
    qtbot.waitUntil(window.notice.isVisible)
    assert window.notice.label.text() == f"Saved a-annotated.mp4 in {tmp_path} and 1 more"
    assert not button.isVisible() and window.notice.open_button.isVisible()


@pytest.mark.parametrize(("answer", "told"), [("Stop", False), ("background", True)])
def test_what_is_told_of_files_that_could_not_be_annotated(open_window, qtbot, tmp_path, answer, told):
    waiting, go_on = threading.Event(), threading.Event()

    def load(choice):
        waiting.set()
        go_on.wait(10)
        return FakeRecognizer()

    window = open_window(load=load)
    window.tools.annotate()
    (dialog,) = window.findChildren(AnnotateDialog)
    dialog.add_files([tmp_path / "missing.mp4"])
    dialog.start()
    qtbot.waitUntil(waiting.is_set)
    dialog.close()
    next(b for b in dialog._question.buttons() if answer in b.text()).click()
    assert window.tools.buttons[0].text() == "Annotating…" and window.tools.buttons[0].isVisible()
    go_on.set()
    qtbot.waitUntil(lambda: not dialog.running)
    assert window.notice.isVisible() is told and not window.notice.open_button.isVisible()
    assert ("missing.mp4" in window.notice.label.text()) is told


def test_closing_asks_before_it_breaks_off_work(open_window, monkeypatch):
    window = open_window()
    monkeypatch.setattr(type(window.tools), "running", property(lambda self: True))
    answers = [QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes]
    monkeypatch.setattr(QMessageBox, "question", lambda *_, **__: answers.pop(0))
    assert not window.close() and window.isVisible()
    window.menus.quit.trigger()
    assert not window.isVisible() and answers == []


def test_settings_that_cannot_be_written_are_told(open_window, tmp_path):
    window = open_window()
    path = tmp_path / "config" / "settings.json"
    path.unlink()
    path.mkdir()
    window._store.update(max_hands=2)
    window._store.write()
    assert window.notice.isVisible() and window.notice.label.text().startswith(f"settings: {path}: ")


@pytest.mark.parametrize("by_window_manager", [False, True])
def test_size_and_docks_are_kept(open_window, qtbot, tmp_path, by_window_manager):
    geometry = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)
    window = open_window(geometry=geometry)
    window.resize(760, 640)
    window.layout_.dock_actions[-1].trigger()
    if by_window_manager:
        window.showFullScreen()
    else:
        window.menus.full_screen.trigger()
    assert window.close() and window.shutdown(10.0)
    again = open_window(geometry=QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat))
    assert not again.isFullScreen() and not again.findChild(QDockWidget, "timeline").isVisible()
    assert again.findChild(QDockWidget, "controls").isVisible()
    assert (again.width(), again.height()) == (760, 640)


@pytest.mark.skipif(sys.platform == "win32", reason="locks are POSIX's")
def test_what_was_being_recorded_when_the_desktop_ended_is_told(open_window, tmp_path):
    folder = tmp_path / "recordings"
    folder.mkdir()
    (folder / ".gestures 2026-11-28 15.57.04.partial.mp4").write_bytes(b"fragments")
    window = open_window()
    window.begin("")
    assert "gestures 2026-11-28 15.57.04.partial.mp4" in window.notice.label.text()
    assert window.notice.open_button.isVisible() and not window.notice._timer.isActive()


def test_a_floating_dock_comes_after_the_window_when_it_is_back(open_window, qtbot, tmp_path):
    store = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)
    window = open_window(geometry=store)
    window.findChild(QDockWidget, "timeline").setFloating(True)
    assert window.close() and window.shutdown(10.0)
    again = open_window(geometry=store)
    docks = {name: again.findChild(QDockWidget, name) for name in ("timeline", "controls")}
    shown = []
    for name, dock in docks.items():
        dock.visibilityChanged.connect(lambda on, name=name: shown.append((name, on)))
    again.begin("")
    assert shown == [("timeline", False), ("timeline", True)]
    assert docks["timeline"].isFloating() and docks["timeline"].isVisible()


def test_a_window_whose_screen_is_lost_in_full_screen_comes_back_into_sight(open_window, qtbot):
    window = open_window()
    screen = window.screen().geometry()
    window.move(screen.right() + 1000, 100)
    qtbot.waitUntil(lambda: not screen.intersects(window.geometry()))
    window.menus.full_screen.trigger()
    window.menus.full_screen.trigger()
    qtbot.waitUntil(lambda: screen.intersects(window.geometry()))


def test_the_list_of_events_stays_readable_however_narrow_it_is_made(open_window, qtbot, clip, tmp_path, monkeypatch):
    store = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)
    with monkeypatch.context() as before:
        before.setattr(EventPanel, "minimumSizeHint", lambda _self: QSize(20, 20))
        window = open_window(geometry=store)
        dock = window.findChild(QDockWidget, "events")
        window.findChild(QDockWidget, "controls").hide()
        window.resizeDocks([dock], [100], Qt.Orientation.Horizontal)
        qtbot.waitUntil(lambda: dock.width() < 200)
        assert window.close() and window.shutdown(10.0)
    again = playing(qtbot, open_window(geometry=store), clip)
    qtbot.waitUntil(lambda: len(again.event_panel.events) > 0)
    dock, view = again.findChild(QDockWidget, "events"), again.event_panel.view
    for _ in range(2):
        QApplication.processEvents()
        assert dock.isVisible() and view.viewport().width() >= view.columnWidth(GESTURE) + view.columnWidth(START)
        again.resizeDocks([dock], [100], Qt.Orientation.Horizontal)
    again.resize(again.minimumSize())
    QApplication.processEvents()
    assert dock.geometry().right() <= again.width(), "nothing is pushed out of the smallest window"


def test_a_new_model_is_used(open_window, qtbot, clip, tmp_path):
    loads = []

    def load(choice):
        loads.append(choice.weights)
        return FakeRecognizer()

    window = playing(qtbot, open_window(load=load), clip)
    folder = tmp_path / "config" / "models" / "mine"
    folder.mkdir(parents=True)
    (folder / "classifier.safetensors").touch()
    window.tools.model_installed.emit(folder)
    qtbot.waitUntil(lambda: loads == [None, folder])
    qtbot.waitUntil(lambda: window.playback.phase is Phase.LIVE)
    assert settings_of(window).weights == str(folder)


def test_a_fault_is_shown_once(open_window, qtbot):
    window = open_window()
    window.fault.emit("ValueError: one")
    window.fault.emit("ValueError: two")
    boxes = [box for box in QApplication.topLevelWidgets() if isinstance(box, QMessageBox) and box.isVisible()]
    assert [box.text() for box in boxes] == ["ValueError: one"]
    boxes[0].close()
    window.fault.emit("ValueError: three")
