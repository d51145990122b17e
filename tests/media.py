"""Tiny real media, encoded and served when a test asks for them."""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import cv2
import numpy as np

from gesture_app.vision.hands import Frame

TIME_BASE = Fraction(1, 15360)


def regular(count: int) -> list[Fraction]:
    """The times of so many pictures, thirty a second."""
    return [Fraction(i, 30) for i in range(count)]


REGULAR = tuple(regular(20))
VARIABLE = tuple(Fraction(n, 1000) for n in (0, 33, 40, 140, 141, 200, 333, 700, 733, 766, 800, 801, 1200))


def picture(index: int, size_wh: tuple[int, int] = (64, 48)) -> np.ndarray:
    """Blue above, red below, a green bar that walks: shows turns, colour order and identity."""
    width, height = size_wh
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 2, :, 0] = 200
    image[height // 2 :, :, 2] = 200
    bar = index * 4 % max(1, width - 4)
    image[:, bar : bar + 4] = (0, 255, 0)
    return image


def frame_of(index: int) -> Frame:
    return Frame(picture(index), index, index / 30)


@dataclass(frozen=True)
class Film:
    """What a clip is besides the times of its pictures.

    Attributes:
        draw: a picture by its number and size (width, height).
        sound: the codec, rate and layout of its sound, which is as long as the pictures.
        pixel_aspect: the width of a pixel over its height.
        options: of the container.
    """

    size_wh: tuple[int, int] = (64, 48)
    draw: Callable[[int, tuple[int, int]], np.ndarray] = picture
    codec: str = "libx264"
    sound: tuple[str, int, str] | None = None
    rotation: int = 0
    pixel_aspect: Fraction | None = None
    options: dict[str, str] = field(default_factory=dict)


WITH_SOUND = Film(sound=("aac", 16000, "mono"))
INDEX_FIRST = Film(options={"movflags": "faststart"})
"""Such an MP4 plays while it is sent, and as far as it goes where its end is cut off."""


def write_video(path: Path, times_s: Sequence[Fraction] = REGULAR, film: Film = Film()) -> Path:
    """Encode a clip (yuv444p for odd sizes) in the container of the suffix."""
    with av.open(str(path), "w", options=film.options) as out:
        stream = out.add_stream(film.codec, rate=30, options={"preset": "ultrafast", "bf": "2", "g": "10"})
        stream.width, stream.height = film.size_wh
        stream.pix_fmt = "yuv444p" if film.size_wh[0] % 2 or film.size_wh[1] % 2 else "yuv420p"
        if not film.codec.startswith("mpeg"):  # they have no times but by their rate
            stream.codec_context.time_base = TIME_BASE
        stream.codec_context.thread_count = 1
        if film.pixel_aspect:
            stream.codec_context.sample_aspect_ratio = film.pixel_aspect
        if film.rotation:
            stream.set_display_rotation(film.rotation)
        tone = out.add_stream(film.sound[0], rate=film.sound[1], layout=film.sound[2]) if film.sound else None
        for index, time_s in enumerate(times_s):
            frame = av.VideoFrame.from_ndarray(film.draw(index, film.size_wh), format="bgr24")
            frame.pts, frame.time_base = round(time_s / TIME_BASE), TIME_BASE
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if tone:
            _add_tone(out, tone, float(times_s[-1] - times_s[0]), float(times_s[0]))
    return path


def cut_off(path: Path, share: float = 0.6) -> Path:
    """Leave a file no more than so much of its beginning."""
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    return path


def spoil(path: Path) -> Path:
    """Lose some bytes among the pictures of an MP4."""
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 2000
    data[start : start + 300] = bytes(300)
    path.write_bytes(data)
    return path


def set_matrix(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Have an MP4 shown through this matrix: (-1, 0, 0, 1) swaps left and right."""
    a, b, c, d = (65536 * value for value in matrix)
    data = bytearray(path.read_bytes())
    start = data.index(b"tkhd") + 44  # of the matrix, after the header of version 0
    data[start : start + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def write_audio(path: Path, codec: str = "aac") -> Path:
    with av.open(str(path), "w") as out:
        _add_tone(out, out.add_stream(codec, rate=16000, layout="mono"), 0.5)
    return path


def _add_tone(out: av.container.OutputContainer, stream: av.AudioStream, length_s: float, start_s: float = 0) -> None:
    context = stream.codec_context
    context.open(strict=False)
    resampler = av.AudioResampler(context.format, context.layout, context.sample_rate, context.frame_size or 1024)
    wave = np.sin(np.arange(int(length_s * 16000)) * 0.17).astype(np.float32)[None, :]
    frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = 16000, round(start_s * 16000), Fraction(1, 16000)
    for piece in [*resampler.resample(frame), *resampler.resample(None), None]:
        out.mux(stream.encode(piece))


class QuietHandler(BaseHTTPRequestHandler):
    """Answers without a word on the terminal."""

    def log_message(self, *words: object) -> None:
        pass


def motion_jpeg(pictures: Callable[[], Iterable[np.ndarray]]) -> type[QuietHandler]:
    """A camera's page: every client gets the pictures as fast as they come."""

    class Camera(QuietHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            with suppress(OSError):  # the client has left
                for image in pictures():
                    jpeg = cv2.imencode(".jpg", image)[1].tobytes()
                    head = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg)
                    self.wfile.write(head + jpeg + b"\r\n")

    return Camera


@contextmanager
def serving(handler: Callable[..., BaseHTTPRequestHandler]) -> Iterator[str]:
    """The address of a web server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join(5)


def video_pts_s(path: Path) -> list[float]:
    with av.open(str(path)) as media:
        return [float(frame.pts * frame.time_base) for frame in media.decode(video=0)]


def audio_packets(path: Path) -> list[int]:
    """The sizes of the sound's packets."""
    with av.open(str(path)) as media:
        return [packet.size for packet in media.demux(audio=0) if packet.size]
