"""One slot, the newest frame."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from media import frame_of

from gesture_app.video.mailbox import Mailbox


def test_mailbox_keeps_the_newest() -> None:
    box = Mailbox()
    assert box.get(0.01) is None
    for index in range(5):
        box.put(frame_of(index), float(index))
    item = box.get(0)
    assert item is not None and item[0].index == 4 and item[1] == 4.0
    assert box.dropped == 4 and box.get(0) is None


@pytest.mark.parametrize(("act", "index"), [(lambda box: box.put(frame_of(7), 0.0), 7), (Mailbox.close, None)])
def test_who_waits_is_woken_up_by_a_frame_or_the_end(act: Callable[[Mailbox], None], index: int | None) -> None:
    box = Mailbox()
    threading.Timer(0.05, act, [box]).start()
    start_s = time.monotonic()
    item = box.get(30)
    assert (item and item[0].index) == index and time.monotonic() - start_s < 10


def test_a_closed_mailbox_takes_and_gives_nothing() -> None:
    box = Mailbox()
    box.put(frame_of(0), 0.0)
    box.close()
    box.put(frame_of(1), 0.0)
    assert box.closed and box.get(0) is None and box.dropped == 0
