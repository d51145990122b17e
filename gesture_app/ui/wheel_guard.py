"""Keeps the mouse wheel, and where a choice acts at once the keys, from choosing what they only pass."""

from __future__ import annotations

from PyQt6.QtCore import QEvent, QObject, Qt
from PyQt6.QtGui import QKeyEvent, QWheelEvent
from PyQt6.QtWidgets import QAbstractSlider, QAbstractSpinBox, QApplication, QComboBox, QWidget

PASSING = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


class ActingBox(QComboBox):
    """A list of choices that act at once: one is chosen in the open list alone."""

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Leave it to what is around the closed list."""
        if event is not None:
            event.ignore()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Keys that would pass over choices open the list; those that jump to one do so there."""
        if event is not None and event.key() in PASSING:
            self.showPopup()
        elif event is not None and not self.isEditable() and _jumps(event):
            self.showPopup()
            QApplication.sendEvent(self.view(), event)
        else:
            super().keyPressEvent(event)


def _jumps(event: QKeyEvent) -> bool:
    letter = event.text().isprintable() and event.text().strip()  # Space opens the list anyway
    return bool(letter) or event.key() in (Qt.Key.Key_Home, Qt.Key.Key_End)


class WheelGuard(QObject):
    """Leaves the wheel to the panel unless the control below it has the focus."""

    def watch(self, panel: QWidget) -> None:
        """Guard every slider, number and list of choices in the panel."""
        for child in panel.findChildren(QWidget):
            if isinstance(child, (QAbstractSlider, QAbstractSpinBox, QComboBox)):
                child.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # not by the wheel
                child.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Pass the wheel on to whatever is around a control without the focus."""
        if (
            event is not None
            and event.type() == QEvent.Type.Wheel
            and isinstance(watched, QWidget)
            and not watched.hasFocus()
        ):
            event.ignore()
            return True
        return super().eventFilter(watched, event)
