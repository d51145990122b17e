"""The annotated picture."""

from __future__ import annotations

from PyQt6.QtCore import QRectF, QSize, QSizeF, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from gesture_app.ui.banner import Banner, paint_banner

BACKGROUND = QColor(15, 17, 20)
DIM = QColor(15, 17, 20, 150)
SPINNER_TURN_MS = 1000
SPINNER_STEP_MS = 50


class VideoView(QWidget):
    """Paints the newest picture as large as fits, at its own aspect ratio, and a banner over it.

    Signals:
        painted: a new picture is on the screen; carries the time it was captured.
        double_clicked: anywhere on the picture.
    """

    painted = pyqtSignal(float)
    double_clicked = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture: QImage | None = None
        self._unpainted_captured_s: float | None = None
        self._banner: Banner | None = None
        self._turn = 0.0
        self._spinner = QTimer(self)
        self._spinner.setInterval(SPINNER_STEP_MS)
        self._spinner.timeout.connect(self._step_spinner)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setMinimumSize(320, 180)
        self.setAccessibleName(self.tr("Video"))

    @property
    def picture(self) -> QImage | None:
        """What is shown, in its own size."""
        return self._picture

    @property
    def banner(self) -> Banner | None:
        """The message over the picture."""
        return self._banner

    def show_picture(self, picture: QImage, captured_s: float | None) -> None:
        """Show this picture from the next paint on; without a time of capture `painted` is not told."""
        self._picture = picture
        self._unpainted_captured_s = captured_s
        self.update()

    def clear_picture(self) -> None:
        """Show no picture."""
        self._picture = None
        self._unpainted_captured_s = None
        self.update()

    def show_banner(self, banner: Banner | None) -> None:
        """Put a message over the picture, which is dimmed, or take it away."""
        if banner == self._banner:
            return
        self._banner = banner
        self.setAccessibleDescription(f"{banner.title}. {banner.text}" if banner else "")
        if banner is not None and banner.busy:
            self._spinner.start()
        else:
            self._spinner.stop()
        self.update()

    def picture_rect(self) -> QRectF:
        """Where the picture lies in the widget, in device-independent pixels; empty without a picture."""
        if self._picture is None:
            return QRectF()
        size = QSizeF(self._picture.size()).scaled(QSizeF(self.size()), Qt.AspectRatioMode.KeepAspectRatio)
        rect = QRectF(0, 0, size.width(), size.height())
        rect.moveCenter(QRectF(self.rect()).center())
        return rect

    def sizeHint(self) -> QSize:
        """Room for a half-size 720p picture."""
        return QSize(960, 540)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Background, picture, banner."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), BACKGROUND)
        if self._picture is not None:
            target = self.picture_rect()
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(target, self._picture)
            if self._banner is not None:
                painter.fillRect(target, DIM)
        if self._banner is not None:
            paint_banner(painter, QRectF(self.rect()), self._banner, self._turn)
        painter.end()
        if self._unpainted_captured_s is not None:
            captured_s, self._unpainted_captured_s = self._unpainted_captured_s, None
            self.painted.emit(captured_s)

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        """Tell it."""
        self.double_clicked.emit()

    def _step_spinner(self) -> None:
        self._turn = (self._turn + SPINNER_STEP_MS / SPINNER_TURN_MS) % 1.0
        self.update()
