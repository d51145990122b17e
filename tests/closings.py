"""Start the real program and close its window at a random moment, again and again; not a test of the usual run.

python tests/xserver.py python tests/closings.py --times 50

Every run has its own settings; what it plays, what is pressed meanwhile, and how it ends are drawn.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIMIT_S = 90.0
CLIP, PICTURE = "assets/demo.mp4", "assets/screenshot.png"
SOURCES = (CLIP, CLIP, PICTURE, "assets", "screen", "97", "rtsp://127.0.0.1:9/x")
ENDINGS = ("close", "close", "quit", "sigterm")

DRIVER = """
import os, random, signal, sys, time
plan = {plan!r}
began_s = time.monotonic()
from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import QApplication
from gesture_app.ui.main_window import MainWindow

def window():
    return next(w for w in QApplication.topLevelWidgets() if isinstance(w, MainWindow))

def poke():
    menus = window().menus
    chosen = random.choice((menus.toggle, menus.forward, menus.back, menus.jump_forward, menus.to_start, menus.mirror,
                            menus.record, menus.snapshot, menus.full_screen, menus.stop))
    if chosen.isEnabled():
        chosen.trigger()

def end():
    shown = window()
    print(round(time.monotonic() - began_s, 2), "s after the start, in", shown.playback.phase.name, flush=True)
    print("closed at", time.time(), flush=True)
    if plan["ending"] == "close":
        shown.close()
    elif plan["ending"] == "quit":
        shown.menus.quit.trigger()
    else:
        os.kill(os.getpid(), signal.SIGTERM)

begin = MainWindow.begin
def begin_and_plan(self, source):
    begin(self, source)
    random.seed(plan["seed"])
    for _ in range(plan["pokes"]):
        QTimer.singleShot(random.randrange(plan["close_ms"] + 1), poke)
    QTimer.singleShot(plan["close_ms"], end)
MainWindow.begin = begin_and_plan
sys.argv = ["gesture-app", "live", "--source", plan["source"]]
from gesture_app.cli import main
main()
"""


def run_once(seed: int, longest_s: float) -> tuple[bool, str]:
    """Start and close once: whether it went well, and a line about it."""
    draw = random.Random(seed)
    plan = {
        "seed": seed,
        "source": draw.choice(SOURCES),
        "ending": draw.choice(ENDINGS),
        "close_ms": round(draw.uniform(0, longest_s) * 1000),
        "pokes": draw.randrange(6),
    }
    with tempfile.TemporaryDirectory(prefix="gesture-closings-") as folder:
        settings = {"welcome_seen": True, "record_folder": folder}
        (Path(folder) / "settings.json").write_text(json.dumps(settings))
        environment = {**os.environ, "GESTURE_APP_CONFIG_DIR": folder, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-X", "faulthandler", "-c", DRIVER.format(plan=plan)]
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        try:
            output, errors = process.communicate(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            output, errors = process.communicate()
            return False, f"{plan}: hangs\n{output}\n{errors}"
        ended_s = time.time()
    closed = [float(line.split()[-1]) for line in output.splitlines() if line.startswith("closed at")]
    took_s = ended_s - closed[0] if closed else float("nan")
    wanted = 143 if plan["ending"] == "sigterm" else 0
    good = process.returncode == wanted and not errors.strip() and bool(closed)
    told = f"{plan} code {process.returncode}, {took_s:.1f} s to end: {output.splitlines()[:1]}"
    return good, told if good else f"{told}\n{errors}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--longest", type=float, default=8.0, help="seconds until the latest close")
    options = parser.parse_args()
    bad = 0
    for number in range(options.times):
        good, told = run_once(options.seed + number, options.longest)
        bad += not good
        print("ok  " if good else "BAD ", told, flush=True)
    print(f"{options.times - bad} of {options.times} closed well")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
