"""What the desktop does for the window: opens files, shows folders, asks, gives room."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import QCoreApplication, QProcess, QSize, QStandardPaths, Qt, QUrl
from PyQt6.QtGui import QDesktopServices, QDropEvent
from PyQt6.QtWidgets import QMessageBox, QWidget

from gesture_app.vision.atomic import is_folder

Place = QStandardPaths.StandardLocation
FRAME_PX = 40
"""What the frame of a window may take of the screen's height."""


def shown_path(path: str) -> str:
    """A path as people write it: their own folder is `~`."""
    home = str(Path.home())
    return f"~{path.removeprefix(home)}" if path.startswith(home + os.sep) else path


def full_path(path: str) -> str:
    """The path with `~` as the user's own folder."""
    return os.path.expanduser(path)  # noqa: PTH111  # `Path` raises where there is no such user


def user_folder(place: Place) -> str:
    """The user's own folder for films, pictures or documents, where dialogs begin; home where there is none."""
    folder = QStandardPaths.writableLocation(place)
    return folder if is_folder(folder) else str(Path.home())  # a dialog takes what is not there for a file's name


def open_file(path: Path) -> bool:
    """Open a file or a folder with the program that the desktop has for it; False if there is none."""
    return QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))


def show_in_folder(path: Path) -> bool:
    """Show a file in the file manager, selected where the system can do that."""
    if sys.platform == "win32":
        return QProcess.startDetached("explorer", ["/select,", str(path)])[0]
    if sys.platform == "darwin":
        return QProcess.startDetached("open", ["-R", str(path)])[0]
    return open_file(path if path.is_dir() else path.parent)


def open_or_tell(act: Callable[[Path], bool], path: Path, tell: Callable[[str], object]) -> None:
    """Open or show a file, by `open_file` or `show_in_folder`; where nothing does that, tell so."""
    if not act(path):
        text = QCoreApplication.translate("Desktop", "Found no program that opens {path}")
        tell(text.format(path=shown_path(str(path))))


def is_sure(window: QWidget, title: str, question: str) -> bool:
    """Ask for what cannot be taken back; Enter says No."""
    yes, no = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No
    return QMessageBox.question(window, title, question, defaultButton=no) == yes


def take_copy(event: QDropEvent) -> None:
    """Accept what is dragged or dropped and leave it where it is: a file manager may delete what was moved."""
    event.setDropAction(Qt.DropAction.CopyAction)
    event.accept()


def room_for(window: QWidget) -> QSize:
    """The largest size of a window, within its frame, that its screen can show."""
    screen = window.screen()
    return screen.availableGeometry().size() - QSize(0, FRAME_PX) if screen is not None else window.maximumSize()


def resize_to_fit(window: QWidget, width: int, height: int) -> None:
    """Give a window this size, or as much of it as the screen has, which at 200 % is half as large.

    Its least size is no more than that.
    """
    room = room_for(window)
    width, height = min(width, room.width()), min(height, room.height())
    window.setMinimumSize(min(window.minimumWidth(), width), min(window.minimumHeight(), height))
    window.resize(width, height)
