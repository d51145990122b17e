"""Recordings and snapshots with the real encoder."""

from __future__ import annotations

import os
import sys
import threading
import time
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from media import picture, video_pts_s
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QPushButton, QWidget

import gesture_app.video.sinks  # brings PyAV, whose import takes more time than a test may wait
from gesture_app.ui import notice as notices
from gesture_app.ui.clock import clock
from gesture_app.ui.notice import Notice
from gesture_app.ui.pictures import from_qimage, to_qimage
from gesture_app.ui.recorder import NICENESS, WAITING_FRAMES, Recorder, Snapshots, free_path, keep_left, step_back
from gesture_app.ui.recording_badge import RecordingBadge
from gesture_app.video.files import open_video
from gesture_app.vision.images import read_image


@pytest.fixture
def recorder():
    made = Recorder()
    yield made
    assert made.shutdown(5)


def record(recorder: Recorder, folder: Path, times_s, clean: bool = False, size_wh=(64, 48)) -> None:
    recorder.start(folder, clean)
    for index, time_s in enumerate(times_s):
        while len(recorder._current._waiting) == WAITING_FRAMES:
            time.sleep(0.001)
        recorder.add(picture(index, size_wh), 255 - picture(index, size_wh), time_s)
    recorder.stop()


@pytest.mark.parametrize("clean", [False, True])
@pytest.mark.parametrize("times_s", [[100.0], [5000 + n / 10 for n in (0, 1, 2.5, 2.6, 9, 30.3)]])
def test_times_are_those_of_capture(qtbot, recorder, tmp_path, times_s, clean):
    with qtbot.waitSignal(recorder.saved, timeout=5000) as saved:
        record(recorder, tmp_path / "new" / "folder", times_s, clean)
    path = saved.args[0]
    assert path.parent == tmp_path / "new" / "folder" and path.suffix == ".mp4"
    assert np.abs(np.subtract(video_pts_s(path), np.subtract(times_s, times_s[0]))).max() < 0.001
    with av.open(str(path)) as media:
        assert media.streams.video[0].codec_context.name == "h264"
        first = next(media.decode(video=0)).to_ndarray(format="bgr24")
    with open_video(path) as video:
        assert video.annotated is not clean
    expected = 255 - picture(0) if clean else picture(0)
    assert np.abs(first.astype(int) - expected)[:, 8:].mean() < 6, "the colours and the right one of both pictures"


