"""The command line.

gesture-app live                          the window, on the first camera
gesture-app live --source clip.mp4        on a video file, or an rtsp or http address
gesture-app annotate clip.mp4             clip-annotated.mp4, with boxes, names and the sound
gesture-app annotate pictures/ --no-media --jsonl hands.jsonl
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import tyro
from tyro.conf import Positional

from gesture_app import __version__
from gesture_app.errors import EnvironmentFault, InputError, one_line, run_and_exit
from gesture_app.vision.hands import RecognizerOptions

if TYPE_CHECKING:
    from gesture_app.annotate import Progress, Summary
    from gesture_app.vision.recognizer import Recognizer

PROGRAM = "gesture-app"


@dataclass(frozen=True, kw_only=True)
class Model:
    """Options of every command that recognizes hands."""

    weights: Path | None = None
    """Folder or file of weights; those that come with the program unless told."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the networks run."""
    runtime: Literal["auto", "torch", "openvino"] = "auto"
    """What runs them: OpenVINO on a CPU, PyTorch on CUDA, unless told."""
    detector_threshold: float | None = None
    """Least certainty, 0 to 1, that something is a hand."""
    label_threshold: float | None = None
    """Least certainty, 0 to 1, of a gesture; below it is no_gesture."""
    max_hands: int | None = None
    """Most hands in a picture."""
    debug: bool = False
    """Show the traceback of an error."""

    def recognizer_options(self) -> RecognizerOptions:
        """The given thresholds, and the usual ones for the rest.

        Raises:
            InputError: one is out of its range.
        """
        usual = RecognizerOptions()
        given = {f.name: getattr(self, f.name) for f in fields(usual) if getattr(self, f.name) is not None}
        try:
            return replace(usual, **given)
        except ValueError as error:
            raise InputError(f"options: {error}") from error


@dataclass(frozen=True, kw_only=True)
class Annotate(Model):
    """Draw the hands of a video, of a picture, or of all videos and pictures in a folder."""

    input: Annotated[Positional[Path], tyro.conf.arg(metavar="INPUT")]
    """The video, picture or folder."""
    output: Path | None = None
    """File or folder of the results; NAME-annotated.mp4 beside the input unless told."""
    media: bool = True
    """Write annotated videos and pictures."""
    jsonl: Path | None = None
    """File for one JSON line a frame; - is the standard output."""
    force: bool = False
    """Replace results that are there already; the input is never replaced."""

    def run(self) -> int:
        """Annotate; the exit code."""
        from gesture_app.annotate import AnnotateOptions, annotate, plan
        from gesture_app.vision.recognizer import Recognizer

        options = AnnotateOptions(self.output, self.jsonl, self.media, self.force)
        plan(self.input, options)  # a wrong name is told at once, not after the weights are loaded
        recognizer = Recognizer.load(self.weights, self.device, self.recognizer_options(), self.runtime)
        with ProgressBar() as bar, StopSignal() as stop:
            summary = annotate(self.input, recognizer, options, bar.update, bar.warn, lambda: stop.number != 0)
        print(told(summary), file=sys.stderr if str(self.jsonl) == "-" else sys.stdout)
        if stop.number:
            return 128 + stop.number
        if summary.failed:
            count = len(summary.failed)
            raise InputError(f"input: {self.input}: {count} of its files could not be used. See the warnings above")
        return 0


@dataclass(frozen=True, kw_only=True)
class Benchmark(Model):
    """Time every stage of the engine over a clip, decoding and showing left out."""

    clip: Path | None = None
    """A video; the demo clip unless told."""
    seconds: float = 20.0
    """How long to measure."""
    json: Path | None = None
    """File for the figures."""

    def run(self) -> int:
        """Measure and print; the exit code."""
        import json

        from gesture_app.benchmark import demo_clip, measure, table
        from gesture_app.vision.model_info import write_atomically
        from gesture_app.vision.recognizer import Recognizer

        recognizer = Recognizer.load(self.weights, self.device, self.recognizer_options(), self.runtime)
        result = measure(recognizer, self.clip or demo_clip(), self.seconds)
        print(f"{recognizer.device_name}\n{table(result)}")
        if self.json is not None:
            try:
                write_atomically(self.json, (json.dumps(result, indent=2) + "\n").encode())
            except OSError as error:
                raise EnvironmentFault(f"results: {self.json}: {error.strerror}. Check the folder") from error
        return 0


@dataclass(frozen=True, kw_only=True)
class Live(Model):
    """Open the window: recognize hands in what a camera, a stream or a video file shows now."""

    source: str = "0"
    """Number of a camera, an rtsp or http address, or a video file."""
    loop: bool = False
    """Start a video file again at its end."""

    def run(self) -> int:
        """Show the window until it is closed; the exit code."""
        from gesture_app.ui.app import run

        options = self.recognizer_options()

        def load() -> Recognizer:  # called once the window is shown: importing torch alone takes seconds
            from gesture_app.vision.recognizer import Recognizer

            return Recognizer.load(self.weights, self.device, options, self.runtime)

        return run(self.source, load, options, self.loop)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and leave the process: 0, 2 bad input or usage, 3 the machine, 130 or 143 after a signal."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words == ["--version"]:
        print(f"{PROGRAM} {__version__}")
        sys.exit(0)
    commands: Any = (
        Annotated[Annotate, tyro.conf.subcommand("annotate", prefix_name=False)]
        | Annotated[Live, tyro.conf.subcommand("live", prefix_name=False)]
        | Annotated[Benchmark, tyro.conf.subcommand("benchmark", prefix_name=False)]
    )
    about = f"Recognize hand gestures, version {__version__} (--version prints it)."

    def parse_and_run() -> int:
        command: Annotate | Live | Benchmark = tyro.cli(commands, prog=PROGRAM, description=about, args=words)
        return command.run()

    run_and_exit(parse_and_run, PROGRAM, "--debug" in words)


class StopSignal:
    """While it is open, the first Ctrl-C or SIGTERM only sets `number`; a second one leaves at once."""

    def __init__(self) -> None:
        self.number = 0

    def __enter__(self) -> StopSignal:
        self._before = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.number:
            raise KeyboardInterrupt
        self.number = number


class ProgressBar:
    """Frames, frames per second and time left on a terminal; nothing in a pipe."""

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
        self._bar.write(f"{PROGRAM}: warning: {one_line(message)}", file=sys.stderr)


def told(summary: Summary) -> str:
    """The summary in a line for people."""
    fps = summary.frames / summary.elapsed_s if summary.elapsed_s > 0 else 0.0
    counts = {"video": summary.videos, "picture": summary.images, "frame": summary.frames, "hand": summary.hands}
    text = ", ".join(f"{count} {name}" + "s" * (count != 1) for name, count in counts.items())
    text += f" in {summary.elapsed_s:.1f} s ({fps:.1f} FPS)"
    if summary.ignored:
        text += f"; {summary.ignored} other files ignored"
    if summary.failed:
        text += f"; {len(summary.failed)} failed"
    if len(summary.outputs) == 1:
        text += f" -> {summary.outputs[0]}"
    return text + (" (stopped early)" if summary.stopped else "")
