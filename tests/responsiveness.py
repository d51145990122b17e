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
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # importing it belongs to what is measured
    from gesture_app.ui.live import Result
    from gesture_app.ui.main_window import MainWindow

ROUND_S = 4.0
SETTLE_S = 0.5
PROBE_MS = 10


def percentile(values: list[float], fraction: float) -> float:
    """By nearest rank; 0 for nothing."""
    return sorted(values)[min(len(values) - 1, int(fraction * len(values)))] if values else 0.0


class Probe:
    """Notes when the GUI thread was free and when results were shown, and records in every second round.

    Args:
        seconds: the window is closed after so long.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.started_s = time.monotonic()

        from PyQt6.QtCore import QTimer

        self.ticks: list[float] = []
        self.frames: list[float] = []
        self.rounds: list[tuple[bool, float, float]] = []
        self.timer = QTimer()
        self.timer.setInterval(PROBE_MS)
        self.timer.timeout.connect(lambda: self.ticks.append(time.monotonic()))

    def attach(self) -> None:
        """Look into every window that is made from now on."""
        from gesture_app.ui.main_window import MainWindow

        begin, show_result = MainWindow.begin, MainWindow._show_result

        def begin_probed(window: MainWindow, source: str | None) -> None:
            self.timer.start()
            begin(window, source)

        def show_counted(window: MainWindow, result: Result) -> None:
            show_result(window, result)
            if result.inference_s is not None:
                self.count(window)

        MainWindow.begin, MainWindow._show_result = begin_probed, show_counted  # type: ignore[method-assign]

    def count(self, window: MainWindow) -> None:
        """A frame is shown; a second after the first one the rounds begin."""
        from PyQt6.QtCore import QTimer

        if not self.frames:
            QTimer.singleShot(1000, lambda: self.next_round(window))
        self.frames.append(time.monotonic())

    def next_round(self, window: MainWindow) -> None:
        """Record or do not, the other way than in the round before; close the window after the last one."""
        from PyQt6.QtCore import QTimer

        now_s = time.monotonic()
        if self.rounds and now_s - self.rounds[0][1] >= self.seconds:
            window.close()
            return
        record = bool(len(self.rounds) % 2)
        if record != window.capture.recorder.recording:
            window.menus.record.trigger()
        self.rounds.append((record, now_s, now_s + ROUND_S))
        QTimer.singleShot(round(ROUND_S * 1000), lambda: self.next_round(window))

    def fps(self, recorded: bool) -> float:
        """Frames a second of the rounds that were recorded, or of the others."""
        spans = [(a + SETTLE_S, b) for record, a, b in self.rounds if record is recorded]
        count = sum(a <= at_s < b for at_s in self.frames for a, b in spans)
        return count / sum(b - a for a, b in spans) if spans else 0.0

    def report(self) -> dict[str, float]:
        """The figures."""
        gaps = [(b - a - PROBE_MS / 1000) * 1000 for a, b in itertools.pairwise(self.ticks)]
        first = self.frames[0] if self.frames else self.started_s
        loading = sum(tick <= first for tick in self.ticks[:-1])
        running = gaps[loading:]
        return {
            "first_annotated_s": round(first - self.started_s, 2),
            "gap_p50_ms": round(percentile(running, 0.5), 1),
            "gap_p99_ms": round(percentile(running, 0.99), 1),
            "gap_max_ms": round(max(running, default=0.0), 1),
            "gap_p99_while_loading_ms": round(percentile(gaps[:loading], 0.99), 1),
            "fps": round(self.fps(False), 2),
            "fps_recording": round(self.fps(True), 2),
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source")
    parser.add_argument("--seconds", type=float, default=24.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gesture-responsiveness-") as folder:
        os.environ["GESTURE_APP_CONFIG_DIR"] = folder
        probe = Probe(options.seconds)

        from gesture_app.cli import Live
        from gesture_app.ui import app

        probe.attach()
        overrides = {"welcome_seen": True, "record_folder": folder}
        code = app.run(options.source, Live().load, overrides, loop=True)
    result = probe.report()
    print(json.dumps(result, indent=2))
    if options.json:
        options.json.write_text(json.dumps(result) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
