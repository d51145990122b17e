"""The command line.

gesture-app live                          the window, on the camera of the last time
gesture-app live clip.mp4                 on a video, a picture, an rtsp or http address, or the screen
gesture-app annotate clip.mp4             clip-annotated.mp4, with boxes, names and the sound
gesture-app annotate pictures/ --no-media --jsonl hands.jsonl
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import tyro
from tyro.conf import Positional

from gesture_app import __version__
from gesture_app.command_line import parse
from gesture_app.errors import EnvironmentFault, InputError, run_and_exit
from gesture_app.terminal import ProgressBar, StopRequest, summary_line
from gesture_app.vision.hands import RecognizerOptions
from gesture_app.vision.model_info import DeviceName, PrecisionName, RuntimeName

if TYPE_CHECKING:
    from gesture_app.ui.live import ModelChoice
    from gesture_app.vision.recognizer import Recognizer

PROGRAM = "gesture-app"
THRESHOLDS = ("detector_threshold", "label_threshold", "max_hands")


@dataclass(frozen=True, kw_only=True)
class Model:
    """Options of every command that recognizes hands."""

    weights: Path | None = None
    """Folder of weights. Usually what `gesture-train retrain` installed, else those that come with the program;
    in the window, the model that is chosen there."""
    device: DeviceName | None = None
    """Where the networks run. Usually auto: on a GPU where there is one."""
    runtime: RuntimeName | None = None
    """What runs them. Usually auto: OpenVINO on a CPU, PyTorch on CUDA. onnx and tensorrt need their extras."""
    precision: PrecisionName = "auto"
    """What they compute in. auto: what the CPU is fastest at, on most of them eight bits."""
    detector_threshold: float | None = None
    """Least certainty, 0 to 1, that something is a hand; usually 0.12, in the window what is set there."""
    label_threshold: float | None = None
    """Least certainty, 0 to 1, of a gesture, else it is no_gesture; usually 0.5, in the window what is set there."""
    max_hands: int | None = None
    """Most hands in a picture; usually 4, in the window what is set there."""
    debug: bool = False
    """Show the traceback of an error."""

    def recognizer_options(self) -> RecognizerOptions:
        """The given thresholds, and the usual ones for the rest.

        Raises:
            InputError: one is out of its range.
        """
        given = {name: getattr(self, name) for name in THRESHOLDS if getattr(self, name) is not None}
        try:
            return RecognizerOptions(**given)
        except ValueError as error:
            raise InputError(f"options: {error}") from error

    def weights_folder(self) -> Path:
        """The folder of both networks."""
        from gesture_app.vision.model_folders import default_weights

        return self.weights or default_weights()

    def load_recognizer(self) -> Recognizer:
        """The recognizer with all of these options."""
        from gesture_app.vision.recognizer import Recognizer

        options, device, runtime = self.recognizer_options(), self.device or "auto", self.runtime or "auto"
        return Recognizer.load(self.weights_folder(), device, options, runtime, self.precision)


@dataclass(frozen=True, kw_only=True)
class Annotate(Model):
    """Draw the hands of a video, of a picture, or of all videos and pictures in a folder."""

    input: Annotated[Positional[Path], tyro.conf.arg(metavar="INPUT")]
    """The video, picture or folder."""
    output: Path | None = None
    """File or folder of the results; NAME-annotated.mp4 beside the input, NAME-annotated for a folder unless told."""
    media: bool = True
    """Write annotated videos and pictures."""
    jsonl: Path | None = None
    """File for one JSON line a frame; - is the standard output."""
    force: bool = False
    """Replace results that are there already; the input is never replaced."""
    every_frame: bool = True
    """Detect and name hands in every frame; --no-every-frame follows them in between, as the window does."""

    def run(self) -> int:
        """Annotate; the exit code."""
        from gesture_app.annotate import AnnotateOptions, annotate, plan

        options = AnnotateOptions(self.output, self.jsonl, self.media, self.force, self.every_frame)
        plan(self.input, options)  # a wrong name is told at once, not after the weights are loaded
        recognizer = self.load_recognizer()
        with ProgressBar(PROGRAM) as bar, StopRequest() as stop:
            summary = annotate(self.input, recognizer, options, bar.update, bar.warn, lambda: stop.number != 0)
        print(summary_line(summary), file=sys.stderr if str(self.jsonl) == "-" else sys.stdout)
        if stop.number:
            return 128 + stop.number
        if summary.failed:
            count = len(summary.failed)
            raise InputError(f"input: {self.input}: {count} of its files could not be used. See the warnings above")
        return 0


@dataclass(frozen=True, kw_only=True)
class Benchmark(Model):
    """Measure how fast the program is here: its stages, how it keeps up with a camera, its start."""

    clip: Path | None = None
    """A video; the demo clip at 1280x720 unless told."""
    seconds: float = 20.0
    """How long each of the measurements takes."""
    compare: bool = False
    """Also compare everything that can run the networks here, in turns."""
    scaling: bool = False
    """Also measure what larger pictures and more hands cost."""
    json: Path | None = None
    """File for the figures."""

    def run(self) -> int:
        """Measure and print; the exit code."""
        import json

        from gesture_app.video.files import check_regular_file
        from gesture_app.vision.atomic import require_place, write_file

        if not 0 < self.seconds < float("inf"):
            raise InputError(f"options: --seconds {self.seconds}: is not a number above 0")
        if self.clip is not None:
            check_regular_file(self.clip, "video")
        if self.json is not None:
            require_place(self.json, "--json")
        result: dict[str, Any] = {}
        try:
            self.measure(result)
        finally:  # a measurement that fails leaves those before it
            if self.json is not None and result:
                write_file(self.json, (json.dumps(result, indent=2) + "\n").encode(), "results")
        return 0

    def measure(self, result: dict[str, Any]) -> None:
        """Measure, and print every result as it comes; it is put into `result`."""
        from gesture_app import benchmark, benchmark_gpu, benchmark_report
        from gesture_app.vision.assets import demo_clip

        recognizer = self.load_recognizer()
        clip = benchmark.LoopedVideo(self.clip) if self.clip else benchmark.LoopedVideo(demo_clip(), (1280, 720))
        result["device"] = recognizer.device_name
        print(recognizer.device_name)
        result["stages"] = benchmark.measure_stages(recognizer, clip, self.seconds)
        print(benchmark_report.stages_table(result["stages"]))
        result["live"] = benchmark.measure_live(recognizer, clip, self.seconds)
        print(benchmark_report.live_line(result["live"]))
        words = (str(self.weights_folder()), self.device or "auto", self.runtime or "auto", self.precision)
        result["start"] = benchmark.measure_start(words, clip.path)
        print(benchmark_report.start_line(result["start"]))
        result["memory_mb"] = benchmark.peak_memory_mb()
        if result["memory_mb"]:
            print(f"memory at most: {result['memory_mb']:.0f} MB")
        if recognizer.one_step:
            plain = benchmark_gpu.plain_recognizer(self.weights_folder(), "cuda")
            result["gpu"] = benchmark_gpu.measure_gpu(recognizer, plain, clip, self.seconds)
            print(benchmark_report.gpu_table(result["gpu"]))
        if self.scaling:
            result["scaling"] = benchmark.measure_scaling(recognizer, clip)
            print(benchmark_report.scaling_table(result["scaling"]))
        if self.compare:
            engines = {recognizer.device_name: recognizer} | self.other_engines()
            result["comparison"] = benchmark.measure_unpaced(engines, clip, self.seconds * len(engines))
            print(benchmark_report.comparison_table(result["comparison"]))

    def other_engines(self) -> dict[str, Recognizer]:
        """Everything that can run the networks here, by name."""
        engines = {}
        others: tuple[dict[str, Any], ...] = (
            {"device": "cpu", "runtime": "torch", "precision": "f32"},
            {"device": "cpu", "runtime": "openvino", "precision": "f32"},
            {"device": "cpu", "runtime": "openvino", "precision": "auto"},
            {"device": "cpu", "runtime": "openvino", "precision": "int8"},
            {"device": "cpu", "runtime": "onnx", "precision": "auto"},
            {"device": "cuda", "runtime": "torch", "precision": "auto"},
        )
        for other in others:
            try:
                recognizer = replace(self, **other).load_recognizer()
            except (EnvironmentFault, InputError):  # not here, or not for these weights
                continue
            engines[recognizer.device_name] = recognizer
        return engines


@dataclass(frozen=True, kw_only=True)
class Live(Model):
    """Open the window: recognize hands in what a camera, a stream or a video file shows now."""

    source: Annotated[Positional[str | None], tyro.conf.arg(metavar="[SOURCE]")] = None
    """Number of a camera, an rtsp or http address, a video, a picture, a folder of pictures, or `screen`.
    Usually the last camera or stream, or the first camera."""
    named: Annotated[str | None, tyro.conf.arg(name="source", metavar="SOURCE")] = None
    """SOURCE, as an option."""
    loop: bool = False
    """Start a video again at its end."""

    def run(self) -> int:
        """Show the window until it is closed; the exit code."""
        from gesture_app.ui.app import run

        if self.source is not None and self.named is not None:
            raise InputError("source: SOURCE and --source: both are given. Leave one of them out")
        self.recognizer_options()  # a threshold out of its range is told before the window is shown
        return run(self.source if self.named is None else self.named, self.load, self.overrides(), self.loop)

    def load(self, choice: ModelChoice) -> Recognizer:
        """The recognizer; called once the window is shown, since importing its libraries alone takes seconds."""
        from gesture_app.vision.recognizer import Recognizer

        return Recognizer.load(choice.weights, choice.device, self.recognizer_options(), choice.runtime, self.precision)

    def overrides(self) -> dict[str, object]:
        """What was given, as fields of the settings: it holds for this time, unless it is changed in the window."""
        names = ("device", "runtime", *THRESHOLDS)
        given = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return given | ({"weights": str(self.weights.absolute())} if self.weights else {})


@dataclass(frozen=True, kw_only=True)
class Doctor:
    """Look at cameras, display, CUDA, runtimes, weights, codecs and folders, and say how to mend what is wrong."""

    weights: Path | None = None
    """Folder of weights; those of the window's settings, else those that `annotate` takes, unless told."""
    jsonl: Path | None = None
    """File for one JSON line a finding; - is the standard output."""
    camera_in_use: str = ""
    """Number of a camera that another program uses now, and that is not opened."""
    debug: bool = False
    """Show the traceback of an error."""

    def run(self) -> int:
        """Print the page; the exit code: 3 when something is wrong."""
        from contextlib import ExitStack

        from gesture_app.doctor import examine, line
        from gesture_app.video.sinks import JsonlSink

        wrong = []
        with ExitStack() as files:
            sink = files.enter_context(JsonlSink(self.jsonl)) if self.jsonl is not None else None
            for finding in examine(self.weights, self.camera_in_use):
                if sink is not None:
                    sink.write(asdict(finding))
                if str(self.jsonl) != "-":
                    print(line(finding), flush=True)
                if finding.state == "bad":
                    wrong.append(finding.topic)
        if wrong:
            topics = ", ".join(dict.fromkeys(wrong))
            raise EnvironmentFault(f"doctor: not all is well: {topics}. The lines above say what to do")
        return 0


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and leave the process: 0, 2 bad input or usage, 3 the machine, 130 or 143 after a signal."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    commands: Any = (
        Annotated[Annotate, tyro.conf.subcommand("annotate", prefix_name=False)]
        | Annotated[Live, tyro.conf.subcommand("live", prefix_name=False)]
        | Annotated[Benchmark, tyro.conf.subcommand("benchmark", prefix_name=False)]
        | Annotated[Doctor, tyro.conf.subcommand("doctor", prefix_name=False)]
    )
    about = f"Recognize hand gestures, version {__version__} (--version prints it)."

    def parse_and_run() -> int:
        command: Annotate | Live | Benchmark | Doctor = parse(commands, PROGRAM, about, words)
        return command.run()

    run_and_exit(parse_and_run, PROGRAM, "--debug" in words)
