"""Tracked hands -> gesture events: when a gesture began, when it ended, and whose it was."""

from __future__ import annotations

import csv
import io
import json
import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import Any

from gesture_app.errors import EnvironmentFault, InputError
from gesture_app.vision.atomic import write_atomically
from gesture_app.vision.hands import LONGEST_STEP_S, Hand
from gesture_app.vision.labels import NO_GESTURE

START_AFTER_S = 0.25
END_AFTER_S = 0.4

NUMBER, SEEN_S = attrgetter("number"), attrgetter("seen_s")

COLUMNS = ("source", "gesture", "side", "hand", "start_s", "end_s", "duration_s", "confidence", "started_at")


@dataclass(frozen=True)
class GestureEvent:
    """One gesture of one hand.

    Attributes:
        number: counts the events of a detector, from 1; an event that lasts keeps its number from change to change.
        label: the gesture, never `no_gesture`.
        hand_id: the identity that the tracker gave.
        start_s: when it was first seen, in seconds of the source.
        end_s: when it was last seen; None while it lasts.
        seen_s: when it was last seen so far.
        confidence: mean probability of the gesture, 0..1, over the pictures that show it.
        source: where it was seen, as it may be shown.
        started_at: `start_s` on the clock, where the source is live.
        side: of the hand, left or right; empty where that is not known.
        picture: the name of its file, where the source is a folder of pictures.
    """

    number: int
    label: str
    hand_id: int
    start_s: float
    end_s: float | None
    seen_s: float
    confidence: float
    source: str = ""
    started_at: datetime | None = None
    side: str = ""
    picture: str = ""

    @property
    def place(self) -> str:
        """The source, and where it is a folder, the picture in it."""
        return f"{self.source}/{self.picture}" if self.picture else self.source

    @property
    def duration_s(self) -> float:
        """How long it was seen."""
        return self.seen_s - self.start_s


@dataclass(frozen=True)
class EventChanges:
    """What one frame did to the events.

    Attributes:
        time_s: of the frame.
        active: all that last now.
        started: those of `active` that are new.
        ended: those that were active until now.
        dropped: numbers of earlier events that the file does not show, as it is now looked at.
    """

    time_s: float
    active: tuple[GestureEvent, ...] = ()
    started: tuple[GestureEvent, ...] = ()
    ended: tuple[GestureEvent, ...] = ()
    dropped: tuple[int, ...] = ()


@dataclass
class _Sight:
    """A gesture of a hand that is an event once it has a number, and may become one before."""

    event: GestureEvent
    count: int = 1
    before: GestureEvent | None = None  # the same gesture as it was seen when the file was played before

    def add(self, seen: GestureEvent) -> None:
        """It was seen again: what one frame shows of it."""
        self.count += 1
        confidence = self.event.confidence + (seen.confidence - self.event.confidence) / self.count
        self.event = replace(self.event, seen_s=seen.seen_s, confidence=confidence, side=seen.side or self.event.side)


@dataclass
class _Watch:
    """One hand: the gesture that lasts, and another that may take its place."""

    current: _Sight | None = None
    rival: _Sight | None = None

    def see(self, seen: GestureEvent) -> None:
        """What one frame shows of the hand."""
        for sight in (self.current, self.rival):
            if sight is None or sight.event.label != seen.label:
                continue
            if seen.seen_s - sight.event.seen_s <= LONGEST_STEP_S:
                sight.add(seen)
                if sight is self.current:
                    self.rival = None
                return
        self.rival = _Sight(seen)


