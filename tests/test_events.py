from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gesture_app.errors import EnvironmentFault, InputError
from gesture_app.events import (
    COLUMNS,
    EventChanges,
    EventDetector,
    GestureEvent,
    events_csv,
    events_jsonl,
    write_events,
)
from gesture_app.vision.hands import Hand

NAMES = {"l": "like", "r": "rock", ".": "no_gesture"}


def hand(label: str, number: int = 1, score: float = 0.9) -> Hand:
    return Hand((0, 0, 9, 9), 0.9, label, score, ((label, score),), np.ones(1, np.float32), number)


def play(frames: str, fps: float = 10.0, detector: EventDetector | None = None) -> list[EventChanges]:
    """One hand; a letter a frame, a space where the hand is not seen."""
    detector = detector or EventDetector()
    changes = [
        detector.update([hand(NAMES[name])] if name != " " else [], number / fps) for number, name in enumerate(frames)
    ]
    return [*changes, detector.finish()]


def ended(changes: list[EventChanges]) -> list[tuple[str, float, float | None]]:
    return [(event.label, round(event.start_s, 3), event.end_s) for change in changes for event in change.ended]


@pytest.mark.parametrize(
    ("frames", "events"),
    [
        ("", []),
        ("     ", []),
        (".....", []),
        ("lll", []),  # 0.2 s
        ("llll", [("like", 0.0, 0.3)]),
        ("..lllll....", [("like", 0.2, 0.6)]),
        ("lllll   lll", [("like", 0.0, 1.0)]),  # lost for 0.3 s: one event
        ("lllll.r.lll", [("like", 0.0, 1.0)]),  # flicker
        ("lllll    llll", [("like", 0.0, 0.4), ("like", 0.9, 1.2)]),
        ("lllllrrrrr", [("like", 0.0, 0.4), ("rock", 0.5, 0.9)]),
        ("lrlrlrlrlrlr", []),
        ("ll.ll.ll.ll.", [("like", 0.0, 1.0)]),  # flicker from the beginning
        ("l...l...l...", []),
        ("lllllrr", [("like", 0.0, 0.4)]),
        ("lllllrlrlrlrlrll", [("like", 0.0, 1.5)]),  # flicker to the same other gesture
    ],
)
def test_one_hand_at_ten_frames_a_second(frames: str, events: list[tuple[str, float, float]]) -> None:
    assert ended(play(frames)) == [(label, pytest.approx(start), pytest.approx(end)) for label, start, end in events]


def test_a_frame_a_second_whatever_rounding_leaves_of_it() -> None:
    detector = EventDetector()
    changes = [detector.update([hand("like")], number / 90000 - 0.07) for number in range(6300, 963000, 90000)]
    assert [event.number for change in changes for event in change.started] == [1]
    assert not any(change.ended for change in changes)


@pytest.mark.parametrize("fps", [10, 15, 30, 120])
def test_another_gesture_ends_the_one_before(fps: int) -> None:
    changes = play("l" * fps + "r" * fps, fps)
    assert ended(changes) == [("like", 0.0, pytest.approx(1 - 1 / fps)), ("rock", 1.0, pytest.approx(2 - 1 / fps))]
    assert [[event.label for event in change.started] for change in changes if change.ended] == [["rock"], []]


@pytest.mark.parametrize("fps", [2, 5, 15, 30, 120])
def test_seconds_count_not_frames(fps: int) -> None:
    frames = " " * fps + "l" * (2 * fps) + " " * (2 * fps)
    changes = play(frames, fps)
    ((label, start_s, end_s),) = ended(changes)
    assert label == "like" and start_s == 1.0 and end_s == pytest.approx(3.0 - 1 / fps)
    first = next(change for change in changes if change.started)
    last = next(change for change in changes if change.ended)
    assert 0.25 <= first.time_s - 1.0 <= 0.25 + 1 / fps + 1e-9
    assert 0.4 <= last.time_s - (end_s or 0) <= 0.4 + 1 / fps + 1e-9


