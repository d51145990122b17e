"""One slot, the newest frame."""

from __future__ import annotations

import threading

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


def test_closing_the_mailbox_wakes_up_the_waiting() -> None:
    box = Mailbox()
    threading.Timer(0.05, box.close).start()
    assert box.get(5) is None and box.closed
    box.put(frame_of(0), 0.0)
    assert box.get(0) is None
