"""`gesture-train`, and `python -m training`."""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """Run the command; Ctrl-C while the modules load, which takes seconds, ends it like later on."""
    usual = signal.getsignal(signal.SIGINT)
    if usual is signal.default_int_handler:  # which NumPy and SciPy turn into errors of their own while they load
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    from training.cli import main as run

    signal.signal(signal.SIGINT, usual)
    try:
        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
