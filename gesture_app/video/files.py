"""Videos from files: checked before they are decoded, their pictures upright, BGR, with their true times."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Generator, Iterator
from fractions import Fraction
from math import floor
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import av.logging
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from gesture_app.errors import InputError
from gesture_app.video.packets import RESTART_S, UNINDEXED, KeyFrames, packets_by_index, packets_of
from gesture_app.video.upright import Upright
from gesture_app.vision.hands import Frame, Image
from gesture_app.vision.images import MAX_PIXELS, unread_kinds

MAX_SIDE_PX = 8192
DEFAULT_RATE = Fraction(30)
EARLIER = (0, 16, 256)
"""By how many pictures a search goes back further, where a key frame is shown after the time for which it was found: as
many as a decoder may hold back, and more than it may withhold where pictures are refreshed in parts."""
CLEARLY_S = 1.0
CLEARLY_SHARE = 0.05
ANNOTATED = "annotated by Gesture App"
"""The comment in a video whose pictures show what was recognized."""
ANY_TEXT: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
"""Lets titles and comments be no UTF-8, as PyAV does by itself from 19 on."""

av.logging.set_level(None)


def check_regular_file(path: Path, what: str) -> None:
    """Refuse what would hang, or fail without a reason, or be taken for a video of one frame when it is opened.

    Raises:
        InputError: missing, not a regular file (a folder, a pipe, a device), empty, not readable, or a photograph in a
            format that is not read.
    """
    try:
        info = path.stat()
        if not stat.S_ISREG(info.st_mode):
            kind = "a folder" if stat.S_ISDIR(info.st_mode) else "not a regular file"
            raise InputError(f"{what}: {path}: is {kind}. Give a file")
        if info.st_size == 0:
            raise InputError(f"{what}: {path}: is empty. Copy or record it again")
        with path.open("rb"):
            pass
    except FileNotFoundError:
        raise InputError(f"{what}: {path}: no such file. Check the name") from None
    except OSError as error:
        raise InputError(f"{what}: {path}: {error.strerror or error}. Check the file and its permissions") from error
    except ValueError as error:  # a NUL in the name
        raise InputError(f"{what}: {path!r}: {error}. Check the name") from error
    if kind := unread_kinds([path]):
        raise InputError(f"{what}: {path}: is a photograph in {kind}, which is not read. Save it as JPEG")


def check_size(size_wh: tuple[int, int], path: Path, what: str) -> None:
    """Raise InputError for a picture of more than 8192 pixels a side or 64 megapixels."""
    width, height = size_wh
    if max(width, height) > MAX_SIDE_PX or width * height > MAX_PIXELS:
        limit = f"{MAX_SIDE_PX} pixels a side and {MAX_PIXELS // 1_000_000} megapixels"
        raise InputError(f"{what}: {path}: its {width}x{height} pixels are more than {limit}. Make it smaller")


class VideoFile:
    """The pictures of a video file, once, in order, upright, with square pixels and their times. From `open_video`.

    Attributes:
        path: the file.
        stream_index: the number of its stream that is shown.
        size_wh: width and height of the first picture as it is given; a later one may differ.
        colours: FFmpeg's numbers of the primaries and the transfer function of the first picture as it is given.
        frame_rate: the mean rate in 1/s; 30 where the file tells none that makes sense.
        time_base: the unit of the file's times in seconds.
        start_s: the time in the file that is 0 in `Frame.time_s`.
        frame_count: as the file announces it, or estimated from its duration; None when neither is known.
        duration_s: as the file announces it, or None.
        annotated: whether its pictures show what this program recognized.
        damaged: how many packets could not be decoded so far.
        end_s: until when the last picture that was given is shown.
    """

    def __init__(self, path: Path, container: InputContainer, stream: VideoStream) -> None:
        self.path = path
        self.stream_index = stream.index
        self.damaged = 0
        self._container = container
        self._stream = stream
        self._is_avi = container.format.name == "avi"
        self._upright = Upright(stream)
        self._broke_off = False
        self._decoded = 0
        self._shift_s = 0.0
        self.end_s = 0.0
        self.time_base = stream.time_base or Fraction(1, 90_000)
        self.frame_rate = stream.average_rate or stream.guessed_rate or DEFAULT_RATE
        # A browser's recording tells no rate, for which FFmpeg guesses that of its clock.
        if not 0 < self.frame_rate <= 1000 or (not stream.average_rate and self.frame_rate * self.time_base >= 1):
            self.frame_rate = DEFAULT_RATE
        self.start_s = container_start_s(container)
        start_pts = floor(self.start_s / self.time_base)
        self._key_frames = KeyFrames(container, stream, start_pts) if container.format.name in UNINDEXED else None
        self.annotated = container.metadata.get("comment") == ANNOTATED
        self._announced = stream.frames if 0 < stream.frames < 1e9 else None
        # Matroska tells until when it lasts, and its pieces, as they are cut of a recording, begin late.
        before_s = self.start_s if container.format.name.startswith("matroska") else 0.0
        self._stream_duration_s = _length_s(_stream_duration_s(stream), before_s)
        if self._is_avi and self._announced is not None:  # else of what there is of a cut off file
            self._stream_duration_s = float(self._announced / self.frame_rate)
        self.duration_s = self._stream_duration_s or _length_s((container.duration or 0) / 1e6, before_s)
        self.frame_count = self._announced
        if self._announced is None and self.duration_s is not None:
            self.frame_count = max(1, round(self.duration_s * self.frame_rate))
        self._pictures = self._timed(packets_of(container, stream))
        self._held = next(self._pictures, None)  # read already, and the next to be given
        if self._held is None:
            why = f"no decodable video stream (codec {stream.codec_context.name})"
            raise InputError(f"video: {path}: {why}. Convert it to H.264, or copy it again if it is damaged")
        first, self._first_s = self._held
        image = self._image(first)
        self.size_wh = (image.shape[1], image.shape[0])
        self.colours = self._upright.colours(first)

    @property
    def truncated(self) -> bool:
        """Whether the file ended before what it announces; known after the last frame."""
        if self._broke_off:
            return True
        fewer = self._announced is None or self._decoded < self._announced
        # An edit list also hides frames, but takes their time from the announced duration.
        if self._stream_duration_s is None:
            return self._announced is not None and fewer
        end_s = self.end_s - min(0.0, self._shift_s)  # in the file
        return fewer and end_s < self._stream_duration_s - max(0.1, 2 / float(self.frame_rate))

    @property
    def ends_early(self) -> bool:
        """Whether it is `truncated` by so much that no rounding of its duration explains it."""
        if self.duration_s is None or not self.truncated:
            return False
        return self.duration_s - self.end_s > max(CLEARLY_S, CLEARLY_SHARE * self.duration_s)

    def __iter__(self) -> VideoFile:
        return self

    def __next__(self) -> Frame:
        item = self._next()
        if item is None:
            raise StopIteration
        return self._to_frame(*item)

    def frame_at(self, time_s: float, wanted: Callable[[], bool] = lambda: True) -> Frame | None:
        """The frame that is shown at this time, the first one for an earlier time; iterating goes on after it.

        Returns:
            None when the file cannot be positioned there, as a raw stream or past a clock that began anew; then only
            `skip_to` from its start helps. None also once `wanted` gives False while the way there is looked for.
        """
        for pictures in EARLIER:
            if not self._go_before(max(0.0, time_s - float(pictures / self.frame_rate)), wanted):
                return None
            frame = self.skip_to(time_s) if self._held is not None else None  # short, and shown while a slider is moved
            if frame is not None and frame.time_s <= max(time_s, self._first_s):
                return frame
        return None

    def skip_to(self, time_s: float, wanted: Callable[[], bool] = lambda: True) -> Frame | None:
        """Go forward to the frame that is shown at this time, or to the next one; None at the end.

        All pictures up to there are decoded. Once `wanted` gives False it is left at that, with None.
        """
        shown: tuple[VideoFrame, float] | None = None
        while (item := self._next()) is not None:
            if not wanted():
                return None
            if item[1] > time_s and shown is not None:
                self._held = item
                break
            shown = item
        if shown is None:
            return None
        self._decoded = max(self._decoded, round(shown[1] * self.frame_rate))
        return self._to_frame(*shown)

    def __enter__(self) -> VideoFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the iterator ends."""
        self._pictures.close()
        self._container.close()

    def _next(self) -> tuple[VideoFrame, float] | None:
        item, self._held = self._held or next(self._pictures, None), None
        return item

    def _go_before(self, time_s: float, wanted: Callable[[], bool]) -> bool:
        """Go to the key frame before a time, as far as the file tells its place; whether there is a way."""
        self._pictures.close()
        packets, key_pts = packets_of(self._container, self._stream), None
        offset = floor(Fraction(time_s + self.start_s) / self.time_base)
        try:
            if self._key_frames is None:
                self._container.seek(offset, stream=self._stream, backward=True)
                if self._is_avi:
                    packets = packets_by_index(self._container, self._stream)
            elif (key_pts := self._key_frames.last_before(offset, wanted)) is not None:
                packets = self._key_frames.packets_from(key_pts)
            else:
                return False
        except (av.FFmpegError, OSError):
            return False
        self._pictures, self._decoded = self._timed(packets), 0
        self._held = next(self._pictures, None)
        if self._held is not None:
            first, pts = self._held[0], self._pts(self._held[0])
            no_key = self._is_avi and not first.key_frame  # what FFmpeg takes for one where the index is cut off
            if no_key or pts is None or key_pts not in (None, pts):
                self._held = None
        return True

    def _pts(self, picture: VideoFrame) -> int | None:
        """When a picture is shown; AVI tells the times of packets, of which FFmpeg makes wrong ones for pictures."""
        return picture.dts if self._is_avi else picture.pts

    def _decode(self, packets: Iterator[Any]) -> Generator[VideoFrame, None, None]:
        while True:
            try:
                packet = next(packets, None)
            except (av.FFmpegError, OSError):
                self._broke_off = True
                packet = Packet()  # an empty one has the decoder give what it holds back
            if packet is None:
                return
            if not packet.size and packet.dts is not None:  # in Theora: the picture before stays
                continue
            try:
                decoded = self._stream.decode(packet)
            except (av.FFmpegError, OSError):
                self.damaged += 1
                continue
            yield from decoded

    def _timed(self, packets: Iterator[Any]) -> Generator[tuple[VideoFrame, float], None, None]:
        """The pictures of packets; times always grow, though joined files start at 0 again and raw ones have none."""
        step_s = float(1 / self.frame_rate)
        last_s, self._shift_s = -1.0, 0.0
        for picture in self._decode(packets):
            pts = self._pts(picture)
            if pts is None:
                time_s = last_s + step_s if last_s >= 0 else 0.0
            else:
                time_s = float(pts * (picture.time_base or self.time_base)) - self.start_s + self._shift_s
                if time_s < last_s - 1 or 0 <= last_s < time_s - RESTART_S:  # another file joined on
                    self._shift_s += last_s + step_s - time_s
                    time_s = last_s + step_s
                elif time_s <= last_s:  # old formats give reordered frames wrong times
                    time_s = last_s + 0.001
            last_s = time_s
            yield picture, max(0.0, time_s)  # the start of a file is rounded

    def _to_frame(self, picture: VideoFrame, time_s: float) -> Frame:
        frame = Frame(self._image(picture), self._decoded, time_s)
        self._decoded += 1
        lasts_s = float((picture.duration or 0) * (picture.time_base or self.time_base))
        self.end_s = time_s + max(lasts_s, float(1 / self.frame_rate))
        return frame

    def _image(self, picture: VideoFrame) -> Image:
        check_size((self._upright.width(picture), picture.height), self.path, "video")
        try:
            return self._upright(picture)
        except (av.FFmpegError, ValueError) as error:
            why = f"its pixel format {picture.format.name} is not known"
            raise InputError(f"video: {self.path}: {why}. Convert it to H.264") from error


