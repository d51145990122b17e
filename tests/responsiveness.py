"""How smoothly the real window runs: gaps of the GUI thread, and what recording costs; not a test of the usual run.

python tests/xserver.py python tests/responsiveness.py assets/demo.mp4 --seconds 20

Recording is switched on and off in turn, so that a change of the machine's load meets both alike.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import tempfile
import time
from pathlib import Path

ROUND_S = 4.0
SETTLE_S = 0.5
PROBE_MS = 10


def percentile(values: list[float], fraction: float) -> float:
    """By nearest rank; 0 for nothing."""
    return sorted(values)[min(len(values) - 1, int(fraction * len(values)))] if values else 0.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source")
    parser.add_argument("--seconds", type=float, default=24.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    folder = tempfile.TemporaryDirectory(prefix="gesture-responsiveness-")
    os.environ["GESTURE_APP_CONFIG_DIR"] = folder.name
    started_s = time.monotonic()

    from PyQt6.QtCore import QTimer

    from gesture_app.cli import Live
    from gesture_app.ui import app
    from gesture_app.ui.live import Result
    from gesture_app.ui.main_window import MainWindow

    ticks: list[float] = []
    frames: list[float] = []
    rounds: list[tuple[bool, float, float]] = []
    probe = QTimer()
    probe.setInterval(PROBE_MS)
    probe.timeout.connect(lambda: ticks.append(time.monotonic()))
    begin, show_result = MainWindow.begin, MainWindow._show_result

    def begin_probed(window: MainWindow, source: str | None) -> None:
        probe.start()
        begin(window, source)

    def show_counted(window: MainWindow, result: Result) -> None:
        show_result(window, result)
        if result.inference_s is None:
            return
        if not frames:
            QTimer.singleShot(1000, lambda: next_round(window))
        frames.append(time.monotonic())

    def next_round(window: MainWindow) -> None:
        now_s = time.monotonic()
        if rounds and now_s - rounds[0][1] >= options.seconds:
            window.close()
            return
        record = bool(len(rounds) % 2)
        if record != window.capture.recorder.recording:
            window.menus.record.trigger()
        rounds.append((record, now_s, now_s + ROUND_S))
        QTimer.singleShot(round(ROUND_S * 1000), lambda: next_round(window))

    MainWindow.begin, MainWindow._show_result = begin_probed, show_counted  # type: ignore[method-assign]
    overrides = {"welcome_seen": True, "record_folder": folder.name}
    code = app.run(options.source, Live().load, overrides, loop=True)

    def fps(recorded: bool) -> float:
        spans = [(a + SETTLE_S, b) for record, a, b in rounds if record is recorded]
        count = sum(a <= at_s < b for at_s in frames for a, b in spans)
        return count / sum(b - a for a, b in spans) if spans else 0.0

    gaps = [(b - a - PROBE_MS / 1000) * 1000 for a, b in itertools.pairwise(ticks)]
    first = frames[0] if frames else started_s
    running = [(b - a - PROBE_MS / 1000) * 1000 for a, b in itertools.pairwise(ticks) if a > first]
    result = {
        "first_annotated_s": round(first - started_s, 2),
        "gap_p50_ms": round(percentile(running, 0.5), 1),
        "gap_p99_ms": round(percentile(running, 0.99), 1),
        "gap_max_ms": round(max(running, default=0.0), 1),
        "gap_p99_while_loading_ms": round(percentile(gaps[: len(gaps) - len(running)], 0.99), 1),
        "fps": round(fps(False), 2),
        "fps_recording": round(fps(True), 2),
    }
    print(json.dumps(result, indent=2))
    if options.json:
        options.json.write_text(json.dumps(result) + "\n")
    folder.cleanup()
    return code


if __name__ == "__main__":
    sys.exit(main())