class EventDetector:
    """Tells events from flicker.

    A gesture becomes an event once a hand has shown it for `START_AFTER_S`, and counts from its first sight; it has
    ended once the hand has not shown it for `END_AFTER_S`, or another for `START_AFTER_S`, and counts to its last
    sight. Both are seconds of the source, whatever the frame rate.

    What a file shows is one event however often it is played: a gesture that is seen again takes the number of the
    event that it was, with what was not played again of its span; an event whose whole span was played again without
    it is dropped.

    Args:
        source: where the hands are seen, as it may be shown.
        live: whether frames are taken at the time they show, so that events have a time on the clock.
        earlier: what was seen of this source when it was played before; numbers go on from there.
    """

    def __init__(self, source: str = "", live: bool = False, earlier: Sequence[GestureEvent] = ()) -> None:
        self._source = source
        self._live = live
        self._watches: dict[int, _Watch] = {}
        self._count = max((event.number for event in earlier), default=0)
        self._earlier = [] if live else sorted(earlier, key=SEEN_S)  # of a long file they may be thousands
        self._passed: list[GestureEvent] = []  # since `_began_s`; of a live source, which is seen once, nothing
        self._began_s = self._time_s = -math.inf  # from there to here the source was played without a gap

    def update(self, hands: Sequence[Hand], time_s: float, still: bool = False, picture: str = "") -> EventChanges:
        """Take the hands of the next frame, with the ids that a tracker gave.

        A jump in time, as after a loop or a seek, ends everything first. What a still picture shows is an event at
        once.

        Args:
            picture: see `GestureEvent`.
        """
        broken_off: tuple[GestureEvent, ...] = ()
        if not 0 <= time_s - self._time_s <= LONGEST_STEP_S:
            broken_off = self.finish().ended
            self._earlier = sorted([*self._earlier, *self._passed], key=SEEN_S)
            self._passed.clear()
            self._began_s = time_s
        self._time_s = time_s
        now = datetime.now().astimezone() if self._live else None
        lasting = {event.number for event in self._active()}
        ended = []
        shown = {hand.id: hand for hand in hands if hand.label != NO_GESTURE}
        for hand_id in sorted(shown.keys() | self._watches.keys()):
            watch = self._watches.setdefault(hand_id, _Watch())
            if (hand := shown.get(hand_id)) is not None:
                times = time_s, None, time_s
                watch.see(
                    GestureEvent(0, hand.label, hand_id, *times, hand.score, self._source, now, hand.side, picture)
                )
            if (over := self._advance(watch, time_s, 0.0 if still else START_AFTER_S)) is not None:
                ended.append(replace(over, end_s=over.seen_s))
            if watch.current is None and watch.rival is None:
                del self._watches[hand_id]
        self._remember(ended)
        active = self._active()
        started = tuple(event for event in active if event.number not in lasting)
        return EventChanges(time_s, active, started, (*broken_off, *ended), self._drop())

    def finish(self) -> EventChanges:
        """End everything that lasts: the source has ended, or another comes."""
        lasting = [self._complete(watch.current) for watch in self._watches.values() if watch.current is not None]
        ended = tuple(sorted(lasting, key=NUMBER))
        self._remember(ended)
        self._watches.clear()
        return EventChanges(self._time_s, ended=ended)

    def _advance(self, watch: _Watch, time_s: float, start_after_s: float) -> GestureEvent | None:
        """Let gestures end and begin; the one that has ended."""
        over = None
        if watch.rival is not None and time_s - watch.rival.event.seen_s >= START_AFTER_S:
            watch.rival = None
        ripe = watch.rival is not None and watch.rival.event.duration_s >= start_after_s
        if watch.current is not None and (ripe or time_s - watch.current.event.seen_s >= END_AFTER_S):
            over, watch.current = watch.current.event, None
        if ripe and watch.rival is not None:
            self._number(watch.rival)
            watch.current, watch.rival = watch.rival, None
        return over

    def _number(self, sight: _Sight) -> None:
        """Make an event of it: of the earlier ones the one that it shows again, or a new one."""
        seen = sight.event
        again = [
            event
            for event in self._earlier[bisect_left(self._earlier, seen.start_s, key=SEEN_S) :]
            if event.label == seen.label and event.start_s <= seen.seen_s
        ]
        if not again:
            self._count += 1
            sight.event = replace(seen, number=self._count)
            return
        before = sight.before = max(again, key=lambda event: (event.side == seen.side, event.seen_s))
        self._earlier.remove(before)
        start_s = seen.start_s
        if start_s - self._began_s <= START_AFTER_S:  # it began before, or its hand was not known at once
            start_s = min(start_s, before.start_s)
        sight.event = replace(seen, number=before.number, start_s=start_s)

    def _complete(self, sight: _Sight) -> GestureEvent:
        """The end; that which a gesture had before, where playing was broken off before it came."""
        end_s = sight.event.seen_s
        if sight.before is not None and sight.before.seen_s > self._time_s:
            end_s = sight.before.seen_s
        return replace(sight.event, seen_s=end_s, end_s=end_s)

    def _remember(self, ended: Iterable[GestureEvent]) -> None:
        if not self._live:
            self._passed += ended

    def _drop(self) -> tuple[int, ...]:
        """Forget the earlier events whose span was played again, and that no gesture can become any more."""
        coming = {watch.rival.event.label for watch in self._watches.values() if watch.rival is not None}
        first = bisect_left(self._earlier, self._began_s, key=SEEN_S)
        end = bisect_right(self._earlier, self._time_s, first, key=SEEN_S)
        over = [e for e in self._earlier[first:end] if e.start_s >= self._began_s and e.label not in coming]
        for event in over:
            self._earlier.remove(event)
        return tuple(event.number for event in over)

    def _active(self) -> tuple[GestureEvent, ...]:
        lasting = (watch.current.event for watch in self._watches.values() if watch.current is not None)
        return tuple(sorted(lasting, key=NUMBER))


def events_csv(events: Iterable[GestureEvent], delimiter: str = ",") -> str:
    """A table with a header line; an event that lasts has no end."""
    stream = io.StringIO()
    table = csv.DictWriter(stream, COLUMNS, delimiter=delimiter, lineterminator="\n")
    table.writeheader()
    table.writerows(_row(event) for event in events)
    return stream.getvalue()


def events_jsonl(events: Iterable[GestureEvent]) -> str:
    """A JSON object a line, with the columns of the table; the end of an event that lasts is null."""
    return "".join(json.dumps(_row(event), ensure_ascii=False) + "\n" for event in events)


def write_events(path: Path, events: Iterable[GestureEvent]) -> None:
    """Write a .csv or .jsonl file, so that at every moment the old or the new one is whole.

    Raises:
        InputError: the file name ends in something else.
        EnvironmentFault: it cannot be written.
    """
    forms = {".csv": events_csv, ".jsonl": events_jsonl}
    form = forms.get(path.suffix.lower())
    if form is None:
        raise InputError(f"events: {path}: not a name for events. Let it end in {' or '.join(forms)}")
    try:
        write_atomically(path, form(events).encode(errors="backslashreplace"))  # names of files may be any bytes
    except OSError as error:
        raise EnvironmentFault(f"events: {path}: {error.strerror}. Choose another folder") from error


def _row(event: GestureEvent) -> dict[str, Any]:
    return {
        "source": event.place,
        "gesture": event.label,
        "side": event.side or None,
        "hand": event.hand_id,
        "start_s": round(event.start_s, 3),
        "end_s": None if event.end_s is None else round(event.end_s, 3),
        "duration_s": round(event.duration_s, 3),
        "confidence": round(event.confidence, 3),
        "started_at": None if event.started_at is None else event.started_at.isoformat(timespec="milliseconds"),
    }
