from __future__ import annotations

import numpy as np

from gesture_app.vision.hands import Hand
from gesture_app.vision.trails import Trail, Trails


def hand(x: float, number: int, label: str = "like") -> Hand:
    return Hand((x - 5, 10, x + 5, 30), 0.9, label, 0.9, ((label, 0.9),), np.ones(1, np.float32), number)


def test_no_hands() -> None:
    assert Trails().update([], 0.0) == []


def test_each_hand_has_its_way_of_the_last_second() -> None:
    trails = Trails()
    for step in range(5):
        found = trails.update([hand(10 * step, 1), hand(100, 2, "rock")], step * 0.4)
    assert found == [
        Trail("like", ((20.0, 20.0), (30.0, 20.0), (40.0, 20.0))),
        Trail("rock", ((100.0, 20.0),) * 3),
    ]


def test_a_hand_that_was_missed_for_a_moment_keeps_its_way() -> None:
    trails = Trails()
    trails.update([hand(0, 1)], 0.0)
    assert trails.update([], 0.5) == []
    assert len(trails.update([hand(9, 1)], 0.9)[0].points_xy) == 2
    assert len(trails.update([hand(9, 1)], 5.0)[0].points_xy) == 1


def test_a_step_back_and_clear_start_afresh() -> None:
    trails = Trails()
    trails.update([hand(0, 1)], 3.0)
    assert len(trails.update([hand(9, 1)], 2.0)[0].points_xy) == 1
    trails.clear()
    assert len(trails.update([hand(9, 1)], 2.1)[0].points_xy) == 1
