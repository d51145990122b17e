"""Windows on small screens."""

from __future__ import annotations

from PyQt6.QtCore import QSize
from PyQt6.QtWidgets import QWidget

from gesture_app.ui.desktop import FRAME_PX, resize_to_fit


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
