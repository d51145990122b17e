"""The row above the picture: which source, and start or stop."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtCore import QCoreApplication, Qt, QTimer, QUrl, pyqtSignal
from PyQt6.QtGui import QAction, QKeyEvent
from PyQt6.QtWidgets import QApplication, QComboBox, QHBoxLayout, QPushButton, QSizePolicy, QToolButton, QWidget

from gesture_app.ui.cameras import Camera
from gesture_app.ui.desktop import full_path, shown_path
from gesture_app.ui.icons import icon
from gesture_app.ui.menu_texts import plain
from gesture_app.ui.wheel_guard import ActingBox
from gesture_app.video.addresses import masked, source_kind

EXACTLY = Qt.MatchFlag.MatchExactly | Qt.MatchFlag.MatchCaseSensitive


def shown_source(source: str, cameras: Sequence[Camera] = ()) -> str:
    """The source as it may be shown: the name of a camera, a file or a host, never a password."""
    translate = QCoreApplication.translate
    kind = source_kind(source)
    if kind == "camera":
        unknown = translate("SourceBar", "camera {number}").format(number=source)
        return next((camera.name for camera in cameras if camera.source == source), unknown)
    if kind == "stream":
        return masked(source).partition("://")[2].partition("/")[0].rpartition("@")[2] or masked(source)
    if kind == "screen":
        size = re.match(r"screen:(\d+)x(\d+)", source)
        part = translate("SourceBar", "{width} × {height} of the screen")
        return part.format(width=size[1], height=size[2]) if size else translate("SourceBar", "the screen")
    return Path(source).name or source


def unquoted(text: str) -> str:
    """The text without white space around it, and without the quotes with which file managers copy paths."""
    text = text.strip()
    quoted = re.fullmatch(r"""(["'])(.+)\1""", text)
    return quoted[2] if quoted else text


def entered_source(text: str) -> str:
    """The source that somebody has typed or pasted: a camera by its number, a file by its path."""
    text = unquoted(text)
    if camera := re.fullmatch(r"camera\s*(\d+)", text, re.IGNORECASE):
        return camera[1]
    return QUrl(text).toLocalFile() if text.startswith("file:") else full_path(text)


class SourceBar(QWidget):
    """Lets the user choose a source.

    Signals:
        toggled: start or stop was asked for.
        chosen: another source was picked, to be played now.
        given_up: what is entered is not to be played after all.

    Attributes:
        last_part: what the Tab key reaches last here.
    """

    toggled = pyqtSignal()
    chosen = pyqtSignal()
    given_up = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._masked = ("", "")  # what is shown of an address that is not in the list, and the address
        self._box = ActingBox()
        self._box.setEditable(True)
        self._box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self._box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._box.setMinimumContentsLength(16)
        self._box.setAccessibleName(self.tr("Source"))
        self._box.setToolTip(self.tr("A camera, a file, or the address of a stream (rtsp:// or http://)"))
        line = self._box.lineEdit()
        assert line is not None
        line.setPlaceholderText(self.tr("Camera, file or rtsp:// address"))
        line.setAccessibleName(self.tr("Source"))
        # One Enter can tell `returnPressed`, `activated` or both, by what the list holds: they count as one choice.
        self._choice = QTimer(self)
        self._choice.setSingleShot(True)
        self._choice.timeout.connect(self.chosen)
        line.returnPressed.connect(lambda: self._choice.start())
        self._box.activated.connect(lambda: self._choice.start())
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.connect(self._follow_focus)  # a line tells of its end only once for what is typed
        self.start_button = QPushButton()
        self.start_button.setMinimumWidth(100)
        self.start_button.clicked.connect(self.toggled)
        self.set_running(False)

        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.addWidget(self._box, 1)
        self._row.addWidget(self.start_button)
        self.last_part: QWidget = self.start_button

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Escape gives up what is entered."""
        if event is not None and event.key() == Qt.Key.Key_Escape:
            self.given_up.emit()
        else:
            super().keyPressEvent(event)

    def add_button(self, action: QAction) -> None:
        """Add a button for an action at the end of the row."""
        button = QToolButton()
        button.setDefaultAction(action)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        button.setAccessibleName(plain(action.text()))
        self._row.addWidget(button)
        self.setTabOrder(self.last_part, button)  # else the key comes here after all that was made before
        self.last_part = button

    def set_sources(self, cameras: Sequence[Camera], recent: Sequence[str]) -> None:
        """Offer these cameras, and these files and addresses; what is entered stays."""
        source = self.source()
        self._box.blockSignals(True)
        self._box.clear()
        for camera in cameras:
            self._box.addItem(icon("camera"), camera.name, camera.source)
        if cameras and recent:
            self._box.insertSeparator(self._box.count())
        for address in recent:
            kind = source_kind(address)
            text = self._free_text(masked(address) if kind == "stream" else shown_path(address))
            self._box.addItem(icon({"stream": "stream", "screen": "screen"}.get(kind, "open")), text, address)
        self._box.blockSignals(False)
        self.set_source(source)

    def source(self) -> str:
        """The chosen source: digits for a camera, else a path or an address; empty when nothing is entered."""
        text = unquoted(self._box.currentText())
        index = self._box.findText(text, EXACTLY)
        if text and index >= 0 and self._box.itemData(index) is not None:
            return str(self._box.itemData(index))
        if text and text == self._masked[0]:
            return self._masked[1]
        return entered_source(text)

    def set_source(self, source: str) -> None:
        """Show this source as the chosen one."""
        index = self._box.findData(source) if source else -1
        self._box.setCurrentIndex(index)  # its icon is shown, too
        if index < 0:
            kind = source_kind(source)
            self._masked = (masked(source), source) if kind == "stream" else ("", "")
            camera = self.tr("Camera {number}").format(number=source)
            self._box.setEditText(camera if kind == "camera" else self._masked[0] or shown_path(source))

    def _follow_focus(self, before: QWidget | None) -> None:
        """Give up what is entered when the focus goes elsewhere in the window; only Start may have it in between.

        While a menu, the list or another window is in front, the window keeps in mind where the focus comes back to.
        """
        if before is self._box:
            self._choice.stop()  # Qt takes what was completed to one of the list for chosen
        window, kept = self.window(), (self._box, self.start_button)
        if before in kept and window is not None and window.focusWidget() not in kept:
            self.given_up.emit()

    def _free_text(self, text: str) -> str:
        """The text, with a number where the list has it already: addresses may differ in what is not shown of them."""
        number, free = 1, text
        while self._box.findText(free, EXACTLY) >= 0:
            number += 1
            free = f"{text} ({number})"
        return free

    def set_running(self, running: bool) -> None:
        """Turn the button into what it does next."""
        self.start_button.setIcon(icon("stop" if running else "play"))
        self.start_button.setText(self.tr("St&op") if running else self.tr("&Start"))
        self.start_button.setToolTip(self.tr("Close the source") if running else self.tr("Play the source"))
