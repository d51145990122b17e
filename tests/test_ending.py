from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from gesture_app.ui.ending import end_all


@pytest.mark.parametrize(
    ("answers", "ended"), [((), True), ((True, True), True), ((False, True), False), ((True, False), False)]
)
def test_all_are_asked_within_one_time(answers, ended):
    left: list[float] = []

    def end(answer: bool) -> Callable[[float], bool]:
        def slowly(timeout_s: float) -> bool:
            left.append(timeout_s)
            time.sleep(0.06)
            return answer

        return slowly

    assert end_all(0.05, *map(end, answers)) is ended
    assert left[:1] <= [0.05] and left[1:] == [0.0] * (len(answers) - 1), "the time of the first is not given twice"
