from __future__ import annotations

import io
import itertools
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from fakes import FakeRecognizer
from media import (
    INDEX_FIRST,
    REGULAR,
    VARIABLE,
    WITH_SOUND,
    Film,
    audio_packets,
    cut_off,
    picture,
    regular,
    spoil,
    video_pts_s,
    write_audio,
    write_video,
)
from PIL import Image as PillowImage
from PIL import ImageCms

from gesture_app.annotate import AnnotateOptions, Progress, _beside_folder, annotate, plan
from gesture_app.errors import EnvironmentFault, InputError
from gesture_app.video.sinks import VideoSink, write_image
from gesture_app.video.sources import open_video, read_image
from gesture_app.video.suffixes import annotated_name, media_below
from gesture_app.vision.hands import Hand, RecognizerOptions


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


MIDDLE = (0.25, 0.25, 0.75, 0.75)


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_video(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", VARIABLE, WITH_SOUND)
    seen: list[Progress] = []
    options = AnnotateOptions(jsonl=tmp_path / "out.jsonl")
    summary = annotate(source, FakeRecognizer(), options, on_progress=seen.append)
    out = tmp_path / "in-annotated.mp4"
    assert (summary.videos, summary.images, summary.frames, summary.hands, summary.ignored) == (1, 0, 13, 13, 0)
    assert summary.outputs == [out] and not summary.failed and not summary.stopped and 0 < summary.elapsed_s < 60
    assert names(tmp_path) == ["in-annotated.mp4", "in.mp4", "out.jsonl"]
    assert np.abs(np.subtract(video_pts_s(source), video_pts_s(out))).max() < 0.001
    assert audio_packets(out) == audio_packets(source)
    assert [p.frame for p in seen] == list(range(1, 14)) and seen[-1] == Progress(source, 13, 13, 1, 1)
    with open_video(source) as a, open_video(out) as b:
        assert all(np.abs(x.image.astype(int) - y.image).mean() > 5 for x, y in zip(a, b, strict=True))


class RightHand(FakeRecognizer):
    """Sees a right hand."""

    def __call__(self, image: np.ndarray, options: RecognizerOptions | None = None) -> list[Hand]:
        return [replace(hand, right=0.99) for hand in super().__call__(image, options)]


def test_json_lines(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4")
    annotate(source, RightHand(place_xyxy=MIDDLE), AnnotateOptions(jsonl=tmp_path / "out.jsonl", media=False))
    lines = rows(tmp_path / "out.jsonl")
    assert names(tmp_path) == ["in.mp4", "out.jsonl"]
    assert [line["frame"] for line in lines] == list(range(20))
    assert [line["time_s"] for line in lines] == pytest.approx(video_pts_s(source), abs=1e-6)
    assert {hand["id"] for line in lines for hand in line["hands"]} == {1}
    hand = lines[-1]["hands"][0]
    assert list(lines[-1]) == ["source", "frame", "time_s", "width", "height", "hands"]
    assert list(hand) == ["id", "box_xyxy", "detector_score", "label", "score", "side", "top"]
    assert (lines[0]["source"], lines[0]["width"], lines[0]["height"]) == (str(source), 64, 48)
    assert hand["box_xyxy"] == pytest.approx([16, 12, 48, 36], abs=1)
    assert (hand["label"], hand["side"]) == ("like", "right") and len(hand["top"]) == 3


def test_json_line_of_a_picture_exactly(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", picture(0))
    annotate(tmp_path / "a.png", FakeRecognizer(place_xyxy=MIDDLE), AnnotateOptions(jsonl=tmp_path / "out.jsonl"))
    assert rows(tmp_path / "out.jsonl") == [{
        "source": str(tmp_path / "a.png"), "frame": 0, "time_s": 0.0, "width": 64, "height": 48,
        "hands": [{
            "id": 1, "box_xyxy": [16.0, 12.0, 48.0, 36.0], "detector_score": 0.9, "label": "like", "score": 0.97,
            "side": None, "top": [["like", 0.97], ["peace", 0.02], ["no_gesture", 0.01]],
        }],
    }]  # fmt: skip
    assert np.any(read_image(tmp_path / "a-annotated.png") != picture(0))


@pytest.mark.parametrize(("output", "expected"), [
    (None, "in-annotated.mp4"), ("x/other.mp4", "x/other.mp4"), ("x/y", "x/y/in-annotated.mp4"),
    (".", "in-annotated.mp4"), ("v1.0/", "v1.0/in-annotated.mp4"),
])  # fmt: skip
def test_where_a_video_goes(tmp_path: Path, output: str | None, expected: str) -> None:
    source = write_video(tmp_path / "in.mov", REGULAR[:2])
    (tmp_path / "v1.0").mkdir()
    annotate(source, FakeRecognizer(), AnnotateOptions(output=None if output is None else tmp_path / output))
    assert (tmp_path / expected).is_file() and len(names(tmp_path)) == 2


def a_folder(at: Path) -> Path:
    (at / "deep").mkdir(parents=True)
    write_video(at / "a.mp4", REGULAR[:3])
    write_video(at / "deep" / "b.mkv", REGULAR[:2])
    write_image(at / "deep" / "b.png", picture(1))
    write_image(at / "a.jpg", picture(2))
    (at / "notes.txt").write_text("x")
    (at / ".hidden.mp4").write_text("x")
    return at


def test_folder(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "in")
    seen: list[Progress] = []
    summary = annotate(folder, FakeRecognizer(), AnnotateOptions(jsonl=tmp_path / "out.jsonl"), seen.append)
    assert [(p.frame, p.frame_count, p.file, p.files) for p in seen] == [
        (1, 1, 1, 4), *((frame, 3, 2, 4) for frame in (1, 2, 3)), (1, 2, 3, 4), (2, 2, 3, 4), (1, 1, 4, 4),
    ]  # fmt: skip
    assert names(tmp_path / "in-annotated") == ["a.jpg", "a.mp4", "deep/b.mp4", "deep/b.png"]
    assert (summary.videos, summary.images, summary.frames, summary.ignored) == (2, 2, 7, 2)
    assert [(Path(r["source"]).name, r["frame"]) for r in rows(tmp_path / "out.jsonl")] == [
        ("a.jpg", 0), ("a.mp4", 0), ("a.mp4", 1), ("a.mp4", 2), ("b.mkv", 0), ("b.mkv", 1), ("b.png", 0),
    ]  # fmt: skip


def test_of_a_folder_the_lines_alone(tmp_path: Path) -> None:
    before = names(a_folder(tmp_path / "in"))
    options = AnnotateOptions(jsonl=tmp_path / "out.jsonl", media=False)
    summary = annotate(tmp_path / "in", FakeRecognizer(), options)
    assert names(tmp_path) == [*(f"in/{name}" for name in before), "out.jsonl"]
    assert summary.outputs == [] and summary.frames == len(rows(tmp_path / "out.jsonl")) == 7


@pytest.mark.parametrize("without", [[], ["a.mp4", "deep/b.mkv"]])
def test_a_folder_that_is_stopped_is_left_at_that(tmp_path: Path, without: list[str]) -> None:
    folder, seen = a_folder(tmp_path / "in"), []
    for name in without:
        (folder / name).unlink()
    summary = annotate(folder, FakeRecognizer(), on_progress=seen.append, should_stop=lambda: bool(seen))
    assert summary.stopped and summary.frames == 1 and names(tmp_path / "in-annotated") == ["a.jpg"]


def test_a_result_whose_name_is_too_long_does_not_stop_the_others(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "in")
    write_image(folder / f"{'p' * 251}.jpg", picture(0))
    too_long = (folder / "a.mp4").rename(folder / f"{'b' * 252}.ts")
    told: list[str] = []
    summary = annotate(folder, FakeRecognizer(), on_warning=told.append)
    assert summary.failed == [too_long] and "File name too long" in told[0] and len(told) == 1
    assert names(tmp_path / "in-annotated") == ["a.jpg", "deep/b.mp4", "deep/b.png", f"{'p' * 251}.jpg"]


@pytest.mark.parametrize(("name", "mode", "kept"), [
    ("a.jpg", "RGB", True), ("a.png", "RGBA", True), ("a.webp", "RGB", True), ("a.tif", "RGB", True),
    ("a.bmp", "RGB", False), ("a.jpg", "CMYK", False), ("a.png", "L", False),
])  # fmt: skip
def test_the_colours_of_a_picture_mean_what_they_did(tmp_path: Path, name: str, mode: str, kept: bool) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    PillowImage.fromarray(picture(0)).convert(mode).save(tmp_path / name, icc_profile=profile)
    annotate(tmp_path / name, FakeRecognizer())
    with PillowImage.open(annotated_name(tmp_path / name)) as annotated:
        assert annotated.info.get("icc_profile") == (profile if kept else None)


def test_that_only_the_first_picture_of_an_animation_is_taken_is_told(tmp_path: Path) -> None:
    first, *others = (PillowImage.fromarray(picture(number)) for number in range(3))
    first.save(tmp_path / "a.webp", save_all=True, append_images=others)
    told: list[str] = []
    summary = annotate(tmp_path / "a.webp", FakeRecognizer(), on_warning=told.append)
    assert summary.frames == 1 and len(told) == 1 and "only the first picture" in told[0]


def test_animations_with_a_name_of_their_own_are_videos(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.gif", "b.apng"):
        first, *others = (PillowImage.fromarray(picture(number)) for number in range(3))
        first.save(tmp_path / "in" / name, save_all=True, append_images=others, duration=100)
    summary = annotate(tmp_path / "in", FakeRecognizer())
    assert (summary.videos, summary.frames) == (2, 6)
    assert video_pts_s(tmp_path / "in-annotated" / "b.mp4") == pytest.approx([0, 0.1, 0.2])


def test_results_beside_their_sources_are_no_input(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "in")
    for name in (
        "a-annotated.mp4",
        "a-annotated 2.jpg",
        "a-annotated.partial.mp4",
        "b.partial 2.mp4",
        "other-annotated.jpg",
    ):
        (folder / name).touch()
    assert media_below(folder, wanted=lambda: False) == ([], 0)
    found, others = media_below(folder)
    assert [path.name for path in found] == ["a.jpg", "a.mp4", "b.mkv", "b.png", "other-annotated.jpg"] and others == 6


@pytest.mark.parametrize(("given", "output"), [(".", "../in-annotated"), ("..", "../../b-annotated")])
def test_a_folder_without_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, output: str) -> None:
    a_folder(tmp_path / "a" / "b" / "in")
    monkeypatch.chdir(tmp_path / "a" / "b" / "in")
    annotate(Path(given), FakeRecognizer())
    assert Path(output).resolve().is_dir() and not list(Path().glob("*annotated"))


def test_beside_the_root_there_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Give --output"):
        _beside_folder(Path(tmp_path.anchor))


def test_names_that_would_meet(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "in")
    write_video(folder / "a.mkv", REGULAR[:2])
    annotate(folder, FakeRecognizer())
    assert names(tmp_path / "in-annotated") == ["a.jpg", "a.mkv.mp4", "a.mp4.mp4", "deep/b.mp4", "deep/b.png"]


def test_output_inside_the_input_is_not_read_again(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "in")
    for _ in range(2):
        annotate(folder, FakeRecognizer(), AnnotateOptions(output=folder / "out", force=True))
    assert names(folder / "out") == ["a.jpg", "a.mp4", "deep/b.mp4", "deep/b.png"]


def test_bad_files_of_a_folder_are_told(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "in")
    (folder / "b.mp4").write_text("not a video")
    (folder / "c.jpg").touch()
    warnings: list[str] = []
    summary = annotate(folder, FakeRecognizer(), on_warning=warnings.append)
    assert [path.name for path in summary.failed] == ["b.mp4", "c.jpg"]
    assert (summary.videos, summary.images, len(warnings)) == (2, 2, 2)
    assert names(tmp_path / "in-annotated") == ["a.jpg", "a.mp4", "deep/b.mp4", "deep/b.png"]


def test_a_file_is_no_stream_whatever_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("take:").mkdir()
    video = write_video(tmp_path / "in.mp4", REGULAR[:2]).rename(Path("take:/clip.mp4"))
    annotate(video, FakeRecognizer())
    assert names(Path("take:")) == ["clip-annotated.mp4", "clip.mp4"]
    for address, told in (("RTSP://cam/1", "rtsp://cam/1"), ("rtsp://me:secret@cam/1", "rtsp://***@cam/1")):
        with pytest.raises(InputError, match=rf"input: {re.escape(told)}: annotate takes files"):
            plan(Path(address), AnnotateOptions())
    with pytest.raises(InputError, match=r"input: Terminator: Dark Fate\.mp4: no such file"):
        plan(Path("Terminator: Dark Fate.mp4"), AnnotateOptions())


def test_of_results_with_one_name_that_is_told(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.avi", "a.avi.mp4", "z.png"):
        (tmp_path / name).touch()
    with pytest.raises(InputError, match=r"out/a\.avi\.mp4: two results have this name"):
        plan(tmp_path, AnnotateOptions(tmp_path / "out"))


def test_refusals(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "in")
    (tmp_path / "empty").mkdir()
    (tmp_path / "album" / "2026").mkdir(parents=True)
    for name in ("a.HEIC", "2026/b.avif"):
        (tmp_path / "album" / name).write_bytes((folder / "a.mp4").read_bytes())
    video = folder / "a.mp4"
    os.link(video, tmp_path / "hard.mp4")
    (tmp_path / "soft.mp4").symlink_to(video)
    before = names(tmp_path)
    sizes = [(tmp_path / name).stat().st_size for name in before]
    force = {"force": True}
    for source, options, why in [
        (tmp_path / "missing.mp4", {}, "no such file"),
        (tmp_path / "empty", {}, "holds no video"),
        (video, {"media": False}, "--jsonl"),
        (video, {"output": video, **force}, "is an input"),
        (video, {"output": tmp_path / "hard.mp4", **force}, "is an input"),
        (video, {"output": tmp_path / "soft.mp4", **force}, "is an input"),
        (video, {"jsonl": video, **force}, "is an input"),
        (video, {"output": tmp_path / "x.avi"}, "cannot be written for this input"),
        (folder / "a.jpg", {"output": tmp_path / "x.mp4"}, "cannot be written for this input"),
        (video, {"jsonl": folder / "notes.txt"}, "--force"),
        (video, {"jsonl": folder, **force}, "is a folder"),
        (folder, {"output": folder, **force}, "is the input"),
        (folder, {"output": video, **force}, "is not a folder"),
        (folder, {"output": tmp_path / "out", "jsonl": tmp_path / "out" / "a.mp4"}, "two results"),
        (write_audio(tmp_path / "sound.mp4"), {}, "no video stream"),
        (tmp_path / ("n" * 300), {}, "too long"),
        (tmp_path / "album" / "a.HEIC", {}, "is a photograph in HEIC, which is not read. Save it as JPEG"),
        (tmp_path / "album", {}, "photographs in AVIF, HEIC are not read. Save them as JPEG"),
    ]:
        with pytest.raises(InputError, match=why):
            annotate(source, FakeRecognizer(), AnnotateOptions(**options))
    (tmp_path / "sound.mp4").unlink()
    assert names(tmp_path) == before
    assert [(tmp_path / name).stat().st_size for name in before] == sizes


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes have names on POSIX only")
def test_no_result_replaces_a_pipe_or_a_link_into_nothing(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", REGULAR[:2])
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "in-annotated.mp4").symlink_to(tmp_path / "gone.mp4")
    with pytest.raises(InputError, match="is a device or a pipe"):
        annotate(source, FakeRecognizer(), AnnotateOptions(output=tmp_path / "pipe.mp4", force=True))
    with pytest.raises(InputError, match="is there already"):
        annotate(source, FakeRecognizer())


def test_links_to_folders(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "real" / "in")
    (folder / "loop").symlink_to(folder)
    (tmp_path / "link").symlink_to(folder)
    assert annotate(tmp_path / "link", FakeRecognizer()).ignored == 3
    assert "a.mp4" in names(tmp_path / "link-annotated") and not (tmp_path / "real" / "in-annotated").exists()


def test_existing_results_are_replaced_only_with_force(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", REGULAR[:2])
    (tmp_path / "in-annotated.mp4").write_text("mine")
    with pytest.raises(InputError, match="is there already"):
        annotate(source, FakeRecognizer())
    assert (tmp_path / "in-annotated.mp4").read_text() == "mine"
    annotate(source, FakeRecognizer(), AnnotateOptions(force=True))
    assert len(video_pts_s(tmp_path / "in-annotated.mp4")) == 2


@pytest.mark.parametrize(("film", "damage"), [(INDEX_FIRST, cut_off), (Film(), spoil)])
def test_truncated_video_is_a_warning(tmp_path: Path, film: Film, damage) -> None:
    damage(write_video(tmp_path / "cut.mp4", regular(90), film))
    warnings: list[str] = []
    summary = annotate(tmp_path / "cut.mp4", FakeRecognizer(), on_warning=warnings.append)
    assert len(video_pts_s(tmp_path / "cut-annotated.mp4")) == summary.frames
    assert len(warnings) == 1 and f"{summary.frames} of 90 frames" in warnings[0] and not summary.failed


def test_of_what_is_stopped_before_it_began_nothing_is_told(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", REGULAR[:3])
    warnings: list[str] = []
    options = AnnotateOptions(jsonl=tmp_path / "out.jsonl")
    summary = annotate(source, FakeRecognizer(), options, on_warning=warnings.append, should_stop=lambda: True)
    assert summary.stopped and not warnings and names(tmp_path) == ["in.mp4"]


def test_stopping_keeps_what_there_is(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", film=WITH_SOUND)
    seen: list[Progress] = []
    warnings: list[str] = []
    options = AnnotateOptions(jsonl=tmp_path / "out.jsonl")
    summary = annotate(source, FakeRecognizer(), options, seen.append, warnings.append, lambda: len(seen) == 8)
    assert summary.stopped and summary.frames == 8 and not summary.outputs
    assert names(tmp_path) == ["in-annotated.partial.mp4", "in.mp4", "out.partial.jsonl"]
    assert len(video_pts_s(tmp_path / "in-annotated.partial.mp4")) == 8
    assert len(rows(tmp_path / "out.partial.jsonl")) == 8
    assert len(warnings) == 2 and "after 8 frames" in warnings[0]


def test_a_full_disk_ends_a_folder_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = a_folder(tmp_path / "in")

    def full(self: VideoSink, picture: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(VideoSink, "_mux", full)
    with pytest.raises(EnvironmentFault, match=r"No space left on device, \d+ MB free"):
        annotate(folder, FakeRecognizer())
    assert names(tmp_path / "in-annotated") == ["a.jpg"]


def test_what_is_kept_of_a_full_disk_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, told, mux = write_video(tmp_path / "in.mp4", regular(60)), [], VideoSink._mux

    def full(self: VideoSink, picture: av.VideoFrame | None, end_s: float = 0.0) -> None:
        if self.frames == 50:
            raise OSError(28, "No space left on device")
        mux(self, picture, end_s)

    monkeypatch.setattr(VideoSink, "_mux", full)
    with pytest.raises(EnvironmentFault, match=r"No space left on device.*are in .*in-annotated\.partial\.mp4"):
        annotate(source, FakeRecognizer(), on_warning=told.append)
    assert not told and names(tmp_path) == ["in-annotated.partial.mp4", "in.mp4"]


def test_what_does_not_fit_into_mp4_does_not_stop_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, told = a_folder(tmp_path / "in"), []

    def refused(self: VideoSink, picture: object, end_s: float = 0.0) -> None:
        raise av.InvalidDataError(22, "Invalid data")

    monkeypatch.setattr(VideoSink, "_mux", refused)
    summary = annotate(folder, FakeRecognizer(), on_warning=told.append)
    assert [path.name for path in summary.failed] == ["a.mp4", "b.mkv"] and summary.images == 2
    assert len(told) == 2 and "do not fit into MP4" in told[0]
    assert names(tmp_path / "in-annotated") == ["a.jpg", "deep/b.png"]


def test_results_on_the_standard_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr("sys.stdout", out)
    source = write_video(tmp_path / "in.mp4", REGULAR[:3])
    annotate(source, FakeRecognizer(), AnnotateOptions(jsonl=Path("-"), media=False))
    assert [json.loads(line)["frame"] for line in out.getvalue().splitlines()] == [0, 1, 2]


class InBatches(FakeRecognizer):
    """Takes five pictures before it gives the hands of the first; the widths of the boxes count the pictures."""

    def stream(self, images: Iterable[np.ndarray], options: RecognizerOptions | None = None) -> Iterator[list[Hand]]:
        left, number = iter(images), 0
        while batch := list(itertools.islice(left, 5)):
            for image in batch:
                (hand,) = self(image, options)
                number += 1
                yield [replace(hand, box_xyxy=(0.0, 0.0, 20.0 + number, 40.0))]


@pytest.mark.parametrize("stop_at", [None, 8])
def test_frames_in_batches_keep_their_order(tmp_path: Path, stop_at: int | None) -> None:
    source = write_video(tmp_path / "in.mp4")
    seen: list[Progress] = []
    options = AnnotateOptions(jsonl=tmp_path / "out.jsonl", media=False)
    summary = annotate(source, InBatches(), options, seen.append, should_stop=lambda: len(seen) == stop_at)
    lines = rows(tmp_path / ("out.jsonl" if stop_at is None else "out.partial.jsonl"))
    assert summary.frames == len(lines) == (stop_at or 20) and summary.stopped is (stop_at is not None)
    assert [line["frame"] for line in lines] == list(range(len(lines)))
    assert {hand["id"] for line in lines for hand in line["hands"]} == {1}
    widths = [line["hands"][0]["box_xyxy"][2] for line in lines]
    assert widths == sorted(widths)


def test_frames_before_the_end_of_a_truncated_video_are_kept_in_batches(tmp_path: Path) -> None:
    cut_off(write_video(tmp_path / "cut.mp4", regular(90), INDEX_FIRST))
    counts = [annotate(tmp_path / "cut.mp4", engine, AnnotateOptions(force=True)).frames
              for engine in (FakeRecognizer(), InBatches())]  # fmt: skip
    assert counts[0] == counts[1] > 10
