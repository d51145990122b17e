"""The sheet of keyboard shortcuts, made from the actions themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from PyQt6.QtGui import QAction, QKeySequence
from PyQt6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QMenu,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from gesture_app.ui.desktop import resize_to_fit
from gesture_app.ui.menu_texts import native, plain


@dataclass(frozen=True)
class Shortcut:
    """One line of the sheet: what is done, and the keys for it as the system writes them."""

    text: str
    keys: tuple[str, ...]


def shortcuts_of(window: QMainWindow, others: str) -> list[tuple[str, list[Shortcut]]]:
    """The shortcuts of a window by menu; what is in no menu comes last, under the title `others`."""
    groups: list[tuple[str, list[Shortcut]]] = []
    seen: set[QAction] = set()
    bar = window.menuBar()
    menus = [action.menu() for action in bar.actions()] if bar is not None else []
    for menu in menus:
        if menu is None:
            continue
        named = list(_actions(menu))
        seen.update(action for _, action in named)
        groups.append((plain(menu.title()), _lines(named)))
    rest = [action for action in window.findChildren(QAction) if action not in seen]
    groups.append((others, _lines((action.text(), action) for action in rest)))
    return [(title, lines) for title, lines in groups if lines]


def _actions(menu: QMenu, before: str = "") -> Iterable[tuple[str, QAction]]:
    """The actions of a menu and of the menus in it, with what they are called: "Colours: Dark"."""
    for action in menu.actions():
        inner = action.menu()
        if inner is None:
            yield before + action.text(), action
        else:
            yield from _actions(inner, f"{before}{inner.title()}: ")


def _lines(actions: Iterable[tuple[str, QAction]]) -> list[Shortcut]:
    lines = []
    for text, action in actions:
        keys = tuple(native(key) for key in action.shortcuts())
        if any(keys) and action.text():
            lines.append(Shortcut(plain(text), tuple(key for key in keys if key)))
    return lines


class ShortcutsDialog(QDialog):
    """All shortcuts of a window, in two columns, as its menus group them."""

    def __init__(self, window: QMainWindow, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Keyboard shortcuts"))
        groups = shortcuts_of(window, self.tr("More"))
        self.groups = [*groups, (self.tr("In parts of the window"), self._keys_of_parts(groups))]
        inside = QWidget()
        row = QHBoxLayout(inside)
        row.setSpacing(32)
        for groups in _halves(self.groups):
            column = QVBoxLayout()
            column.setSpacing(6)  # else the row's
            for title, lines in groups:
                column.addWidget(self._title(title))
                column.addLayout(self._grid(lines))
                column.addSpacing(10)
            column.addStretch(1)
            row.addLayout(column, 1)
        area = QScrollArea()
        area.setWidget(inside)
        area.setWidgetResizable(True)
        area.setAccessibleName(self.windowTitle())
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        buttons = QDialogButtonBox()
        buttons.addButton(self.tr("Close"), QDialogButtonBox.ButtonRole.RejectRole)
        buttons.rejected.connect(self.reject)
        whole = QVBoxLayout(self)
        whole.addWidget(area, 1)
        whole.addWidget(buttons)
        resize_to_fit(self, inside.sizeHint().width() + 64, inside.sizeHint().height() + 90)

    def _keys_of_parts(self, groups: list[tuple[str, list[Shortcut]]]) -> list[Shortcut]:
        """Keys that are no action's: those of cameras, as long as there is none, and of what has the focus."""
        taken = {key for _, lines in groups for line in lines for key in line.keys}
        cameras = [] if "1" in taken else [Shortcut(self.tr("First to ninth camera"), ("1 – 9",))]
        return [
            *cameras,
            Shortcut(self.tr("Picture: move what is enlarged"), (self.tr("Shift+arrows"),)),
            Shortcut(self.tr("Timeline: less or more time"), ("+", "-")),
            Shortcut(self.tr("Events: go to where it began"), (native(QKeySequence("Return")),)),
            Shortcut(self.tr("Files to annotate: remove"), (native(QKeySequence("Del")),)),
        ]

    def _title(self, text: str) -> QLabel:
        label = QLabel(text)
        font = label.font()
        font.setBold(True)
        label.setFont(font)
        return label

    def _grid(self, lines: list[Shortcut]) -> QGridLayout:
        grid = QGridLayout()
        grid.setVerticalSpacing(5)
        grid.setHorizontalSpacing(18)
        grid.setColumnStretch(0, 1)
        for number, line in enumerate(lines):
            grid.addWidget(QLabel(line.text), number, 0)
            keys = QHBoxLayout()
            keys.setSpacing(4)
            keys.addStretch(1)
            for key in line.keys:
                keys.addWidget(self._key(key))
            grid.addLayout(keys, number, 1)
        return grid

    def _key(self, text: str) -> QLabel:
        label = QLabel(text)
        label.setObjectName("key")
        label.setStyleSheet("#key { border: 1px solid palette(mid); border-radius: 4px; padding: 1px 6px; }")
        return label


def _halves(groups: list[tuple[str, list[Shortcut]]]) -> list[list[tuple[str, list[Shortcut]]]]:
    """The groups in two columns of about the same height, the first group on the left, each column in their order."""
    columns: tuple[list[int], list[int]] = ([], [])
    for number in sorted(range(len(groups)), key=lambda number: -len(groups[number][1])):
        min(columns, key=lambda column: sum(len(groups[n][1]) + 2 for n in column)).append(number)
    left_first = sorted((sorted(column) for column in columns), key=lambda column: (not column, column))
    return [[groups[number] for number in column] for column in left_first]
