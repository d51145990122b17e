"""Keeps the mouse wheel from changing what it only scrolls past."""

from __future__ import annotations

from PyQt6.QtCore import QEvent, QObject, Qt
from PyQt6.QtWidgets import QAbstractSlider, QAbstractSpinBox, QComboBox, QWidget


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
