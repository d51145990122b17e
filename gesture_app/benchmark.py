"""How fast the program is here: stages, frame rate when nothing waits, and how it keeps up with a camera."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from gesture_app.ahead import Ahead
from gesture_app.errors import EnvironmentFault, InputError
from gesture_app.python_process import python_arguments
from gesture_app.video.mailbox import Mailbox
from gesture_app.video.sources import open_video
from gesture_app.vision.hands import Frame, Hand, Image
from gesture_app.vision.overlay import draw_hands
from gesture_app.vision.recognizer import Recognizer, to_hands
from gesture_app.vision.tracking import Tracker
from gesture_app.vision.video_recognizer import VideoRecognizer

WARM_UP = 10
CAMERA_FPS = 30
ROUND_S = 0.5
HANDS = (1, 2, 4, 8)
SIZES_WH = ((854, 480), (1280, 720), (1920, 1080), (3840, 2160))

Result = dict[str, Any]


@dataclass(frozen=True)
class LoopedVideo:
    """A video that is played again and again, at 30 frames a second.

    Attributes:
        path: the file.
        size_wh: what every picture is resized to; None leaves it.
    """

    path: Path
    size_wh: tuple[int, int] | None = None

    def frames(self) -> Iterator[Frame]:
        """Decode for ever; index and time go on growing.

        Raises:
            InputError: the clip cannot be read.
        """
        for index, image in enumerate(self._images()):
            if self.size_wh is not None and image.shape[1::-1] != self.size_wh:
                image = np.asarray(cv2.resize(image, self.size_wh), np.uint8)
            yield Frame(image, index, index / CAMERA_FPS)

    def _images(self) -> Iterator[Image]:
        while True:
            with open_video(self.path) as video:
                yield from (frame.image for frame in video)


def measure_stages(recognizer: Recognizer, clip: LoopedVideo, seconds: float) -> Result:
    """Run every stage on every frame, one after the other, for some seconds.

    Returns:
        `fps`; `frames`; `hands` a frame; `size_wh`; `cpu_cores`, how many were busy; and for every stage and the whole
        `p50_ms`, `p95_ms` and `p99_ms`.

    Raises:
        InputError: the clip cannot be read.
    """
    tracker = Tracker(recognizer.labels, recognizer.options)
    frames = clip.frames()
    for _ in range(WARM_UP):
        _, _, frame = time_frame(recognizer, tracker, frames)
    rows: list[dict[str, float]] = []
    hands = 0
    start_s, cpu_s = time.perf_counter(), time.process_time()
    while not rows or time.perf_counter() - start_s < seconds:
        row, found, frame = time_frame(recognizer, tracker, frames)
        rows.append(row)
        hands += found
    took_s = time.perf_counter() - start_s
    return {
        "fps": len(rows) / took_s,
        "frames": len(rows),
        "hands": hands / len(rows),
        "size_wh": (frame.image.shape[1], frame.image.shape[0]),
        "cpu_cores": (time.process_time() - cpu_s) / took_s,
        "stages": {name: percentiles_ms([row[name] for row in rows]) for name in rows[0]},
    }


def time_frame(
    recognizer: Recognizer, tracker: Tracker, frames: Iterator[Frame]
) -> tuple[dict[str, float], int, Frame]:
    """The seconds of every stage of the next frame, its number of hands, and the frame."""
    row: dict[str, float] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        start_s = time.perf_counter()
        result = work()
        row[name] = time.perf_counter() - start_s
        return result

    options = recognizer.options.followed()  # as `VideoRecognizer` asks
    frame: Frame = timed("decode", lambda: next(frames))
    if recognizer.one_step:
        hands = timed("recognize", lambda: recognizer(frame.image, options))
    else:
        found = timed("detect", lambda: recognizer.detect(frame.image, options))
        rows = timed("classify", lambda: recognizer.classify_boxes(frame.image, found.boxes_xyxy))
        hands = to_hands(found, rows, recognizer.labels, options)
    hands = timed("track", lambda: tracker.update(hands, frame.time_s))
    timed("draw", lambda: draw_hands(frame.image, hands))
    row["whole"] = sum(row.values())
    return row, len(hands), frame


def measure_live(recognizer: Recognizer, clip: LoopedVideo, seconds: float) -> Result:
    """Play the clip as a camera would, and recognise and draw as the window does.

    Returns:
        `fps`; `dropped`, the share of frames that were never looked at; `cpu_cores`; and `p50_ms`, `p95_ms` and
        `p99_ms` from the moment that a frame is there until it is drawn.

    Raises:
        InputError: the clip cannot be read.
    """
    recognize = VideoRecognizer(recognizer)
    mailbox = Mailbox()
    latencies: list[float] = []

    def state() -> tuple[float, float, int]:
        return time.perf_counter(), time.process_time(), mailbox.dropped

    # Closed at Ctrl-C, too, which must not wait for the end of the clip.
    with ThreadPoolExecutor(1, "camera") as camera, closing(mailbox):
        playing = camera.submit(_play, clip, mailbox, seconds + 1)
        began = ended = state()
        while (item := mailbox.get()) is not None:
            frame, captured_s = item
            draw_hands(frame.image, recognize(frame))
            if frame.time_s < 1:  # the pace finds itself in the first second
                began = state()
            else:
                latencies.append(time.monotonic() - captured_s)
            ended = state()
        playing.result()
    took_s, busy_s, dropped = (last - first for first, last in zip(began, ended, strict=True))
    took_s = max(took_s, 1e-9)
    return {
        "fps": len(latencies) / took_s,
        "dropped": dropped / max(1, dropped + len(latencies)),
        "cpu_cores": busy_s / took_s,
        **percentiles_ms(latencies or [0.0]),
    }


def _play(clip: LoopedVideo, mailbox: Mailbox, seconds: float) -> None:
    start_s = time.monotonic()
    try:
        for frame in itertools.takewhile(lambda frame: frame.time_s < seconds and not mailbox.closed, clip.frames()):
            time.sleep(max(0.0, start_s + frame.time_s - time.monotonic()))
            mailbox.put(frame, time.monotonic())
        time.sleep(0.5)  # the last frame is still looked at
    finally:
        mailbox.close()


def measure_unpaced(recognizers: Mapping[str, Recognizer], clip: LoopedVideo, seconds: float) -> dict[str, Result]:
    """The frame rates of several engines when nothing waits, in turns, so that a busy moment hits all of them.

    The clip comes as from a camera that has a new frame whenever one is wanted.

    Returns:
        For every engine `every_frame_fps`, detector and classifier run on every frame, and `live_fps`, as the window
        does it: the medians of rounds of `ROUND_S`; drawing is included, and decoding, in a thread of its own.

    Raises:
        InputError: the clip cannot be read.
    """
    modes = {"every_frame_fps": True, "live_fps": False}
    with ExitStack() as stack:
        engines = {
            (name, mode): (VideoRecognizer(recognizer, every), stack.enter_context(Ahead(clip.frames(), 1)))
            for name, recognizer in recognizers.items()
            for mode, every in modes.items()
        }
        rounds: dict[tuple[str, str], list[float]] = {key: [] for key in engines}
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s or len(next(iter(rounds.values()))) < 2:
            for key, (recognize, frames) in engines.items():
                rounds[key].append(_frame_rate(recognize, frames))
    # The first round compiles and warms up.
    return {name: {mode: float(np.median(rounds[name, mode][1:])) for mode in modes} for name in recognizers}


def _frame_rate(recognize: VideoRecognizer, frames: Iterator[Frame]) -> float:
    """Recognize and draw for `ROUND_S`; a frame's time is when it is taken."""
    count, start_s = 0, time.perf_counter()
    while (now_s := time.perf_counter()) - start_s < ROUND_S:
        frame = replace(next(frames), time_s=now_s)
        draw_hands(frame.image, recognize(frame))
        count += 1
    return count / (now_s - start_s)


