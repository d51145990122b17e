from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gesture_app.ui.pictures import from_qimage
from gesture_app.ui.top_bars import TopBars
from gesture_app.vision.hands import Hand
from gesture_app.vision.style import gesture_colour


def hand(number: int, *top: tuple[str, float]) -> Hand:
    return Hand((0, 0, 9, 9), 0.9, top[0][0], top[0][1], top, np.ones(1, np.float32), number)


@pytest.fixture
def bars(qtbot) -> TopBars:
    bars = TopBars()
    qtbot.addWidget(bars)
    bars.resize(220, 400)
    return bars


def count(bars: TopBars, label: str) -> int:
    return int(np.all(from_qimage(bars.grab().toImage()) == gesture_colour(label), axis=2).sum())


def test_bars_are_as_long_as_the_probabilities(bars, qtbot):
    bars.show_hands([hand(1, ("rock", 0.8), ("ok", 0.2), ("palm", 0.0))])
    assert count(bars, "rock") == pytest.approx(4 * count(bars, "ok"), rel=0.2)
    assert count(bars, "palm") < 40
    assert bars.accessibleDescription() == "hand 1: rock"
    bars.clear()
    bars.show_hands([replace(hand(1, ("rock", 0.8)), side="left")])
    qtbot.waitUntil(lambda: bars.accessibleDescription() == "hand left 1: rock")


@pytest.mark.parametrize("hands", [0, 1, 30])
def test_any_number_of_hands(bars, hands):
    bars.show_hands([hand(number, ("rock", 1.2), ("ok", float("nan"))) for number in range(hands)])
    bars.resize(20, 20)
    bars.grab()


def test_the_newest_hands_are_shown_even_when_they_come_fast(bars, qtbot):
    for number in range(50):
        bars.show_hands([hand(number, ("rock", 0.5))])
    qtbot.waitUntil(lambda: bars.accessibleDescription() == "hand 49: rock")
    bars.clear()
    assert bars.accessibleDescription() == ""
