"""Where frames come from: `open_live` for what is played in the window, `open_video` and `read_image` for files.

`FrameReader` (in `reader`) reads a live source in a thread of its own and puts the newest frame into a `Mailbox`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Protocol

import cv2

from gesture_app.errors import EnvironmentFault, InputError
from gesture_app.video.addresses import URL_SCHEMES, USUAL, ScreenArea, SourceOptions, masked, source_kind
from gesture_app.video.clips import Clip, FileSource, PictureSource
from gesture_app.video.files import VideoFile, open_video
from gesture_app.video.network import NetworkSource
from gesture_app.vision.atomic import is_folder
from gesture_app.vision.hands import Frame
from gesture_app.vision.images import has_picture_suffix, read_image

__all__ = ["LiveSource", "VideoFile", "open_live", "open_video", "read_image"]

# OpenCV's wheel points Qt at its own, older Qt; the app's Qt and its child processes must not see that.
for _name in ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR"):
    if "cv2" in os.environ.get(_name, ""):
        del os.environ[_name]


class LiveSource(Protocol):
    """An open source. Only the thread that calls `read` may call any other method.

    Attributes:
        name: for people; a password is masked.
    """

    name: str

    @property
    def clip(self) -> Clip | None:
        """What is known of a `ClipSource`; None for cameras, streams and screens."""

    def read(self) -> Frame | None:
        """The next frame; None when there is none now, and for a clip, when there is none any more."""

    def release(self) -> None:
        """Close the source."""


class CaptureSource:
    """A camera through OpenCV; its reader numbers and times the frames."""

    clip = None

    def __init__(self, name: str, capture: cv2.VideoCapture) -> None:
        self.name = name
        self._capture = capture

    def read(self) -> Frame | None:
        """The next frame; None for one that is broken or late."""
        good, image = self._capture.read()
        if not good or image is None or image.size == 0:
            return None
        return Frame(image, 0, 0.0)

    def release(self) -> None:
        """Close the device."""
        self._capture.release()


def open_live(source: str, options: SourceOptions = USUAL) -> LiveSource:
    """Open a camera (`0`, `/dev/video0`), an rtsp, rtsps, http or https address, a part of the screen (`screen`,
    `screen:2`, `screen:640x480+100+50`), a video file, a picture, or a folder of pictures.

    Network addresses are given 2 seconds to answer.

    Raises:
        InputError: a scheme that is not allowed, or a file that cannot be used.
        EnvironmentFault: a camera, a stream or a screen that cannot be opened now.
    """
    kind = source_kind(source)
    if kind == "camera":
        return _open_camera(int(source) if source.isdigit() else source, options.camera_size_wh)
    if kind == "screen":
        return _open_screen(source)
    if kind == "stream":
        return _open_stream(source)
    path = Path(source)
    if has_picture_suffix(path) or is_folder(path):
        return PictureSource(path)
    return FileSource(path)


def _open_camera(camera: int | str, size_wh: tuple[int, int] | None) -> CaptureSource:
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
    if size_wh is not None:
        # Uncompressed pictures of this size do not fit through USB 2 at more than a few a second.
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, size_wh[0])
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size_wh[1])
    return CaptureSource(f"camera {camera}", capture)


def _open_stream(address: str) -> NetworkSource:
    scheme = address.split(":", 1)[0]
    if scheme.lower() not in URL_SCHEMES:
        why = f"addresses with {scheme}: are not allowed. Use one of {', '.join(URL_SCHEMES)}"
        raise InputError(f"source: {masked(address)}: {why}")
    return NetworkSource(address)


def _open_screen(source: str) -> LiveSource:
    area = ScreenArea.parse(source)
    try:
        from gesture_app.video.screen import ScreenSource
    except ImportError as error:
        raise EnvironmentFault(f"screen: {area}: cannot be read ({error}). Install the package mss") from error
    return ScreenSource(area)
