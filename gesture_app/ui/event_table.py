"""The rows of the list of gesture events."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt
from PyQt6.QtGui import QIcon

from gesture_app.events import GestureEvent
from gesture_app.ui.clock import clock_with_tenths
from gesture_app.ui.desktop import shown_path
from gesture_app.ui.gesture_drawing import gesture_icon
from gesture_app.vision.style import gesture_name, hand_name

MOST_EVENTS = 10_000
GESTURE, START, END, HAND, SURE, SOURCE = range(6)
LASTING = "…"

Role = Qt.ItemDataRole


class EventTable(QAbstractTableModel):
    """Events, the newest in the first row, those of a clip as it shows them; of more than `MOST_EVENTS` the oldest go.

    Attributes:
        source: what is played now, whose events are added; in an event stands only its name, which others may have too.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.source = ""
        self._seen: list[tuple[str, GestureEvent]] = []  # the source of each event, and the event; the oldest first
        self._icons: dict[str, QIcon] = {}
        self._titles = {
            GESTURE: (self.tr("Gesture"), ""),
            START: (self.tr("Start"), self.tr("When the gesture was first seen: time of day, or time in the video")),
            END: (self.tr("End"), self.tr("When it was last seen")),
            HAND: (self.tr("Hand"), self.tr("L for left or R for right, and the number that stays with the hand")),
            SURE: (self.tr("Sure"), self.tr("Mean probability of the gesture")),
            SOURCE: (self.tr("Seen in"), self.tr("The video, the camera, or the picture of a folder")),
        }

    @property
    def events(self) -> tuple[GestureEvent, ...]:
        """All of them, the oldest first."""
        return tuple(event for _, event in self._seen)

    @property
    def only_source(self) -> str:
        """Where all of them were seen; empty if that is not one and the same."""
        sources = {source for source, _ in self._seen}
        return sources.pop() if len(sources) == 1 else ""

    @property
    def tells_source(self) -> bool:
        """Whether rows must say where they were seen: not all in one source, or in the pictures of a folder."""
        return len({source for source, _ in self._seen}) > 1 or any(event.picture for _, event in self._seen)

    def event_at(self, row: int) -> GestureEvent:
        """The event in this row."""
        return self._seen[-1 - row][1]

    def source_at(self, row: int) -> str:
        """What was played when the event in this row was seen."""
        return self._seen[-1 - row][0]

    def events_of(self, source: str) -> tuple[GestureEvent, ...]:
        """What was seen of a source, the oldest first."""
        return tuple(event for seen_in, event in self._seen if seen_in == source)

    def clear(self) -> None:
        """Forget all events; one that lasts comes back when it changes."""
        self.beginResetModel()
        self._seen.clear()
        self.endResetModel()

    def update(self, events: Iterable[GestureEvent], dropped: Iterable[int] = ()) -> None:
        """Add new events, replace what is known of others by their number, and take some away."""
        for number in dropped:
            self._remove(number)
        for event in sorted(events, key=lambda event: event.number):
            place = self._place(event.number)
            if place is None:
                self._add(event)
                continue
            self._seen[place] = self.source, event
            row = len(self._seen) - 1 - place
            self.dataChanged.emit(self.index(row, GESTURE), self.index(row, SOURCE))
        self._trim()

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008  # Qt's signature
        """How many events."""
        return 0 if parent.isValid() else len(self._seen)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008  # Qt's signature
        """How many columns."""
        return 0 if parent.isValid() else len(self._titles)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole) -> Any:
        """The titles."""
        if orientation == Qt.Orientation.Horizontal and section in self._titles:
            if role == Role.DisplayRole:
                return self._titles[section][0]
            if role == Role.ToolTipRole:
                return self._titles[section][1] or None
            if role == Role.TextAlignmentRole:
                return _alignment(section)
        return None

    def data(self, index: QModelIndex, role: int = Role.DisplayRole) -> Any:
        """A cell."""
        if not index.isValid():
            return None
        event, column = self.event_at(index.row()), index.column()
        if role == Role.DisplayRole:
            return _text(event, column)
        if role == Role.DecorationRole and column == GESTURE:
            if event.label not in self._icons:
                self._icons[event.label] = gesture_icon(event.label)
            return self._icons[event.label]
        if role == Role.TextAlignmentRole:
            return _alignment(column)
        if role == Role.ToolTipRole:
            return self.tr("{gesture} by hand {hand} in {source}, {seconds} s").format(
                gesture=gesture_name(event.label),
                hand=hand_name(event.side, event.hand_id),
                source=self._place_at(index.row()) or "–",
                seconds=f"{event.duration_s:.1f}",
            )
        return None

    def _place_at(self, row: int) -> str:
        """Where the event in this row was seen, in full where that is a file."""
        event, source = self.event_at(row), self.source_at(row)
        return shown_path(str(Path(source) / event.picture)) if source and event.started_at is None else event.place

    def _add(self, event: GestureEvent) -> None:
        place = len(self._seen)
        if event.started_at is None:  # of a clip, a part of which may have been jumped over before; live is ever newer
            while (
                place > 0
                and self._seen[place - 1][0] == self.source
                and self._seen[place - 1][1].start_s > event.start_s
            ):
                place -= 1
        row = len(self._seen) - place
        self.beginInsertRows(QModelIndex(), row, row)
        self._seen.insert(place, (self.source, event))
        self.endInsertRows()

    def _remove(self, number: int) -> None:
        place = self._place(number)
        if place is None:  # cleared before
            return
        row = len(self._seen) - 1 - place
        self.beginRemoveRows(QModelIndex(), row, row)
        del self._seen[place]
        self.endRemoveRows()

    def _place(self, number: int) -> int | None:
        """Where the event of this number is, of those of what is played now; the newest are looked at first."""
        newest_first = range(len(self._seen) - 1, -1, -1)
        wanted = self.source, number
        return next((p for p in newest_first if (self._seen[p][0], self._seen[p][1].number) == wanted), None)

    def _trim(self) -> None:
        surplus = len(self._seen) - MOST_EVENTS
        if surplus <= 0:
            return
        self.beginRemoveRows(QModelIndex(), MOST_EVENTS, len(self._seen) - 1)
        del self._seen[:surplus]
        self.endRemoveRows()


def shown_time(event: GestureEvent, time_s: float) -> str:
    """A time of the event as people read it: of the day where it was live, else in the video."""
    if event.started_at is not None:
        return f"{event.started_at + timedelta(seconds=time_s - event.start_s):%H:%M:%S}"
    return clock_with_tenths(time_s)


def _text(event: GestureEvent, column: int) -> str:
    if column == GESTURE:
        return gesture_name(event.label)
    if column == SOURCE:
        return event.picture or event.source
    if event.picture and column in (START, END):
        return ""  # pictures of a folder have no time
    if column == START:
        return shown_time(event, event.start_s)
    if column == END:
        return LASTING if event.end_s is None else shown_time(event, event.end_s)
    if column == HAND:
        # As in the picture; whole words would take its place.
        return f"{event.side[:1].upper()} {event.hand_id}".strip()
    return f"{event.confidence * 100:.0f} %"


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignLeft if column in (GESTURE, SOURCE) else Qt.AlignmentFlag.AlignRight
    return side | Qt.AlignmentFlag.AlignVCenter
