"""The sheet of shortcuts and the About dialog."""

from __future__ import annotations

import pytest
from PyQt6.QtGui import QAction, QKeySequence
from PyQt6.QtWidgets import QLabel, QMainWindow, QTextBrowser

from gesture_app import __version__
from gesture_app.ui import about_dialog
from gesture_app.ui.about_dialog import PARTS, AboutDialog, installed_version
from gesture_app.ui.menu_texts import plain
from gesture_app.ui.shortcuts_dialog import Shortcut, ShortcutsDialog, _halves, shortcuts_of


@pytest.fixture
def window(qtbot) -> QMainWindow:
    window = QMainWindow()
    qtbot.addWidget(window)
    return window


def test_a_window_without_actions(qtbot, window):
    assert shortcuts_of(window, "More") == []
    dialog = ShortcutsDialog(window)
    qtbot.addWidget(dialog)
    dialog.grab()


def test_shortcuts_by_menu(qtbot, window):
    file, view = (window.menuBar().addMenu(name) for name in ("&File", "&View"))
    file.addAction("&Open…").setShortcut("Ctrl+O")
    recent = file.addMenu("&Recent")
    recent.addAction("first").setShortcut("Alt+1")
    file.addAction("No key")
    view.addAction("&Full screen").setShortcuts([QKeySequence("F"), QKeySequence("F11")])
    loose = QAction("Sound && light", window)
    loose.setShortcut("L")
    window.addActions([loose, *file.actions()])
    groups = shortcuts_of(window, "More")
    assert groups == [
        ("File", [Shortcut("Open", ("Ctrl+O",)), Shortcut("Recent: first", ("Alt+1",))]),
        ("View", [Shortcut("Full screen", ("F", "F11"))]),
        ("More", [Shortcut("Sound & light", ("L",))]),
    ]
    dialog = ShortcutsDialog(window)
    qtbot.addWidget(dialog)
    dialog.show()
    assert dialog.groups[:-1] == groups
    title, lines = dialog.groups[-1]
    assert title == "In parts of the window" and lines[0] == Shortcut("First to ninth camera", ("1 – 9",))
    assert ("Del",) in [line.keys for line in lines]
    window.menuBar().addMenu("Camera").addAction("Front").setShortcut("1")
    dialog = ShortcutsDialog(window)
    qtbot.addWidget(dialog)
    assert "First to ninth camera" not in [line.text for line in dialog.groups[-1][1]]


def test_two_columns_of_about_the_same_height():
    sizes = {"File": 9, "Playback": 9, "View": 13, "Gestures": 5, "Tools": 3, "Help": 3, "Parts": 5}
    groups = [(title, [Shortcut(title, ("X",))] * size) for title, size in sizes.items()]
    titles = [[title for title, _ in column] for column in _halves(groups)]
    assert titles == [["File", "Playback", "Tools", "Help"], ["View", "Gestures", "Parts"]]
    assert _halves([]) == [[], []] and _halves(groups[:1]) == [groups[:1], []]


@pytest.mark.parametrize(("text", "shown"), [("&Open…", "Open"), ("A && B", "A & B"), ("", ""), ("x", "x")])
def test_plain(text, shown):
    assert plain(text) == shown


def page(dialog: AboutDialog, number: int) -> str:
    browser = dialog.tabs.widget(number)
    assert isinstance(browser, QTextBrowser)
    return browser.toPlainText()


def test_about(qtbot):
    dialog = AboutDialog("a fast device")
    qtbot.addWidget(dialog)
    dialog.show()
    assert f"Gesture App {__version__}" in [label.text() for label in dialog.findChildren(QLabel)]
    assert "a fast device" in page(dialog, 0) and installed_version("openvino") in page(dialog, 0)
    assert "YOLOX-tiny" in page(dialog, 1) and "validation" in page(dialog, 1)
    licences = page(dialog, 2)
    assert "General Public License" in licences and "HaGRID" in licences
    assert all(part.name in licences and part.licence in licences for part in PARTS)


def test_about_without_a_model_card(qtbot, monkeypatch, tmp_path):
    monkeypatch.setattr(about_dialog, "assets_folder", lambda: tmp_path)
    dialog = AboutDialog()
    qtbot.addWidget(dialog)
    assert str(tmp_path) in page(dialog, 1) and "No such file" in page(dialog, 1)


def test_a_package_that_is_not_there():
    assert installed_version("no-such-package-of-anybody") == "–"
