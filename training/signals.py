"""Ctrl-C, SIGTERM and a terminal that is closed while training: finish the step, save, leave."""

from __future__ import annotations

import _thread
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import NoReturn

from gesture_app.errors import Terminated, ending_signals, handle_ending

GRACE_S = 20
"""So long a process that loads pictures lives on after SIGTERM."""


class StopSignal:
    """While it is open, a signal raises where the program is, and inside `deferred` only sets `number`.

    The thread that computes never receives a signal itself, another one waits for them: oneDNN's generated code
    uses the stack pointer for other things, and a signal that arrives there ends the process with a segmentation
    fault (uxlfoundation/oneDNN issue 4845).

    Attributes:
        number: of the signal; 0 before it.
    """

    def __init__(self) -> None:
        self.number = 0
        self._deferred = False
        self._listener: threading.Thread | None = None

    def __enter__(self) -> StopSignal:
        self._before = {}
        if threading.current_thread() is threading.main_thread():
            self._before = handle_ending(self._handle)
            if hasattr(signal, "pthread_sigmask"):
                self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, self._before)
                self._listener = threading.Thread(target=self._listen, name="signals", daemon=True)
                self._closing = False
                self._listener.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._listener is not None and self._listener.ident is not None:
            self._closing = True
            signal.pthread_kill(self._listener.ident, signal.SIGINT)
            self._listener.join()
            self._listener = None
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """In here the first signal only sets `number`, which raises at the end; a second one raises at once."""
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False
        if self.number:
            self.raise_as(self.number)

    def raise_as(self, number: int) -> NoReturn:
        """End as this signal means: KeyboardInterrupt after Ctrl-C, else Terminated."""
        raise KeyboardInterrupt if number == signal.SIGINT else Terminated(number)

    def _listen(self) -> None:
        while True:
            number = signal.sigwait(self._before)
            if self._closing:
                return
            _thread.interrupt_main(signal.Signals(number))

    def _handle(self, number: int) -> None:
        again, self.number = self.number, number
        if again or not self._deferred:
            self.raise_as(number)


def ignore_interrupts() -> None:
    """For processes that work for this one: Ctrl-C reaches the whole group, and the main one ends them by SIGTERM."""
    ending = ending_signals()
    for number in ending:
        signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ending)


def outlive_interrupts() -> None:
    """For workers of a DataLoader: where SIGTERM, too, reaches the whole group, the main one has `GRACE_S` to save."""
    ignore_interrupts()
    if hasattr(signal, "alarm"):
        signal.signal(signal.SIGTERM, lambda _number, _frame: signal.alarm(GRACE_S))
