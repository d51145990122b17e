"""Windows on small screens, and the folders where dialogs begin."""

from __future__ import annotations

from pathlib import Path

import pytest
from PyQt6.QtCore import QSize, QStandardPaths
from PyQt6.QtWidgets import QWidget

from gesture_app.ui.desktop import FRAME_PX, Place, resize_to_fit, user_folder


def test_dialogs_begin_in_a_folder_that_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    films = tmp_path / "Films"
    monkeypatch.setattr(QStandardPaths, "writableLocation", lambda place: str(films))
    assert user_folder(Place.MoviesLocation) == str(Path.home())
    films.mkdir()
    assert user_folder(Place.MoviesLocation) == str(films)


def test_a_window_is_no_larger_than_the_screen(qtbot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    resize_to_fit(window, 300, 200)
    assert window.size() == QSize(300, 200)
    screen = window.screen()
    assert screen is not None
    room = screen.availableGeometry()
    resize_to_fit(window, 9000, 9000)
    assert window.size() == QSize(room.width(), room.height() - FRAME_PX)
