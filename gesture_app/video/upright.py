"""Decoded pictures as images: upright, with square pixels and a screen's colours."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace
from av.video.stream import VideoStream

from gesture_app.video.hdr import BT709, SMPTE170M, for_screen, on_screen
from gesture_app.vision.hands import Image

TURNS = (None, cv2.ROTATE_90_COUNTERCLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_CLOCKWISE)
"""What turns an image counter-clockwise by so many quarters, in a third of the time that NumPy takes."""
MATRICES = (1, 4, 5, 6, 7, 9)
"""FFmpeg's numbers of those that it converts from; others, as some telephones tell wrongly, are as good as none."""
UNKNOWN = (0, 2, 3)
"""FFmpeg's numbers of primaries and transfer functions that are not told."""


class Upright:
    """Makes images of what PyAV decodes of a file or a network stream: upright, with square pixels, BGR."""

    def __init__(self, stream: VideoStream) -> None:
        aspect = stream.sample_aspect_ratio  # of a pixel, as DV and DVDs have it
        self._pixel_width = float(aspect) if aspect and 1 / 4 <= aspect <= 4 else 1.0
        self._mirrored: bool | None = None

    def width(self, picture: VideoFrame) -> int:
        """The width of the picture with square pixels, before it is turned."""
        return max(1, round(picture.width * self._pixel_width))

    def __call__(self, picture: VideoFrame) -> Image:
        """The image of a picture.

        Raises:
            av.FFmpegError, ValueError: its pixel format is not known.
        """
        guess = Colorspace.ITU709 if _is_large(picture) else Colorspace.ITU601
        matrix = None if picture.colorspace in MATRICES else guess
        pixels = picture.to_ndarray(
            format="bgr24", width=self.width(picture), height=picture.height, src_colorspace=matrix
        )
        image = for_screen(np.asarray(pixels, np.uint8), picture.color_trc, picture.color_primaries)
        if self._mirrored is None:  # once: what PyAV gives of it refers to the frame, which thus lives on for long
            self._mirrored = _is_mirrored(picture)
        if self._mirrored:
            image = np.asarray(cv2.flip(image, 0), np.uint8)
        if (turn := TURNS[round((picture.rotation or 0) / 90) % 4]) is not None:
            image = np.asarray(cv2.rotate(image, turn), np.uint8)
        return np.ascontiguousarray(image)

    def colours(self, picture: VideoFrame) -> tuple[int, int]:
        """FFmpeg's numbers of the primaries and the transfer function of its image; what players guess, if not told."""
        guess = BT709 if _is_large(picture) or picture.format.is_rgb else SMPTE170M
        told = on_screen(picture.color_trc, picture.color_primaries)
        return guess if told[0] in UNKNOWN else told[0], guess if told[1] in UNKNOWN else told[1]


def _is_large(picture: VideoFrame) -> bool:
    """Whether one that does not tell its colours has BT.709's: as mpv has it, and most players about so."""
    return picture.width >= 1280 or picture.height > 576


def _is_mirrored(picture: VideoFrame) -> bool:
    """Whether the file has it shown mirrored, as front cameras write it: upside down, and then rotated."""
    data: Any = picture.side_data.get("DISPLAYMATRIX")
    if data is None:
        return False
    matrix = np.frombuffer(data, np.int32).reshape(3, 3)[:2, :2].astype(float)
    return bool(np.linalg.det(matrix) < 0)
