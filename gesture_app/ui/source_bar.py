"""The row above the picture: which source, and start or stop."""

from __future__ import annotations

import re
from pathlib import Path

from PyQt6.QtCore import QEvent, QTimer, QUrl, pyqtSignal
from PyQt6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QSizePolicy, QWidget

from gesture_app.ui.icons import play_icon, stop_icon

DEVICES = Path("/dev")


def camera_indices() -> list[int]:
    """The cameras to offer: the video devices where the system lists them as files, else the first two numbers."""
    found = sorted(
        int(match[1]) for path in DEVICES.glob("video*") if (match := re.fullmatch(r"video(\d+)", path.name))
    )
    return found or [0, 1]


def is_camera(source: str) -> bool:
    """Whether the source is the number of a camera."""
    return source.isascii() and source.isdigit()


def shown_source(source: str) -> str:
    """The source as it may be shown: camera, file name or host, never a password."""
    if is_camera(source):
        return f"camera {source}"
    if "://" not in source:
        return Path(source).name or source
    from gesture_app.video.sources import masked

    return masked(source).partition("://")[2].partition("/")[0].rpartition("@")[2]


class SourceBar(QWidget):
    """Lets the user choose a source.

    Signals:
        toggled: start or stop was asked for.
        chosen: another source was picked, to be played now.
        open_requested: a video file is to be chosen.
    """

    toggled = pyqtSignal()
    chosen = pyqtSignal()
    open_requested = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._running = False
        self._box = QComboBox()
        self._box.setEditable(True)
        self._box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self._box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._box.setMinimumContentsLength(24)
        self._box.setAccessibleName(self.tr("Source"))
        self._box.setToolTip(self.tr("A camera, a video file, or the address of a stream (rtsp:// or http://)"))
        for index in camera_indices():
            self._box.addItem(self._camera_text(index), str(index))
        line = self._box.lineEdit()
        assert line is not None
        line.setPlaceholderText(self.tr("Camera, video file or rtsp:// address"))
        # One Enter can tell `returnPressed`, `activated` or both, by what the list holds: they count as one choice.
        self._choice = QTimer(self)
        self._choice.setSingleShot(True)
        self._choice.timeout.connect(self.chosen)
        line.returnPressed.connect(self._choice.start)
        self._box.activated.connect(lambda: self._choice.start())

        self.open_button = QPushButton(self.tr("Open &video…"))
        self.open_button.setToolTip(self.tr("Choose a video file (Ctrl+O)"))
        self.open_button.clicked.connect(self.open_requested)
        self.start_button = QPushButton()
        self.start_button.setMinimumWidth(110)
        self.start_button.clicked.connect(self.toggled)
        self.set_running(False)

        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._box, 1)
        row.addWidget(self.open_button)
        row.addWidget(self.start_button)

    def source(self) -> str:
        """The chosen source: digits for a camera, else a path or an address; empty when nothing is entered."""
        text = self._box.currentText().strip()
        index = self._box.findText(text)
        if index >= 0 and self._box.itemData(index) is not None:
            return str(self._box.itemData(index))
        if camera := re.fullmatch(r"camera\s*(\d+)", text, re.IGNORECASE):
            return camera[1]
        if text.startswith("file:"):
            return QUrl(text).toLocalFile()
        return str(Path(text).expanduser()) if text.startswith("~") else text

    def set_source(self, source: str) -> None:
        """Show this source as the chosen one."""
        self._box.setEditText(self._camera_text(int(source)) if is_camera(source) else source)

    def set_running(self, running: bool) -> None:
        """Turn the button into what it does next."""
        self._running = running
        self._draw_icon()
        self.start_button.setText(self.tr("&Stop") if running else self.tr("&Start"))
        self.start_button.setToolTip(self.tr("Stop (Space)") if running else self.tr("Start (Space)"))

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow a desktop that turns dark or light."""
        if event is not None and event.type() == QEvent.Type.PaletteChange:
            self._draw_icon()
        super().changeEvent(event)

    def _draw_icon(self) -> None:
        colour = self.palette().buttonText().color()
        self.start_button.setIcon(stop_icon(colour) if self._running else play_icon(colour))

    def _camera_text(self, index: int) -> str:
        return self.tr("Camera {index}").format(index=index)
