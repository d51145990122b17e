"""The reading thread: clips at their own speed, lost sources found again, an end at any moment."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from media import REGULAR, frame_of, motion_jpeg, picture, regular, serving, write_video

from gesture_app.errors import EnvironmentFault
from gesture_app.video import reader as reading
from gesture_app.video.addresses import SourceOptions
from gesture_app.video.clips import Clip
from gesture_app.video.files import VideoFile
from gesture_app.video.mailbox import Mailbox
from gesture_app.video.player import Transport
from gesture_app.video.reader import FrameReader
from gesture_app.vision.hands import Frame


class States:
    """Collects what a reader tells, and waits for a state."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self._changed = threading.Condition()

    def __call__(self, state: str, message: str) -> None:
        with self._changed:
            self.seen.append((state, message))
            self._changed.notify_all()

    def wait_for(self, state: str, count: int = 1, timeout_s: float = 20) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.names.count(state) >= count, timeout_s), self.seen

    @property
    def names(self) -> list[str]:
        return [state for state, _ in self.seen]


class ScriptedSource:
    """Reads what a function tells for the number of the call; notes which thread releases it."""

    clip = None
    name = "scripted"

    def __init__(self, script: Callable[[int], bool]) -> None:
        self.notes: list[str] = []
        self.script, self.calls, self.released_by = script, 0, []

    def read(self) -> Frame | None:
        self.calls += 1
        time.sleep(0.002)
        return frame_of(0) if self.script(self.calls) else None

    def release(self) -> None:
        self.released_by.append(threading.current_thread().name)


def test_a_file_plays_at_its_own_speed_and_waits_at_its_end(tmp_path: Path) -> None:
    states, box = States(), Mailbox()
    start_s = time.monotonic()
    reader = FrameReader(str(write_video(tmp_path / "in.mp4")), box, states)
    reader.start()
    items = []
    while "ended" not in states.names:
        if (item := box.get(0.1)) is not None:
            items.append(item)
    assert 0.6 < time.monotonic() - start_s < 20
    assert items[-1][0].index == 19 and len(items) + box.dropped == 20
    assert reader.clip is not None and reader.clip.frame_s == pytest.approx(1 / 30)
    reader.transport.seek(0.5)
    item = box.get(2)
    assert item is not None and item[0].time_s == pytest.approx(0.5, abs=1e-3), "it goes on from there"
    states.wait_for("ended", 2)
    assert reader.stop(1)
    assert states.names == ["opening", "live", "ended", "live", "ended", "closed"]


@pytest.mark.parametrize("loop", [False, True])
def test_an_end_that_was_not_known_is_told(tmp_path: Path, loop: bool) -> None:
    states = States()
    path = str(write_video(tmp_path / "in.h264", REGULAR[:4]))
    reader = FrameReader(path, Mailbox(), states, SourceOptions(loop=loop))
    assert reader.clip is None
    reader.start()
    states.wait_for("live")
    assert reader.clip is not None and reader.clip.duration_s is None
    states.wait_for("live" if loop else "ended", 1 + loop)
    assert reader.clip.duration_s == pytest.approx(4 * reader.clip.frame_s)
    time.sleep(0.3)
    assert reader.stop(2) and states.names.count("live") == 1 + loop


@pytest.mark.parametrize(("ask", "shown"), [(lambda transport: transport.seek(0.0), [0.0]), (Transport.stop, [])])
def test_the_way_to_the_end_of_a_raw_stream_is_left_when_it_is_not_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: Callable[[Transport], None], shown: list[float]
) -> None:
    states, box, decoded = States(), Mailbox(), []
    next_picture = VideoFile._next

    def decode(video: VideoFile) -> object:
        decoded.append(video)
        if len(decoded) == 10:
            ask(reader.transport)
        return next_picture(video)

    reader = FrameReader(str(write_video(tmp_path / "in.h264", REGULAR * 3)), box, states)
    reader.transport.set_paused(True)
    reader.start()
    states.wait_for("paused")
    assert box.get(1) is not None
    monkeypatch.setattr(VideoFile, "_next", decode)
    reader.transport.seek(1e8)
    items = [box.get(5) for _ in shown]
    if not shown:  # else `stop` would ask for the end
        states.wait_for("closed")
    assert reader.stop(2) and 10 <= len(decoded) < 20
    assert [item and item[0].time_s for item in items] == shown and box.get(0.0) is None