def measure_scaling(recognizer: Recognizer, clip: LoopedVideo, repeats: int = 9) -> list[Result]:
    """What larger pictures and more hands cost: medians over one picture.

    Returns:
        For every size of picture with one hand, and for every number of hands at 720p: `size_wh`, `hands`, and the
        milliseconds `detect` and `classify`.

    Raises:
        InputError: the clip cannot be read, or shows no hand.
    """
    shown = ((frame.image, recognizer(frame.image)) for frame in itertools.islice(clip.frames(), 300))
    image, hand = next(((image, hands[0]) for image, hands in shown if hands), (None, None))
    if image is None or hand is None:
        raise InputError(f"video: {clip.path}: no hand is found in its first 300 frames. Give a clip with hands")
    cases = [(size, 1) for size in SIZES_WH] + [((1280, 720), hands) for hands in HANDS[1:]]
    return [time_case(recognizer, image, hand, size_wh, hands, repeats) for size_wh, hands in cases]


def time_case(
    recognizer: Recognizer, image: Image, hand: Hand, size_wh: tuple[int, int], hands: int, repeats: int
) -> Result:
    """Time a picture resized to `size_wh` in which `hands` boxes as large as the hand's are named."""
    scale = np.array((size_wh[0] / image.shape[1], size_wh[1] / image.shape[0]) * 2, np.float32)
    resized = np.asarray(cv2.resize(image, size_wh), np.uint8)
    boxes = np.tile(np.array(hand.box_xyxy, np.float32) * scale, (hands, 1))
    times: dict[str, list[float]] = {"detect": [], "classify": []}
    for _ in range(repeats + 2):
        start_s = time.perf_counter()
        recognizer.detect(resized, recognizer.options)
        detected_s = time.perf_counter()
        recognizer.classify_boxes(resized, boxes)
        times["detect"].append(detected_s - start_s)
        times["classify"].append(time.perf_counter() - detected_s)
    return {"size_wh": size_wh, "hands": hands} | {n: float(np.median(t[2:])) * 1000 for n, t in times.items()}


