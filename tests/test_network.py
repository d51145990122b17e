from __future__ import annotations

import functools
import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import numpy as np
import pytest
from media import INDEX_FIRST, Film, QuietHandler, motion_jpeg, serving, set_matrix, write_video

from gesture_app.errors import EnvironmentFault
from gesture_app.video.files import open_video
from gesture_app.video.network import NetworkSource

FPS = 20


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Of a web server for the files in `tmp_path`."""

    class Files(QuietHandler, SimpleHTTPRequestHandler):
        pass

    with serving(functools.partial(Files, directory=str(tmp_path))) as address:
        yield address


def write(path: Path, frames: int, step: int = 4, fps: Fraction = Fraction(FPS), **options: str) -> None:
    """A video whose pictures become lighter by so much."""
    film = Film(draw=lambda number, _: np.full((48, 64, 3), 40 + step * number, np.uint8), options=options)
    write_video(path, [number / fps for number in range(frames)], film)


def read(source: NetworkSource, frames: int) -> list[np.ndarray]:
    """So many frames, waiting at most some seconds for each."""
    images = []
    for _ in range(frames):
        deadline_s = time.monotonic() + 10
        while (frame := source.read()) is None:
            assert time.monotonic() < deadline_s
            time.sleep(0.01)
        images.append(frame.image)
    return images


@pytest.mark.parametrize("name", ["clip.mp4", "clip.m3u8"])
def test_what_comes_faster_than_it_is_shown_keeps_its_pace_and_begins_again(
    name: str, tmp_path: Path, address: str, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a playlist names its parts as it was told
    options = {"hls_time": "0.5", "hls_list_size": "0"} if name.endswith("m3u8") else {"movflags": "faststart"}
    write(Path(name), 24, **options)
    source = NetworkSource(f"{address}/{name}")
    start_s = time.monotonic()
    levels = [int(image.mean()) for image in read(source, 30)]
    assert time.monotonic() - start_s > 0.8 * 28 / FPS
    assert levels[:24] == sorted(levels[:24]) and levels[24:] == pytest.approx(levels[:6], abs=3)
    source.release()


@pytest.mark.parametrize(("pixel_aspect", "matrix"), [
    (Fraction(16, 11), (1, 0, 0, 1)), (None, (1, 0, 0, -1)), (None, (0, -1, -1, 0)), (Fraction(4, 3), (0, 1, -1, 0)),
])  # fmt: skip
def test_pictures_are_upright_and_wide_as_those_of_the_file(tmp_path, address, pixel_aspect, matrix) -> None:
    path = write_video(tmp_path / "in.mp4", film=replace(INDEX_FIRST, pixel_aspect=pixel_aspect))
    with open_video(set_matrix(path, matrix)) as video:
        expected = next(iter(video)).image
    source = NetworkSource(f"{address}/in.mp4")
    assert np.array_equal(read(source, 1)[0], expected)
    source.release()


def test_a_picture_that_stays_for_long_is_given_again_until_the_next_one_is_due(tmp_path: Path, address: str) -> None:
    write(tmp_path / "slow.mp4", 2, 100, Fraction(2, 3), movflags="faststart")
    source = NetworkSource(f"{address}/slow.mp4")
    start_s, first = time.monotonic(), int(read(source, 1)[0].mean())
    again = 0
    while abs(int(read(source, 1)[0].mean()) - first) < 20:
        again += 1
    assert time.monotonic() - start_s > 1.2 and 2 <= again <= 4
    source.release()


def test_a_playlist_cannot_name_files_of_this_machine(tmp_path: Path, address: str) -> None:
    write(tmp_path / "secret.ts", 24)
    head = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1.2,\n"
    (tmp_path / "list.m3u8").write_text(f"{head}file://{tmp_path}/secret.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(EnvironmentFault):
        NetworkSource(f"{address}/list.m3u8")


def test_pictures_may_change_their_size() -> None:
    sizes = [(64, 48), (48, 64), (128, 96)]

    pictures = [np.full((height, width, 3), 90, np.uint8) for width, height in sizes * 4]
    with serving(motion_jpeg(lambda: pictures)) as address:
        source = NetworkSource(address)
        assert [image.shape[1::-1] for image in read(source, 6)] == sizes * 2
        source.release()


def test_a_picture_that_comes_late_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gesture_app.video.network.PICTURE_S", 0.02)

    def slow() -> Iterator[np.ndarray]:
        for _ in range(8):
            yield np.full((48, 64, 3), 90, np.uint8)
            time.sleep(0.1)

    with serving(motion_jpeg(slow)) as address:
        source = NetworkSource(address)
        assert all(source.read() is not None for _ in range(4))
        source.release()
