from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from media import (
    REGULAR,
    VARIABLE,
    WITH_SOUND,
    Film,
    audio_packets,
    frame_of,
    picture,
    regular,
    video_pts_s,
    write_video,
)
from PIL import Image as PillowImage

from gesture_app.errors import EnvironmentFault, InputError
from gesture_app.video.sinks import JsonlSink, LiveTiming, VideoSink, write_image
from gesture_app.video.sources import open_video, read_image
from gesture_app.vision.hands import Frame


def copied(source: Path, target: Path) -> Path:
    with open_video(source) as video, VideoSink(target, video) as sink:
        for frame in video:
            sink.write(frame)
    assert [p.name for p in target.parent.iterdir() if ".partial" in p.name] == []
    return target


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("times", [REGULAR, VARIABLE, REGULAR[:1]])
def test_times_are_kept(tmp_path: Path, suffix: str, times: tuple) -> None:
    source = write_video(tmp_path / f"in{suffix}", times)
    before, after = video_pts_s(source), video_pts_s(copied(source, tmp_path / "out.mp4"))
    assert len(after) == len(times)
    assert np.abs(np.subtract(before, after)).max() < 0.001


@pytest.mark.parametrize(("name", "codec", "same"), [
    ("a.mp4", "aac", True), ("a.mkv", "mp3", True), ("a.mkv", "libopus", True), ("a.ts", "aac", False),
    ("a.mov", "pcm_s16le", False), ("a.avi", "pcm_s16le", False), ("a.mkv", "pcm_s16le", False),
])  # fmt: skip
def test_sound_is_kept(tmp_path: Path, name: str, codec: str, same: bool) -> None:
    if codec == "libopus" and "libopus" not in av.codecs_available:
        pytest.skip("no Opus encoder")
    source = write_video(tmp_path / name, film=Film(sound=(codec, 16000, "mono")))
    packets = audio_packets(copied(source, tmp_path / "out.mp4"))
    if same:
        assert packets == audio_packets(source)
    with av.open(str(tmp_path / "out.mp4")) as media:
        length_s = sum(f.samples / f.sample_rate for f in media.decode(audio=0))
    assert length_s == pytest.approx(float(REGULAR[-1]), abs=0.15)


@pytest.mark.parametrize(("rate", "layout"), [(48000, "stereo"), (17000, "stereo"), (192000, "mono"), (8000, "5.1")])
@pytest.mark.parametrize("suffix", [".avi", ".mkv", ".mov"])
def test_any_rate_and_number_of_channels_fits(tmp_path: Path, suffix: str, rate: int, layout: str) -> None:
    source = write_video(tmp_path / f"in{suffix}", film=Film(sound=("pcm_s16le", rate, layout)))
    out = copied(source, tmp_path / "out.mp4")
    assert len(video_pts_s(out)) == len(REGULAR)
    with av.open(str(out)) as media:
        length_s = sum(f.samples / f.sample_rate for f in media.decode(audio=0))
    assert length_s == pytest.approx(float(REGULAR[-1]), abs=0.15)


