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
    with av.open(str(tmp_path / "in.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=30, options={"x264-params": f"transfer={transfer}:log-level=none"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p10le"
        luma = np.full((72, 64), round(64 + 876 * signal), np.uint16)
        luma[48:] = 512  # no colour
        out.mux([*stream.encode(av.VideoFrame.from_ndarray(luma, format="yuv420p10le")), *stream.encode(None)])
    with open_video(tmp_path / "in.mp4") as video:
        assert next(iter(video)).image.mean() == pytest.approx(expected, abs=3)