FIRST_RESULT = """
import json, sys
from pathlib import Path
from gesture_app.benchmark import LoopedVideo, peak_memory_mb
from gesture_app.vision.recognizer import Recognizer
weights, device, runtime, precision, clip = json.loads(sys.argv[1])
recognizer = Recognizer.load(Path(weights), device, None, runtime, precision)
recognizer(next(LoopedVideo(Path(clip)).frames()).image)
print(json.dumps(peak_memory_mb()), flush=True)
"""


def measure_start(words: Sequence[str], clip: Path) -> Result:
    """Start another process, up to its first result; the caches are warm if this process has filled them.

    Args:
        words: weights, device, runtime and precision, as `Recognizer.load` takes them.

    Returns:
        `seconds`, and `memory_mb`, the most memory that the process used.

    Raises:
        EnvironmentFault: the process failed.
    """
    start_s = time.perf_counter()
    command = [sys.executable, *python_arguments(FIRST_RESULT), json.dumps([*words, str(clip)])]
    done = subprocess.run(command, capture_output=True, text=True)
    seconds = time.perf_counter() - start_s
    if done.returncode:
        told = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise EnvironmentFault(f"benchmark: a fresh process failed: {told[-1]}")
    return {"seconds": seconds, "memory_mb": json.loads(done.stdout)}


def peak_memory_mb() -> float | None:
    """The most memory that this process has used so far (resident set); None where the system does not tell."""
    try:  # Linux: `getrusage` begins with the memory of the process that started this one
        return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
    except (OSError, IndexError):
        pass
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def percentiles_ms(times_s: Sequence[float]) -> dict[str, float]:
    """The median and the 95th and 99th percentiles of seconds, in milliseconds."""
    p50, p95, p99 = np.percentile(np.asarray(times_s) * 1000, (50, 95, 99))
    return {"p50_ms": float(p50), "p95_ms": float(p95), "p99_ms": float(p99)}