def open_video(path: Path) -> VideoFile:
    """Open a video file and decode its first picture.

    Raises:
        InputError: missing, empty, not a regular file, not a video, without a video stream that can be decoded, or
            larger than 8192 pixels a side.
    """
    check_regular_file(path, "video")
    container = open_container(path)
    try:
        cover = av.stream.Disposition.attached_pic
        streams = [s for s in container.streams.video if not s.disposition & cover]
        if not streams:
            raise InputError(f"video: {path}: has no video stream. Give a file with pictures")
        streams = [s for s in streams if s.codec_context is not None]
        if not streams:
            raise InputError(f"video: {path}: no decodable video stream (unknown codec). Convert it to H.264")
        stream = max(streams, key=lambda s: s.codec_context.width * s.codec_context.height)
        check_size((stream.codec_context.width, stream.codec_context.height), path, "video")
        # FFmpeg's threads for pictures disagree about Theora's: some pixels then come out one way or another.
        stream.thread_type = "SLICE" if stream.codec_context.name == "theora" else "AUTO"
        return VideoFile(path, container, stream)
    except BaseException:
        container.close()
        raise


def open_container(path: Path) -> InputContainer:
    """Open a media file for reading; raises InputError when it is not one."""
    try:
        # The prefix and the list keep names such as `concat:a|b`, and playlists, from reaching other files or the net.
        options = {"protocol_whitelist": "file"}
        container: InputContainer = av.open(f"file:{path}", options=options, **ANY_TEXT)
    except (av.FFmpegError, OSError) as error:
        raise InputError(f"video: {path}: is not a video, or is cut off ({error.strerror}). Copy it again") from error
    return container


def container_start_s(container: InputContainer) -> float:
    """The time in the file at which its first stream starts: the zero of `Frame.time_s`."""
    return container.start_time / 1e6 if container.start_time is not None else 0.0


def _length_s(told_s: float, before_s: float) -> float | None:
    return told_s - before_s if told_s > before_s else None


def _stream_duration_s(stream: VideoStream) -> float:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    match = re.fullmatch(r"(\d+):(\d+):(\d+\.\d+)", stream.metadata.get("DURATION", ""))  # Matroska
    if match is None:
        return 0.0
    hours, minutes, seconds = match.groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
