"""Sources that can be sought: the frame of a time is the same, however it was come to."""

from __future__ import annotations

from bisect import bisect_right
from pathlib import Path

import numpy as np
import pytest
from media import INDEX_FIRST, REGULAR, VARIABLE, WITH_SOUND, Film, cut_off, picture, regular, write_video
from PIL import Image as PillowImage

from gesture_app.errors import InputError
from gesture_app.video.clips import PICTURE_S, FileSource, PictureSource
from gesture_app.video.files import open_video
from gesture_app.video.sinks import VideoSink

LONG = regular(45)  # key frames at 0, 10, 20, ...


def same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and float(np.abs(a.astype(int) - b).mean()) < 0.5


@pytest.mark.parametrize(("suffix", "times"), [
    *((suffix, LONG) for suffix in (".mp4", ".mkv", ".ts", ".avi", ".h264", ".gif")),
    *((suffix, VARIABLE) for suffix in (".mp4", ".mkv", ".ts")),  # the others have no times of their own
])  # fmt: skip
def test_seeking_gives_the_frame_that_is_shown_then(tmp_path: Path, suffix: str, times: list) -> None:
    path = write_any(tmp_path / f"in{suffix}", times)
    source = FileSource(path)
    video = source._video
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame)
    assert len(frames) == len(times)
    for index in (7, 8, 0, len(times) - 1, 3, 12):
        found = source.read_at(frames[index].time_s + 1e-4)
        assert found is not None and found.time_s == pytest.approx(frames[index].time_s, abs=1e-6)
        assert same(found.image, frames[index].image), (suffix, index)
        following = source.read()
        expected = frames[index + 1] if index + 1 < len(frames) else None
        assert (following is None) is (expected is None)
        if following is not None and expected is not None:
            assert following.time_s == pytest.approx(expected.time_s, abs=1e-6)
            assert same(following.image, expected.image)
    assert source._video is video or suffix not in (".mp4", ".mkv"), "decoded from the start in spite of an index"
    source.release()


@pytest.mark.parametrize(("suffix", "codec", "starts_s", "indexed"), [
    (".ts", "libx264", [0], True), (".ts", "libx265", [0], True), (".ts", "mpeg2video", [0], True),
    (".mts", "libx264", [0], True), (".mpg", "mpeg1video", [0], True), (".mpg", "mpeg2video", [0], True),
    (".mpg", "libx264", [0], False),  # its times are guessed
    (".ts", "libx264", [95442], True),  # the clock runs over
    (".ts", "libx264", [0, 100], True),  # a pause
    (".ts", "libx264", [0, 0], False), (".ts", "libx264", [100, 0], False), (".ts", "libx264", [0, 30000], False),
    (".mpg", "mpeg2video", [0, 0], False), (".mkv", "libx264", [0], True), (".webm", "libvpx", [0], True),
    (".avi", "mpeg4", [0], True), (".avi", "libx264", [0], True), (".flv", "libx264", [0], True),
    (".mp4", "libx265", [0], True), (".mp4", "mpeg2video", [0], True),  # key frames that are shown late
])  # fmt: skip
def test_seeking_gives_what_reading_gives(
    tmp_path: Path, suffix: str, codec: str, starts_s: list[int], indexed: bool
) -> None:
    """Also in open groups of pictures, as encoders of HEVC and MPEG-2 make them, and where files were joined."""
    pieces = [write_video(tmp_path / f"{at}{suffix}", [at + t for t in LONG], Film(codec=codec)) for at in starts_s]
    path = tmp_path / f"in{suffix}"
    path.write_bytes(b"".join(piece.read_bytes() for piece in pieces))
    with open_video(path) as video:
        frames = list(video)
    source = FileSource(path)
    opened = source._video
    times_s = [frame.time_s for frame in frames]
    for time_s in [*times_s[::-7], *(time_s + 1e-3 for time_s in times_s[::5])]:
        shown = bisect_right(times_s, time_s) - 1
        for frame, expected in zip((source.read_at(time_s), source.read()), frames[shown : shown + 2], strict=False):
            assert frame is not None and frame.time_s == pytest.approx(expected.time_s, abs=1e-6)
            assert np.array_equal(frame.image, expected.image), shown
    assert (source._video is opened) is indexed, "decoded from the start" if indexed else "not from the start"
    source.release()


