from __future__ import annotations

import gc
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from media import (
    INDEX_FIRST,
    REGULAR,
    VARIABLE,
    WITH_SOUND,
    Film,
    QuietHandler,
    cut_off,
    picture,
    regular,
    serving,
    set_matrix,
    spoil,
    video_pts_s,
    write_audio,
    write_video,
)
from PIL import Image as PillowImage

from gesture_app.errors import EnvironmentFault, InputError, split_message
from gesture_app.video import sources
from gesture_app.video.addresses import SourceOptions
from gesture_app.video.sources import open_live, open_video, read_image


def bad_files(folder: Path) -> Iterator[Path]:
    yield folder / "missing.mp4"
    yield folder
    for name, content in [("empty.mp4", b""), ("text.mp4", b"hello\n" * 999), ("noise.mp4", bytes(range(256)) * 400)]:
        (folder / name).write_bytes(content)
        yield folder / name
    yield cut_off(write_video(folder / "headless.mp4"), 0.5)
    lost = write_video(folder / "lost.mp4", film=INDEX_FIRST)
    lost.write_bytes(lost.read_bytes().partition(b"mdat")[0].ljust(lost.stat().st_size, b"\0"))
    yield lost
    unknown = write_video(folder / "unknown.mp4")
    unknown.write_bytes(unknown.read_bytes().replace(b"avc1", b"zzzz"))
    yield unknown
    yield write_audio(folder / "sound.mp4")
    os.mkfifo(folder / "pipe.mp4")
    yield folder / "pipe.mp4"
    (folder / "dangling.mp4").symlink_to(folder / "nowhere")
    yield folder / "dangling.mp4"
    yield folder / ("n" * 300 + ".mp4")
    yield Path("concat:a.mp4|b.mp4")


def test_bad_videos_are_refused_in_one_line(tmp_path: Path) -> None:
    for path in bad_files(tmp_path):
        with pytest.raises(InputError) as caught:
            open_video(path)
        message = str(caught.value)
        assert message.startswith("video: ") and "\n" not in message and str(path) in message, message
        assert split_message(message)[1], "what to do"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_video(tmp_path: Path) -> None:
    path = write_video(tmp_path / "in.mp4")
    path.chmod(0)
    with pytest.raises(InputError, match="ermission"):
        open_video(path)


@pytest.mark.parametrize(("limit", "most"), [("MAX_SIDE_PX", 63), ("MAX_PIXELS", 64 * 48 - 1)])
def test_too_large_video_is_refused_before_decoding(tmp_path: Path, monkeypatch, limit: str, most: int) -> None:
    path = write_video(tmp_path / "in.mp4")
    monkeypatch.setattr(f"gesture_app.video.files.{limit}", most + 1)
    open_video(path).close()
    monkeypatch.setattr(f"gesture_app.video.files.{limit}", most)
    with pytest.raises(InputError, match="64x48 pixels are more than"):
        open_video(path)


def test_a_video_that_becomes_too_large_is_refused_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = write_video(tmp_path / "small.ts").read_bytes()
    large = write_video(tmp_path / "large.ts", [t + 1 for t in REGULAR], Film((128, 96))).read_bytes()
    (tmp_path / "in.ts").write_bytes(small + large)
    monkeypatch.setattr("gesture_app.video.files.MAX_SIDE_PX", 100)
    with open_video(tmp_path / "in.ts") as video:
        assert len(list(zip(video, range(10), strict=False))) == 10
        with pytest.raises(InputError, match="128x96 pixels are more than 100"):
            list(video)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
