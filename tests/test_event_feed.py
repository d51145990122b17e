"""From results to the list of events and the timeline: sources that are played, left and played again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes import a_hand
from PyQt6.QtGui import QImage

from gesture_app.ui.event_feed import EventFeed
from gesture_app.ui.event_panel import EventPanel
from gesture_app.ui.live import Phase, Result, Status
from gesture_app.ui.timeline import Timeline
from gesture_app.ui.top_bars import TopBars


@pytest.fixture
def feed(qtbot) -> EventFeed:
    panel, timeline, bars = EventPanel(), Timeline(), TopBars()
    for part in (panel, timeline, bars):
        qtbot.addWidget(part)
    feed = EventFeed(panel, timeline, bars)
    feed.panel, feed.timeline, feed.bars = panel, timeline, bars
    return feed


def play(feed: EventFeed, begin_s: float = 0.0, hands: bool = True) -> None:
    """A second of a clip at ten frames a second, whose last half shows a hand, to its end."""
    for number in range(10):
        shown = (replace(a_hand((0, 0, 9, 9)), id=1),) if hands and number >= 5 else ()
        feed.add(Result(1, QImage(), shown, begin_s + number / 10, 0.0, 0.01, 0))
    feed.follow(Status(1, Phase.ENDED))


def listed(feed: EventFeed) -> list[tuple[str, float, float | None]]:
    return [(event.source, event.start_s, event.end_s) for event in feed.panel.events]


def test_a_clip_that_is_played_again_and_opened_again(feed: EventFeed) -> None:
    feed.begin("/x/a.mp4", "a.mp4")
    for _ in range(3):
        play(feed)
        assert listed(feed) == [("a.mp4", 0.5, 0.9)]
    feed.begin("/x/b.mp4", "b.mp4")
    play(feed)
    feed.begin("/x/a.mp4", "a.mp4")
    play(feed)
    assert listed(feed) == [("a.mp4", 0.5, 0.9), ("b.mp4", 0.5, 0.9)]
    assert len(feed.timeline._events) == 1
    play(feed, hands=False)
    assert listed(feed) == [("b.mp4", 0.5, 0.9)] and not feed.timeline._events


def test_gestures_that_begin_are_told_in_words(feed: EventFeed) -> None:
    told: list[str] = []
    feed.told.connect(told.append)
    feed.begin("0", "Camera")
    hands = tuple(
        replace(a_hand((0, 0, 9, 9)), id=number, label=label, side=side)
        for number, (label, side) in enumerate((("two_up", "left"), ("like", "")))
    )
    for number in range(10):
        feed.add(Result(1, QImage(), hands, number / 10, 0.0, 0.01, 0))
    assert told == ["two up left, like"]


def test_what_was_cleared_comes_back_when_it_is_seen_again(feed: EventFeed) -> None:
    feed.begin("/x/a.mp4", "a.mp4")
    play(feed)
    feed.panel.table.clear()
    play(feed, hands=False)
    assert listed(feed) == []
    play(feed)
    assert listed(feed) == [("a.mp4", 0.5, 0.9)]


@pytest.mark.parametrize(("phase", "kept"), [(Phase.ENDED, True), (Phase.NO_SOURCE, False), (Phase.IDLE, False)])
def test_the_bars_keep_the_hands_of_a_picture_that_stays_at_the_end(feed: EventFeed, phase: Phase, kept: bool) -> None:
    feed.begin("/x/a.mp4", "a.mp4")
    play(feed)
    feed.follow(Status(1, phase))
    assert bool(feed.bars._hands) is kept
    assert listed(feed) == [("a.mp4", 0.5, 0.9)]


def test_a_camera_that_is_started_again(feed: EventFeed) -> None:
    for _ in range(2):
        feed.begin("0", "camera 0")
        play(feed)
    assert [event.number for event in feed.panel.events] == [1, 2]
    assert all(event.started_at is not None for event in feed.panel.events)
