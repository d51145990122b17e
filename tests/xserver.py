"""An X server without a screen, for one command: `python tests/xserver.py --size 1400x1000 python tests/closings.py`.

Unlike `xvfb-run -a`, which looks for a free number before it starts the server, the server itself takes the number,
so that any number of them can be started at the same time.
"""

from __future__ import annotations

import argparse
import os
import select
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

START_LIMIT_S = 30.0
END_LIMIT_S = 10.0
AVAILABLE = shutil.which("Xvfb") is not None


@contextmanager
def x_server(size: str = "1400x1000") -> Iterator[str]:
    """Start a server and end it afterwards; gives the name of the display once programs can connect to it.

    Raises:
        RuntimeError: it ended, or was not ready in time.
    """
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{size}x24", "-nolisten", "tcp", "-noreset"]
    with os.fdopen(reading) as stream, tempfile.TemporaryFile("w+") as errors:
        try:
            server = subprocess.Popen(command, pass_fds=[writing], stdout=errors, stderr=errors)
        finally:
            os.close(writing)
        try:
            ready = select.select([stream], [], [], START_LIMIT_S)[0]
            number = stream.readline().strip() if ready else ""
            if not number:
                errors.seek(0)
                raise RuntimeError(f"Xvfb did not start: {errors.read().strip() or 'not ready in time'}")
            yield f":{number}"
        finally:
            server.terminate()
            try:
                server.wait(END_LIMIT_S)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def main() -> int:
    """Run a command with a display of its own; its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="1400x1000", help="of the screen, in pixels")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    given = parser.parse_args()
    if not AVAILABLE:
        print("xserver: error: Xvfb is not there. Install it: apt install xvfb", file=sys.stderr)
        return 3
    with x_server(given.size) as display:
        return subprocess.run(given.command, env={**os.environ, "DISPLAY": display}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
