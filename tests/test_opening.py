"""Naming a source: dialogs, drag and drop, a rectangle on the screen."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from fakes import write_two_colours
from PyQt6.QtCore import QMimeData, QPoint, Qt, QUrl
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QDialog, QDockWidget, QFileDialog, QInputDialog, QMainWindow

from gesture_app.ui.desktop import Place, user_folder
from gesture_app.ui.opening import Opening
from gesture_app.ui.screen_picker import ScreenPicker
from gesture_app.video.addresses import ScreenArea


@pytest.fixture
def opening(qtbot, monkeypatch: pytest.MonkeyPatch) -> Opening:
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    window = QMainWindow()
    qtbot.addWidget(window)
    window.show()
    opening = Opening(window)
    opening.chosen_sources = []
    opening.chosen.connect(opening.chosen_sources.append)
    return opening


def mime(*urls: str) -> QMimeData:
    data = QMimeData()
    data.setUrls([QUrl(url) for url in urls])
    return data


@pytest.mark.parametrize(("urls", "source"), [
    ((), ""),
    (("file:///media/a%20clip.mp4",), "/media/a clip.mp4"),
    (("file:///media/list.txt", "file:///media/a.PNG"), "/media/a.PNG"),
    (("file:///media/list.txt",), ""),
    (("file:///media/IMG_1.HEIC",), "/media/IMG_1.HEIC"),  # which tells that it is not read
    (("file:///media/no_such_folder",), ""),
    (("file:///usr",), "/usr"),
    (("https://host/a.mp4", "file:///b.mp4"), "/b.mp4"),
    (("rtsp://host/x",), "rtsp://host/x"),
    (("ftp://host/a.mp4",), ""),
])  # fmt: skip
def test_drops(opening: Opening, urls: tuple[str, ...], source: str) -> None:
    data = mime(*urls)
    assert bool(opening.drop_offer(data)) is bool(source)
    opening.take_drop(data)
    assert opening.chosen_sources == ([source] if source else [])


def test_a_video_is_known_by_its_first_bytes_too(opening: Opening, tmp_path: Path) -> None:
    clip = write_two_colours(tmp_path / "clip.mp4")
    assert opening.drop_offer(mime(QUrl.fromLocalFile(str(clip.rename(tmp_path / "clip"))).toString()))


def test_several_files_are_told_together(opening: Opening, qtbot) -> None:
    data = mime("file:///a.mp4", "file:///list.txt", "file:///b.png")
    assert "annotate" in opening.drop_offer(data)
    with qtbot.waitSignal(opening.several_dropped) as told:
        opening.take_drop(data)
    assert told.args == [[Path("/a.mp4"), Path("/b.png")]] and opening.chosen_sources == []


def test_a_file(opening: Opening, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = []

    def answer(parent, title, folder, kinds, *_):
        asked.append((folder, kinds))
        return str(tmp_path / "a.mp4"), ""

    monkeypatch.setattr(QFileDialog, "getOpenFileName", answer)
    opening.ask_file()
    opening.ask_file()
    assert opening.chosen_sources == [str(tmp_path / "a.mp4")] * 2
    assert asked[1][0] == str(tmp_path), "the next dialog begins there"
    assert "*.mp4" in asked[0][1] and "*.png" in asked[0][1]


def test_a_dialog_does_not_begin_where_no_folder_is_any_more(opening, monkeypatch, tmp_path: Path) -> None:
    begun = []
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda parent, title, folder: begun.append(folder) or "")
    for name in ("clip.mp4", "n" * 300, "", "gone/clip.mp4"):
        opening.remember(str(tmp_path / name))
        opening.ask_folder()
    assert begun == [str(tmp_path)] * 3 + [user_folder(Place.MoviesLocation)]


def test_given_up(opening: Opening, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("", ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "")
    monkeypatch.setattr(QInputDialog, "getText", lambda *_: ("rtsp://x", False))
    for ask in (opening.ask_file, opening.ask_folder, opening.ask_address):
        ask()
    assert opening.chosen_sources == []


def test_a_folder_an_address_and_the_screen(opening: Opening, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    offered = []

    def answer(parent, title, label, mode, text):
        offered.append(text)
        return " rtsp://host/x ", True

    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    monkeypatch.setattr(QInputDialog, "getText", answer)
    opening.ask_folder()
    opening.ask_address()
    opening.ask_address()
    opening.take_screen()
    assert opening.chosen_sources == [str(tmp_path), "rtsp://host/x", "rtsp://host/x", "screen"]
    assert offered == ["rtsp://", "rtsp://host/x"]


@pytest.mark.parametrize(("entered", "source"), [
    ("~/Videos/x.mp4", str(Path.home() / "Videos" / "x.mp4")),
    ("'/media/a clip.mp4' ", "/media/a clip.mp4"),
    ("file:///media/a%20clip.mp4", "/media/a clip.mp4"),
    ("camera 1", "1"),
    ("192.168.1.20:8080/video", "http://192.168.1.20:8080/video"),
    ("www.example.com/cam.m3u8", "http://www.example.com/cam.m3u8"),
    ("garden-cam.local:554/live", "http://garden-cam.local:554/live"),
    ("rtsps://host/x", "rtsps://host/x"),
    ("screen:2", "screen:2"),
    ("screen:8080/x", "http://screen:8080/x"),
    ("192.168.1.5/cgi?url=rtsp://10.0.0.2/s", "http://192.168.1.5/cgi?url=rtsp://10.0.0.2/s"),
    ("./video.mp4", "./video.mp4"),
    ("file:v.mp4", "v.mp4"),
    (" ", ""),
])  # fmt: skip
def test_an_address_is_understood_as_above_the_picture(opening, monkeypatch, entered: str, source: str) -> None:
    monkeypatch.setattr(QInputDialog, "getText", lambda *_: (entered, True))
    opening.ask_address()
    assert opening.chosen_sources == ([source] if source else [])


def shown_picker(qtbot) -> ScreenPicker:
    def found() -> list[ScreenPicker]:
        return [w for w in QApplication.topLevelWidgets() if isinstance(w, ScreenPicker) and w.isVisible()]

    qtbot.waitUntil(lambda: len(found()) == 1)
    return found()[0]


def test_a_part_of_the_screen(qtbot, opening: Opening) -> None:
    window = opening.parent()
    dialog, hidden, dock = QDialog(window), QDialog(window), QDockWidget(window)
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
    dock.setFloating(True)
    dialog.show()
    opening.ask_screen_part()
    assert not any(part.isVisible() for part in (window, dialog, dock)), "they may cover what is to be seen"
    shown = shown_picker(qtbot)
    assert shown.isFullScreen()
    QTest.mousePress(shown, Qt.MouseButton.LeftButton, pos=QPoint(100, 60))
    QTest.mouseMove(shown, QPoint(200, 160))
    QTest.mouseRelease(shown, Qt.MouseButton.LeftButton, pos=QPoint(299, 259))
    assert [ScreenArea.parse(source) for source in opening.chosen_sources] == [ScreenArea(rect=(100, 60, 200, 200))]
    assert [part.isVisible() for part in (window, dialog, dock, hidden)] == [True, True, True, False]


@pytest.mark.skipif(sys.platform != "linux", reason="asks for a desktop of Wayland")
def test_no_part_is_asked_for_where_the_screen_cannot_be_seen(
    opening: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    opening.ask_screen_part()
    assert opening.parent().isVisible()
    assert opening.chosen_sources == ["screen"], "which tells why there is no picture"


def test_the_window_comes_back_when_the_picker_is_closed_from_outside(qtbot, opening: Opening) -> None:
    opening.ask_screen_part()
    shown_picker(qtbot).close()
    assert opening.parent().isVisible() and opening.chosen_sources == []


def test_a_click_or_escape_gives_up(qtbot) -> None:
    for give_up in (
        ScreenPicker.close,
        lambda picker: QTest.keyClick(picker, Qt.Key.Key_Escape),
        lambda picker: QTest.mouseClick(picker, Qt.MouseButton.LeftButton, pos=QPoint(50, 50)),
    ):
        picker = ScreenPicker(QApplication.primaryScreen())
        told = []
        picker.picked.connect(told.append)
        picker.show()
        picker.grab()
        give_up(picker)
        assert told == [None]
