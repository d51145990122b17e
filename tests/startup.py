"""How long the real program takes until its window is painted, looked at from outside; not a test of the usual run.

python tests/xserver.py python tests/startup.py --times 12
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import mss

ROOT = Path(__file__).resolve().parents[1]
PLACE = {"left": 100, "top": 4, "width": 1, "height": 1}
"""A pixel of the menu bar; where there is no window the screen is black."""
LOOK_EVERY_S = 0.004
LIMIT_S = 30.0


def start_once(screen: mss.MSS, source: str) -> float:
    """Seconds from the start of the process to the first picture of the window."""
    with tempfile.TemporaryDirectory(prefix="gesture-startup-") as folder:
        (Path(folder) / "settings.json").write_text(json.dumps({"welcome_seen": True, "theme": "light"}))
        environment = {key: value for key, value in os.environ.items() if not key.startswith("QT_")}
        environment |= {"GESTURE_APP_CONFIG_DIR": folder}
        began_s = time.monotonic()
        command = [sys.executable, "-m", "gesture_app", "live", "--source", source]
        process = subprocess.Popen(command, cwd=ROOT, env=environment)
        try:
            while screen.grab(PLACE).pixel(0, 0) == (0, 0, 0):
                if time.monotonic() - began_s > LIMIT_S:
                    raise TimeoutError("no window")
                time.sleep(LOOK_EVERY_S)
            return time.monotonic() - began_s
        finally:
            process.terminate()
            process.wait()
            while screen.grab(PLACE).pixel(0, 0) != (0, 0, 0):
                time.sleep(LOOK_EVERY_S)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=12)
    parser.add_argument("--source", default="assets/demo.mp4")
    options = parser.parse_args()
    with mss.MSS() as screen:
        seconds = [start_once(screen, options.source) for _ in range(options.times)]
    middle, longest = statistics.median(seconds), max(seconds)
    print(f"the window is painted after {middle:.2f} s (median of {len(seconds)}), {longest:.2f} s at most")
    return 0


if __name__ == "__main__":
    sys.exit(main())
