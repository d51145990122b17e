from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from gesture_app.ahead import Ahead


def counted(made: list[int], count: int, fails: bool = False) -> Iterator[int]:
    for number in range(count):
        made.append(number)
        yield number
    if fails:
        raise ValueError("broken")


@pytest.mark.parametrize("count", [0, 1, 500])
@pytest.mark.parametrize("limit", [1, 3])
def test_all_items_in_order(count: int, limit: int) -> None:
    with Ahead(counted([], count), limit) as items:
        assert list(items) == list(range(count))
        assert list(items) == []


def test_stays_within_the_limit() -> None:
    made: list[int] = []
    with Ahead(counted(made, 100), 3) as items:
        for number in items:
            time.sleep(0.001)
            assert len(made) <= number + 1 + 3 + 1  # taken, waiting, and one in the hand of the thread
    assert len(made) == 100


def test_an_error_comes_after_the_items_before_it() -> None:
    seen = []
    with pytest.raises(ValueError, match="broken"), Ahead(counted([], 5, fails=True), 2) as items:
        for number in items:
            seen.append(number)
    assert seen == [0, 1, 2, 3, 4]


def test_the_thread_ends_when_nobody_takes_any_more() -> None:
    made: list[int] = []
    before = threading.active_count()
    with pytest.raises(KeyError), Ahead(Ahead(counted(made, 10**9), 2), 2) as items:
        assert next(items) == 0
        raise KeyError
    assert threading.active_count() <= before + 1  # the inner one waits; it is closed by its own owner
    assert len(made) < 20


def test_both_threads_of_a_chain_end() -> None:
    before = threading.active_count()
    with Ahead(counted([], 10**9), 2) as first, Ahead((2 * number for number in first), 2) as second:
        assert [next(second) for _ in range(3)] == [0, 2, 4]
    assert threading.active_count() <= before


def test_work_goes_on_while_an_item_is_used() -> None:
    made: list[int] = []
    with Ahead(counted(made, 100), 4) as items:
        assert next(items) == 0
        deadline_s = time.monotonic() + 10
        while len(made) < 5:
            assert time.monotonic() < deadline_s
            time.sleep(0.001)
