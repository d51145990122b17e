from __future__ import annotations

import pytest
from PyQt6.QtCore import QPoint, QPointF, Qt
from PyQt6.QtGui import QColor
from PyQt6.QtTest import QTest

from gesture_app.events import EventChanges, GestureEvent
from gesture_app.ui.gesture_drawing import gesture_qcolor
from gesture_app.ui.timeline import PADDING_PX, Timeline

WIDTH = 320  # 10 pixels a second


def event(number: int, start_s: float, end_s: float | None = None, label: str = "like", seen_s: float | None = None):
    return GestureEvent(number, label, number, start_s, end_s, end_s or seen_s or start_s + 1, 0.9)


@pytest.fixture
def timeline(qtbot) -> Timeline:
    timeline = Timeline()
    qtbot.addWidget(timeline)
    timeline.resize(WIDTH, 120)
    timeline.show()
    return timeline


def colour_at(timeline: Timeline, time_s: float, now_s: float, lane: int = 0) -> QColor:
    x = WIDTH - PADDING_PX - (now_s - time_s) * 10
    return timeline.grab().toImage().pixelColor(round(x), 4 + lane * timeline._lane_px() + 2)


@pytest.mark.parametrize("size_wh", [(1, 1), (15, 40), (2000, 300)])
def test_paints_nothing_and_something_at_any_size(timeline, size_wh):
    timeline.setMinimumHeight(1)
    timeline.resize(*size_wh)
    timeline.grab()
    timeline.show_changes(EventChanges(40.0, (event(1, 1.0),), (), (event(2, 20.0, 30.0), event(3, 21.0, 22.0))))
    timeline.grab()


def test_bars_lie_where_their_time_is(timeline):
    lasting, over = event(2, 35.0, None, "rock"), event(1, 20.0, 30.0)
    timeline.show_changes(EventChanges(40.0, (lasting,), (lasting,), (over,)))
    assert colour_at(timeline, 21.0, 40.0) == gesture_qcolor("like")
    assert colour_at(timeline, 29.0, 40.0) == gesture_qcolor("like")
    assert colour_at(timeline, 39.0, 40.0) == gesture_qcolor("rock"), "what lasts reaches to now"
    assert colour_at(timeline, 33.0, 40.0) not in (gesture_qcolor("like"), gesture_qcolor("rock"))
    assert timeline.accessibleDescription() == "rock"


def test_hands_at_once_have_lanes_of_their_own(timeline):
    first, second = event(1, 10.0, None, "like", 20.0), event(2, 15.0, None, "rock", 20.0)
    timeline.show_changes(EventChanges(20.0, (first, second)))
    assert colour_at(timeline, 18.0, 20.0, 0) == gesture_qcolor("like")
    assert colour_at(timeline, 18.0, 20.0, 1) == gesture_qcolor("rock")
    third = event(3, 21.0, None, "palm")
    timeline.show_changes(EventChanges(25.0, (third,), (), (event(1, 10.0, 20.0), event(2, 15.0, 20.0, "rock"))))
    assert colour_at(timeline, 23.0, 25.0, 0) == gesture_qcolor("palm"), "a lane is free again"


def ink(timeline: Timeline, left_s: float, right_s: float, now_s: float) -> int:
    """How many colours there are between two times, in the upper lane."""
    image = timeline.grab().toImage()
    columns = (round(WIDTH - PADDING_PX - (now_s - time_s) * 10) for time_s in (left_s, right_s))
    return len({image.pixel(x, y) for x in range(*columns) for y in range(6, timeline._lane_px() - 2)})


def test_names_are_in_long_bars_beside_short_ones_and_nowhere_without_room(timeline):
    long, short, crowded = event(1, 11.0, 19.0, "palm"), event(2, 20.0, 21.5), event(3, 29.0, 29.5, "rock")
    timeline.show_changes(EventChanges(40.0, (), (), (long, short, crowded, event(4, 29.8, 30.5, "rock"))))
    assert ink(timeline, 13.5, 18.0, 40.0) > 5, "the name is in the bar"
    assert ink(timeline, 20.3, 21.2, 40.0) == 1 and ink(timeline, 21.6, 24.0, 40.0) > 5, "the name is beside the bar"
    assert ink(timeline, 29.2, 29.3, 40.0) == 1


def test_a_click_chooses_a_time(timeline, qtbot):
    timeline.show_changes(EventChanges(100.0))
    for x, time_s in ((WIDTH - 10, 100.0), (WIDTH - 60, 95.0), (WIDTH - 1, 100.0)):
        with qtbot.waitSignal(timeline.time_chosen) as chosen:
            QTest.mouseClick(timeline, Qt.MouseButton.LeftButton, pos=QPoint(x, 20))
        assert chosen.args[0] == pytest.approx(time_s, abs=0.11)


def test_the_bar_below_the_mouse(timeline):
    timeline.show_changes(EventChanges(40.0, (), (), (event(1, 20.0, 30.0),)))
    assert timeline.event_at(QPointF(WIDTH - 10 - 150, 12)).number == 1
    assert timeline.event_at(QPointF(WIDTH - 20, 12)) is None


def test_keys_change_the_window(timeline):
    QTest.keyClick(timeline, Qt.Key.Key_Minus)
    assert timeline.window_s == 37.5
    for _ in range(20):
        QTest.keyClicks(timeline, "+")
    assert timeline.window_s == 10


def test_a_step_back_forgets_what_is_not_yet(timeline):
    timeline.show_changes(EventChanges(40.0, (), (), (event(1, 5.0, 6.0), event(2, 20.0, 30.0))))
    timeline.show_changes(EventChanges(10.0))
    assert timeline.event_at(QPointF(WIDTH - 10 - 45, 12)).number == 1
    assert colour_at(timeline, 9.0, 10.0) != gesture_qcolor("like")
    timeline.begin()
    assert timeline.event_at(QPointF(WIDTH - 10 - 45, 12)) is None


def test_what_is_dropped_goes_and_what_ended_with_a_step_back_is_not_yet(timeline):
    timeline.show_changes(EventChanges(40.0, (), (), (event(1, 20.0, 30.0), event(2, 31.0, 35.0))))
    timeline.show_changes(EventChanges(40.1, dropped=(2, 5)))
    assert list(timeline._events) == [1]
    timeline.show_changes(EventChanges(35.0, (), (), (event(3, 39.0, 40.0),)))
    assert list(timeline._events) == [1]


def test_nothing_is_kept_for_ever(timeline):
    for number in range(1, 500):
        timeline.show_changes(EventChanges(number * 2.0, (), (), (event(number, number * 2.0 - 1.5, number * 2.0),)))
    assert len(timeline._events) == len(timeline._lanes) <= 151