def test_a_looping_file_goes_on(tmp_path: Path) -> None:
    box = Mailbox()
    path = str(write_video(tmp_path / "in.mp4", REGULAR[:4]))
    reader = FrameReader(path, box, lambda state, message: None, SourceOptions(loop=True))
    reader.start()
    times = [item[0].time_s for item in (box.get(2) for _ in range(10)) if item is not None]
    assert len(times) == 10 and min(np.diff(times)) < 0, "it has begun again"
    reader.transport.set_loop(False)
    time.sleep(0.3)
    assert reader.stop(2)


def test_slower_and_faster(tmp_path: Path) -> None:
    states, box = States(), Mailbox()
    path = str(write_video(tmp_path / "in.mp4", regular(60)))
    reader = FrameReader(path, box, states, SourceOptions(speed=2.0))
    reader.start()
    for speed in (2.0, 0.5, 1.5):
        reader.transport.set_speed(speed)
        box.get(1)  # may be of before
        items = [item for item in (box.get(1) for _ in range(12)) if item is not None]
        first, last = items[1], items[-1]
        shown_s, took_s = last[0].time_s - first[0].time_s, last[1] - first[1]
        assert shown_s / took_s == pytest.approx(speed, rel=0.25)
    reader.transport.set_speed(0.25)
    reader.transport.set_paused(True)
    reader.transport.step(1)
    states.wait_for("paused")
    reader.transport.seek(1.9)
    reader.transport.set_paused(False)
    start_s = time.monotonic()
    states.wait_for("ended")
    assert time.monotonic() - start_s > 0.2, "the last tenth of a second"
    assert reader.stop(1)


def test_a_paused_clip_stands_still_until_it_is_stepped(tmp_path: Path) -> None:
    states, box = States(), Mailbox()
    reader = FrameReader(str(write_video(tmp_path / "in.mp4")), box, states)
    reader.transport.set_paused(True)
    reader.start()
    states.wait_for("paused")

    def shown() -> float:
        item = box.get(2)
        assert item is not None
        return round(item[0].time_s * 30, 3)

    assert shown() == 0
    assert box.get(0.2) is None
    for frames, index in ((1, 1), (1, 2), (-1, 1), (5, 6), (-6, 0), (-1, 0), (19, 19), (-1, 18)):
        reader.transport.step(frames)
        deadline_s = time.monotonic() + 3
        at = shown()
        while at != index and time.monotonic() < deadline_s:
            at = shown()
        assert at == index
    reader.transport.seek(0.2)
    assert shown() == 6
    assert states.names == ["opening", "paused"]
    reader.transport.set_paused(False)
    states.wait_for("ended")
    assert reader.stop(1)


def test_a_held_clip_waits_at_its_first_frame_and_tells_nothing(tmp_path: Path) -> None:
    states, box = States(), Mailbox()
    reader = FrameReader(str(write_video(tmp_path / "in.mp4")), box, states)
    reader.transport.set_held(True)
    reader.start()
    first = box.get(5)
    assert first is not None and first[0].index == 0
    assert box.get(0.3) is None and states.names == ["opening"]
    reader.transport.set_held(False)
    following = box.get(5)
    assert following is not None and following[0].time_s < 0.3, "its time has stood still as well"
    states.wait_for("ended")
    assert reader.stop(1) and states.names == ["opening", "live", "ended", "closed"]


def test_a_held_clip_without_a_frame_ends() -> None:
    states, source = States(), ScriptedSource(lambda call: False)
    source.clip = Clip(None, 0.01)
    reader = FrameReader("clip", Mailbox(), states, opener=lambda *_: source)
    reader.transport.set_held(True)
    reader.start()
    states.wait_for("ended")
    assert reader.stop(1)


def test_the_last_picture_of_a_folder_is_shown_as_long_as_the_others(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("gesture_app.video.clips.PICTURE_S", 0.2)
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture(number))
    states, box = States(), Mailbox()
    reader = FrameReader(str(tmp_path), box, states, SourceOptions(loop=True))
    reader.start()
    items = [item for item in (box.get(2) for _ in range(7)) if item is not None]
    assert [frame.index for frame, _ in items] == [0, 1, 2, 0, 1, 2, 0]
    assert min(np.diff([captured_s for _, captured_s in items])) > 0.1
    reader.transport.set_loop(False)
    states.wait_for("ended")
    assert reader.stop(2)


def test_one_picture_is_shown_and_waits(tmp_path: Path) -> None:
    states, box = States(), Mailbox()
    cv2.imwrite(str(tmp_path / "a.png"), picture(0))
    reader = FrameReader(str(tmp_path / "a.png"), box, states, SourceOptions(loop=True))
    reader.start()
    states.wait_for("paused")
    assert box.get(1) is not None
    reader.transport.seek(5.0)
    reader.transport.step(1)
    reader.transport.set_paused(False)
    assert box.get(0.2) is None and states.names == ["opening", "paused"]
    assert reader.stop(1)


