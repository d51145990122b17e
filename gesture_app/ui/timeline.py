"""The gestures of the last seconds as bars on a line of time."""

from __future__ import annotations

import math
import time

from PyQt6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QHelpEvent, QIcon, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPalette, QPen, QWheelEvent
from PyQt6.QtWidgets import QSizePolicy, QToolTip, QWidget

from gesture_app.events import EventChanges, GestureEvent
from gesture_app.ui.event_table import shown_time
from gesture_app.ui.gesture_drawing import gesture_icon, gesture_qcolor, text_qcolor
from gesture_app.vision.style import gesture_name, hand_name

WINDOW_S = 30.0
SHORTEST_WINDOW_S, LONGEST_WINDOW_S = 10.0, 300.0
REPAINT_S = 0.066
LANES = 2
TICKS_S = (1, 2, 5, 10, 15, 30, 60, 120)
PADDING_PX = 10.0
NAME_MARGIN_PX = 5.0


class Timeline(QWidget):
    """Bars from left, the past, to right, which is now; hands that gesture at once lie in lanes of their own.

    Signals:
        time_chosen: a place was clicked; carries its time in seconds of the source.

    Attributes:
        window_s: how far it reaches back, in seconds; the mouse wheel and + and - change it.
    """

    time_chosen = pyqtSignal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        self.window_s = WINDOW_S
        self._now_s = 0.0
        self._events: dict[int, GestureEvent] = {}
        self._lanes: dict[int, int] = {}
        self._painted_s = 0.0
        self._drawings: dict[str, QIcon] = {}
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setMinimumHeight(self._lane_px() + self._axis_px() + round(PADDING_PX))
        self.setAccessibleName(self.tr("Timeline of gestures"))
        self.setToolTip(self.tr("The gestures of the last seconds. The mouse wheel shows more or less"))

    def set_window_s(self, window_s: float) -> None:
        """Reach back further or less far, within 10 to 300 seconds."""
        self.window_s = min(max(window_s, SHORTEST_WINDOW_S), LONGEST_WINDOW_S)
        self.update()

    def begin(self) -> None:
        """Forget the source before."""
        self._events.clear()
        self._lanes.clear()
        self._now_s = 0.0
        self.setAccessibleDescription("")
        self.update()

    def show_changes(self, changes: EventChanges) -> None:
        """Take what a frame has done to the events, and its time as now."""
        stepped_back, self._now_s = changes.time_s < self._now_s, changes.time_s
        for event in (*changes.ended, *changes.active):
            self._events[event.number] = event
            self._lanes.setdefault(event.number, self._free_lane(event))
        self._forget(changes.dropped, stepped_back)
        if changes.started:
            self.setAccessibleDescription(gesture_name(changes.started[-1].label))
        now_s = time.monotonic()
        if now_s - self._painted_s >= REPAINT_S or changes.started or changes.ended or changes.dropped:
            self._painted_s = now_s
            self.update()

    def event_at(self, point: QPointF) -> GestureEvent | None:
        """The event whose bar is there."""
        return next((e for e in self._events.values() if self._bar(e).contains(point)), None)

    def sizeHint(self) -> QSize:
        """Room for two hands."""
        return QSize(640, LANES * self._lane_px() + self._axis_px() + round(PADDING_PX))

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Lines of time, bars, names."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_axis(painter)
        for shown in self._events.values():
            self._paint_bar(painter, shown)
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Highlight), 2))
        right = self.width() - PADDING_PX
        painter.drawLine(QPointF(right, 2), QPointF(right, self.height() - self._axis_px()))
        if self.hasFocus():
            painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Highlight), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 4, 4)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Choose a time."""
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            time_s = self._now_s - (self.width() - PADDING_PX - event.position().x()) / self._px_per_s()
            self.time_chosen.emit(min(max(time_s, 0.0), self._now_s))

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Reach further back or less."""
        if event is not None and event.angleDelta().y():
            self.set_window_s(self.window_s * (0.8 if event.angleDelta().y() > 0 else 1.25))
            event.accept()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Reach further back with -, less with +."""
        if event is not None and event.text() in ("+", "-", "="):
            self.set_window_s(self.window_s * (1.25 if event.text() == "-" else 0.8))
            return
        super().keyPressEvent(event)

    def event(self, event: QEvent | None) -> bool:
        """Tell about the bar below the mouse."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            below = self.event_at(QPointF(event.pos()))
            if below is not None:
                QToolTip.showText(event.globalPos(), self._told(below), self)
                return True
        return super().event(event)

    def _told(self, event: GestureEvent) -> str:
        return self.tr("{gesture}, hand {hand}\nfrom {start}, {seconds} s\n{sure} % sure").format(
            gesture=gesture_name(event.label),
            hand=hand_name(event.side, event.hand_id),
            start=shown_time(event, event.start_s),
            seconds=f"{event.duration_s:.1f}",
            sure=f"{event.confidence * 100:.0f}",
        )

    def _free_lane(self, event: GestureEvent) -> int:
        """The first lane in which nothing else is at the event's time."""
        taken = {
            self._lanes[other.number]
            for other in self._events.values()
            if other.number in self._lanes and other.seen_s > event.start_s
        }
        return next(lane for lane in range(len(taken) + 1) if lane not in taken)

    def _forget(self, dropped: tuple[int, ...], stepped_back: bool) -> None:
        """What is too old or dropped, and after a step back what is not yet."""
        oldest_s = self._now_s - LONGEST_WINDOW_S
        newest_s = self._now_s if stepped_back else math.inf
        self._events = {
            n: e for n, e in self._events.items() if e.seen_s >= oldest_s and e.start_s <= newest_s and n not in dropped
        }
        self._lanes = {n: lane for n, lane in self._lanes.items() if n in self._events}

    def _lane_px(self) -> int:
        return self.fontMetrics().height() + 8

    def _axis_px(self) -> int:
        return self.fontMetrics().height() + 6

    def _px_per_s(self) -> float:
        return max(1.0, self.width() - 2 * PADDING_PX) / self.window_s

    def _x(self, time_s: float) -> float:
        return self.width() - PADDING_PX - (self._now_s - time_s) * self._px_per_s()

    def _bar(self, event: GestureEvent) -> QRectF:
        left = max(self._x(event.start_s), PADDING_PX)
        right = self._x(self._now_s if event.end_s is None else event.end_s)
        top = 4 + self._lanes.get(event.number, 0) * self._lane_px()
        return QRectF(left, top, max(right - left, 3.0), self._lane_px() - 4) if right > PADDING_PX else QRectF()

    def _paint_bar(self, painter: QPainter, event: GestureEvent) -> None:
        bar = self._bar(event)
        if bar.isEmpty() or bar.bottom() > self.height() - self._axis_px():
            return
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Mid), 1))
        painter.setBrush(gesture_qcolor(event.label))
        painter.drawRoundedRect(bar, 4, 4)
        self._paint_name(painter, event, bar)

    def _paint_name(self, painter: QPainter, event: GestureEvent, bar: QRectF) -> None:
        """The drawing in the bar, and the name beside it, or where the bar ends too early after it, or nowhere."""
        side = bar.height() if bar.width() >= bar.height() else 0.0
        if side:
            self._drawing(event.label).paint(painter, QRectF(bar.left(), bar.top(), side, side).toRect())
        text = gesture_name(event.label)
        width = painter.fontMetrics().horizontalAdvance(text) + 2 * NAME_MARGIN_PX
        place = QRectF(bar.left() + side, bar.top(), width, bar.height())
        if place.right() <= bar.right():
            painter.setPen(text_qcolor(event.label))
        elif bar.right() + width <= self._room_ends(event, bar):
            painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
            place.moveLeft(bar.right())
        else:
            return
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, text)

    def _drawing(self, label: str) -> QIcon:
        if label not in self._drawings:
            self._drawings[label] = gesture_icon(label, tile=False)
        return self._drawings[label]

    def _room_ends(self, event: GestureEvent, bar: QRectF) -> float:
        """Where the next bar of the same lane begins, or now."""
        lane = self._lanes.get(event.number)
        others = (self._x(e.start_s) for e in self._events.values() if self._lanes.get(e.number) == lane)
        return min((x for x in others if x >= bar.right()), default=self.width() - PADDING_PX)

    def _paint_axis(self, painter: QPainter) -> None:
        """Seconds before now, at the largest number of round places that leaves room for their texts."""
        palette = self.palette()
        widest = painter.fontMetrics().horizontalAdvance("-000 s") * 1.8
        step_s = next((t for t in TICKS_S if t * self._px_per_s() > widest), TICKS_S[-1])
        base = self.height() - self._axis_px()
        for count in range(int(self.window_s / step_s) + 1):
            x = self._x(self._now_s - count * step_s)
            painter.setPen(QPen(palette.color(QPalette.ColorRole.Mid), 1))
            painter.drawLine(QPointF(x, 2), QPointF(x, base))
            text = self.tr("-{seconds} s").format(seconds=count * step_s) if count else self.tr("now")
            width = painter.fontMetrics().horizontalAdvance(text)
            left = min(max(x - width / 2, 4.0), self.width() - width - 4.0)
            painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
            painter.drawText(QPointF(left, base + 2 + painter.fontMetrics().ascent()), text)
