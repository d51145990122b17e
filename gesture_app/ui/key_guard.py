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
    QListWidget,
    QMainWindow,
    QTabBar,
)

PRESSED_BY_SPACE = (QAbstractButton, QComboBox, QAbstractItemView)
MOVED_BY_ARROWS = (QAbstractSlider, QComboBox, QAbstractItemView, QTabBar)
CHOSEN_BY_LETTERS = (QComboBox, QListWidget)  # the table of events is clicked, and then F and R are the window's
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
            if event.modifiers() == Qt.KeyboardModifier.NoModifier and (
                (event.key() == Qt.Key.Key_Space and isinstance(focused, PRESSED_BY_SPACE))
                or (event.key() in ARROWS and isinstance(focused, MOVED_BY_ARROWS))
                or (event.text() and event.text().isprintable() and isinstance(focused, CHOSEN_BY_LETTERS))
            ):
                event.accept()
                return True
        return super().eventFilter(watched, event)
