"""Keeps the keys of the window from what the focused control does with them."""

from __future__ import annotations

from PyQt6.QtCore import QEvent, QObject, Qt
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QApplication,
    QComboBox,
    QDockWidget,
    QMainWindow,
    QTabBar,
)

PRESSED_BY_SPACE = (QAbstractButton, QComboBox, QAbstractItemView)
MOVED_BY_ARROWS = (QAbstractSlider, QComboBox, QAbstractItemView, QTabBar)
ARROWS = (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End)


class KeyGuard(QObject):
    """Leaves a key to the focused control that understands it, before it means an action of the window."""

    def watch(self, window: QMainWindow) -> None:
        """Guard the window and its docks: keys of one that floats have the window's actions, but do not reach it."""
        for part in (window, *window.findChildren(QDockWidget)):
            part.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Accept the key, which then is no shortcut."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride:
            focused = QApplication.focusWidget()
            plain = event.modifiers() == Qt.KeyboardModifier.NoModifier
            if (plain and event.key() == Qt.Key.Key_Space and isinstance(focused, PRESSED_BY_SPACE)) or (
                plain and event.key() in ARROWS and isinstance(focused, MOVED_BY_ARROWS)
            ):
                event.accept()
                return True
        return super().eventFilter(watched, event)