@pytest.mark.parametrize("times", [REGULAR, VARIABLE])
def test_times_and_order(tmp_path: Path, suffix: str, times: tuple) -> None:
    path = write_video(tmp_path / f"in{suffix}", times)
    with open_video(path) as video:
        frames = list(video)
    assert [frame.index for frame in frames] == list(range(len(times)))
    expected = np.array(video_pts_s(path)) - video.start_s
    assert np.abs(expected - [frame.time_s for frame in frames]).max() < 0.001
    assert not video.truncated and video.damaged == 0
    error = np.abs(frames[-1].image.astype(int) - picture(len(times) - 1)).mean()
    assert frames[-1].image.shape == (48, 64, 3) and error < 4


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_reordered_pictures_of_an_avi_come_at_its_rate(tmp_path: Path, codec: str) -> None:
    with open_video(write_video(tmp_path / "in.avi", film=Film(codec=codec))) as video:
        times = [frame.time_s for frame in video]
    assert len(times) == len(REGULAR) and np.diff(times[:-2]) == pytest.approx(1 / 30, abs=1e-4)


def test_empty_packets_are_no_damage(tmp_path: Path) -> None:
    """Theora, which PyAV does not write, has them where a picture stays."""
    with av.open(str(write_video(tmp_path / "in.mp4"))) as whole, av.open(str(tmp_path / "in.nut"), "w") as out:
        stream = out.add_stream_from_template(whole.streams.video[0])
        for number, packet in enumerate(p for p in whole.demux(video=0) if p.size):
            empty = av.Packet(b"")
            empty.pts, empty.dts, empty.time_base = packet.pts, packet.dts, packet.time_base
            written = empty if number == 5 else packet
            written.stream = stream
            out.mux(written)
    with open_video(tmp_path / "in.nut") as video:
        assert len(list(video)) == len(REGULAR) - 1 and not video.damaged and not video.truncated


def test_announced_numbers(tmp_path: Path) -> None:
    with open_video(write_video(tmp_path / "in.mp4")) as video:
        assert (video.frame_count, float(video.frame_rate), video.size_wh) == (20, 30.0, (64, 48))
        assert video.duration_s == pytest.approx(20 / 30, abs=0.01)


def test_a_piece_of_a_recording_is_as_long_as_it_is(tmp_path: Path) -> None:
    """Matroska tells the time of the end, however late the beginning; FFmpeg rounds that of a file, here up."""
    for name, start_s in (("a.mkv", Fraction(100)), ("b.ts", Fraction(13, 9)), ("untagged.mkv", Fraction(100))):
        path = write_video(tmp_path / name, [start_s + t for t in REGULAR])
        if name == "untagged.mkv":
            path.write_bytes(path.read_bytes().replace(b"DURATION", b"DURATI0N"))
        with open_video(path) as video:
            assert video.duration_s == pytest.approx(20 / 30, abs=0.04) and video.frame_count == len(REGULAR)
            times = [frame.time_s for frame in video]
            assert 0 <= times[0] < 1e-6 and not video.truncated and not video.ends_early


def test_raw_stream_without_times(tmp_path: Path) -> None:
    with open_video(write_video(tmp_path / "in.h264")) as video:
        times = [frame.time_s for frame in video]
    assert video.frame_count is None and len(times) == 20
    assert times[0] == 0 and np.all(np.diff(times) > 0)


@pytest.mark.parametrize("later_s", [0, 3600])
def test_joined_files_go_on(tmp_path: Path, later_s: int) -> None:
    times = [*REGULAR, *(t + 2 for t in REGULAR)]
    second = write_video(tmp_path / "in.ts", times).read_bytes()
    first = write_video(tmp_path / "later.ts", [t + later_s for t in times]).read_bytes()
    (tmp_path / "both.ts").write_bytes(first + second)
    with open_video(tmp_path / "both.ts") as video:
        times = [frame.time_s for frame in video]
    assert len(times) >= 79 and np.all(np.diff(times) > 0) and times[-1] < 6 and not video.truncated


