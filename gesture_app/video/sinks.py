"""Where results go: videos with their sound and times, JSON lines, pictures. A final name never holds half a file."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TextIO

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange
from PIL import Image as PillowImage

from gesture_app.errors import EnvironmentFault, InputError
from gesture_app.video.audio import AudioTrack
from gesture_app.video.files import ANNOTATED, VideoFile
from gesture_app.video.hdr import BT709
from gesture_app.video.partial_file import PartialFile, storage_fault
from gesture_app.vision.hands import Frame, Image
from gesture_app.vision.images import IMAGE_SUFFIXES, has_picture_suffix

KEY_FRAME_EVERY = 30  # also the length of a fragment: what a crash can cost
MAX_ENCODER_THREADS = 8  # each holds a frame back, which a crash would cost too
MOST_UNITS = 2**31 - 1  # of time that FFmpeg takes for one frame: six and a half hours of a recording
BT601 = 6  # SMPTE 170M among FFmpeg's matrices
# Fragments that are readable whatever happens, and that become an ordinary file at the end. The head is written
# after the first fragment, with an edit list that keeps the first time stamp.
MOVFLAGS = "frag_keyframe+delay_moov+default_base_moof+hybrid_fragmented"


@dataclass
class LiveTiming:
    """What a sink has to know of a camera or a stream, and of a file its `VideoFile` tells: each frame comes when it
    comes, and without sound.

    Attributes:
        frame_rate: the mean rate in 1/s.
        time_base: the unit of the times in seconds.
        end_s: until when the last picture is shown; known when it was given.
        colours: FFmpeg's numbers of the primaries and the transfer function: an ordinary screen's.
    """

    frame_rate: Fraction = Fraction(30)
    time_base: Fraction = Fraction(1, 90_000)
    end_s: float = 0.0
    colours: tuple[int, int] = (BT709, BT709)


class VideoSink:
    """Encodes frames to H.264 in MP4 at their own times, with the sound of the source.

    As a context manager it completes the file, or, when an exception passes, keeps what there is in `kept`.

    Args:
        path: the final name.
        source: gives the rate, the unit of time, and the sound.
        preset: of x264: how much time is spent on a smaller file.
        annotated: whether the pictures show what was recognized, which the file then tells.
        numbered: see `PartialFile`.

    Attributes:
        frames: how many frames were written.
        kept: the incomplete but playable file after a failure, if any.

    Raises:
        EnvironmentFault: the file cannot be written.
        InputError: its name is too long.
    """

    def __init__(
        self,
        path: Path,
        source: VideoFile | LiveTiming,
        preset: str = "veryfast",
        annotated: bool = True,
        numbered: bool = False,
    ) -> None:
        self.frames = 0
        self.kept: Path | None = None
        self._file = PartialFile(path, numbered)
        self._packets = 0
        self._ended = False
        self._last_pts = -1
        self._size_wh: tuple[int, int] | None = None
        self._source = source
        self._preset = preset
        self._time_base = max(source.time_base, Fraction(1, 1_000_000))
        options = {"movflags": MOVFLAGS, "movie_timescale": str(self._time_base.denominator), "flush_packets": "1"}
        try:
            self._file.prepare()
            self._container = av.open(f"file:{self._file.writing}", "w", format="mp4", options=options)
        except OSError as error:
            raise storage_fault("video", path, error) from error
        if annotated:
            self._container.metadata["comment"] = ANNOTATED
        self._stream = self._container.add_stream("libx264", rate=source.frame_rate)
        self._audio = AudioTrack.of(source, self._container) if isinstance(source, VideoFile) else None

    @property
    def path(self) -> Path:
        """The final name."""
        return self._file.final

    def __enter__(self) -> VideoSink:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is None:
            self.close()
        else:
            self.abort()

    def write(self, frame: Frame) -> None:
        """Encode a frame; one of another size than the first is fitted into that, with black borders.

        Raises:
            EnvironmentFault: the disk is full or the file cannot be written; `kept` holds what there is.
            InputError: damaged sound that MP4 refuses.
        """
        if self._size_wh is None:
            self._start(frame.image)
        planes = cv2.cvtColor(self._fitted(frame.image), cv2.COLOR_BGR2YUV_I420)  # four times as fast as FFmpeg's
        picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        pts = max(round(Fraction(frame.time_s) / self._time_base), self._last_pts + 1)
        picture.pts, picture.time_base, self._last_pts = pts, self._time_base, pts
        try:
            self._mux(picture)
            if self._audio is not None:
                self._audio.write_until(frame.time_s)
        except (OSError, av.FFmpegError) as error:
            self._fail(error)
        self.frames += 1

    def close(self) -> None:
        """Complete the file under its final name.

        Raises:
            EnvironmentFault: the disk is full or the file cannot be written; `kept` holds what there is.
            InputError: damaged sound that MP4 refuses.
        """
        if self.frames == 0:
            self.abort()
            return
        try:
            self._mux(None, max(self._source.end_s, self._least_end_s))
            if self._audio is not None:
                self._audio.write_until(None)
            self._container.close()
            if self._packets != self.frames:
                raise OSError(f"{self._packets} of {self.frames} frames written")
            self._file.commit()
            self._ended = True
        except (OSError, av.FFmpegError) as error:
            self._fail(error)
        finally:
            self._close_audio()

    def abort(self, can_write: bool = True) -> None:
        """End early: what was encoded so far is kept in a file that plays.

        Args:
            can_write: FFmpeg crashes when it is given pictures for a file whose first bytes it could not write.
        """
        if self._ended:
            return
        self._ended = True
        with suppress(OSError, av.FFmpegError):  # the fragments before it are on the disk
            if self.frames and can_write:
                self._mux(None, self._least_end_s)
            self._container.close()
        self._close_audio()
        if self.frames and _plays(self._file.writing):
            self.kept = self._file.keep()
        else:
            self._file.discard()

    def _start(self, image: Image) -> None:
        height, width = image.shape[:2]
        self._size_wh = (width + width % 2, height + height % 2)
        self._stream.width, self._stream.height = self._size_wh
        self._stream.pix_fmt = "yuv420p"
        self._stream.options = {"preset": self._preset, "crf": "23", "g": str(KEY_FRAME_EVERY)}
        context = self._stream.codec_context
        context.time_base = self._time_base
        context.thread_count = min(MAX_ENCODER_THREADS, os.cpu_count() or 1)
        # OpenCV's matrix is BT.601's, where players expect BT.709's in large pictures. Chromium wants all or none.
        context.colorspace = BT601
        context.color_primaries, context.color_trc = self._source.colours
        context.color_range = int(ColorRange.MPEG)

    def _fitted(self, image: Image) -> Image:
        assert self._size_wh is not None
        width, height = self._size_wh
        h, w = image.shape[:2]
        if (w, h) == self._size_wh:
            return np.ascontiguousarray(image)
        if (w + w % 2, h + h % 2) == self._size_wh:  # H.264 in 4:2:0 takes even sizes only
            return np.pad(image, ((0, height - h), (0, width - w), (0, 0)), "edge")
        scale = min(width / w, height / h)
        w, h = max(1, round(w * scale)), max(1, round(h * scale))
        canvas = np.zeros((height, width, 3), np.uint8)
        x, y = (width - w) // 2, (height - h) // 2
        canvas[y : y + h, x : x + w] = cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA)
        return canvas

    @property
    def _least_end_s(self) -> float:
        """When the last picture would end at the mean rate."""
        return float(self._last_pts * self._time_base + 1 / self._source.frame_rate)

    def _mux(self, picture: av.VideoFrame | None, end_s: float = 0.0) -> None:
        for packet in self._stream.encode(picture):
            if picture is None:  # the last ones, whose durations do not follow from the next one's time
                packet.duration = min(max(0, round(Fraction(end_s) / self._time_base) - packet.pts), MOST_UNITS)
            self._container.mux(packet)
            self._packets += 1

    def _close_audio(self) -> None:
        if self._audio is not None:
            self._audio.close()
            self._audio = None

    def _fail(self, error: OSError | av.FFmpegError) -> None:
        """Keep what there is and tell how much it is."""
        written = not isinstance(error, OSError)
        self.abort(can_write=written)
        frames = self._packets if written else max(1, self._packets - KEY_FRAME_EVERY)  # a fragment was held back
        told = "One frame is" if frames == 1 else f"About {frames} frames are"
        kept = f". {told} in {self.kept}" if self.kept is not None else ""
        if isinstance(error, OSError):
            raise EnvironmentFault(f"{storage_fault('video', self._file.final, error)}{kept}") from error
        why = f"its sound or pictures do not fit into MP4 ({error.strerror})"
        raise InputError(f"video: {self._file.final}: {why}. The input may be damaged{kept}") from error


def _plays(path: Path) -> bool:
    """Whether a video file that was broken off shows anything."""
    try:
        with av.open(f"file:{path}") as video:
            return next(video.decode(video=0), None) is not None
    except (OSError, av.FFmpegError, IndexError):
        return False


class JsonlSink:
    """One JSON object a line, each written out at once; `-` is the standard output.

    Raises:
        EnvironmentFault: the file cannot be written.
        InputError: its name is too long.
    """

    def __init__(self, path: Path) -> None:
        self.kept: Path | None = None
        self._file: PartialFile | None = None if str(path) == "-" else PartialFile(path)
        self._out: TextIO = sys.stdout
        if self._file is not None:
            try:
                self._file.prepare()
                self._out = self._file.writing.open("w", encoding="utf-8", buffering=1)
            except OSError as error:
                raise storage_fault("results", path, error) from error

    def __enter__(self) -> JsonlSink:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._file is None:
            return
        try:
            self._out.close()
            if error is None:
                self._file.commit()
                return
        except OSError as fault:
            self.kept = self._file.keep()
            kept = f". The lines are in {self.kept}" if self.kept is not None else ""
            raise EnvironmentFault(f"{storage_fault('results', self._file.final, fault)}{kept}") from fault
        self.kept = self._file.keep()

    def write(self, row: Mapping[str, object]) -> None:
        """Write one line.

        Raises:
            EnvironmentFault: the disk is full.
            BrokenPipeError: nobody reads the standard output any more.
        """
        try:
            self._out.write(json.dumps(row) + "\n")
            if self._file is None:
                self._out.flush()
        except OSError as error:
            if self._file is None:
                raise
            raise storage_fault("results", self._file.final, error) from error


def write_image(path: Path, image: Image, profile: bytes | None = None) -> None:
    """Write a BGR picture, shape (height, width, 3), in the format of the suffix.

    Args:
        profile: the ICC profile of its colours, which BMP cannot hold; None for those of an ordinary screen.

    Raises:
        InputError: no picture format has this suffix, this one cannot hold such a picture, or the name is too long.
        EnvironmentFault: the file cannot be written.
    """
    if not has_picture_suffix(path):
        raise InputError(f"image: {path}: unknown format. Use one of {', '.join(IMAGE_SUFFIXES)}")
    encoded = io.BytesIO()
    kind = PillowImage.registered_extensions()[path.suffix.lower()]
    try:
        PillowImage.fromarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)).save(
            encoded, kind, quality=95, icc_profile=profile
        )
    except (OSError, ValueError) as error:
        size = f"{image.shape[1]}x{image.shape[0]}"
        raise InputError(f"image: {path}: {kind} cannot hold {size} ({error}). Use another format") from error
    file = PartialFile(path)
    try:
        file.prepare()
        file.writing.write_bytes(encoded.getvalue())
        file.commit()
    except OSError as error:
        file.discard()
        raise storage_fault("image", path, error) from error
