from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from gesture_app.video.sources import open_video


@pytest.mark.parametrize(("transfer", "signal", "expected"), [
    ("smpte2084", 0.58, 246), ("smpte2084", 0.38, 99), ("smpte2084", 0.0, 0), ("smpte2084", 0.9, 255),
    ("arib-std-b67", 0.75, 246), ("arib-std-b67", 0.38, 99), ("arib-std-b67", 0.0, 0), ("arib-std-b67", 1.0, 255),
    ("bt709", 0.58, 148),
])  # fmt: skip
def test_paper_is_white_and_grey_is_grey(tmp_path: Path, transfer: str, signal: float, expected: int) -> None:
    """BT.2408: paper has 203 nits, 58 % of PQ and 75 % of HLG; the grey of 18 % has 26 nits, 38 % of both."""
    assert shown(tmp_path, transfer, (round(64 + 876 * signal), 512, 512)) == pytest.approx([expected] * 3, abs=3)


@pytest.mark.parametrize(("transfer", "ycc", "bgr"), [
    ("smpte2084", (479, 488, 530), (120, 150, 200)), ("arib-std-b67", (558, 462, 547), (120, 150, 200)),
    ("smpte2084", (383, 567, 502), (170, 90, 70)), ("arib-std-b67", (374, 618, 495), (170, 90, 70)),
])  # fmt: skip
def test_colours_of_the_wide_gamut_are_not_pale(tmp_path: Path, transfer: str, ycc, bgr) -> None:
    """The ten-bit signals of colours of an ordinary screen, by BT.2100 and BT.2087."""
    assert shown(tmp_path, transfer, ycc) == pytest.approx(bgr, abs=8)


def shown(folder: Path, transfer: str, ycc: tuple[int, int, int]) -> list[float]:
    """The BGR values of a video of one colour, given as Y', Cb and Cr in ten bits."""
    colours = f"transfer={transfer}:colorprim=bt2020:colormatrix=bt2020nc:log-level=none"
    with av.open(str(folder / "in.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=30, options={"x264-params": colours})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p10le"
        picture = av.VideoFrame(64, 48, "yuv420p10le")
        for plane, value in zip(picture.planes, ycc, strict=True):
            plane.update(np.full(plane.buffer_size // 2, value, np.uint16).tobytes())
        out.mux([*stream.encode(picture), *stream.encode(None)])
    with open_video(folder / "in.mp4") as video:
        return [float(value) for value in next(iter(video)).image.mean((0, 1))]