@pytest.mark.parametrize(("second", "cover", "shown_wh"), [
    ("libx264", False, (128, 96)), ("mjpeg", True, (64, 48)),
])  # fmt: skip
def test_of_several_streams_the_largest_is_shown_that_is_no_cover(
    tmp_path: Path, second: str, cover: bool, shown_wh: tuple[int, int]
) -> None:
    with av.open(str(tmp_path / "in.mp4"), "w") as out:
        streams = [out.add_stream("libx264", rate=30), out.add_stream(second, rate=30)]
        for stream, size_wh in zip(streams, ((64, 48), (128, 96)), strict=True):
            stream.width, stream.height = size_wh
            stream.pix_fmt = "yuvj420p" if stream.name == "mjpeg" else "yuv420p"
        if cover:
            streams[1].disposition = av.stream.Disposition.attached_pic
        for stream in streams:
            frame = av.VideoFrame.from_ndarray(picture(0, (stream.width, stream.height)), format="bgr24")
            out.mux([*stream.encode(frame), *stream.encode(None)])
    with open_video(tmp_path / "in.mp4") as video:
        assert video.size_wh == shown_wh and len(list(video)) == 1


@pytest.mark.parametrize("rotation", [0, 90, 180, -90])
@pytest.mark.filterwarnings("ignore")
def test_rotation_is_applied_as_opencv_does(tmp_path: Path, rotation: int) -> None:
    path = write_video(tmp_path / "in.mp4", film=Film(rotation=rotation))
    _, expected = cv2.VideoCapture(str(path)).read()
    with open_video(path) as video:
        frame = next(iter(video))
        assert video.size_wh == expected.shape[1::-1]
    assert frame.image.shape == expected.shape
    assert np.abs(frame.image.astype(int) - expected).mean() < 3


BT601, BT709 = (90, 100, 199), (79, 108, 199)
"""One red, as Y', Cb and Cr."""


