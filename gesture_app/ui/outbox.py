"""The hand-over from a thread to the GUI: one slot, the newest item, one notice in flight."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Outbox(Generic[Item]):
    """Holds the newest item until it is taken.

    A queued signal for every frame would pile up behind a busy GUI. Here the producer signals only when `put` tells
    that the slot was empty, so at most one signal waits in the event queue and it always fetches the newest item.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._item: Item | None = None

    def put(self, item: Item) -> bool:
        """Replace what lies in the slot; True if it was empty, that is if the consumer must be told."""
        with self._lock:
            was_empty = self._item is None
            self._item = item
        return was_empty

    def take(self) -> Item | None:
        """Empty the slot."""
        with self._lock:
            item, self._item = self._item, None
        return item
