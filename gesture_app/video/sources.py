"""Where frames come from: files (`open_video`, `read_image`), and live sources read by a thread of their own.

A live source is a camera, a network stream, or a video file that is played at its own speed. `FrameReader` reads it
and puts the newest frame into a `Mailbox`; whoever is slower than the source misses frames, but never sees old ones.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

# Both libraries print dozens of lines for one broken frame; what matters is told by the errors raised here.
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "2")  # seconds; 10 unless told

import cv2

from gesture_app.errors import EnvironmentFault, GestureError, InputError
from gesture_app.video.files import VideoFile, open_video
from gesture_app.vision.hands import Frame
from gesture_app.vision.images import read_image

__all__ = ["FrameReader", "LiveSource", "Mailbox", "VideoFile", "open_live", "open_video", "read_image"]

# OpenCV's wheel points Qt at its own, older Qt; the app's Qt and its child processes must not see that.
for _name in ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR"):
    if "cv2" in os.environ.get(_name, ""):
        del os.environ[_name]

URL_SCHEMES = ("rtsp", "rtsps", "http", "https")
NETWORK_TIMEOUT_MS = 2000
LOSS_S = 1.0
FIRST_FRAME_S = 5.0
BACKOFF_S = (0.5, 1.0, 2.0, 4.0, 5.0)

log = logging.getLogger(__name__)

OnState = Callable[[str, str], None]


class LiveSource(Protocol):
    """An open source. Only the thread that calls `read` may call `release`.

    Attributes:
        name: for people; a password is masked.
        is_file: whether `read` gives frames faster than their times, so that the reader has to wait.
        ended: whether the source has come to its end, which cameras never do.
    """

    name: str
    is_file: bool
    ended: bool

    def read(self) -> Frame | None:
        """The next frame, or None when there is none now, or none any more (`ended`)."""

    def release(self) -> None:
        """Close the source."""


class CaptureSource:
    """A camera or a network stream through OpenCV; `Frame.time_s` is the time of capture since the first frame."""

    is_file = False
    ended = False

    def __init__(self, name: str, capture: cv2.VideoCapture) -> None:
        self.name = name
        self._capture = capture
        self._start_s: float | None = None
        self._index = 0

    def read(self) -> Frame | None:
        """The next frame; None for one that is broken or late."""
        good, image = self._capture.read()
        if not good or image is None or image.size == 0:
            return None
        now_s = time.monotonic()
        if self._start_s is None:
            self._start_s = now_s
        frame = Frame(image, self._index, now_s - self._start_s)
        self._index += 1
        return frame

    def release(self) -> None:
        """Close the device or the connection."""
        self._capture.release()


class FileSource:
    """A video file as a live source; with `loop`, index and time go on growing when it starts again."""

    is_file = True

    def __init__(self, path: Path, loop: bool = False) -> None:
        self.name = str(path)
        self.ended = False
        self._path = path
        self._loop = loop
        self._video = open_video(path)
        self._frames = iter(self._video)
        self._index = 0
        self._shift_s = 0.0
        self._next_s = 0.0

    def read(self) -> Frame | None:
        """The next frame, at once; None at the end."""
        frame = next(self._frames, None)
        if frame is None and self._loop:
            self._video.close()
            self._video = open_video(self._path)
            self._frames = iter(self._video)
            self._shift_s = self._next_s
            frame = next(self._frames, None)
        if frame is None:
            self.ended = True
            return None
        time_s = frame.time_s + self._shift_s
        self._next_s = time_s + float(1 / self._video.frame_rate)
        self._index += 1
        return Frame(frame.image, self._index - 1, time_s)

    def release(self) -> None:
        """Close the file."""
        self._video.close()


def open_live(source: int | str | Path, loop: bool = False) -> LiveSource:
    """Open a camera (`0`, `/dev/video0`), an rtsp, rtsps, http or https address, or a video file.

    Network addresses are given 2 seconds to answer.

    Raises:
        InputError: a scheme that is not allowed, or a file that cannot be used.
        EnvironmentFault: a camera or a stream that cannot be opened now.
    """
    text = str(source)
    if re.fullmatch(r"\d{1,3}", text):
        return _open_camera(int(text))
    if text.startswith("/dev/"):
        return _open_camera(text)
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]+):", text)  # two letters at least: C:\ is a drive
    if scheme is None or Path(text).exists():
        return FileSource(Path(source) if isinstance(source, Path) else Path(text), loop)
    if scheme[1].lower() not in URL_SCHEMES:
        raise InputError(f"source: {masked(text)}: {scheme[1]}: is not allowed. Use one of {', '.join(URL_SCHEMES)}")
    return _open_stream(text)


def masked(address: str) -> str:
    """The address without user, password and query, which may hold secrets: for messages, titles and logs."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return address.split(":", 1)[0] + ":..."
    host = parts.netloc.rpartition("@")
    return urlunsplit((parts.scheme, ("***@" if host[1] else "") + host[2], parts.path, "", ""))


def _open_camera(camera: int | str) -> CaptureSource:
    device = camera if isinstance(camera, str) else f"/dev/video{camera}"
    if sys.platform == "linux":
        if not Path(device).exists():
            raise EnvironmentFault(
                f"camera: {camera}: there is no {device}. Connect a camera, or choose another source"
            )
        if not os.access(device, os.R_OK | os.W_OK):
            raise EnvironmentFault(f"camera: {camera}: no permission for {device}. Add yourself to the group `video`")
    capture = cv2.VideoCapture(camera)
    if not capture.isOpened():
        capture.release()
        why = "cannot be opened. Connect it, and close other programs that use it"
        raise EnvironmentFault(f"camera: {camera}: {why}")
    return CaptureSource(f"camera {camera}", capture)


