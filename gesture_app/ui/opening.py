"""The ways to name a source: dialogs, drag and drop, and a rectangle on the screen."""

from __future__ import annotations

import os
import re
from pathlib import Path

from PyQt6.QtCore import QMimeData, QMimeDatabase, QObject, QTimer, pyqtSignal
from PyQt6.QtGui import QGuiApplication
from PyQt6.QtWidgets import QDialog, QDockWidget, QFileDialog, QInputDialog, QLineEdit, QMainWindow, QWidget

from gesture_app.ui.desktop import Place, user_folder
from gesture_app.ui.screen_picker import ScreenPicker
from gesture_app.ui.source_bar import entered_source, unquoted
from gesture_app.video.addresses import URL_SCHEMES, ScreenArea, source_kind
from gesture_app.video.suffixes import VIDEO_SUFFIXES
from gesture_app.vision.atomic import is_folder

HIDDEN_MS = 300  # until the desktop has painted what the window covered


class Opening(QObject):
    """Asks for a source.

    Signals:
        chosen: a path, an address, or a part of the screen.
        several_dropped: more than one file; carries their paths.
    """

    chosen = pyqtSignal(str)
    several_dropped = pyqtSignal(object)

    def __init__(self, window: QMainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._folder = ""
        self._address = ""
        self._picker: ScreenPicker | None = None
        self._hidden: list[QWidget] = []

    def remember(self, source: str) -> None:
        """Begin the next dialog where this source is."""
        kind = source_kind(source)
        if kind == "file":
            self._folder = source if is_folder(source) else str(Path(source).parent)
        elif kind == "stream":
            self._address = source

    def ask_file(self) -> None:
        """A video or a picture."""
        from gesture_app.vision.images import IMAGE_SUFFIXES  # brings Pillow

        videos = " ".join(f"*{suffix}" for suffix in VIDEO_SUFFIXES)
        pictures = " ".join(f"*{suffix}" for suffix in IMAGE_SUFFIXES)
        kinds = ";;".join(
            (
                self.tr("Videos and pictures ({patterns})").format(patterns=f"{videos} {pictures}"),
                self.tr("Videos ({patterns})").format(patterns=videos),
                self.tr("Pictures ({patterns})").format(patterns=pictures),
                self.tr("All files (*)"),
            )
        )
        short = QFileDialog.Option.HideNameFilterDetails  # there are too many patterns to read
        name, _ = QFileDialog.getOpenFileName(self._window, self.tr("Open"), self._start_folder(), kinds, "", short)
        self._choose(name)

    def ask_folder(self) -> None:
        """A folder of pictures."""
        title = self.tr("Open a folder of pictures")
        self._choose(QFileDialog.getExistingDirectory(self._window, title, self._start_folder()))

    def ask_address(self) -> None:
        """The address of a stream."""
        text, given = QInputDialog.getText(
            self._window,
            self.tr("Open an address"),
            self.tr("Address of a camera or a stream ({schemes}):").format(schemes=", ".join(URL_SCHEMES)),
            QLineEdit.EchoMode.Normal,
            self._address or "rtsp://",
        )
        if given:
            self._choose(_address(text))

    def take_screen(self) -> None:
        """The first screen."""
        self._choose("screen")

    def ask_screen_part(self) -> None:
        """A rectangle, drawn on the screen that shows the window; all windows go out of the way for that."""
        from gesture_app.video.screen import is_hidden  # brings OpenCV

        if is_hidden():
            self.take_screen()  # whose reader tells why
            return
        windows = (self._window, *self._window.findChildren((QDialog, QDockWidget)))
        self._hidden = [window for window in windows if window.isWindow() and window.isVisible()]
        for window in self._hidden:
            window.hide()
        QTimer.singleShot(HIDDEN_MS, self._show_picker)

    def drop_offer(self, data: QMimeData | None) -> str:
        """What dropping this here would do, in words; empty where it holds nothing to play."""
        sources = _dropped(data)
        if len(sources) > 1:
            return self.tr("Drop them here to annotate them")
        return self.tr("Drop it here to play it") if sources else ""

    def take_drop(self, data: QMimeData | None) -> None:
        """Play what was dropped, or tell of several files."""
        sources = _dropped(data)
        if len(sources) > 1:
            self.several_dropped.emit([Path(source) for source in sources])
        elif sources:
            self._choose(sources[0])

    def _show_picker(self) -> None:
        screen = self._window.screen() or QGuiApplication.primaryScreen()
        assert screen is not None
        self._picker = ScreenPicker(screen)
        self._picker.picked.connect(self._take_part)
        self._picker.showFullScreen()  # where a panel is, a plain window would be moved
        self._picker.activateWindow()

    def _take_part(self, area: ScreenArea | None) -> None:
        self._picker = None
        for window in self._hidden:
            window.show()
        self._window.activateWindow()
        self._choose(str(area) if area is not None else "")

    def _choose(self, source: str) -> None:
        if source:
            self.remember(source)
            self.chosen.emit(source)

    def _start_folder(self) -> str:
        return self._folder if is_folder(self._folder) else user_folder(Place.MoviesLocation)


def _address(text: str) -> str:
    """What was entered where an address is asked for: without a scheme it is a web address, as in a browser."""
    source = entered_source(text)
    whole = (
        not source
        or re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", source)
        or os.path.isabs(source)  # noqa: PTH117
        or re.match(r"\.\.?[/\\]|file:", unquoted(text))
        or source_kind(source) == "camera"
        or (source_kind(source) == "screen" and "/" not in source)  # else it is a host of that name
    )
    return source if whole else f"http://{source}"


def _dropped(data: QMimeData | None) -> list[str]:
    """The videos, pictures and folders in what is dragged, or else its first stream."""
    if data is None:
        return []
    paths = [url.toLocalFile() for url in data.urls() if url.isLocalFile()]
    streams = [url.toString() for url in data.urls() if url.scheme().lower() in URL_SCHEMES]
    return [path for path in paths if _is_media(path) or is_folder(path)] or streams[:1]


def _is_media(path: str) -> bool:
    """Whether a file is a video or a picture, by its name, or by its first bytes where that tells nothing.

    So are photographs in formats that are not read: whoever is given one tells it.
    """
    from gesture_app.ui.file_list import MEDIA_SUFFIXES  # brings Pillow
    from gesture_app.vision.images import UNREAD_SUFFIXES

    by_name = Path(path).suffix.lower() in (*MEDIA_SUFFIXES, *UNREAD_SUFFIXES)
    return by_name or QMimeDatabase().mimeTypeForFile(path).name().startswith("video/")