@pytest.mark.parametrize(("film", "times", "share"), [
    (Film(codec="snow"), regular(90), 0.7),  # without its index, FFmpeg takes every picture for a key frame
    (Film(codec="ffv1", sound=("pcm_s16le", 16000, "mono")), regular(60)[::2], 1.0),  # frames were dropped
])  # fmt: skip
def test_an_avi_is_sought_where_its_index_can_be_trusted(tmp_path: Path, film: Film, times: list, share: float) -> None:
    path = cut_off(write_video(tmp_path / "in.avi", times, film), share)
    with open_video(path) as video:
        frames = list(video)
    assert len(frames) > 5
    with open_video(path) as video:
        for index in [*range(0, len(frames) - 1, 3), *range(len(frames) - 1)]:
            shown_s = frames[index].time_s, frames[index + 1].time_s
            for time_s in (shown_s[0], sum(shown_s) / 2, shown_s[1] - 1e-3):
                found = video.frame_at(time_s)
                assert found is None or np.array_equal(found.image, frames[index].image), index


def write_any(path: Path, times: list) -> Path:
    if path.suffix != ".gif":
        return write_video(path, times)
    pictures = [PillowImage.fromarray(picture(i)[:, :, ::-1]) for i in range(len(times))]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=40)
    return path


def test_a_clock_that_runs_over_does_not_mislead_a_search(tmp_path: Path) -> None:
    at_s = 2**33 // 90_000 - 4
    source = FileSource(write_video(tmp_path / "in.ts", [at_s + REGULAR[1] * i for i in range(180)], WITH_SOUND))
    for wanted_s in (0.5, 1.5, 4.0):
        frame = source.read_at(wanted_s)
        assert frame is not None and 0 <= wanted_s - frame.time_s < 0.1
    source.release()


@pytest.mark.parametrize("suffix", [".h264", ".ts"])
def test_a_search_that_is_not_wanted_any_more_is_left_at_that(tmp_path: Path, suffix: str) -> None:
    source, wanted = FileSource(write_video(tmp_path / f"in{suffix}", LONG)), iter([True] * 5 + [False])
    assert source.read_at(1.0, lambda: next(wanted, False)) is None and next(wanted, None) is None
    found = source.read_at(1.0)
    assert found is not None and found.time_s == pytest.approx(1.0, abs=0.05)
    source.release()


def test_a_search_by_an_index_gives_a_picture_while_the_next_one_is_wanted_already(tmp_path: Path) -> None:
    source = FileSource(write_video(tmp_path / "in.mp4", LONG))
    found = source.read_at(1.25, lambda: False)
    assert found is not None and found.time_s == pytest.approx(1.25, abs=0.05)
    source.release()


def test_the_frame_before(tmp_path: Path) -> None:
    source = FileSource(write_video(tmp_path / "in.mp4", VARIABLE))
    times = [frame.time_s for frame in iter(source.read, None)]
    back = []
    at_s = times[-1]
    while at_s > 0:
        frame = source.read_at(at_s - 1e-6)
        assert frame is not None
        at_s = frame.time_s
        back.append(at_s)
    assert back == times[-2::-1]


@pytest.mark.parametrize("time_s", [-5.0, 99.0])
def test_times_outside_the_file(tmp_path: Path, time_s: float) -> None:
    source = FileSource(write_video(tmp_path / "in.mp4", LONG))
    frame = source.read_at(time_s)
    assert frame is not None and frame.time_s == pytest.approx(0.0 if time_s < 0 else 44 / 30, abs=1e-3)


def test_what_is_known_of_a_video(tmp_path: Path) -> None:
    clip = FileSource(write_video(tmp_path / "in.mp4", LONG)).clip
    assert clip.duration_s == pytest.approx(1.5, abs=0.05) and clip.frame_s == pytest.approx(1 / 30)
    assert clip.pictures is None and not clip.still


@pytest.mark.parametrize(("suffix", "files", "told_s"), [(".h264", 1, None), (".ts", 2, 1.5), (".mp4", 1, 1.5)])
def test_the_end_is_known_once_it_was_met(tmp_path: Path, suffix: str, files: int, told_s: float | None) -> None:
    path = write_video(tmp_path / f"in{suffix}", LONG)
    path.write_bytes(path.read_bytes() * files)
    source = FileSource(path)
    assert source.clip.duration_s == (told_s and pytest.approx(told_s, abs=0.05))
    last = list(iter(source.read, None))[-1]
    assert source.clip.duration_s == pytest.approx(last.time_s + source.clip.frame_s, abs=0.05)
    learned = source.clip
    assert source.read_at(0.3) is not None and source.read() is not None and source.clip is learned
    found = source.read_at(1e8)
    assert found is not None and found.time_s == pytest.approx(last.time_s, abs=1e-6) and source.read() is None
    assert source.clip is learned


