"""What comes from outside the event loop: signals of the system and exceptions that nobody caught."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

from PyQt6.QtCore import QTimer

from gesture_app.errors import handle_ending

LOOK_EVERY_MS = 100


class SignalWatch:
    """Which signal ended the program, if any."""

    def __init__(self) -> None:
        self.received: int | None = None

    @property
    def exit_code(self) -> int:
        """0, or 128 plus the signal's number."""
        return 0 if self.received is None else 128 + self.received


@contextmanager
def close_on_signal(close: Callable[[], object]) -> Iterator[SignalWatch]:
    """Call `close` in the event loop at the first of `ending_signals`; a second one leaves the process at once."""
    watch = SignalWatch()

    def receive(number: int) -> None:
        if watch.received is not None:
            os._exit(128 + number)
        watch.received = number
        QTimer.singleShot(0, close)

    before = handle_ending(receive)
    # Python runs its handlers only between two of its own instructions, and an idle event loop executes none.
    timer = QTimer()
    timer.timeout.connect(lambda: None)
    timer.start(LOOK_EVERY_MS)
    try:
        yield watch
    finally:
        timer.stop()
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def report_uncaught(report: Callable[[str], object]) -> Iterator[None]:
    """Print uncaught exceptions of slots and threads and report them in a line; PyQt would abort the process."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        traceback.print_exception(kind, error, trace)
        report(f"{kind.__name__}: {error}")

    def thread_hook(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            hook(args.exc_type, args.exc_value, args.exc_traceback)

    before, thread_before = sys.excepthook, threading.excepthook
    sys.excepthook, threading.excepthook = hook, thread_hook
    try:
        yield
    finally:
        sys.excepthook, threading.excepthook = before, thread_before