def test_an_event_keeps_its_number_while_it_lasts() -> None:
    changes = play("llllllrrrr")
    numbers = [[event.number for event in change.active] for change in changes]
    assert numbers == [[], [], [], [1], [1], [1], [1], [1], [1], [2], []]
    assert [[event.number for event in change.started] for change in changes if change.started] == [[1], [2]]
    assert changes[4].active[0].end_s is None and changes[4].active[0].started_at is None
    assert changes[4].active[0].duration_s == pytest.approx(0.4)


def test_hands_do_not_mix() -> None:
    detector = EventDetector()
    for number in range(10):
        first = hand("like", 1, 0.7 if number % 2 else 0.9)
        changes = detector.update([first, hand("like", 2), hand("no_gesture", 3)], number / 10)
    assert [(event.label, event.hand_id) for event in changes.active] == [("like", 1), ("like", 2)]
    assert [event.confidence for event in changes.active] == [pytest.approx(0.8), pytest.approx(0.9)]
    assert [event.hand_id for event in detector.finish().ended] == [1, 2]
    assert detector.finish().ended == ()


def test_a_step_back_in_time_ends_everything() -> None:
    detector = EventDetector()
    for number in range(10):
        detector.update([hand("like")], 5 + number / 10)
    changes = detector.update([hand("like")], 0.0)
    assert [(event.start_s, event.end_s) for event in changes.ended] == [(5.0, 5.9)]
    assert changes.active == ()


def test_live_events_have_a_time_on_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=lambda: at)
    monkeypatch.setattr("gesture_app.events.datetime", clock)
    detector = EventDetector("camera 0", live=True)
    at = datetime(2026, 5, 4, 12, 0)
    detector.update([], 100.0)
    at += timedelta(hours=8)  # the computer slept, and the frames' clock with it
    for number in range(4):
        at += timedelta(seconds=0.1)
        changes = detector.update([hand("like")], 100.1 + number / 10)
    (event,) = changes.active
    assert event.source == "camera 0" and event.started_at == datetime(2026, 5, 4, 20, 0, 0, 100_000).astimezone()
    row = json.loads(events_jsonl([event]))
    assert datetime.fromisoformat(row["started_at"]) == event.started_at


def test_a_source_that_stalls_ends_a_gesture() -> None:
    detector = EventDetector()
    for number in range(10):
        detector.update([hand("like")], number / 10)
    changes = detector.update([hand("like")], 60.0)
    assert [event.end_s for event in changes.ended] == [0.9] and changes.active == ()


@given(st.lists(st.tuples(st.floats(0, 0.6), st.sampled_from("lr. ")), max_size=60))
def test_events_of_a_hand_follow_each_other(steps: list[tuple[float, str]]) -> None:
    detector = EventDetector()
    time_s, events = 0.0, []
    for step_s, name in steps:
        time_s += step_s
        changes = detector.update([hand(NAMES[name])] if name != " " else [], time_s)
        assert len(changes.active) <= 1
        assert set(changes.started) <= set(changes.active)
        events += changes.ended
    events += detector.finish().ended
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    for event in events:
        assert event.end_s is not None and event.end_s - event.start_s >= 0.25 - 1e-9
    for first, second in pairwise(events):
        assert first.end_s is not None and first.end_s <= second.start_s


@pytest.mark.parametrize(
    ("sides", "expected"),
    [(["", "", "", ""], ""), (["", "left", "", ""], "left"), (["left", "left", "right", "right"], "right")],
)
def test_an_event_has_the_last_side_that_was_known(sides: list[str], expected: str) -> None:
    detector = EventDetector()
    for number, side in enumerate(sides):
        detector.update([replace(hand("like"), side=side)], number / 10)
    assert [event.side for event in detector.finish().ended] == [expected]


