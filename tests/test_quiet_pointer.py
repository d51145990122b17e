"""The pointer goes while it stands still over a picture that fills the screen."""

from __future__ import annotations

import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtGui import QImage
from PyQt6.QtWidgets import QWidget

from gesture_app.ui import quiet_pointer
from gesture_app.ui.quiet_pointer import QuietPointer
from gesture_app.ui.video_view import VideoView


def test_it_goes_and_comes_back(qtbot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiet_pointer, "HIDE_AFTER_MS", 50)
    widget = VideoView()
    qtbot.addWidget(widget)
    widget.resize(200, 100)
    widget.set_mode("actual")
    widget.show_picture(QImage(400, 300, QImage.Format.Format_RGB888), None)
    widget.show()
    controls = QWidget(widget)
    pointer = QuietPointer(widget, QWidget(widget), controls)
    awake: list[bool] = []
    pointer.awake_changed.connect(awake.append)
    qtbot.wait(80)
    assert widget.cursor().shape() is Qt.CursorShape.OpenHandCursor, "nobody wants it yet"
    pointer.set_wanted(True)
    qtbot.waitUntil(lambda: widget.cursor().shape() is Qt.CursorShape.BlankCursor)
    widget.show_picture(QImage(300, 400, QImage.Format.Format_RGB888), None)
    assert widget.cursor().shape() is Qt.CursorShape.BlankCursor, "a picture of another size does not bring it back"
    qtbot.mouseMove(widget, QPoint(5, 5))
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)
    assert widget.cursor().shape() is Qt.CursorShape.OpenHandCursor
    qtbot.waitUntil(lambda: widget.cursor().shape() is Qt.CursorShape.BlankCursor)
    controls.setAttribute(Qt.WidgetAttribute.WA_UnderMouse)
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)
    qtbot.wait(120)
    assert awake[-1], "while it is over controls it stays"
    controls.setAttribute(Qt.WidgetAttribute.WA_UnderMouse, False)
    qtbot.waitUntil(lambda: not awake[-1])
    assert awake == [False, True, False, True, False]
    pointer.set_wanted(False)
    assert widget.cursor().shape() is Qt.CursorShape.OpenHandCursor
    qtbot.wait(80)
    assert widget.cursor().shape() is Qt.CursorShape.OpenHandCursor