@pytest.mark.parametrize(("began", "lasts_s"), [(7, 7), (24 * 3600, (2**31 - 1) // 90_000)])  # as long as MP4 can say
def test_the_last_picture_lasts_until_the_recording_is_stopped(qtbot, recorder, tmp_path, began, lasts_s):
    began_s = time.monotonic() - began
    with qtbot.waitSignal(recorder.saved, timeout=5000) as saved:
        record(recorder, tmp_path, [began_s, began_s + 0.5])
    assert len(video_pts_s(saved.args[0])) == 2
    with av.open(str(saved.args[0])) as media:
        assert lasts_s <= media.duration / 1e6 < lasts_s + 20


def test_states_are_told(qtbot, recorder, tmp_path):
    told = []
    recorder.recording_changed.connect(told.append)
    recorder.start(tmp_path)
    recorder.start(tmp_path)
    assert recorder.recording and told == [True]
    recorder.add(picture(0), picture(0), 1.0)
    with qtbot.waitSignal(recorder.progressed, check_params_cb=lambda seconds, frames, dropped: frames == 1):
        pass
    with qtbot.waitSignal(recorder.saved, timeout=5000):
        recorder.stop()
        recorder.stop()
    assert told == [True, False] and not recorder.recording
    assert [p.suffix for p in tmp_path.iterdir()] == [".mp4"]


def test_the_clock_begins_with_the_first_picture(qtbot, recorder, tmp_path, monkeypatch):
    now_s = 50.0
    monkeypatch.setattr("gesture_app.ui.recorder.time", SimpleNamespace(monotonic=lambda: now_s))
    told = []
    recorder.progressed.connect(lambda seconds, frames, dropped: told.append((seconds, frames)))
    recorder.start(tmp_path)
    now_s = 60.0
    recorder._tell_progress()
    recorder.add(picture(0), picture(0), now_s)
    qtbot.waitUntil(lambda: recorder._current.frames == 1)
    now_s = 62.5
    recorder._tell_progress()
    assert told[:2] == [(0.0, 0)] * 2 and told[-1] == (2.5, 1)


@pytest.mark.skipif(sys.platform == "win32", reason="locks are POSIX's")
def test_what_a_killed_window_recorded_is_kept_and_what_another_one_records_left_alone(qtbot, recorder, tmp_path):
    assert keep_left(tmp_path / "none") == []
    (tmp_path / ".gestures 2026-11-28 15.57.04.partial.mp4").write_bytes(b"fragments")
    (tmp_path / ".gestures 2026-11-28 15.57.05.partial.mp4").touch()
    (tmp_path / ".others.partial.mp4").write_bytes(b"of another program")
    with qtbot.waitSignal(recorder.saved) as saved:
        recorder.start(tmp_path)
        recorder.add(picture(0, (64, 48)), picture(0, (64, 48)), 0.0)
        qtbot.waitUntil(lambda: recorder._current.frames == 1)
        assert [path.name for path in keep_left(tmp_path)] == ["gestures 2026-11-28 15.57.04.partial.mp4"]
        recorder.stop()
    assert saved.args[0].exists() and keep_left(tmp_path) == []


def test_nothing_is_left_of_a_recording_without_frames(qtbot, recorder, tmp_path):
    with qtbot.waitSignal(recorder.failed, timeout=5000) as failed:
        record(recorder, tmp_path, [])
    assert "no picture" in failed.args[0]
    assert list(tmp_path.iterdir()) == []


def test_one_after_the_other_at_once(qtbot, recorder, tmp_path):
    saved = []
    recorder.saved.connect(saved.append)
    for _ in range(3):
        record(recorder, tmp_path, [1.0, 1.1])
    qtbot.waitUntil(lambda: len(saved) == 3)
    assert len(set(saved)) == 3
    assert all(len(video_pts_s(path)) == 2 for path in saved)


def test_two_windows_in_the_same_second(qtbot, recorder, tmp_path, monkeypatch):
    monkeypatch.setattr("gesture_app.ui.recorder.free_path", lambda folder, *_: folder / "moment.mp4")
    others = Recorder()
    saved = []
    for each in (recorder, others):
        each.saved.connect(saved.append)
        each.start(tmp_path)
        each.add(picture(0), picture(0), 1.0)
    qtbot.waitUntil(lambda: recorder._current.frames == others._current.frames == 1)
    recorder.stop()
    others.stop()
    qtbot.waitUntil(lambda: len(saved) == 2)
    assert sorted(path.name for path in saved) == ["moment 2.mp4", "moment.mp4"]
    assert sorted(tmp_path.iterdir()) == sorted(saved) and others.shutdown(5)


def test_another_size_is_fitted(qtbot, recorder, tmp_path):
    recorder.start(tmp_path)
    recorder.add(picture(0), picture(0), 1.0)
    recorder.add(picture(0, (31, 77)), picture(0), 1.2)
    with qtbot.waitSignal(recorder.saved, timeout=5000) as saved:
        recorder.stop()
    assert len(video_pts_s(saved.args[0])) == 2


@pytest.mark.parametrize("name", ["file/folder", "n" * 300])
def test_a_folder_that_cannot_be_used(qtbot, recorder, tmp_path, name):
    (tmp_path / "file").write_text("x")
    with qtbot.waitSignals([recorder.failed, recorder.recording_changed], timeout=5000):
        recorder.start(tmp_path / name)
    qtbot.waitUntil(lambda: not recorder.recording)
    with qtbot.waitSignal(recorder.saved, timeout=5000):
        record(recorder, tmp_path, [1.0])


def test_a_slow_encoder_never_holds_up_the_camera(qtbot, recorder, tmp_path, monkeypatch):
    go_on = threading.Event()
    write = gesture_app.video.sinks.VideoSink.write
    monkeypatch.setattr(gesture_app.video.sinks.VideoSink, "write", lambda *a: go_on.wait(10) and write(*a))
    recorder.start(tmp_path)
    started = time.monotonic()
    for n in range(50):
        recorder.add(picture(n), picture(n), n / 30)
    assert time.monotonic() - started < 5
    dropped = recorder._current.dropped
    assert 50 - WAITING_FRAMES - 1 <= dropped <= 50 - WAITING_FRAMES
    go_on.set()
    with qtbot.waitSignal(recorder.saved, timeout=5000) as saved:
        recorder.stop()
    assert len(video_pts_s(saved.args[0])) == 50 - dropped


def test_closing_completes_the_file(tmp_path):
    recorder = Recorder()
    recorder.start(tmp_path)
    for n in range(5):
        recorder.add(picture(n), picture(n), n / 30)
    assert recorder.shutdown(5)
    (path,) = tmp_path.iterdir()
    assert len(video_pts_s(path)) == 5


def test_what_fails_at_the_end_of_the_program_is_told(tmp_path, capsys):
    (tmp_path / "file").touch()
    recorder = Recorder()
    recorder.start(tmp_path / "file")
    assert recorder.shutdown(5)
    assert capsys.readouterr().err.startswith(f"gesture-app: video: {tmp_path / 'file'}")


@pytest.mark.parametrize("size_wh", [(64, 48), (61, 47), (1, 1)])
def test_pictures_there_and_back(size_wh):
    assert np.array_equal(from_qimage(to_qimage(picture(3, size_wh))), picture(3, size_wh))


def test_snapshots(qtbot, tmp_path):
    snapshots = Snapshots()
    saved = []
    snapshots.saved.connect(saved.append)
    for n in range(3):
        snapshots.save(to_qimage(picture(n)), tmp_path / "deep")
    assert snapshots.shutdown(5)
    qtbot.waitUntil(lambda: len(saved) == 3)
    assert len(set(saved)) == 3 and all(path.suffix == ".png" for path in saved)
    for n, path in enumerate(saved):
        assert np.array_equal(read_image(path), picture(n))


@pytest.mark.parametrize("name", ["file", "n" * 300])
def test_a_snapshot_that_cannot_be_written(qtbot, tmp_path, name):
    (tmp_path / "file").write_text("x")
    snapshots = Snapshots()
    with qtbot.waitSignal(snapshots.failed, timeout=5000) as failed:
        snapshots.save(to_qimage(picture(0)), tmp_path / name)
    assert "cannot be written" in failed.args[0] and "\n" not in failed.args[0]


def test_names(tmp_path):
    moment = datetime(2026, 3, 4, 5, 6, 7)
    first = free_path(tmp_path, moment, ".mp4")
    assert first.name == "gestures 2026-03-04 05.06.07.mp4"
    (tmp_path / f".{first.stem}.partial.mp4").touch()
    second = free_path(tmp_path, moment, ".mp4")
    second.touch()
    assert second.name == "gestures 2026-03-04 05.06.07 2.mp4"
    assert free_path(tmp_path, moment, ".mp4").name == "gestures 2026-03-04 05.06.07 3.mp4"


@pytest.mark.parametrize(("seconds", "text"), [(0, "00:00"), (65.9, "01:05"), (3600, "1:00:00"), (36061, "10:01:01")])
def test_clock(seconds, text):
    assert clock(seconds) == text


def test_badge(qtbot, recorder, tmp_path):
    badge = RecordingBadge(recorder)
    qtbot.addWidget(badge)
    assert badge.isHidden()
    recorder.start(tmp_path)
    assert not badge.isHidden()
    recorder.progressed.emit(61.0, 5, 0)
    assert badge.accessibleDescription() == "01:01"
    assert not badge.grab().isNull()
    recorder.stop()
    assert badge.isHidden()


def test_notice(qtbot, monkeypatch, tmp_path):
    opened = []
    for name in ("open_file", "show_in_folder"):
        monkeypatch.setattr(notices, name, lambda path: not opened.append(path))
    notice = Notice()
    qtbot.addWidget(notice)
    assert notice.isHidden()
    notice.show_saved(tmp_path / "a.mp4")
    assert "a.mp4" in notice.label.text() and str(tmp_path) in notice.label.text()
    qtbot.mouseClick(notice.open_button, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(notice.folder_button, Qt.MouseButton.LeftButton)
    assert opened == [tmp_path / "a.mp4"] * 2
    notice.show_failure("the disk is full")
    assert notice.label.text() == "the disk is full" and notice.open_button.isHidden()
    assert not notice._timer.isActive(), "a failure stays"
    notice.close_button.click()
    assert notice.isHidden()


def test_a_notice_waits_for_who_is_at_its_buttons(qtbot, tmp_path):
    notice, other = Notice(), QPushButton()
    row = QWidget()
    qtbot.addWidget(row)
    for part in (notice, other):
        part.setParent(row)
    row.show()
    row.activateWindow()
    told = []
    notice.told.connect(told.append)
    notice.show_saved(tmp_path / "a.mp4")
    assert told == [notice.label.text()]
    for part, stays in ((notice.open_button, True), (other, False)):
        part.show()
        part.setFocus()
        qtbot.waitUntil(part.hasFocus)
        notice._timer.timeout.emit()
        assert notice.isVisible() is stays and notice._timer.isActive()


def test_notices_of_a_source(qtbot, tmp_path):
    notice = Notice()
    qtbot.addWidget(notice)
    for text in "abcd":
        notice.show_note(text)
    assert notice.label.text() == "b\nc\nd" and not notice._timer.isActive()
    notice.close_button.click()
    notice.show_note("e")
    assert notice.label.text() == "e", "what the user has closed does not come back"
    notice.end_notes()
    assert notice.isHidden()
    notice.show_note("f")
    notice.show_saved(tmp_path / "a.mp4")
    notice.end_notes()
    assert not notice.isHidden(), "it tells of no source any more"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives threads a niceness of their own")
def test_the_encoder_lets_others_go_first():
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before, within = niceness(), []
    thread = threading.Thread(target=lambda: (step_back(), within.append(niceness())))
    thread.start()
    thread.join()
    assert niceness() == before and within == [min(19, before + NICENESS)]
