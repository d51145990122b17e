"""The row above the picture."""

from __future__ import annotations

from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QComboBox, QLineEdit, QToolButton, QWidget

from gesture_app.ui.cameras import Camera
from gesture_app.ui.source_bar import SourceBar, shown_source

CAMERAS = (Camera("Front camera", "0"), Camera("USB camera", "2"))


@pytest.mark.parametrize(("source", "shown"), [
    ("", ""),
    ("2", "USB camera"),
    ("7", "camera 7"),
    ("²", "²"),
    ("/home/me/a clip.mp4", "a clip.mp4"),
    ("/home/me/pictures/", "pictures"),
    ("rtsp://me:secret@host:554/x?token=1", "host:554"),
    ("http://host/video", "host"),
    ("screen", "the screen"),
    ("screen:640x480+0+0", "640 × 480 of the screen"),
])  # fmt: skip
def test_names_of_sources(source: str, shown: str) -> None:
    assert shown_source(source, CAMERAS) == shown


@pytest.fixture
def bar(qtbot) -> SourceBar:
    bar = SourceBar()
    qtbot.addWidget(bar)
    bar.set_sources(CAMERAS, ["/media/a clip.mp4", "rtsp://me:secret@host/x"])
    return bar


@pytest.mark.parametrize(("entered", "source"), [
    ("", ""),
    ("0", "0"),
    ("12", "12"),
    ("camera 3", "3"),
    ("USB camera", "2"),
    ("  /tmp/a clip.mp4 ", "/tmp/a clip.mp4"),  # noqa: S108
    ("file:///media/a%20clip.mp4", "/media/a clip.mp4"),
    ("rtsp://host/x", "rtsp://host/x"),
    ('"/media/a clip.mp4"', "/media/a clip.mp4"),
    ("'~/clip.mp4'", str(Path("~/clip.mp4").expanduser())),
    ("~/clip.mp4", str(Path("~/clip.mp4").expanduser())),
    ("~nobody-of-this-name/clip.mp4", "~nobody-of-this-name/clip.mp4"),
])  # fmt: skip
def test_what_is_entered(bar: SourceBar, entered: str, source: str) -> None:
    line = bar.findChild(QLineEdit)
    line.setText(entered)
    assert bar.source() == source


def test_addresses_that_differ_in_what_is_hidden_are_all_there(bar: SourceBar) -> None:
    addresses = ["http://nvr/v?cam=1", "http://nvr/v?cam=2", "http://nvr/v?cam=3"]
    bar.set_sources(CAMERAS, addresses)
    box = bar.findChild(QComboBox)
    found = []
    for index in range(box.count() - 3, box.count()):
        box.setCurrentIndex(index)
        found.append((box.currentText(), bar.source()))
    texts = ["http://nvr/v", "http://nvr/v (2)", "http://nvr/v (3)"]
    assert found == list(zip(texts, addresses, strict=True))


def test_an_address_that_is_no_longer_offered_is_not_told_whole(bar: SourceBar) -> None:
    bar.set_source("rtsp://me:secret@host/x")
    bar.set_sources(CAMERAS, [])
    assert bar.findChild(QLineEdit).text() == "rtsp://***@host/x" and bar.source() == "rtsp://me:secret@host/x"
    bar.findChild(QLineEdit).setText("rtsp://host/y")
    assert bar.source() == "rtsp://host/y"


@pytest.mark.parametrize(("source", "text"), [
    ("2", "USB camera"),
    ("5", "Camera 5"),
    ("/media/a clip.mp4", "/media/a clip.mp4"),
    (str(Path.home() / "a clip.mp4"), "~/a clip.mp4"),
    (f"{Path.home()}house/clip.mp4", f"{Path.home()}house/clip.mp4"),
    ("rtsp://me:secret@host/x", "rtsp://***@host/x"),
    ("screen:640x480+0+0", "screen:640x480+0+0"),
])  # fmt: skip
def test_what_is_set_is_shown_and_read_back(bar: SourceBar, source: str, text: str) -> None:
    bar.set_source(source)
    assert bar.findChild(QLineEdit).text() == text
    assert bar.source() == source


def test_the_icon_belongs_to_the_source(bar: SourceBar) -> None:
    box = bar.findChild(QComboBox)
    bar.set_source("2")
    assert box.itemText(box.currentIndex()) == "USB camera"
    bar.set_source("/media/another clip.mp4")
    assert box.currentIndex() == -1, "no icon of a camera beside a file"


def test_new_offers_keep_what_is_entered(bar: SourceBar) -> None:
    bar.set_source("2")
    bar.set_sources(CAMERAS[1:], [])
    assert bar.source() == "2"
    bar.set_sources([], [])
    assert bar.source() == "2" and bar.findChild(QLineEdit).text() == "Camera 2"


@pytest.mark.parametrize(("entered", "source"), [("Front camera", "0"), ("camera 0", "0"), ("a.mp4", "a.mp4")])
def test_enter_chooses_once(qtbot, bar: SourceBar, entered: str, source: str) -> None:
    chosen = []
    bar.chosen.connect(lambda: chosen.append(bar.source()))
    line = bar.findChild(QLineEdit)
    line.setText(entered)
    qtbot.keyClick(line, Qt.Key.Key_Return)
    qtbot.wait(20)
    assert chosen == [source]


@pytest.mark.parametrize("entered", ["/ho", "USB camera"])
def test_what_is_entered_is_given_up(qtbot, bar: SourceBar, entered: str) -> None:
    told = []
    bar.given_up.connect(lambda: told.append("given up"))
    bar.chosen.connect(lambda: told.append("chosen"))
    bar.add_button(QAction("&Snapshot", bar))
    bar.show()
    bar.activateWindow()
    qtbot.waitUntil(bar.isActiveWindow)
    box, other = bar.findChild(QComboBox), bar.findChildren(QToolButton)[-1]
    window = QWidget()
    qtbot.addWidget(window)

    def to_another_window() -> None:
        window.show()
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)

    def to_the_list() -> None:
        box.showPopup()
        box.hidePopup()

    for leave, expected in (
        (lambda: qtbot.keyClick(box, Qt.Key.Key_Escape), ["given up"]),
        (lambda: None, []),
        (bar.start_button.setFocus, []),
        (to_another_window, []),
        (to_the_list, []),
        (to_the_list, []),  # it takes the focus from the second time on
        (lambda: qtbot.keyClick(box, Qt.Key.Key_Return), ["chosen"]),
    ):
        box.setFocus()
        box.setEditText(entered)
        leave()
        bar.activateWindow()
        qtbot.waitUntil(bar.isActiveWindow)
        qtbot.wait(20)
        assert told == expected and box.currentText() == entered
        told.clear()
        other.setFocus()
        assert told == ["given up"], "at the latest now"
        told.clear()


def test_buttons(qtbot, bar: SourceBar) -> None:
    asked = []
    bar.toggled.connect(lambda: asked.append("toggled"))
    action = QAction("&Snapshot…", bar)
    action.setShortcut("S")
    action.triggered.connect(lambda: asked.append("snapshot"))
    bar.add_button(action)
    button = bar.findChildren(QToolButton)[-1]
    assert button.accessibleName() == "Snapshot"
    button.click()
    bar.start_button.click()
    assert asked == ["snapshot", "toggled"]
    for running, text in ((True, "Stop"), (False, "Start")):
        bar.set_running(running)
        assert bar.start_button.text().replace("&", "") == text
    assert bar.findChild(QComboBox).accessibleName() == "Source"
