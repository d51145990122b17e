"""Windows on small screens, and the folders where dialogs begin."""

from __future__ import annotations

from pathlib import Path

import pytest
from PyQt6.QtCore import QSize, QStandardPaths
from PyQt6.QtGui import QDesktopServices
from PyQt6.QtWidgets import QWidget

from gesture_app.ui.desktop import FRAME_PX, Place, open_file, open_or_tell, resize_to_fit, show_in_folder, user_folder


def test_dialogs_begin_in_a_folder_that_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    films = tmp_path / "Films"
    monkeypatch.setattr(QStandardPaths, "writableLocation", lambda place: str(films))
    assert user_folder(Place.MoviesLocation) == str(Path.home())
    films.mkdir()
    assert user_folder(Place.MoviesLocation) == str(films)


@pytest.mark.parametrize("act", [open_file, show_in_folder])
def test_what_nothing_opens_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    asked, told = [], []
    for answer in (True, False):
        monkeypatch.setattr(QDesktopServices, "openUrl", lambda url, answer=answer: asked.append(url) or answer)
        open_or_tell(act, tmp_path / "report.html", told.append)
    assert len(asked) == 2 and told == [f"Found no program that opens {tmp_path / 'report.html'}"]


def test_a_window_is_no_larger_than_the_screen(qtbot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    resize_to_fit(window, 300, 200)
    assert window.size() == QSize(300, 200)
    screen = window.screen()
    assert screen is not None
    room = screen.availableGeometry()
    window.setMinimumSize(9000, 9000)
    resize_to_fit(window, 9000, 9000)
    assert window.size() == QSize(room.width(), room.height() - FRAME_PX)