def test_sound_goes_on_after_the_last_picture(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", regular(60), WITH_SOUND)
    with open_video(source) as video, VideoSink(tmp_path / "out.mp4", video) as sink:
        sink.write(next(video))
    assert audio_packets(tmp_path / "out.mp4") == audio_packets(source)
    with open_video(tmp_path / "out.mp4") as video:
        assert video.duration_s == pytest.approx(1 / 30, abs=0.01)  # of the pictures


def test_sound_that_mp4_does_not_take_is_encoded_again(tmp_path: Path) -> None:
    out = copied(write_video(tmp_path / "in.avi", film=Film(sound=("libmp3lame", 8000, "mono"))), tmp_path / "out.mp4")
    with av.open(str(out)) as media:
        assert media.streams.audio[0].codec_context.name == "aac"


def test_a_track_without_sound_is_left_out(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "in.mkv"), "w") as made:
        stream = made.add_stream("mpeg4", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        made.add_stream("ac3", rate=48000, layout="stereo")
        for index in range(5):
            made.mux(stream.encode(av.VideoFrame.from_ndarray(picture(index), format="bgr24")))
        made.mux(stream.encode(None))
    out = copied(tmp_path / "in.mkv", tmp_path / "out.mp4")
    assert len(video_pts_s(out)) == 5
    with av.open(str(out)) as media:
        assert not media.streams.audio


@pytest.mark.parametrize(("later_s", "codec", "length_s"), [
    (0, "aac", 4), (3600, "aac", 4), (-1.5, "aac", 3.5), (-1.9, "mp2", 3.9), (-1.1, "mp2", 3.1), (-1.5, "ac3", 3.5),
])  # fmt: skip
def test_the_sound_of_joined_files_goes_on(tmp_path: Path, later_s: float, codec: str, length_s: float) -> None:
    """Where the second begins before the end of the first, the pictures overlap, and so does the sound."""
    times, film = regular(60), Film(sound=(codec, 44100, "mono"))
    second = write_video(tmp_path / "part.ts", [t + max(0, Fraction(-later_s)) for t in times], film).read_bytes()
    first = write_video(tmp_path / "later.ts", [t + max(0, Fraction(later_s)) for t in times], film).read_bytes()
    (tmp_path / "in.ts").write_bytes(first + second)
    out = copied(tmp_path / "in.ts", tmp_path / "out.mp4")
    assert video_pts_s(out)[-1] == pytest.approx(length_s, abs=0.1)
    with av.open(str(out)) as media:
        assert sum(f.samples / f.sample_rate for f in media.decode(audio=0)) == pytest.approx(length_s, abs=0.3)


def test_the_sound_is_of_the_same_programme(tmp_path: Path) -> None:
    """Of a broadcast with two, the pictures are those of the larger one."""
    own = {"mpegts_service_id": "2", "mpegts_start_pid": "512", "mpegts_pmt_start_pid": "4352"}
    small = Film(sound=("mp2", 32000, "mono"))
    large = Film((128, 96), sound=("ac3", 48000, "stereo"), options=own)
    parts = [write_video(tmp_path / f"{n}.ts", film=film).read_bytes() for n, film in enumerate((small, large))]
    packets = [part[at : at + 188] for part in parts for at in range(0, len(part), 188)]
    table = bytes.fromhex("00b011 0001c10000 0001f000 0002f100")  # both programmes, and where their own tables are
    crc = 2**32 - 1
    for bit in "".join(f"{byte:08b}" for byte in table):
        crc = (crc << 1 & 2**32 - 1) ^ (0x04C11DB7 if (crc >> 31) != int(bit) else 0)
    both = (b"\x47\x40\0\x10\0" + table + crc.to_bytes(4, "big")).ljust(188, b"\xff")
    (tmp_path / "in.ts").write_bytes(both + b"".join(one for one in packets if one[1] & 31 or one[2]))
    with av.open(str(copied(tmp_path / "in.ts", tmp_path / "out.mp4"))) as media:
        assert (media.streams.video[0].width, media.streams.audio[0].rate) == (128, 48000)


@pytest.mark.parametrize(("time_base", "times_s", "written_s"), [
    (Fraction(1, 25), (0, 0.01, 0.02, 0.4), (0, 0.04, 0.08, 0.4)),  # closer than the clock tells apart
    (Fraction(1, 10**9), (0, 5.0, 5.5), (0, 5.0, 5.5)),  # more units than MP4 takes for one picture
])  # fmt: skip
def test_any_clock_fits(tmp_path: Path, time_base: Fraction, times_s: tuple, written_s: tuple) -> None:
    with VideoSink(tmp_path / "out.mp4", LiveTiming(time_base=time_base)) as sink:
        for time_s in times_s:
            sink.write(Frame(picture(0), 0, time_s))
    assert video_pts_s(tmp_path / "out.mp4") == pytest.approx(written_s, abs=1e-6)
    with av.open(str(tmp_path / "out.mp4")) as media:
        assert media.duration / 1e6 == pytest.approx(written_s[-1] + 1 / 30, abs=0.02)


def test_the_last_picture_stays_as_long_as_it_did(tmp_path: Path) -> None:
    first, *others = [PillowImage.fromarray(picture(number)) for number in range(4)]
    first.save(tmp_path / "in.gif", save_all=True, append_images=others, duration=[200, 200, 200, 3000])
    with av.open(str(copied(tmp_path / "in.gif", tmp_path / "out.mp4"))) as media:
        assert media.duration / 1e6 == pytest.approx(3.6)


def test_sound_of_another_codec_never_stops_the_pictures(tmp_path: Path) -> None:
    times = regular(61)
    for codec in ("ac3", "aac"):
        write_video(tmp_path / f"{codec}.ts", times, Film(sound=(codec, 44100, "mono")))
    (tmp_path / "in.ts").write_bytes((tmp_path / "ac3.ts").read_bytes() + (tmp_path / "aac.ts").read_bytes())
    assert len(video_pts_s(copied(tmp_path / "in.ts", tmp_path / "out.mp4"))) >= 120


@pytest.mark.parametrize("sound", [(48000, "mono"), (44100, "stereo"), (32000, "mono")])
def test_sound_that_changes_on_its_way_never_stops_the_pictures(tmp_path: Path, sound: tuple[int, str]) -> None:
    parts = [
        write_video(tmp_path / f"{number}.ts", [t + 2 * number for t in REGULAR], Film(sound=("mp2", *kind)))
        for number, kind in enumerate([(48000, "stereo"), sound])
    ]
    (tmp_path / "in.ts").write_bytes(b"".join(part.read_bytes() for part in parts))
    out = copied(tmp_path / "in.ts", tmp_path / "out.mp4")
    assert len(video_pts_s(out)) >= 2 * len(REGULAR) - 2
    with av.open(str(out)) as media:
        length_s = sum(f.samples / f.sample_rate for f in media.decode(audio=0))
    assert length_s > 1.5 * float(REGULAR[-1])


@pytest.mark.parametrize(("size_wh", "even_wh"), [((17, 13), (18, 14)), ((1, 1), (2, 2)), ((64, 48), (64, 48))])
def test_odd_sizes_are_padded(tmp_path: Path, size_wh: tuple[int, int], even_wh: tuple[int, int]) -> None:
    source = write_video(tmp_path / "in.mkv", film=Film(size_wh))
    with open_video(source) as before, open_video(copied(source, tmp_path / "out.mp4")) as after:
        assert after.size_wh == even_wh and after.frame_count == len(REGULAR)
        both = [(one.image, other.image[: size_wh[1], : size_wh[0]]) for one, other in zip(before, after, strict=True)]
    assert np.mean([np.abs(one.astype(int) - other).mean() for one, other in both]) < 15  # were they stretched, 25


@pytest.mark.parametrize("size_wh", [(64, 48), (1280, 720)])
def test_colours_survive(tmp_path: Path, size_wh: tuple[int, int]) -> None:
    source = write_video(tmp_path / "in.mp4", REGULAR[:3], Film(size_wh))
    out = copied(source, tmp_path / "out.mp4")
    with open_video(source) as a, open_video(out) as b:
        for before, after in zip(a, b, strict=True):
            assert np.abs(before.image.astype(int) - after.image).mean() < 3


@pytest.mark.parametrize(("size_wh", "told", "primaries_and_transfer"), [
    ((64, 48), "", (6, 6)), ((1280, 544), "", (1, 1)), ((64, 48), ":colorprim=bt709:transfer=bt709", (1, 1)),
    ((1280, 544), ":colorprim=smpte170m", (6, 1)), ((64, 48), ":colorprim=bt2020:transfer=bt2020-10", (9, 14)),
    ((64, 48), ":colorprim=bt2020:transfer=arib-std-b67", (1, 1)),
])  # fmt: skip
def test_players_show_the_colours_of_the_source(tmp_path: Path, size_wh, told: str, primaries_and_transfer) -> None:
    """What they guess for the source is told of the copy, and of high dynamic range, what it was made."""
    with av.open(str(tmp_path / "in.mp4"), "w") as made:
        stream = made.add_stream("libx264", rate=30, options={"x264-params": f"log-level=none{told}"})
        stream.width, stream.height, stream.pix_fmt = *size_wh, "yuv420p"
        made.mux([*stream.encode(av.VideoFrame(*size_wh, "yuv420p")), *stream.encode(None)])
    with av.open(str(copied(tmp_path / "in.mp4", tmp_path / "out.mp4"))) as media:
        context = media.streams.video[0].codec_context
        assert (context.color_primaries, context.color_trc) == primaries_and_transfer
        assert (context.colorspace, context.color_range) == (6, 1)  # as the pixels are, whatever the source's were


def test_another_size_is_fitted(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", REGULAR[:2])
    with open_video(source) as video, VideoSink(tmp_path / "out.mp4", video) as sink:
        sink.write(Frame(np.full((48, 64, 3), 255, np.uint8), 0, 0.0))
        sink.write(Frame(np.full((96, 64, 3), 255, np.uint8), 1, 0.1))
    with open_video(tmp_path / "out.mp4") as video:
        first, second = (frame.image for frame in video)
    assert first.shape == second.shape == (48, 64, 3)
    assert first.min() > 200 and second[:, :16].max() < 60 and second[:, 24:40].min() > 200


def test_a_failure_keeps_a_video_that_plays(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", film=WITH_SOUND)
    with open_video(source) as video:
        sink = VideoSink(tmp_path / "out.mp4", video)
        with pytest.raises(RuntimeError), sink:
            for frame in video:
                if frame.index == 12:
                    raise RuntimeError
                sink.write(frame)
    assert sink.kept == tmp_path / "out.partial.mp4"
    assert len(video_pts_s(sink.kept)) == 12 and audio_packets(sink.kept)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.mp4", "out.partial.mp4"]


def test_no_frame_leaves_no_file(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", REGULAR[:1])
    with open_video(source) as video, VideoSink(tmp_path / "out.mp4", video):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["in.mp4"]


def test_unwritable_places(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    source = write_video(tmp_path / "in.mp4", REGULAR[:1])
    with open_video(source) as video, pytest.raises(EnvironmentFault, match="cannot be written"):
        VideoSink(tmp_path / "file" / "out.mp4", video)
    with pytest.raises(EnvironmentFault, match="cannot be written"):
        JsonlSink(tmp_path / "file" / "out.jsonl")
    with pytest.raises(EnvironmentFault, match="cannot be written"):
        write_image(tmp_path / "file" / "out.png", picture(0))


@pytest.mark.parametrize("name", ["n" * 251, "ü" * 125, "手" * 83])
def test_the_longest_names(tmp_path: Path, name: str) -> None:
    write_image(tmp_path / f"{name}.png", picture(0))
    with VideoSink(tmp_path / f"{name}.mp4", LiveTiming()) as sink:
        sink.write(Frame(picture(0), 0, 0.0))
    for number in ("", " 2"):
        with pytest.raises(RuntimeError), JsonlSink(tmp_path / f"{name}.csv") as rows:
            rows.write({"a": 1})
            raise RuntimeError
        assert rows.kept is not None and rows.kept.name.endswith(f"{name[-1]}.partial{number}.csv")
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".csv", ".csv", ".mp4", ".png"]


def test_a_name_that_is_too_long_is_told_at_once(tmp_path: Path) -> None:
    for make in (JsonlSink, lambda path: VideoSink(path, LiveTiming()), lambda path: write_image(path, picture(0))):
        with pytest.raises(InputError, match=r"cannot be written \(.*\). Choose a shorter name"):
            make(tmp_path / f"{'n' * 252}.png")
    assert list(tmp_path.iterdir()) == []


FULL_DISK = """
import json, resource, signal, sys
from pathlib import Path
import numpy as np
from gesture_app.errors import EnvironmentFault
from gesture_app.video.sinks import VideoSink
from gesture_app.video.sources import open_video
from gesture_app.vision.hands import Frame

def write(folder, limit):
    folder.mkdir()
    random = np.random.default_rng(0)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, most))
    try:
        with VideoSink(folder / "out.mp4", video) as sink:
            for index in range(150):
                sink.write(Frame(random.integers(0, 255, (48, 64, 3), dtype=np.uint8), index, index / 30))
    except EnvironmentFault as fault:
        print(json.dumps([folder.name, sink.frames, str(fault)]))

folder, most = Path(sys.argv[1]), resource.getrlimit(resource.RLIMIT_FSIZE)[1]
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with open_video(folder / "in.mp4") as video:
    write(folder / "whole", most)
    size = (folder / "whole" / "out.mp4").stat().st_size
    limits = {"half": size // 2, "tail": size - 1500, "end": size - 4, "1": 1, "100": 100, "4000": 4000}
    for name, limit in limits.items():
        write(folder / name, limit)
"""


def written_in_a_process(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    write_video(folder / "in.mp4", REGULAR[:1])
    command = [sys.executable, "-c", code, str(folder)]
    root = Path(__file__).parent.parent
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=root)


def test_full_disk(tmp_path: Path) -> None:
    """At any limit the final name is a whole file or none, and what is kept plays almost to the last frame."""
    done = written_in_a_process(tmp_path, FULL_DISK)
    assert (done.returncode, done.stderr) == (0, "")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [name for name, *_ in told] == ["half", "tail", "end", "1", "100", "4000"]
    for name, written, fault in told:
        assert "cannot be written" in fault and "\n" not in fault
        if name.isdigit():  # not even the first pictures fit
            assert "frames are in" not in fault and not list((tmp_path / name).iterdir())
            continue
        assert "MB free" in fault and [path.name for path in (tmp_path / name).iterdir()] == ["out.partial.mp4"]
        with open_video(tmp_path / name / "out.partial.mp4") as video:
            frames = len(list(video))
        assert frames >= written - 60 and frames >= int(re.findall(r"About (\d+) frames", fault)[0])


def test_killed_process_leaves_fragments(tmp_path: Path) -> None:
    killed = "index == 120 and __import__('os')._exit(9); sink.write"
    assert written_in_a_process(tmp_path, FULL_DISK.replace("sink.write", killed)).returncode == 9
    assert not (tmp_path / "whole" / "out.mp4").exists()
    with open_video(tmp_path / "whole" / ".out.partial.mp4") as video:
        assert len(list(video)) >= 60
    with VideoSink(tmp_path / "whole" / "out.mp4", LiveTiming()) as sink:
        sink.write(frame_of(0))
    assert sorted(path.name for path in (tmp_path / "whole").iterdir()) == ["out.mp4", "out.partial.mp4"]


@pytest.mark.skipif(sys.platform == "win32", reason="locks are POSIX's")
def test_what_a_killed_process_left_is_kept_and_what_is_being_written_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".out.partial.jsonl").write_text("left")
    with JsonlSink(tmp_path / "out.jsonl") as first:
        first.write({"a": 1})
        assert (tmp_path / "out.partial.jsonl").read_text() == "left"
        with pytest.raises(RuntimeError), JsonlSink(tmp_path / "out.jsonl") as second:
            raise RuntimeError
    assert second.kept is None and (tmp_path / "out.jsonl").read_text() == '{"a": 1}\n'
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.jsonl", "out.partial.jsonl"]


def test_jsonl(tmp_path: Path) -> None:
    with JsonlSink(tmp_path / "deep" / "out.jsonl") as sink:
        sink.write({"a": 1})
        sink.write({"name": "\udc80é"})
    lines = (tmp_path / "deep" / "out.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [{"a": 1}, {"name": "\udc80é"}]


def test_jsonl_is_kept_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), JsonlSink(tmp_path / "out.jsonl") as sink:
        sink.write({"a": 1})
        raise RuntimeError
    assert [p.name for p in tmp_path.iterdir()] == ["out.partial.jsonl"]


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG", ".png", ".bmp", ".webp", ".tiff"])
def test_images(tmp_path: Path, suffix: str) -> None:
    image = np.repeat(np.repeat(picture(3), 4, axis=0), 4, axis=1)
    write_image(tmp_path / f"out{suffix}", image)
    assert np.abs(read_image(tmp_path / f"out{suffix}").astype(int) - image).mean() < 6
    assert os.listdir(tmp_path) == [f"out{suffix}"]  # noqa: PTH208


def test_a_picture_that_the_format_cannot_hold(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot hold 17000x1"):
        write_image(tmp_path / "out.webp", np.zeros((1, 17000, 3), np.uint8))
    assert not list(tmp_path.iterdir())


def test_unknown_picture_format(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown format"):
        write_image(tmp_path / "out.xyz", picture(0))


def test_two_results_of_one_name_and_two_partial_ones_do_not_meet(tmp_path: Path) -> None:
    for number in (1, 2):
        with (
            pytest.raises(RuntimeError),
            JsonlSink(tmp_path / "out.jsonl") as one,
            JsonlSink(tmp_path / "out.jsonl") as two,
        ):
            one.write({"a": number})
            two.write({"b": number})
            raise RuntimeError
    kept = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert sorted(kept) == ["out.partial 2.jsonl", "out.partial 3.jsonl", "out.partial 4.jsonl", "out.partial.jsonl"]
    assert sorted(kept.values()) == [f'{{"{name}": {number}}}\n' for name in "ab" for number in (1, 2)]


@pytest.mark.parametrize("name", ["12:30.mp4", "a:b/out.mp4"])
def test_a_relative_name_with_a_colon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(video_pts_s(copied(write_video(tmp_path / "in.mp4"), Path(name)).absolute())) == len(REGULAR)


def test_what_is_kept_ends_with_its_last_picture(tmp_path: Path) -> None:
    with open_video(write_video(tmp_path / "in.mp4", regular(40))) as video:
        frames = list(video)  # as far ahead as can be
        sink = VideoSink(tmp_path / "out.mp4", video)
        for frame in frames[:10]:
            sink.write(frame)
        sink.abort()
    assert sink.kept is not None
    with open_video(sink.kept) as kept:
        assert kept.duration_s == pytest.approx(10 / 30, abs=0.01)


def test_a_link_stays_one_and_leads_to_the_result(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    for name in ("out.mp4", "out.jsonl", "out.png"):
        (tmp_path / name).symlink_to(tmp_path / "disk" / name)
    (tmp_path / "disk" / "out.jsonl").write_text("old")  # the others lead to nothing yet
    with VideoSink(tmp_path / "out.mp4", LiveTiming()) as video, JsonlSink(tmp_path / "out.jsonl") as lines:
        video.write(frame_of(0))
        lines.write({"frame": 0})
    write_image(tmp_path / "out.png", picture(0))
    assert all(path.is_symlink() for path in tmp_path.glob("out.*"))
    assert sorted(path.name for path in (tmp_path / "disk").iterdir()) == ["out.jsonl", "out.mp4", "out.png"]
    assert (tmp_path / "disk" / "out.jsonl").read_text() == '{"frame": 0}\n'
    assert len(video_pts_s(tmp_path / "out.mp4")) == 1


def test_what_another_program_has_made_meanwhile_stays(tmp_path: Path) -> None:
    with open_video(write_video(tmp_path / "in.mp4")) as video:
        sink = VideoSink(tmp_path / "out.mp4", video)
        for frame in video:
            sink.write(frame)
        (tmp_path / "out.mp4").write_text("mine")
        with pytest.raises(EnvironmentFault, match="another program has made it meanwhile"):
            sink.close()
    assert (tmp_path / "out.mp4").read_text() == "mine"
    assert len(video_pts_s(tmp_path / "out.partial.mp4")) == len(REGULAR)
    told = r"made it meanwhile.*The lines are in .*out\.partial\.jsonl"
    with pytest.raises(EnvironmentFault, match=told), JsonlSink(tmp_path / "out.jsonl") as lines:
        lines.write({"frame": 0})
        (tmp_path / "out.jsonl").write_text("mine")
    assert (tmp_path / "out.jsonl").read_text() == "mine"
    assert (tmp_path / "out.partial.jsonl").read_text() == '{"frame": 0}\n'
