"""The offline loop: videos and pictures in, annotated copies and one JSON line a frame out. No frame is dropped."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field, replace
from os.path import lexists
from pathlib import Path

from gesture_app.ahead import Ahead
from gesture_app.errors import EnvironmentFault, InputError
from gesture_app.video.addresses import masked, source_kind
from gesture_app.video.files import check_regular_file
from gesture_app.video.sinks import JsonlSink, VideoSink, write_image
from gesture_app.video.sources import open_video, read_image
from gesture_app.video.suffixes import VIDEO_SUFFIX, annotated_name, media_below, result_suffix, same_file, why_no_media
from gesture_app.vision.hands import Frame, Hand
from gesture_app.vision.images import IMAGE_SUFFIXES, colour_profile, has_picture_suffix, is_animation
from gesture_app.vision.overlay import draw_hands
from gesture_app.vision.recognizer import Recognizer
from gesture_app.vision.stills import recognize_still
from gesture_app.vision.video_recognizer import VideoRecognizer

AHEAD_BYTES = 64_000_000
MAX_AHEAD = 8


@dataclass(frozen=True)
class AnnotateOptions:
    """Where the results go.

    Attributes:
        output: a file or a folder; None is `NAME-annotated.mp4` beside the input, `NAME-annotated/` for a folder.
        jsonl: a file for one JSON line a frame; `-` is the standard output.
        media: whether annotated pictures and videos are written.
        force: whether results of the same name are replaced. The input never is.
        every_frame: see `VideoRecognizer`.
    """

    output: Path | None = None
    jsonl: Path | None = None
    media: bool = True
    force: bool = False
    every_frame: bool = True


@dataclass(frozen=True)
class Progress:
    """One more frame is done: number `frame` (from 1) of `frame_count`, in file number `file` (from 1) of `files`."""

    source: Path
    frame: int
    frame_count: int | None
    file: int
    files: int


@dataclass
class Summary:
    """What was done.

    Attributes:
        outputs: the annotated files that are complete.
        failed: the sources that could not be used, or not to their end.
        ignored: how many files of the folder are neither videos nor pictures, or are results of others.
        stopped: whether `should_stop` ended it early.
    """

    videos: int = 0
    images: int = 0
    frames: int = 0
    hands: int = 0
    ignored: int = 0
    elapsed_s: float = 0.0
    stopped: bool = False
    outputs: list[Path] = field(default_factory=list)
    failed: list[Path] = field(default_factory=list)


@dataclass(frozen=True)
class Job:
    """One file to do; `output` is None where no picture is wanted."""

    source: Path
    output: Path | None


class _Stopped(Exception):
    """Passes through the sinks, so that they keep what they have."""


def annotate(
    source: Path,
    recognizer: Recognizer,
    options: AnnotateOptions = AnnotateOptions(),
    on_progress: Callable[[Progress], None] = lambda progress: None,
    on_warning: Callable[[str], None] = lambda message: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Summary:
    """Annotate a video, a picture, or every video and picture in a folder and its subfolders.

    A file of a folder that cannot be used is told with `on_warning` and listed in `Summary.failed`; the rest goes on.

    Raises:
        InputError: the input cannot be used, or a result would replace a file.
        EnvironmentFault: a result cannot be written; what there is of it is kept.
    """
    jobs, ignored = plan(source, options)
    summary = Summary(ignored=ignored)
    start_s = time.monotonic()
    jsonl = JsonlSink(options.jsonl) if options.jsonl is not None else None
    run = _Run(recognizer, options.every_frame, jsonl, on_progress, on_warning, should_stop, summary)
    try:
        with jsonl or nullcontext():
            for number, job in enumerate(jobs, 1):
                try:
                    run.do(job, Progress(job.source, 0, None, number, len(jobs)))
                except InputError as error:
                    if not source.is_dir():
                        raise
                    summary.failed.append(job.source)
                    on_warning(str(error))
    except _Stopped:
        summary.stopped = True
        if jsonl is not None and jsonl.kept is not None:
            on_warning(f"results: stopped early: the lines so far are in {jsonl.kept}")
    summary.elapsed_s = time.monotonic() - start_s
    return summary


@dataclass
class _Run:
    recognizer: Recognizer
    every_frame: bool
    jsonl: JsonlSink | None
    on_progress: Callable[[Progress], None]
    on_warning: Callable[[str], None]
    should_stop: Callable[[], bool]
    summary: Summary

    def do(self, job: Job, at: Progress) -> None:
        if has_picture_suffix(job.source):
            self.image(job, at)
        else:  # whatever its name
            self.video(job, at)
        if job.output is not None:
            self.summary.outputs.append(job.output)

    def image(self, job: Job, at: Progress) -> None:
        if self.should_stop():
            raise _Stopped
        image = read_image(job.source)
        if is_animation(job.source):
            told = "is an animation, of which only the first picture is taken. Save it as a video or GIF"
            self.on_warning(f"picture: {job.source}: {told}")
        hands = recognize_still(self.recognizer, image)
        if job.output is not None:
            write_image(job.output, draw_hands(image, hands), colour_profile(job.source))
        self._count(job, Frame(image, 0, 0.0, still=True), hands)
        self.summary.images += 1
        self.on_progress(replace(at, frame=1, frame_count=1))

    def video(self, job: Job, at: Progress) -> None:
        recognize = VideoRecognizer(self.recognizer, self.every_frame)
        sink: VideoSink | None = None
        try:
            with open_video(job.source) as video, ExitStack() as stack:
                if job.output is not None:
                    sink = stack.enter_context(VideoSink(job.output, video))
                most = max(1, min(MAX_AHEAD, AHEAD_BYTES // (3 * video.size_wh[0] * video.size_wh[1])))
                decoded = stack.enter_context(Ahead(video, most))
                recognized = stack.enter_context(Ahead(recognize.each(decoded), most))
                frames = 0
                for frame, hands in recognized:
                    if self.should_stop():
                        raise _Stopped
                    if sink is not None:
                        sink.write(Frame(draw_hands(frame.image, hands), frame.index, frame.time_s))
                    self._count(job, frame, hands)
                    frames += 1
                    self.on_progress(replace(at, frame=frames, frame_count=video.frame_count))
                if video.truncated or video.damaged:
                    announced = f"{frames} of {video.frame_count}" if video.frame_count else str(frames)
                    self.on_warning(f"video: {job.source}: {announced} frames: the file is cut off or damaged")
        except EnvironmentFault:  # its message tells what is kept
            raise
        except BaseException:
            if sink is not None and sink.kept is not None:
                count = f"{sink.frames} frame" + "s" * (sink.frames != 1)
                self.on_warning(f"video: {job.source}: stopped after {count}, kept in {sink.kept}")
            raise
        self.summary.videos += 1

    def _count(self, job: Job, frame: Frame, hands: Sequence[Hand]) -> None:
        if self.jsonl is not None:
            self.jsonl.write(row(job.source, frame, hands))
        self.summary.frames += 1
        self.summary.hands += len(hands)


def row(source: Path, frame: Frame, hands: Sequence[Hand]) -> dict[str, object]:
    """What a JSON line says about a frame: boxes in its pixels, times in seconds, probabilities from 0 to 1."""
    height, width = frame.image.shape[:2]
    return {
        "source": str(source),
        "frame": frame.index,
        "time_s": round(frame.time_s, 6),
        "width": width,
        "height": height,
        "hands": [
            {
                "id": hand.id,
                "box_xyxy": [round(float(edge), 1) for edge in hand.box_xyxy],
                "detector_score": round(float(hand.detector_score), 4),
                "label": hand.label,
                "score": round(float(hand.score), 4),
                "side": hand.side or None,
                "top": [[name, round(float(score), 4)] for name, score in hand.top],
            }
            for hand in hands
        ],
    }


def plan(source: Path, options: AnnotateOptions) -> tuple[list[Job], int]:
    """Decide what is read and written, before anything is.

    Returns:
        The jobs, in the order of their names, and how many files of a folder are left out.

    Raises:
        InputError: nothing to do, or a result would replace the input or, without `force`, an existing file.
    """
    if not options.media and options.jsonl is None:
        raise InputError("options: --no-media: nothing would be written. Give --jsonl FILE too")
    if source_kind(str(source)) == "stream" and ":/" in str(source):  # else a file with a colon in its name is missing
        address = str(source).replace(":/", "://", 1)  # it has lost a slash on the way to being a path
        raise InputError(f"input: {masked(address)}: annotate takes files. Play streams with `gesture-app live`")
    try:
        return _plan(source, options)
    except OSError as error:  # a name that is too long, a folder that may not be entered
        why = error.strerror or error
        raise InputError(f"file: {error.filename or source}: {why}. Check the name and the permissions") from error


def _plan(source: Path, options: AnnotateOptions) -> tuple[list[Job], int]:
    if source.is_dir():
        output = options.output or _beside_folder(Path(os.path.abspath(source)))  # noqa: PTH100  # a link stays one
        sources, ignored = media_below(source, output)
        if not sources:
            raise InputError(why_no_media(source))
        jobs = _folder_jobs(source, output, sources, options.media)
    else:
        check_regular_file(source, "input")
        jobs, ignored = [Job(source, _beside(source, options.output) if options.media else None)], 0
    results = [job.output for job in jobs if job.output is not None]
    if options.jsonl is not None and str(options.jsonl) != "-":
        results.append(options.jsonl)
    _check_results(results, [job.source for job in jobs], options.force)
    return jobs, ignored


def _folder_jobs(folder: Path, output: Path, sources: Sequence[Path], media: bool) -> list[Job]:
    """Results keep their place below the folder; names that would meet keep their old suffix too."""
    if not media:
        return [Job(source, None) for source in sources]
    if same_file(folder, output):
        raise InputError(f"output: {output}: is the input. Give another folder")
    if output.exists() and not output.is_dir():
        raise InputError(f"output: {output}: is not a folder, but the input is one. Give a folder")
    wanted = [(output / source.relative_to(folder)).with_suffix(result_suffix(source)) for source in sources]
    counts = Counter(wanted)
    return [
        Job(source, name if counts[name] == 1 else output / f"{source.relative_to(folder)}{result_suffix(source)}")
        for source, name in zip(sources, wanted, strict=True)
    ]


def _beside_folder(folder: Path) -> Path:
    if not folder.name:
        raise InputError(f"input: {folder}: has no folder beside it. Give --output")
    return folder.with_name(f"{folder.name}-annotated")


def _beside(source: Path, output: Path | None) -> Path:
    if output is None or output.is_dir() or not output.suffix:
        return annotated_name(source, output)
    kinds = IMAGE_SUFFIXES if has_picture_suffix(source) else (VIDEO_SUFFIX,)
    if output.suffix.lower() not in kinds:
        raise InputError(f"output: {output}: cannot be written for this input. Use one of {', '.join(kinds)}")
    return output


def _check_results(results: Sequence[Path], sources: Sequence[Path], force: bool) -> None:
    inputs = {(info.st_dev, info.st_ino) for info in (path.stat() for path in sources if path.exists())}
    counts = Counter(path.absolute() for path in results)
    if twice := [path for path in results if counts[path.absolute()] > 1]:
        raise InputError(f"output: {twice[0]}: two results have this name. Give another")
    for path in results:
        if not lexists(path):
            continue
        if path.is_dir():
            raise InputError(f"output: {path}: is a folder. Give the name of a file")
        if path.exists() and not path.is_file():
            raise InputError(f"output: {path}: is a device or a pipe. Give the name of a file")
        if path.exists() and ((info := path.stat()).st_dev, info.st_ino) in inputs:
            raise InputError(f"output: {path}: is an input. Give another name")
        if not force:
            raise InputError(f"output: {path}: is there already. Give another name, or --force to replace it")
