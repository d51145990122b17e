from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest
from media import REGULAR, VARIABLE, picture, video_pts_s, write_audio, write_video
from PIL import Image as PillowImage

from gesture_app.errors import EnvironmentFault, GestureError, InputError
from gesture_app.video import sources
from gesture_app.video.sources import FrameReader, Mailbox, masked, open_live, open_video, read_image
from gesture_app.vision.hands import Frame


def bad_files(folder: Path) -> Iterator[Path]:
    yield folder / "missing.mp4"
    yield folder
    for name, content in [("empty.mp4", b""), ("text.mp4", b"hello\n" * 999), ("noise.mp4", bytes(range(256)) * 400)]:
        (folder / name).write_bytes(content)
        yield folder / name
    whole = write_video(folder / "whole.mp4").read_bytes()
    (folder / "headless.mp4").write_bytes(whole[: len(whole) // 2])
    yield folder / "headless.mp4"
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


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_video(tmp_path: Path) -> None:
    path = write_video(tmp_path / "in.mp4")
    path.chmod(0)
    with pytest.raises(InputError, match="ermission"):
        open_video(path)


def test_too_large_video_is_refused_before_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gesture_app.video.files.MAX_SIDE_PX", 63)
    with pytest.raises(InputError, match="64x48 is more than 63 pixels"):
        open_video(write_video(tmp_path / "in.mp4"))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
@pytest.mark.parametrize("times", [REGULAR, VARIABLE])
def test_times_and_order(tmp_path: Path, suffix: str, times: tuple) -> None:
    path = write_video(tmp_path / f"in{suffix}", times)
    with open_video(path) as video:
        frames = list(video)
    assert [frame.index for frame in frames] == list(range(len(times)))
    expected = np.array(video_pts_s(path)) - video.start_s
    assert np.abs(expected - [frame.time_s for frame in frames]).max() < 0.001
    assert not video.truncated and video.damaged == 0 and video.codec == "h264"
    error = np.abs(frames[-1].image.astype(int) - picture(len(times) - 1)).mean()
    assert frames[-1].image.shape == (48, 64, 3) and error < 4


def test_announced_numbers(tmp_path: Path) -> None:
    with open_video(write_video(tmp_path / "in.mp4")) as video:
        assert (video.frame_count, float(video.frame_rate), video.size_wh) == (20, 30.0, (64, 48))
        assert video.duration_s == pytest.approx(20 / 30, abs=0.01)


def test_raw_stream_without_times(tmp_path: Path) -> None:
    with open_video(write_video(tmp_path / "in.h264")) as video:
        times = [frame.time_s for frame in video]
    assert video.frame_count is None and len(times) == 20
    assert times[0] == 0 and np.all(np.diff(times) > 0)


def test_joined_files_go_on(tmp_path: Path) -> None:
    once = write_video(tmp_path / "in.ts", [*REGULAR, *(t + 2 for t in REGULAR)]).read_bytes()
    (tmp_path / "twice.ts").write_bytes(once * 2)
    with open_video(tmp_path / "twice.ts") as video:
        times = [frame.time_s for frame in video]
    assert len(times) >= 79 and np.all(np.diff(times) > 0)


@pytest.mark.parametrize("rotation", [0, 90, 180, -90])
@pytest.mark.filterwarnings("ignore")
def test_rotation_is_applied_as_opencv_does(tmp_path: Path, rotation: int) -> None:
    path = write_video(tmp_path / "in.mp4", rotation=rotation)
    _, expected = cv2.VideoCapture(str(path)).read()
    with open_video(path) as video:
        frame = next(iter(video))
        assert video.size_wh == expected.shape[1::-1]
    assert frame.image.shape == expected.shape
    assert np.abs(frame.image.astype(int) - expected).mean() < 3


def test_truncated_file_gives_what_it_has(tmp_path: Path) -> None:
    times = [REGULAR[1] * i for i in range(90)]
    whole = write_video(tmp_path / "in.mp4", times, options={"movflags": "faststart"}).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) * 6 // 10])
    with open_video(tmp_path / "cut.mp4") as video:
        frames = list(video)
    assert video.truncated and 10 < len(frames) < 90 and video.frame_count == 90


def test_damaged_packets_are_skipped(tmp_path: Path) -> None:
    data = bytearray(write_video(tmp_path / "in.mp4", [REGULAR[1] * i for i in range(60)]).read_bytes())
    start = data.index(b"mdat") + 2000
    data[start : start + 300] = bytes(300)
    (tmp_path / "rot.mp4").write_bytes(data)
    with open_video(tmp_path / "rot.mp4") as video:
        assert 20 <= len(list(video)) <= 60


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


@pytest.mark.parametrize("source", [97, "97", "/dev/video97", "http://127.0.0.1:9/a", "rtsp://u:secret@127.0.0.1:9/a"])
def test_sources_that_are_not_there(source: int | str) -> None:
    start_s = time.monotonic()
    with pytest.raises(EnvironmentFault) as caught:
        open_live(source)
    assert time.monotonic() - start_s < 3 and "secret" not in str(caught.value)


@pytest.mark.parametrize(("address", "shown"), [
    ("rtsp://user:secret@host:554/a?token=x", "rtsp://***@host:554/a"),
    ("http://host/a", "http://host/a"),
    ("http://[bad", "http:..."),
    ("rtsp://a:p@ss@host/", "rtsp://***@host/"),
])  # fmt: skip
def test_secrets_are_masked(address: str, shown: str) -> None:
    assert masked(address) == shown


def frame_of(index: int) -> Frame:
    return Frame(picture(index), index, index / 30)


def test_mailbox_keeps_the_newest() -> None:
    box = Mailbox()
    assert box.get(0.01) is None
    for index in range(5):
        box.put(frame_of(index), float(index))
    item = box.get(0)
    assert item is not None and item[0].index == 4 and item[1] == 4.0
    assert box.dropped == 4 and box.get(0) is None


def test_closing_the_mailbox_wakes_up_the_waiting() -> None:
    box = Mailbox()
    threading.Timer(0.05, box.close).start()
    assert box.get(5) is None and box.closed
    box.put(frame_of(0), 0.0)
    assert box.get(0) is None


class States:
    """Collects what a reader tells, and waits for a state."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self._changed = threading.Condition()

    def __call__(self, state: str, message: str) -> None:
        with self._changed:
            self.seen.append((state, message))
            self._changed.notify_all()

    def wait_for(self, state: str, count: int = 1, timeout_s: float = 10) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.names.count(state) >= count, timeout_s), self.seen

    @property
    def names(self) -> list[str]:
        return [state for state, _ in self.seen]


class ScriptedSource:
    """Reads what a function tells for the number of the call; notes which thread releases it."""

    is_file = False
    ended = False
    name = "scripted"

    def __init__(self, script: Callable[[int], bool]) -> None:
        self.script, self.calls, self.released_by = script, 0, []

    def read(self) -> Frame | None:
        self.calls += 1
        time.sleep(0.002)
        return frame_of(0) if self.script(self.calls) else None

    def release(self) -> None:
        self.released_by.append(threading.current_thread().name)


def test_a_file_plays_at_its_own_speed_and_ends(tmp_path: Path) -> None:
    states, box = States(), Mailbox()
    start_s = time.monotonic()
    reader = FrameReader(write_video(tmp_path / "in.mp4"), box, states)
    reader.start()
    items = []
    while reader.is_alive():
        if (item := box.get(0.1)) is not None:
            items.append(item)
    assert 0.6 < time.monotonic() - start_s < 5
    assert states.names == ["opening", "live", "ended"]
    assert items[-1][0].index == 19 and len(items) + box.dropped == 20
    assert reader.stop(1)


def test_a_looping_file_goes_on_in_time(tmp_path: Path) -> None:
    states, box = States(), Mailbox()
    reader = FrameReader(write_video(tmp_path / "in.mp4", REGULAR[:4]), box, states, loop=True)
    reader.start()
    frames = [item[0] for item in (box.get(2) for _ in range(10)) if item is not None]
    assert reader.stop(2)
    assert frames[-1].index >= 9 and np.all(np.diff([frame.time_s for frame in frames]) > 0)
    assert states.names == ["opening", "live", "ended"]


def test_a_source_that_cannot_be_opened() -> None:
    states = States()
    reader = FrameReader("missing.mp4", Mailbox(), states)
    reader.start()
    reader.join(5)
    assert states.names == ["opening", "error"] and "no such file" in states.seen[-1][1]


def test_a_bug_in_a_source_becomes_an_error() -> None:
    states = States()

    def broken(source: object, loop: bool) -> ScriptedSource:
        raise ZeroDivisionError

    reader = FrameReader("0", Mailbox(), states, opener=broken)
    reader.start()
    reader.join(5)
    assert states.names == ["opening", "error"] and "ZeroDivisionError" in states.seen[-1][1]


def test_bad_frames_are_no_loss() -> None:
    states, opened = States(), []

    def opener(source: object, loop: bool) -> ScriptedSource:
        opened.append(ScriptedSource(lambda call: not 5 <= call <= 34))
        return opened[-1]

    reader = FrameReader("0", Mailbox(), states, opener=opener)
    reader.start()
    while not opened or opened[0].calls < 60:
        time.sleep(0.01)
    assert reader.stop(1)
    assert states.names == ["opening", "live", "ended"] and len(opened) == 1
    assert opened[0].released_by == ["frame reader"]


def test_a_lost_camera_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "BACKOFF_S", (0.01, 0.02))
    monkeypatch.setattr(sources, "LOSS_S", 0.05)
    states, box, opened = States(), Mailbox(), []

    def opener(source: object, loop: bool) -> ScriptedSource:
        if len(opened) % 2:
            opened.append(None)
            raise EnvironmentFault("camera: 0: gone")
        opened.append(ScriptedSource(lambda call: call <= 5))
        return opened[-1]

    reader = FrameReader("0", box, states, opener=opener)
    reader.start()
    states.wait_for("live", 5)
    item = box.get(1)
    assert reader.stop(1) and not reader.is_alive()
    assert states.names[:5] == ["opening", "live", "reconnecting", "reconnecting", "live"]
    assert item is not None and item[0].index >= 20, "one numbering over all connections"
    assert all(source.released_by == ["frame reader"] for source in opened if source)


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    """A camera that sends Motion JPEG over HTTP; `server.sending` cleared makes it stall."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            jpeg = cv2.imencode(".jpg", picture(3))[1].tobytes()
            head = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg)
            try:
                while not self.server.over.is_set():
                    if self.server.sending.is_set():
                        self.wfile.write(head + jpeg + b"\r\n")
                    time.sleep(0.02)
            except OSError:
                pass

        def log_message(self, *words: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    http.sending, http.over = threading.Event(), threading.Event()
    http.sending.set()
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    yield http
    http.over.set()
    http.shutdown()
    http.server_close()
    thread.join(5)


def test_a_stream_that_stalls_is_seen_and_found_again(server: ThreadingHTTPServer) -> None:
    states, box = States(), Mailbox()
    reader = FrameReader(f"http://127.0.0.1:{server.server_port}/", box, states)
    reader.start()
    states.wait_for("live")
    item = box.get(2)
    assert item is not None and item[0].image.shape == (48, 64, 3)
    assert time.monotonic() - item[1] < 1
    server.sending.clear()
    start_s = time.monotonic()
    states.wait_for("reconnecting")
    assert time.monotonic() - start_s < 3
    server.sending.set()
    states.wait_for("live", 2)
    assert reader.stop(3)


def test_stopping_at_any_moment(tmp_path: Path) -> None:
    """Only the reading thread releases: in a process of its own, since a mistake here would kill it."""
    path = write_video(tmp_path / "in.mp4")
    code = """
import random, sys, time
from gesture_app.video.sources import FrameReader, Mailbox
for _ in range(40):
    reader = FrameReader(sys.argv[1], Mailbox(), lambda state, message: None, loop=True)
    reader.start()
    time.sleep(random.random() * 0.03)
    assert reader.stop(2)
"""
    command = [sys.executable, "-X", "faulthandler", "-c", code, str(path)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60, cwd=Path(__file__).parent.parent
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_errors_tell_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(GestureError, match=r"^video: .*: is a folder\. Give a file$"):
        open_video(tmp_path)
