"""Texts of menus as they are said elsewhere."""

from __future__ import annotations

from PyQt6.QtGui import QAction, QKeySequence


def plain(text: str) -> str:
    """A text of a menu without what marks its key and its dialog."""
    return text.replace("&&", "\0").replace("&", "").replace("\0", "&").removesuffix("…")


def native(key: QKeySequence) -> str:
    """A key as the system writes it; empty for none."""
    return key.toString(QKeySequence.SequenceFormat.NativeText)


def tip(action: QAction) -> str:
    """What a button for an action tells: its text, and its key where it has one."""
    key = native(action.shortcut())
    return plain(action.text()) + (f" ({key})" if key else "")


def shown_speed(speed: float) -> str:
    """As people write it: 0.5 ×."""
    return f"{speed:g} ×"