def _open_stream(address: str) -> CaptureSource:
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, NETWORK_TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, NETWORK_TIMEOUT_MS]
    capture = cv2.VideoCapture(address, cv2.CAP_FFMPEG, limits)
    if not capture.isOpened():
        capture.release()
        raise EnvironmentFault(f"stream: {masked(address)}: does not answer. Check the address and the network")
    return CaptureSource(masked(address), capture)


class Mailbox:
    """Holds the newest frame only. Any thread may call any method.

    Attributes:
        dropped: how many frames were replaced before anyone took them.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._changed = threading.Condition()
        self._item: tuple[Frame, float] | None = None
        self._closed = False

    def put(self, frame: Frame, captured_at_s: float) -> None:
        """Leave a frame, in place of one that nobody took. `captured_at_s` is of `time.monotonic`."""
        with self._changed:
            if self._closed:
                return
            self.dropped += self._item is not None
            self._item = (frame, captured_at_s)
            self._changed.notify()

    def get(self, timeout_s: float | None = None) -> tuple[Frame, float] | None:
        """Wait for a frame and take it: the frame and its time of capture on `time.monotonic`.

        Returns:
            None when the time is over (None waits for ever) or the mailbox is closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._closed, timeout_s)
            item, self._item = self._item, None
            return None if self._closed else item

    def close(self) -> None:
        """Wake up whoever waits; from now on `get` gives None."""
        with self._changed:
            self._closed = True
            self._item = None
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed


class FrameReader(threading.Thread):
    """Reads a live source into a mailbox, in its own thread, and finds a lost camera or stream again.

    `on_state(state, message)` is called in this thread, with the states
    - "opening": the source is being opened;
    - "live": frames arrive;
    - "reconnecting": no frame for a second; tried again after 0.5, 1, 2, 4, 5, 5, ... s until `stop`;
    - "ended": a file is over, or `stop` was called; the last state;
    - "error": the source could not be opened, with a message for people; the last state.
    """

    def __init__(
        self,
        source: int | str | Path,
        mailbox: Mailbox,
        on_state: OnState,
        loop: bool = False,
        opener: Callable[[int | str | Path, bool], LiveSource] = open_live,
    ) -> None:
        super().__init__(name="frame reader", daemon=True)
        self._source = source
        self._mailbox = mailbox
        self._on_state = on_state
        self._loop = loop
        self._opener = opener
        self._stopping = threading.Event()
        self._frames = 0
        self._clock_zero_s = 0.0
        self._first_at_s: float | None = None

    def stop(self, timeout_s: float = 3.0) -> bool:
        """Ask the thread to end and wait for it; whether it ended in that time. Any thread may call it."""
        self._stopping.set()
        if self.is_alive() and threading.current_thread() is not self:
            self.join(timeout_s)
        return not self.is_alive()

    def run(self) -> None:
        """Open, read, reconnect; every error becomes the state "error"."""
        try:
            self._on_state("opening", "")
            lost = self._read_until_lost()
            attempt = 0
            while lost and not self._stopping.is_set():
                self._on_state("reconnecting", lost)
                self._stopping.wait(BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)])
                attempt += 1
                before = self._frames
                try:
                    lost = None if self._stopping.is_set() else self._read_until_lost()
                except EnvironmentFault as fault:
                    lost = str(fault)
                if self._frames > before:
                    attempt = 0
            self._on_state("ended", "")
        except GestureError as error:
            self._on_state("error", str(error))
        except Exception as error:
            log.exception("the frame reader failed")
            self._on_state("error", f"source: {self._source_name()}: {type(error).__name__}: {error}")

    def _source_name(self) -> str:
        return masked(str(self._source)) if "://" in str(self._source) else str(self._source)

    def _read_until_lost(self) -> str | None:
        """Read until stop or the end (None), or until the source is lost (why)."""
        source = self._opener(self._source, self._loop)
        try:
            deadline_s = time.monotonic() + FIRST_FRAME_S
            live = False
            while not self._stopping.is_set():
                frame = source.read()
                now_s = time.monotonic()
                if frame is not None:
                    deadline_s = now_s + LOSS_S
                    if not live:
                        live = True
                        self._clock_zero_s = now_s - frame.time_s
                        self._on_state("live", source.name)
                    self._deliver(frame, source.is_file)
                elif source.ended:
                    return None
                elif now_s >= deadline_s:
                    why = f"source: {source.name}: gives no pictures. Check the connection"
                    if self._frames == 0:
                        raise EnvironmentFault(why)
                    return why
                else:
                    self._stopping.wait(0.01)
            return None
        finally:
            source.release()

    def _deliver(self, frame: Frame, is_file: bool) -> None:
        """Put the frame into the mailbox, one of a file not before its time."""
        now_s = time.monotonic()
        if is_file:
            ahead_s = self._clock_zero_s + frame.time_s - now_s
            if ahead_s > 0:
                self._stopping.wait(ahead_s)
            elif ahead_s < -0.5:  # decoding is slower than the film: play on from here, do not race
                self._clock_zero_s -= ahead_s
            now_s = time.monotonic()
        else:  # one numbering and one clock over all reconnections
            if self._first_at_s is None:
                self._first_at_s = now_s
            frame = Frame(frame.image, self._frames, now_s - self._first_at_s)
        self._frames += 1
        self._mailbox.put(frame, now_s)
