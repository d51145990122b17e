"""`gesture-train`, and `python -m training`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command; Ctrl-C while the modules load, which takes seconds, ends it like later on."""
    try:
        from training.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
