"""The page of the first run: asks for a camera and shows the gestures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtGui import QShowEvent
from PyQt6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from gesture_app.ui.cameras import Camera
from gesture_app.ui.gesture_gallery import GestureGallery
from gesture_app.vision.assets import demo_clip


class WelcomePage(QScrollArea):
    """Stands where the picture will be; in a small window the gestures get less room, and then the page scrolls.

    Signals:
        chosen: the source to start with: a camera, or the clip that comes with the program.
        file_requested: a video is to be opened instead.
        skipped: neither, now.
    """

    chosen = pyqtSignal(str)
    file_requested = pyqtSignal()
    skipped = pyqtSignal()

    def __init__(self, cameras: Sequence[Camera], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.camera = QComboBox()
        self.camera.setAccessibleName(self.tr("Camera"))
        self.camera.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.camera.setMinimumContentsLength(14)
        self.camera.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.label = QLabel(self.tr("Camera"))
        self.label.setBuddy(self.camera)
        self.start_button = self._button(
            self.tr("Start camera"), lambda: self.chosen.emit(str(self.camera.currentData()))
        )
        self.file_button = self._button(self.tr("Open a video…"), self.file_requested.emit)
        self.demo_button = self._button(self.tr("Pla&y a demo"), lambda: self.chosen.emit(str(demo_clip())))
        self.skip_button = self._button(self.tr("Not now"), self.skipped.emit)
        self.none = self._text(self.tr("No camera was found. Connect one: it appears here by itself."))
        self.gallery = GestureGallery()
        whole = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        whole.setHeightForWidth(True)  # the page scrolls, not the gallery in it
        self.gallery.setSizePolicy(whole)
        self.setWidget(self._arranged())
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        for area in (self, self.gallery):
            area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.set_cameras(cameras)

    def _arranged(self) -> QWidget:
        title = QLabel(self.tr("Show a gesture"))
        font = title.font()
        font.setPointSizeF(font.pointSizeF() * 1.7)
        font.setBold(True)
        title.setFont(font)
        text = self.tr(
            "Hold a hand into the camera, and the app names its gesture. "
            "All is computed here: no picture leaves this computer."
        )
        row, below = QHBoxLayout(), QHBoxLayout()
        row.addWidget(self.label)
        row.addWidget(self.camera, 1)
        row.addWidget(self.start_button)
        for button in (self.file_button, self.demo_button, self.skip_button):
            below.addWidget(button)
        below.addStretch()
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(24, 18, 24, 18)
        column.setSpacing(12)
        column.addWidget(title, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self._text(text))
        column.addWidget(self.none)
        column.addLayout(row)
        column.addLayout(below)
        column.addWidget(self.gallery, 1)
        return inside

    @staticmethod
    def _text(text: str) -> QLabel:
        label = QLabel(text)
        label.setWordWrap(True)
        return label

    @staticmethod
    def _button(text: str, act: Callable[[], object]) -> QPushButton:
        button = QPushButton(text)
        button.setAutoDefault(True)  # Enter presses it
        button.clicked.connect(lambda: act())
        return button

    def come_after(self, part: QWidget) -> None:
        """Be what the Tab key reaches after this part of the window."""
        parts = (part, self.camera, self.start_button, self.file_button, self.demo_button, self.skip_button)
        for before, after in pairwise(parts):
            self.setTabOrder(before, after)

    def showEvent(self, event: QShowEvent | None) -> None:
        """Let Enter do what is offered first."""
        super().showEvent(event)
        if event is not None and not event.spontaneous():
            self._first.setFocus()

    def minimumSizeHint(self) -> QSize:
        """As wide as its contents, so that they need no scrolling sideways; any height."""
        inside, bar = self.widget(), self.verticalScrollBar()
        assert inside is not None and bar is not None
        return QSize(inside.minimumSizeHint().width() + bar.sizeHint().width(), super().minimumSizeHint().height())

    def set_cameras(self, cameras: Sequence[Camera]) -> None:
        """Offer these cameras; the chosen one stays chosen if it is still there."""
        before, focused = self.camera.currentData(), self._first.hasFocus()
        self.camera.clear()
        for camera in cameras:
            self.camera.addItem(camera.name, camera.source)
        self.camera.setCurrentIndex(max(0, self.camera.findData(before)))
        for part in (self.label, self.camera, self.start_button):
            part.setVisible(bool(cameras))
        self.none.setVisible(not cameras)
        self.start_button.setDefault(bool(cameras))
        self.demo_button.setDefault(not cameras)
        if focused:
            self._first.setFocus()

    @property
    def _first(self) -> QPushButton:
        """What most people will want."""
        return self.start_button if self.camera.count() else self.demo_button
