"""What somebody at a terminal sees of work that takes its time, and how they end it."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from gesture_app.errors import handle_ending, one_line

if TYPE_CHECKING:
    from gesture_app.annotate import Progress, Summary


class StopRequest:
    """While it is open, the first of `ending_signals` only sets `number`; a second one leaves at once."""

    def __init__(self) -> None:
        self.number = 0

    def __enter__(self) -> StopRequest:
        self._before = handle_ending(self._handle)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int) -> None:
        if self.number:
            raise KeyboardInterrupt
        self.number = number


class ProgressBar:
    """Frames, frames per second and time left on a terminal; nothing in a pipe. Warnings begin with `program`."""

    def __init__(self, program: str) -> None:
        self._program = program

    def __enter__(self) -> ProgressBar:
        from tqdm import tqdm

        self._bar = tqdm(unit=" frames", disable=None, dynamic_ncols=True)
        self._file = 0
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.close()

    def update(self, progress: Progress) -> None:
        """One more frame."""
        if progress.file != self._file:
            self._file = progress.file
            number = f"{progress.file}/{progress.files} " if progress.files > 1 else ""
            self._bar.reset(progress.frame_count)
            self._bar.set_description(f"{number}{progress.source.name}")
        self._bar.update()

    def warn(self, message: str) -> None:
        """A line above the bar."""
        self._bar.write(f"{self._program}: warning: {one_line(message)}", file=sys.stderr)


def summary_line(summary: Summary) -> str:
    """The summary in a line for people."""
    fps = summary.frames / summary.elapsed_s if summary.elapsed_s > 0 else 0.0
    counts = {"video": summary.videos, "picture": summary.images, "frame": summary.frames, "hand": summary.hands}
    text = ", ".join(f"{count} {name}" + "s" * (count != 1) for name, count in counts.items())
    text += f" in {summary.elapsed_s:.1f} s ({fps:.1f} FPS)"
    if summary.ignored:
        text += f"; {summary.ignored} others ignored"
    if summary.failed:
        text += f"; {len(summary.failed)} failed"
    if summary.outputs:
        text += f" -> {Path(os.path.commonpath(summary.outputs))}"
    return text + (" (stopped early)" if summary.stopped else "")
