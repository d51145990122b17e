from __future__ import annotations

import signal
import threading

import pytest
from toy import send

from gesture_app.errors import Terminated
from training.signals import StopSignal


@pytest.mark.parametrize(
    ("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated), (signal.SIGHUP, Terminated)]
)
def test_a_signal_raises_and_deferred_only_at_the_end(number: int, error: type[BaseException]) -> None:
    before = signal.getsignal(number)
    with StopSignal() as stop:
        with pytest.raises(error):
            send(number)
        assert stop.number == number
    with StopSignal() as stop:
        done = []
        with pytest.raises(error), stop.deferred():
            send(number)
            assert stop.number == number
            done.append(True)
        assert done
    with StopSignal() as stop, pytest.raises(error), stop.deferred():
        send(number)
        send(number)
        raise AssertionError("the second signal has to raise at once")
    assert signal.getsignal(number) is before and not signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert "signals" not in {thread.name for thread in threading.enumerate()}


def test_no_signal_and_another_thread() -> None:
    with StopSignal() as stop, stop.deferred():
        pass
    numbers: list[int] = []

    def elsewhere() -> None:
        with StopSignal() as stop, stop.deferred():
            numbers.append(stop.number)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert numbers == [0]