@pytest.mark.parametrize(("size_wh", "tag", "ycc"), [
    ((768, 576), None, BT601), ((720, 592), None, BT709), ((1280, 544), None, BT709),
    ((1280, 544), "smpte170m", BT601), ((64, 48), "bt709", BT709), ((64, 48), "YCgCo", BT601),
])  # fmt: skip
def test_large_pictures_that_tell_no_matrix_have_bt_709s(tmp_path: Path, size_wh, tag: str | None, ycc) -> None:
    with av.open(str(tmp_path / "in.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=30, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = *size_wh, "yuv420p"
        if tag:
            stream.options |= {"x264-params": f"colormatrix={tag}:log-level=none"}
        one = av.VideoFrame(*size_wh, "yuv420p")
        for plane, value in zip(one.planes, ycc, strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        out.mux([*stream.encode(one), *stream.encode(None)])
    with open_video(tmp_path / "in.mp4") as video:
        assert next(video).image.mean((0, 1)) == pytest.approx((30, 40, 200), abs=3)


@pytest.mark.parametrize(("matrix", "turned"), [
    ((-1, 0, 0, 1), lambda image: image[:, ::-1]), ((1, 0, 0, -1), lambda image: image[::-1]),
    ((0, 1, 1, 0), lambda image: image.transpose(1, 0, 2)),
    ((0, -1, -1, 0), lambda image: image[::-1, ::-1].transpose(1, 0, 2)),
])  # fmt: skip
def test_mirrored_pictures_are_upright(tmp_path: Path, matrix: tuple, turned) -> None:
    path = write_video(tmp_path / "in.mp4")
    with open_video(path) as video:
        plain = next(iter(video)).image
    with open_video(set_matrix(path, matrix)) as video:
        assert np.array_equal(next(iter(video)).image, turned(plain))


def test_titles_may_be_no_utf_8(tmp_path: Path) -> None:
    data = write_video(tmp_path / "in.avi").read_bytes()
    assert b"Lavf" in data  # the name of the program that wrote it
    (tmp_path / "in.avi").write_bytes(data.replace(b"Lavf", b"Lav\xe9"))
    with open_video(tmp_path / "in.avi") as video:
        assert len(list(video)) == len(REGULAR)


def test_frames_go_with_their_last_use(tmp_path: Path) -> None:
    with open_video(write_video(tmp_path / "in.mp4")) as video:
        gc.collect()
        gc.disable()
        try:
            list(video)
            assert sum(type(thing) is av.VideoFrame for thing in gc.get_objects()) <= 2
        finally:
            gc.enable()


def test_a_rate_that_is_only_the_clock_is_none(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    times = [Fraction(33 * i + int(rng.integers(-8, 9)), 1000) for i in range(1, 40)]
    data = write_video(tmp_path / "in.mkv", times).read_bytes()
    at = data.index(b"\x23\xe3\x83\x84")  # DefaultDuration and its size become one Void
    (tmp_path / "in.mkv").write_bytes(data[:at] + b"\xec\x86" + data[at + 2 :])
    with open_video(tmp_path / "in.mkv") as video:
        assert video.frame_rate == 30


@pytest.mark.parametrize(
    ("pixel_aspect", "rotation", "size_wh"),
    [
        (Fraction(4, 3), 0, (85, 48)),
        (Fraction(1, 2), 0, (32, 48)),
        (Fraction(4, 3), 90, (48, 85)),
        (Fraction(1000), 0, (64, 48)),  # nonsense
        (Fraction(1), 0, (64, 48)),
    ],
)
def test_pixels_become_square(tmp_path: Path, pixel_aspect: Fraction, rotation: int, size_wh) -> None:
    path = write_video(tmp_path / "in.mp4", film=Film(rotation=rotation, pixel_aspect=pixel_aspect))
    with open_video(path) as video:
        assert video.size_wh == size_wh
        assert {frame.image.shape for frame in video} == {(size_wh[1], size_wh[0], 3)}


def test_truncated_file_gives_what_it_has(tmp_path: Path) -> None:
    path = cut_off(write_video(tmp_path / "cut.mp4", regular(90), INDEX_FIRST))
    with open_video(path) as video:
        frames = list(video)
    assert video.truncated and 10 < len(frames) < 90 and video.frame_count == 90


def test_frames_before_a_fault_of_the_file_are_given(tmp_path: Path) -> None:
    pictures = write_video(tmp_path / "in.ogg", film=Film(codec="libvpx")).read_bytes()
    sound = write_audio(tmp_path / "sound.ogg", "libopus").read_bytes()
    (tmp_path / "joined.ogg").write_bytes(pictures + sound)  # FFmpeg stops there, while its decoder still holds some
    with open_video(tmp_path / "joined.ogg") as video:
        assert len(list(video)) == len(REGULAR) and video.truncated


def test_sound_may_begin_on_the_way(tmp_path: Path) -> None:
    times = regular(60)
    silent = write_video(tmp_path / "silent.ts", times).read_bytes()
    loud = write_video(tmp_path / "loud.ts", times, WITH_SOUND).read_bytes()
    (tmp_path / "in.ts").write_bytes(silent + loud + 12 * silent)  # FFmpeg looks for streams at both ends
    with open_video(tmp_path / "in.ts") as video:
        assert len(list(video)) == 14 * len(times)


def test_a_truncated_avi_is_told(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "in.avi", regular(90)).read_bytes()
    (tmp_path / "cut.avi").write_bytes(whole[: whole.rindex(b"idx1") * 6 // 10])
    for name, truncated in (("in.avi", False), ("cut.avi", True)):
        with open_video(tmp_path / name) as video:
            list(video)
        assert video.truncated is truncated


def test_damaged_packets_are_skipped(tmp_path: Path) -> None:
    with open_video(spoil(write_video(tmp_path / "rot.mp4", regular(60)))) as video:
        assert 20 <= len(list(video)) < 60 and video.damaged > 0


def test_pictures_of_the_wrong_kind(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("hello")
    (tmp_path / "empty.png").touch()
    PillowImage.new("1", (12000, 12000)).save(tmp_path / "bomb.png")
    for name in ("text.jpg", "empty.png", "bomb.png", "missing.png"):
        with pytest.raises(InputError):
            read_image(tmp_path / name)


def test_opencv_leaves_no_qt_variables() -> None:
    code = "import os, gesture_app.video.sources; print([k for k in os.environ if k.startswith('QT_QPA_')])"
    env = {k: v for k, v in os.environ.items() if not k.startswith("QT_")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env, timeout=60)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("source", ["file:///etc/passwd", "concat:a|b", "pipe:0", "ftp://h/a.mp4", "missing.mp4"])
def test_sources_that_are_not_allowed(source: str) -> None:
    with pytest.raises(InputError):
        open_live(source)


@pytest.mark.parametrize("first", ["gesture_app.vision.preprocess", "gesture_app.vision.overlay", "gesture_app.ui.app"])
def test_opencv_prints_nothing_whoever_imports_it_first(first: str) -> None:
    code = f"import {first}; from gesture_app.video.sources import open_live; open_live('rtsp://127.0.0.1:9/a')"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OPENCV")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environ, timeout=60)
    assert done.returncode == 1 and "EnvironmentFault" in done.stderr and "WARN" not in done.stderr


@pytest.mark.parametrize("source", ["97", "/dev/video97", "http://127.0.0.1:9/a", "rtsp://u:secret@127.0.0.1:9/a"])
def test_sources_that_are_not_there(source: str) -> None:
    start_s = time.monotonic()
    with pytest.raises(EnvironmentFault) as caught:
        open_live(source)
    assert time.monotonic() - start_s < 15 and "secret" not in str(caught.value)


@pytest.mark.parametrize(("status", "why"), [
    (401, "refuses the name or the password"), (403, "refuses the name or the password"),
    (404, "has nothing at this path"), (200, "sends no video"), (500, "answers with a fault of its own"),
])  # fmt: skip
def test_a_stream_that_refuses_says_why(status: int, why: str) -> None:
    class Refusing(QuietHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "19")
            self.end_headers()
            self.wfile.write(b"<html>a page</html>")

    with serving(Refusing) as address, pytest.raises(EnvironmentFault) as caught:
        open_live(f"{address.replace('//', '//u:secret@')}/a?key=secret")
    message = str(caught.value)
    told = f"stream: {address.replace('//', '//***@')}/a: {why}"
    assert message.startswith(told) and "secret" not in message


def test_a_stream_that_says_nothing_is_waited_for_no_longer_than_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        start_s = time.monotonic()
        with pytest.raises(EnvironmentFault, match="does not answer"):
            open_live(f"http://127.0.0.1:{silent.getsockname()[1]}/a")
    assert time.monotonic() - start_s < 15


def test_a_camera_is_asked_for_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}

    class Camera:
        def __init__(self, number: int) -> None:
            self.number = number

        def isOpened(self) -> bool:
            return True

        def set(self, what: int, value: float) -> bool:
            asked[what] = value
            return True

    monkeypatch.setattr(sources.cv2, "VideoCapture", Camera)
    monkeypatch.setattr(sources.sys, "platform", "win32")
    assert open_live("3").name == "camera 3" and not asked
    open_live("3", SourceOptions(camera_size_wh=(1280, 720)))
    assert asked[cv2.CAP_PROP_FRAME_WIDTH] == 1280 and asked[cv2.CAP_PROP_FRAME_HEIGHT] == 720


@pytest.mark.parametrize("name", ["IMG_1.HEIC", "a.avif"])
def test_photographs_that_are_not_read_are_no_videos(tmp_path: Path, name: str) -> None:
    write_video(tmp_path / "in.mp4").rename(tmp_path / name)  # FFmpeg decodes them
    kind = name.partition(".")[2].upper()
    for source, why in ((tmp_path / name, "Save it as JPEG"), (tmp_path, "Save them as JPEG")):
        with pytest.raises(InputError, match=rf"{kind}.* not read\. {why}") as caught:
            open_live(str(source))
        assert str(source) in str(caught.value)
    PillowImage.new("RGB", (64, 48)).save(tmp_path / "a.png")
    assert open_live(str(tmp_path)).clip.pictures == 1


def test_kinds_of_files(tmp_path: Path) -> None:
    PillowImage.new("RGB", (64, 48)).save(tmp_path / "a.PNG")
    assert open_live(str(tmp_path / "a.PNG")).clip.still
    assert open_live(str(tmp_path)).clip.pictures == 1
    assert open_live(str(write_video(tmp_path / "in.mp4"))).clip.pictures is None