FOUR_S = regular(120)


@pytest.mark.parametrize("seek_s", [0.0, 1.0, 3.9])
@pytest.mark.parametrize(("suffix", "film"), [(".mp4", INDEX_FIRST), (".mkv", Film())])
def test_a_video_that_is_cut_off_says_so_once(tmp_path: Path, suffix: str, film: Film, seek_s: float) -> None:
    source = FileSource(cut_off(write_video(tmp_path / f"in{suffix}", FOUR_S, film)))
    assert source.clip.duration_s == pytest.approx(4.0, abs=0.1)
    for _ in range(2):
        assert source.read_at(seek_s) is not None
        assert source.read() is None or len(list(iter(source.read, None))) < len(FOUR_S) - 30
    assert len(source.notes) == 1 and " of 4.0 s: it seems to be cut off" in source.notes[0]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".avi", ".h264", ".flv"])
@pytest.mark.parametrize("film", [Film(), WITH_SOUND], ids=["silent", "with sound"])
def test_a_whole_video_says_nothing(tmp_path: Path, suffix: str, film: Film) -> None:
    source = FileSource(write_video(tmp_path / f"in{suffix}", FOUR_S, Film() if suffix == ".h264" else film))
    for seek_s in (0.0, 0.7, 3.99, 99.0):
        source.read_at(seek_s)
        assert None not in list(iter(source.read, None))
    assert not source.notes


def test_less_than_a_second_of_a_video_is_missing(tmp_path: Path) -> None:
    source = FileSource(cut_off(write_video(tmp_path / "in.mp4", LONG, INDEX_FIRST), 0.7))
    assert source.clip.duration_s is not None and sum(1 for _ in iter(source.read, None)) < len(LONG)
    assert not source.notes, "as durations may be estimates"


@pytest.fixture
def album(tmp_path: Path) -> Path:
    folder = tmp_path / "album"
    folder.mkdir()
    for index in range(4):
        PillowImage.fromarray(picture(index)).save(folder / f"{index}.png")
    (folder / "2.png").write_text("broken")
    (folder / ".hidden.png").write_bytes((folder / "0.png").read_bytes())
    (folder / "notes.txt").write_text("no picture")
    return folder


def test_a_folder_is_played_picture_by_picture(album: Path) -> None:
    source = PictureSource(album)
    assert (source.clip.pictures, source.clip.duration_s, source.clip.still) == (4, 4 * PICTURE_S, False)
    frames = [(frame.index, frame.time_s, frame.name) for frame in iter(source.read, None)]
    expected = [(0, 0.0, "0.png"), (1, PICTURE_S, "1.png"), (3, 3 * PICTURE_S, "3.png")]
    assert frames == expected, "a picture that cannot be read is left out"
    assert len(source.notes) == 1 and "2.png" in source.notes[0], source.notes
    found = [source.read_at(time_s) for time_s in (PICTURE_S, 2.5 * PICTURE_S, 99.0, -1.0)]
    assert [frame.index for frame in found if frame] == [1, 1, 3, 0]
    following = source.read()
    assert following is not None and following.index == 1
    assert len(source.notes) == 1, "told once, however often it is come to"


def test_one_picture_stands_still(album: Path) -> None:
    source = PictureSource(album / "1.png")
    assert source.clip.still and source.clip.pictures == 1
    frame = source.read()
    assert frame is not None and frame.image.shape == (48, 64, 3) and source.read() is None
    again = source.read_at(0.0)
    assert again is not None and same(again.image, frame.image)
    assert frame.name == again.name == "", "the source is called like it"


@pytest.mark.parametrize("name", ["", "2.png", "missing.png"])
def test_nothing_to_show(tmp_path: Path, album: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError):
        PictureSource(album / name if name else tmp_path / "empty")


def test_a_folder_of_broken_pictures(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("no picture")
    with pytest.raises(InputError, match="holds no picture that can be read"):
        PictureSource(tmp_path)


def test_an_annotated_video_is_told(tmp_path: Path) -> None:
    path = write_video(tmp_path / "in.mp4", REGULAR)
    with open_video(path) as video, VideoSink(tmp_path / "out.mp4", video) as sink:
        for frame in video:
            sink.write(frame)
    assert not FileSource(path).notes
    assert "shows boxes and names already" in FileSource(tmp_path / "out.mp4").notes[0]