def test_a_source_that_cannot_be_opened() -> None:
    states = States()
    reader = FrameReader("missing.mp4", Mailbox(), states)
    reader.start()
    reader.join(5)
    assert states.names == ["opening", "error"] and "no such file" in states.seen[-1][1]


def test_a_bug_in_a_source_becomes_an_error() -> None:
    states = States()

    def broken(source: str, options: SourceOptions) -> ScriptedSource:
        raise ZeroDivisionError

    reader = FrameReader("0", Mailbox(), states, opener=broken)
    reader.start()
    reader.join(5)
    assert states.names == ["opening", "error"] and "ZeroDivisionError" in states.seen[-1][1]


def test_bad_frames_are_no_loss() -> None:
    states, opened = States(), []

    def opener(source: str, options: SourceOptions) -> ScriptedSource:
        opened.append(ScriptedSource(lambda call: not 5 <= call <= 34))
        return opened[-1]

    reader = FrameReader("0", Mailbox(), states, opener=opener)
    reader.start()
    while not opened or opened[0].calls < 60:
        time.sleep(0.01)
    assert reader.stop(1)
    assert states.names == ["opening", "live", "closed"] and len(opened) == 1
    assert opened[0].released_by == ["frame reader"]


def test_a_lost_camera_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BACKOFF_S", (0.01, 0.02))
    monkeypatch.setattr(reading, "LOSS_S", 0.05)
    states, box, opened = States(), Mailbox(), []

    def opener(source: str, options: SourceOptions) -> ScriptedSource:
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


def test_a_camera_that_is_missing_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    states, box = States(), Mailbox()
    tries: list[float] = []

    def opener(source: str, options: SourceOptions) -> ScriptedSource:
        tries.append(time.monotonic())
        if len(tries) < 4:
            raise EnvironmentFault("camera: 0: there is no /dev/video0")
        return ScriptedSource(lambda call: True)

    monkeypatch.setattr(reading, "BACKOFF_S", (0.01, 0.02, 60.0))
    reader = FrameReader("0", box, states, opener=opener)
    reader.start()
    states.wait_for("unavailable", 3)
    assert states.seen[-1][1] == "camera: 0: there is no /dev/video0" and "live" not in states.names
    reader.transport.retry()  # hot-plug: without it the fourth try came after a minute
    states.wait_for("live")
    assert reader.stop(1) and len(tries) == 4


def test_the_waits_between_tries() -> None:
    assert reading.BACKOFF_S == (0.5, 1.0, 2.0, 4.0, 5.0)


def test_a_stream_that_stalls_is_seen_and_found_again() -> None:
    states, box, sending, over = States(), Mailbox(), threading.Event(), threading.Event()

    def pictures() -> Iterator[np.ndarray]:
        while not over.wait(0.02):
            if sending.is_set():
                yield picture(3)

    sending.set()
    with serving(motion_jpeg(pictures)) as address:
        reader = FrameReader(address, box, states)
        reader.start()
        states.wait_for("live")
        item = box.get(2)
        assert item is not None and item[0].image.shape == (48, 64, 3)
        assert time.monotonic() - item[1] < 10
        sending.clear()
        start_s = time.monotonic()
        states.wait_for("reconnecting")
        assert time.monotonic() - start_s < 15
        sending.set()
        states.wait_for("live", 2)
        assert reader.stop(3)
        over.set()


def test_stopping_at_any_moment(tmp_path: Path) -> None:
    """Only the reading thread releases: in a process of its own, since a mistake here would kill it."""
    path = write_video(tmp_path / "in.mp4")
    code = """
import random, sys, time
from gesture_app.video.addresses import SourceOptions
from gesture_app.video.mailbox import Mailbox
from gesture_app.video.reader import FrameReader
for number in range(40):
    reader = FrameReader(sys.argv[1], Mailbox(), lambda state, message: None, SourceOptions(loop=True))
    reader.start()
    time.sleep(random.random() * 0.03)
    if number % 2:
        reader.transport.seek(random.random())
        time.sleep(random.random() * 0.01)
    assert reader.stop(2)
"""
    command = [sys.executable, "-X", "faulthandler", "-c", code, str(path)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60, cwd=Path(__file__).parent.parent
    )
    assert (done.returncode, done.stderr) == (0, "")
