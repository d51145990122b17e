"""Light and dark, and the icons that follow."""

from __future__ import annotations

import subprocess
import sys

import pytest
from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QColor, QIcon, QPalette
from PyQt6.QtWidgets import QComboBox

from gesture_app.ui.icons import RECORDING, SHAPES, app_icon, icon
from gesture_app.ui.theme import Theme, is_dark, make_palette

Role = QPalette.ColorRole


@pytest.fixture
def theme(qapp):
    palette, sheet, style = qapp.palette(), qapp.styleSheet(), qapp.style().name()
    theme = Theme(qapp, "light")
    yield theme
    theme.set_choice("system")
    theme.deleteLater()
    qapp.setStyle(style)
    qapp.setPalette(palette)
    qapp.setStyleSheet(sheet)


def contrast(first: QColor, second: QColor) -> float:
    """WCAG's ratio."""

    def luminance(colour: QColor) -> float:
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in colour.getRgbF()[:3]]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(
    ("text", "background"),
    [
        (Role.WindowText, Role.Window),
        (Role.Text, Role.Base),
        (Role.Text, Role.AlternateBase),
        (Role.ButtonText, Role.Button),
        (Role.ToolTipText, Role.ToolTipBase),
        (Role.PlaceholderText, Role.Window),
        (Role.PlaceholderText, Role.Base),
        (Role.Link, Role.Window),
        (Role.HighlightedText, Role.Highlight),
    ],
)
def test_texts_are_readable(dark, text, background):
    palette = make_palette(dark)
    assert contrast(palette.color(text), palette.color(background)) >= 4.5


@pytest.mark.parametrize("editable", [False, True])
def test_the_chosen_entry_of_a_list_of_choices_stands_out(theme, qapp, qtbot, editable):
    box = QComboBox()
    qtbot.addWidget(box)
    box.setEditable(editable)
    box.addItems(["one", "two", "three"])
    box.setCurrentIndex(1)
    box.show()
    for choice in ("light", "dark"):
        theme.set_choice(choice)
        box.showPopup()
        view = box.view()
        row = view.visualRect(view.model().index(1, 0))
        shown = view.viewport().grab().toImage().pixelColor(row.right() - 3, row.center().y())
        assert shown == qapp.palette().color(Role.Highlight)
        box.hidePopup()


def test_choices(theme, qapp, qtbot):
    assert qapp.palette().color(Role.Window).lightness() > 200
    with qtbot.waitSignal(qapp.paletteChanged):
        theme.set_choice("dark")
    assert qapp.palette().color(Role.Window).lightness() < 60
    with qtbot.assertNotEmitted(qapp.paletteChanged):
        theme.set_choice("dark")


def test_system_follows_the_desktop(theme, qapp):
    hints = qapp.styleHints()
    theme.set_choice("system")
    assert is_dark(qapp.palette()) is (hints.colorScheme() == Qt.ColorScheme.Dark)


def ink(shown: QIcon, mode: QIcon.Mode = QIcon.Mode.Normal) -> QColor:
    """The colour of the most opaque pixel."""
    picture = shown.pixmap(QSize(32, 32), mode).toImage()
    pixels = [picture.pixelColor(x, y) for x in range(picture.width()) for y in range(picture.height())]
    return max(pixels, key=lambda colour: colour.alpha())


def test_icons_follow_the_theme(theme):
    shown = {name: icon(name) for name in SHAPES}
    for choice, dark in (("light", False), ("dark", True)):
        theme.set_choice(choice)
        colour = make_palette(dark).color(Role.ButtonText)
        assert not [name for name in SHAPES if ink(shown[name]) != colour]
    faded = make_palette(True).color(QPalette.ColorGroup.Disabled, Role.ButtonText)
    assert ink(shown["play"], QIcon.Mode.Disabled) == faded
    assert ink(shown["play"], QIcon.Mode.Selected) == make_palette(True).color(Role.HighlightedText)


def test_the_record_button_is_red_while_it_records(theme):
    lit = icon("record").pixmap(48, 48, QIcon.Mode.Normal, QIcon.State.On).toImage().pixelColor(24, 24)
    idle = icon("record").pixmap(48, 48).toImage().pixelColor(24, 24)
    assert lit == RECORDING != idle


def test_the_icon_of_the_program(qapp):
    assert {size.width() for size in app_icon().availableSizes()} >= {16, 32, 256}
    assert ink(app_icon()).alpha() == 255


def test_icons_survive_the_end_of_the_process():
    code = """
from PyQt6.QtWidgets import QApplication, QMenu, QToolButton
from gesture_app.ui.icons import SHAPES, icon
from gesture_app.ui.theme import Theme
application = QApplication([])
theme = Theme(application, "dark")
button, menu = QToolButton(), QMenu()
for name in SHAPES:
    kept = icon(name)
    copy = type(kept)(kept)
    copy.addPixmap(kept.pixmap(16, 16))
    menu.addAction(copy, name)
    button.setIcon(kept)
button.show(), button.grab(), menu.grab()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
