"""From the hands of every picture to what the window tells about gestures."""

from __future__ import annotations

from PyQt6.QtCore import QObject, pyqtSignal

from gesture_app.events import EventDetector
from gesture_app.ui.event_panel import EventPanel
from gesture_app.ui.live import Phase, Result, Status
from gesture_app.ui.timeline import Timeline
from gesture_app.ui.top_bars import TopBars
from gesture_app.video.addresses import source_kind
from gesture_app.vision.style import gesture_name

# The picture goes on, or goes on in a moment; anything else ends the gestures that are shown.
GOING_ON = (Phase.LIVE, Phase.PAUSED, Phase.LOADING)


class EventFeed(QObject):
    """Finds gesture events in results and shows them in a panel, a timeline and bars.

    Signals:
        told: gestures begin; carries their names and hands in words.
    """

    told = pyqtSignal(str)

    def __init__(self, panel: EventPanel, timeline: Timeline, bars: TopBars, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._panel = panel
        self._timeline = timeline
        self._bars = bars
        self._detector = EventDetector()
        self._finished = True

    def begin(self, source: str, name: str) -> None:
        """Another source is played, whose events have this name, and unless it is a file the time of day."""
        self._finish()
        self._panel.table.source = source
        self._detector = EventDetector(name, source_kind(source) != "file", self._panel.table.events_of(source))
        self._timeline.begin()
        self._bars.clear()

    def add(self, result: Result) -> None:
        """Take the hands of a picture."""
        self._bars.show_hands(result.hands)
        if result.inference_s is None:
            return
        self._finished = False
        changes = self._detector.update(result.hands, result.time_s, result.still, result.name)
        self._panel.show_changes(changes)
        self._timeline.show_changes(changes)
        if changes.started:
            self.told.emit(", ".join(f"{gesture_name(event.label)} {event.side}".strip() for event in changes.started))

    def follow(self, status: Status) -> None:
        """End what goes on when the source does."""
        if status.phase not in GOING_ON:
            self._finish()
            if status.phase is not Phase.ENDED:  # where the last picture stays, with its hands
                self._bars.clear()

    def _finish(self) -> None:
        if not self._finished:
            self._finished = True
            changes = self._detector.finish()
            self._panel.show_changes(changes)
            self._timeline.show_changes(changes)