EVENTS = [
    GestureEvent(1, "like", 3, 1.0, 2.5, 2.5, 0.87654, side="left"),
    GestureEvent(2, 'my "own", gesture é', 4, 2.0, None, 2.25, 0.5),
]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_csv_can_be_read_back(count: int) -> None:
    rows = list(csv.DictReader(events_csv(EVENTS[:count]).splitlines()))
    assert [row["gesture"] for row in rows] == [event.label for event in EVENTS[:count]]
    if rows:
        assert rows[0] == {
            "source": "",
            "gesture": "like",
            "side": "left",
            "hand": "3",
            "start_s": "1.0",
            "end_s": "2.5",
            "duration_s": "1.5",
            "confidence": "0.877",
            "started_at": "",
        }
    assert count < 2 or rows[1]["end_s"] == rows[1]["side"] == ""


def test_jsonl_can_be_read_back() -> None:
    first, second = (json.loads(line) for line in events_jsonl(EVENTS).splitlines())
    assert first["side"] == "left" and second["side"] is None
    assert first["end_s"] == 2.5 and second["end_s"] is None and second["gesture"] == EVENTS[1].label


@pytest.mark.parametrize("name", ["events.csv", "events.JSONL"])
def test_files(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_events(path, [])
    write_events(path, EVENTS)
    assert EVENTS[1].label.split()[-1] in path.read_text(encoding="utf-8")


def test_the_name_of_a_source_may_be_any_bytes(tmp_path: Path) -> None:
    event = GestureEvent(1, "like", 1, 0.0, 1.0, 1.0, 0.9, "caf\udce9.mp4")
    for name in ("e.csv", "e.jsonl"):
        write_events(tmp_path / name, [event])
        assert "caf" in (tmp_path / name).read_text()


@pytest.mark.parametrize(
    ("name", "error"), [("events.txt", InputError), ("events", InputError), ("none/events.csv", EnvironmentFault)]
)
def test_files_that_cannot_be(tmp_path: Path, name: str, error: type[Exception]) -> None:
    with pytest.raises(error, match="events"):
        write_events(tmp_path / name, EVENTS)


def test_what_a_still_picture_shows_is_an_event_at_once() -> None:
    detector = EventDetector()
    changes = [
        detector.update([hand(label, number)], 2.0 * number, still=True)
        for number, label in enumerate(("like", "rock"))
    ]
    assert [[event.label for event in change.started] for change in changes] == [["like"], ["rock"]]
    assert ended([*changes, detector.finish()]) == [("like", 0.0, 0.0), ("rock", 2.0, 2.0)]


def test_an_event_of_a_folder_is_traced_to_its_picture() -> None:
    detector = EventDetector("album")
    for number in range(3):
        detector.update([hand("like")], 3.0 * number, still=True, picture=f"{number}.jpg")
    (last,) = detector.finish().ended
    assert (last.source, last.picture) == ("album", "2.jpg")
    for row in (json.loads(events_jsonl([last])), next(csv.DictReader(events_csv([last]).splitlines()))):
        assert row["source"] == "album/2.jpg" and tuple(row) == COLUMNS


def listed(*passes: tuple[float, str], detector: EventDetector | None = None) -> list[tuple[str, float, float]]:
    """What is known of a clip of ten frames a second when parts of it were played: whence, and what they showed."""
    detector = detector or EventDetector()
    known: dict[int, GestureEvent] = {}
    for begin_s, frames in passes:
        for number, name in enumerate(frames):
            changes = detector.update([hand(NAMES[name])] if name != " " else [], begin_s + number / 10)
            known |= {event.number: event for event in (*changes.ended, *changes.active)}
            for dropped in changes.dropped:
                known.pop(dropped, None)
    known |= {event.number: event for event in detector.finish().ended}
    assert all(event.end_s == event.seen_s for event in known.values())
    return [(event.label, round(event.start_s, 3), round(event.seen_s, 3)) for event in known.values()]


FILM = "..llllll......rrrrrrrr......"
LIKE, ROCK = ("like", 0.2, 0.7), ("rock", 1.4, 2.1)


@pytest.mark.parametrize(
    ("passes", "events"),
    [
        ([(0, FILM)] * 3, [LIKE, ROCK]),
        ([(0, FILM), (1.4, FILM[14:])], [LIKE, ROCK]),  # to where it began
        ([(0, FILM), (1.7, FILM[17:])], [LIKE, ROCK]),  # into its middle
        ([(0, FILM), (2.0, FILM[20:])], [LIKE, ROCK]),  # too late for an event
        ([(0, FILM), (1.4, " " + FILM[15:])], [LIKE, ROCK]),  # its hand was not found at once
        ([(0, FILM), (1.0, FILM[10:18]), (9, "...")], [LIKE, ROCK]),  # left in its middle
        ([(0, FILM[:18]), (0.2, FILM[2:18])], [LIKE, ("rock", 1.4, 1.7)]),
        ([(0, FILM[:18]), (1.6, FILM[16:])], [LIKE, ROCK]),  # gone on with a little before
        ([(0, FILM[:6]), (10, "....")], [("like", 0.2, 0.5)]),  # what was jumped over is not known
        ([(0, FILM), *((time_s, "l") for time_s in (0.6, 0.5, 0.4, 0.3))], [LIKE, ROCK]),  # stepped back
        ([(0, FILM), (0, "." * len(FILM))], []),  # other thresholds
        ([(0, FILM), (0, "." * 17)], [ROCK]),  # of the second only the beginning was looked at
        ([(0, FILM), (1.5, "." * 13)], [LIKE, ROCK]),  # or the end
        ([(0, FILM), (0, FILM.replace("l", "r"))], [ROCK, ("rock", 0.2, 0.7)]),
        ([(0, "..llll......llllll..."), (0, "..llllllllllllllll...")], [("like", 0.2, 1.7)]),
        ([(0, "..llllllllllllllll..."), (0, "..llll......llllll...")], [("like", 0.2, 0.5), ("like", 1.2, 1.7)]),
    ],
)
def test_what_is_played_again_is_counted_once(passes, events) -> None:
    assert listed(*passes) == events


def test_two_hands_with_one_gesture_keep_their_events_when_they_are_played_again() -> None:
    detector, sides = EventDetector(), ("left", "right")
    seen = []
    for order in (sides, sides, sides[::-1]):  # a tracker may number them the other way round
        for number in range(8):
            hands = [replace(hand("like", hand_id), side=side) for hand_id, side in enumerate(order, 1)]
            changes = detector.update(hands, number / 10)
        seen.append({event.side: event.number for event in changes.active})
    assert seen == [{"left": 1, "right": 2}] * 3


def test_a_file_that_is_opened_again_goes_on_with_what_is_known_of_it() -> None:
    (first,) = [event for change in play(FILM[:12]) for event in change.ended]
    changes = play(FILM, detector=EventDetector(earlier=[first]))
    assert [event.number for change in changes for event in change.ended] == [1, 2]
    for frames, numbers, dropped in (("." * 12, [], [1]), ("......llll..", [1], [])):  # not there; seen late
        changes = play(frames, detector=EventDetector(earlier=[first]))
        assert [event.number for change in changes for event in change.ended] == numbers
        assert [number for change in changes for number in change.dropped] == dropped


def test_what_a_live_source_showed_stays() -> None:
    live = EventDetector(live=True)
    assert len(listed((0, FILM), (0, FILM), (0, "." * 28), detector=live)) == 4
    assert [change.started[0].number for change in play(FILM, detector=live) if change.started] == [5, 6]


def test_pictures_that_are_looked_at_again() -> None:
    detector = EventDetector("album")
    shown: dict[int, str] = {}
    for time_s, labels in ((0.0, "ll"), (3.0, "r"), (0.0, "ll"), (3.0, "l"), (0.0, "l"), (3.0, "l")):
        hands = [hand(NAMES[label], number) for number, label in enumerate(labels, 1)]
        changes = detector.update(hands, time_s, still=True, picture=f"{time_s:.0f}.jpg")
        shown |= {event.number: f"{event.label} {event.picture}" for event in changes.active}
        for number in changes.dropped:
            del shown[number]
    assert sorted(shown.values()) == ["like 0.jpg", "like 3.jpg"]
