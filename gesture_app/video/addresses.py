"""How a source is written: the number of a camera, a part of the screen, the address of a stream, or a path."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from gesture_app.errors import InputError

URL_SCHEMES = ("rtsp", "rtsps", "http", "https")

SourceKind = Literal["camera", "screen", "stream", "file"]


@dataclass(frozen=True)
class SourceOptions:
    """How a source is played.

    Attributes:
        loop: whether a clip starts again at its end.
        camera_size_wh: what is asked of a camera, which gives the nearest it has; None leaves it to the camera.
        speed: how many seconds of a clip are shown in one.
    """

    loop: bool = False
    camera_size_wh: tuple[int, int] | None = None
    speed: float = 1.0


USUAL = SourceOptions()


def source_kind(source: str) -> SourceKind:
    """What kind of source this is; what looks like nothing else is a file. Nothing is opened.

    `0` and `/dev/video0` are cameras, `screen`, `screen:2` and `screen:640x480+100+50` parts of the screen, and
    everything with a scheme, even one that is not allowed, is a stream.
    """
    if re.fullmatch(r"\d{1,3}", source, re.ASCII) or source.startswith("/dev/"):
        return "camera"
    if re.match(r"screen(:|$)", source):
        return "screen"
    # Two letters at least: C:\ is a drive. A file may have any name.
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", source) and not os.path.exists(source):  # noqa: PTH110  # `Path` may raise
        return "stream"
    return "file"


def normal_source(source: str) -> str:
    """The same source as menus and settings write it: a camera by its number, a file by its absolute path."""
    if source_kind(source) == "file":
        return os.path.abspath(source)  # noqa: PTH100  # `Path` would keep the dots
    return re.sub(r"^/dev/video(\d{1,3})$", r"\1", source, flags=re.ASCII)


def masked(address: str) -> str:
    """The address without user, password and query, which may hold secrets: for messages, titles and logs."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return address.split(":", 1)[0] + ":..."
    host = parts.netloc.rpartition("@")
    return urlunsplit((parts.scheme, ("***@" if host[1] else "") + host[2], parts.path, "", ""))


@dataclass(frozen=True)
class ScreenArea:
    """A monitor by its number from 1, or a rectangle: left, top, width, height in pixels of the whole desktop."""

    monitor: int = 1
    rect: tuple[int, int, int, int] | None = None

    @classmethod
    def parse(cls, source: str) -> ScreenArea:
        """Read `screen`, `screen:2` or `screen:640x480+100+50`.

        Raises:
            InputError: it is none of these.
        """
        if source == "screen":
            return cls()
        if match := re.fullmatch(r"screen:([1-9]\d?)", source, re.ASCII):
            return cls(int(match[1]))
        if match := re.fullmatch(r"screen:([1-9]\d{0,4})x([1-9]\d{0,4})\+(-?\d{1,5})\+(-?\d{1,5})", source, re.ASCII):
            width, height, left, top = (int(number) for number in match.groups())
            return cls(rect=(left, top, width, height))
        raise InputError(f"screen: {source}: is no part of the screen. Write screen:2 or screen:640x480+100+50")

    def __str__(self) -> str:
        if self.rect is None:
            return f"screen:{self.monitor}"
        left, top, width, height = self.rect
        return f"screen:{width}x{height}+{left}+{top}"
