"""The annotated picture."""

from __future__ import annotations

from PyQt6.QtCore import QPointF, QRectF, QSize, QSizeF, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QResizeEvent,
)
from PyQt6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from gesture_app.settings import PictureMode
from gesture_app.ui.banner import Banner, Look, paint_banner

BACKGROUND = QColor(15, 17, 20)
DIM = QColor(15, 17, 20, 150)
SPINNER_TURN_MS = 1000
SPINNER_STEP_MS = 50
PAN_STEP_PX = 40.0
LARGE_PX = 3_000_000
"""Of the screen; a picture enlarged beyond it is smoothed at half the size, which takes a third of the time."""

PAN_KEYS = {
    Qt.Key.Key_Left: QPointF(PAN_STEP_PX, 0),
    Qt.Key.Key_Right: QPointF(-PAN_STEP_PX, 0),
    Qt.Key.Key_Up: QPointF(0, PAN_STEP_PX),
    Qt.Key.Key_Down: QPointF(0, -PAN_STEP_PX),
}


class VideoView(QWidget):
    """Paints the newest picture at its own aspect ratio, and a banner over it.

    The whole picture as large as fits, or as much of it as fills the widget, or a pixel of it for a pixel of the
    screen. What does not fit is reached by dragging, or by Shift and the arrow keys.

    Signals:
        painted: a new picture is on the screen; carries the time it was captured.
        double_clicked: anywhere on the picture.

    Attributes:
        picture: what is shown, in its own size.
        banner: the message over it.
        mode: how the picture is laid into the widget.
    """

    painted = pyqtSignal(float)
    double_clicked = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.picture: QImage | None = None
        self._unpainted_captured_s: float | None = None
        self.banner: Banner | None = None
        self._turn = 0.0
        self.mode: PictureMode = "fit"
        self._cursor_hidden = False
        self._reached_by_key = False
        self._pan = QPointF()
        self._dragged_from: QPointF | None = None
        self._corners = QHBoxLayout(self)
        self._spinner = QTimer(self)
        self._spinner.setInterval(SPINNER_STEP_MS)
        self._spinner.timeout.connect(self._step_spinner)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(320, 120)
        self.setAccessibleName(self.tr("Video"))

    def set_mode(self, mode: PictureMode) -> None:
        """Lay the picture differently, its middle in the middle."""
        self.mode = mode
        self._pan = QPointF()
        self._show_cursor()
        self.update()

    def hide_cursor(self, hidden: bool) -> None:
        """Show no pointer over the picture, whatever comes, or show it again."""
        self._cursor_hidden = hidden
        self._show_cursor()

    def show_picture(self, picture: QImage, captured_s: float | None) -> None:
        """Show this picture from the next paint on; without a time of capture `painted` is not told."""
        if self.picture is None or self.picture.size() != picture.size():
            self.picture = picture
            self._show_cursor()
        self.picture = picture
        self._unpainted_captured_s = captured_s
        self.update()

    def clear_picture(self) -> None:
        """Show no picture."""
        self.picture = None
        self._unpainted_captured_s = None
        self._pan = QPointF()
        self._show_cursor()
        self.update()

    def show_banner(self, banner: Banner | None) -> None:
        """Put a message over the picture, which is dimmed unless it stands aside, or take it away."""
        if banner == self.banner:
            return
        self.banner = banner
        self.tell(". ".join(filter(None, (banner.title, banner.text))) if banner is not None else "")
        if banner is not None and banner.look is Look.BUSY:
            self._spinner.start()
        else:
            self._spinner.stop()
        self.update()

    def tell(self, text: str) -> None:
        """Have screen readers say this: they read what changes in the part that has the focus, as this mostly has."""
        self.setAccessibleDescription("")  # the same once more is news, too
        self.setAccessibleDescription(text)

    def lay_over(self, part: QWidget, side: Qt.AlignmentFlag) -> None:
        """Put a part into the upper left or right corner, over the picture: white on dark whatever the theme."""
        palette = part.palette()
        palette.setColor(QPalette.ColorRole.Window, BACKGROUND)
        palette.setColor(QPalette.ColorRole.WindowText, Qt.GlobalColor.white)
        part.setPalette(palette)
        part.setAutoFillBackground(True)
        self._corners.addWidget(part, 1, Qt.AlignmentFlag.AlignTop | side)

    def picture_rect(self) -> QRectF:
        """Where the picture lies, in device-independent pixels, also outside the widget; empty without a picture."""
        if self.picture is None:
            return QRectF()
        size = QSizeF(self.picture.size())
        if self.mode == "actual":
            size /= self.devicePixelRatioF()
        else:
            fit, fill = Qt.AspectRatioMode.KeepAspectRatio, Qt.AspectRatioMode.KeepAspectRatioByExpanding
            size.scale(QSizeF(self.size()), fit if self.mode == "fit" else fill)
        self._pan = self._within(self._pan, size)
        rect = QRectF(0, 0, size.width(), size.height())
        rect.moveCenter(QRectF(self.rect()).center() + self._pan)
        if self.mode == "actual":  # between two pixels of the screen it would be blurred
            rect.moveTo(round(rect.left()), round(rect.top()))
        return rect

    def sizeHint(self) -> QSize:
        """Room for a half-size 720p picture."""
        return QSize(960, 540)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Background, picture, banner."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), BACKGROUND)
        if self.picture is not None:
            target = self.picture_rect()
            self._paint_picture(painter, target, self.picture)
            if self.banner is not None and self.banner.look is not Look.ASIDE:
                painter.fillRect(target, DIM)
        if self.banner is not None:
            paint_banner(painter, QRectF(self.rect()), self.banner, self._turn)
        if self._reached_by_key:  # else a picture that plays has the focus, which need not be seen
            painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Highlight), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(self.rect()).adjusted(1, 1, -1, -1))
        painter.end()
        if self._unpainted_captured_s is not None:
            captured_s, self._unpainted_captured_s = self._unpainted_captured_s, None
            self.painted.emit(captured_s)

    def focusInEvent(self, event: QFocusEvent | None) -> None:
        """Show a frame for those who walk through the window by the Tab key."""
        super().focusInEvent(event)
        by_key = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        self._reached_by_key = event is not None and event.reason() in by_key

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        """And no more."""
        super().focusOutEvent(event)
        self._reached_by_key = False

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """See whether there is still something to drag."""
        super().resizeEvent(event)
        self._show_cursor()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Take hold of the picture."""
        if event is not None and event.button() == Qt.MouseButton.LeftButton and self._overhang():
            self._dragged_from = event.position() - self._pan
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Drag the picture."""
        if event is not None and self._dragged_from is not None:
            self._pan = event.position() - self._dragged_from
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """Let go of the picture."""
        self._dragged_from = None
        self._show_cursor()
        super().mouseReleaseEvent(event)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Move the picture by Shift and an arrow."""
        if event is not None and event.modifiers() & Qt.KeyboardModifier.ShiftModifier and event.key() in PAN_KEYS:
            self._pan += PAN_KEYS[Qt.Key(event.key())]
            self.update()
            return
        super().keyPressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        """Tell it."""
        self.double_clicked.emit()

    def _step_spinner(self) -> None:
        self._turn = (self._turn + SPINNER_STEP_MS / SPINNER_TURN_MS) % 1.0
        self.update()

    def _paint_picture(self, painter: QPainter, target: QRectF, picture: QImage) -> None:
        side_scale = self.devicePixelRatioF()
        screen_px = target.width() * target.height() * side_scale**2
        if screen_px > LARGE_PX and screen_px > 2 * picture.width() * picture.height():
            half = QImage(
                round(target.width() * side_scale / 2), round(target.height() * side_scale / 2), picture.format()
            )
            smoother = QPainter(half)
            smoother.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            smoother.drawImage(QRectF(half.rect()), picture)
            smoother.end()
            painter.drawImage(target, half)
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(target, picture)

    def _within(self, pan: QPointF, size: QSizeF) -> QPointF:
        """The same way, but not so far that a gap opens beside the picture."""
        room_x, room_y = max(0.0, size.width() - self.width()) / 2, max(0.0, size.height() - self.height()) / 2
        return QPointF(min(max(pan.x(), -room_x), room_x), min(max(pan.y(), -room_y), room_y))

    def _overhang(self) -> bool:
        rect = self.picture_rect()
        return rect.width() > self.width() + 1 or rect.height() > self.height() + 1

    def _show_cursor(self) -> None:
        if self._cursor_hidden:
            self.setCursor(Qt.CursorShape.BlankCursor)
        elif self._overhang():
            self.setCursor(Qt.CursorShape.OpenHandCursor)
        else:
            self.unsetCursor()
