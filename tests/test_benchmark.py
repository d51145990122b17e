from __future__ import annotations

import itertools
import json
import threading
import time
from pathlib import Path

import pytest
from fakes import FakeGpu, FakeRecognizer, write_two_colours

from gesture_app import benchmark, benchmark_gpu, benchmark_report, cli
from gesture_app.benchmark import LoopedVideo
from gesture_app.errors import EnvironmentFault, InputError
from gesture_app.vision.assets import assets_folder
from gesture_app.vision.model_folders import default_weights


@pytest.fixture
def clip(tmp_path: Path) -> LoopedVideo:
    return LoopedVideo(write_two_colours(tmp_path / "clip.mp4"))


def test_a_clip_plays_for_ever(clip: LoopedVideo) -> None:
    frames = list(itertools.islice(LoopedVideo(clip.path, (96, 64)).frames(), 130))  # the file has 60
    assert [frame.index for frame in frames] == list(range(130))
    assert frames[-1].time_s == pytest.approx(129 / 30)
    assert {frame.image.shape for frame in frames} == {(64, 96, 3)}
    assert next(clip.frames()).image.shape == (120, 160, 3)


def test_stages(clip: LoopedVideo) -> None:
    result = benchmark.measure_stages(FakeRecognizer(), clip, 0.2)
    assert list(result["stages"]) == ["decode", "detect", "classify", "track", "draw", "whole"]
    assert all(0 <= t["p50_ms"] <= t["p95_ms"] <= t["p99_ms"] for t in result["stages"].values())
    assert result["fps"] > 0 and result["hands"] == 1 and result["size_wh"] == (160, 120)
    told = benchmark_report.stages_table(result)
    assert "detect" in told and "160x120" in told


def test_a_gpu_has_one_stage_for_both_networks(clip: LoopedVideo) -> None:
    result = benchmark.measure_stages(FakeGpu(), clip, 0.2)
    assert list(result["stages"]) == ["decode", "recognize", "track", "draw", "whole"] and result["hands"] == 1


def test_a_fast_engine_keeps_up_with_a_camera(clip: LoopedVideo) -> None:
    result = benchmark.measure_live(FakeRecognizer(), clip, 1.0)
    assert 5 < result["fps"] < 40 and 0 <= result["dropped"] < 0.9  # on a busy machine
    assert 0 < result["p50_ms"] <= result["p95_ms"]
    assert "FPS" in benchmark_report.live_line(result)


def test_a_camera_stops_with_an_error(clip: LoopedVideo, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(benchmark, "draw_hands", interrupted)
    started_s = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        benchmark.measure_live(FakeRecognizer(), clip, 30.0)
    assert time.monotonic() - started_s < 10


def test_a_clip_that_cannot_be_read_as_a_camera() -> None:
    with pytest.raises(InputError):
        benchmark.measure_live(FakeRecognizer(), LoopedVideo(Path("none.mp4")), 1.0)


def test_engines_take_turns(clip: LoopedVideo, monkeypatch) -> None:
    monkeypatch.setattr(benchmark, "ROUND_S", 0.1)
    engines = {"one": FakeRecognizer(), "two": FakeRecognizer()}
    threads = threading.active_count()
    results = benchmark.measure_unpaced(engines, clip, 0.1)
    assert list(results) == ["one", "two"]
    assert all(rates["every_frame_fps"] > 0 and rates["live_fps"] > 0 for rates in results.values())
    assert engines["one"].seen and engines["two"].seen
    assert threading.active_count() <= threads  # one of another test may have ended
    assert "1.00x" in benchmark_report.comparison_table(results)


def test_scaling(clip: LoopedVideo) -> None:
    results = benchmark.measure_scaling(FakeRecognizer(), clip, repeats=1)
    assert [(r["size_wh"], r["hands"]) for r in results] == [
        ((854, 480), 1), ((1280, 720), 1), ((1920, 1080), 1), ((3840, 2160), 1),
        ((1280, 720), 2), ((1280, 720), 4), ((1280, 720), 8),
    ]  # fmt: skip
    assert len(benchmark_report.scaling_table(results).splitlines()) == 8


def test_scaling_needs_a_hand(clip: LoopedVideo, monkeypatch) -> None:
    monkeypatch.setattr(FakeRecognizer, "__call__", lambda self, image: [])
    with pytest.raises(InputError, match="no hand"):
        benchmark.measure_scaling(FakeRecognizer(), clip)


def test_start_of_another_process(clip: LoopedVideo) -> None:
    result = benchmark.measure_start((str(assets_folder() / "weights"), "cpu", "torch", "auto"), clip.path)
    assert 0.1 < result["seconds"] < 100
    assert result["memory_mb"] is None or 50 < result["memory_mb"] < 3000
    assert "first result" in benchmark_report.start_line(result)


def test_a_start_that_fails_is_told(clip: LoopedVideo) -> None:
    with pytest.raises(EnvironmentFault, match="fresh process"):
        benchmark.measure_start(("nowhere", "cpu", "auto", "auto"), clip.path)


def test_a_start_that_ends_without_a_word_is_told(clip: LoopedVideo, monkeypatch) -> None:
    monkeypatch.setattr(benchmark, "FIRST_RESULT", "import os; os.kill(os.getpid(), 9)")
    with pytest.raises(EnvironmentFault, match="exit code -9"):
        benchmark.measure_start(("nowhere", "cpu", "auto", "auto"), clip.path)


@pytest.mark.parametrize(("words", "why"), [
    (["--seconds", "0"], "--seconds"),
    (["--seconds", "inf"], "--seconds"),
    (["--clip", "none.mp4"], "no such file"),
    (["--json", f"{'no' * 200}/x.json"], "name too long"),
    (["--json", "."], "is a folder"),
])  # fmt: skip
def test_what_cannot_be_measured_is_told_at_once(words: list[str], why: str, monkeypatch, capsys) -> None:
    monkeypatch.setattr(cli.Model, "load_recognizer", lambda self: pytest.fail("networks are loaded"))
    with pytest.raises(SystemExit) as caught:
        cli.main(["benchmark", *words])
    assert caught.value.code in (2, 3) and why in capsys.readouterr().err


@pytest.fixture
def measured(clip: LoopedVideo, tmp_path: Path, monkeypatch, capsys):
    """`gesture-app benchmark` on the clip: its exit code, what it tells and what it writes."""
    monkeypatch.setattr(cli.Model, "load_recognizer", lambda self: FakeRecognizer(device_name=f"a {self.runtime}"))
    started = {"seconds": 1.5, "memory_mb": 300.0}
    monkeypatch.setattr(benchmark, "measure_start", lambda words, _: started | {"words": words})
    monkeypatch.setattr(benchmark, "ROUND_S", 0.1)

    def run(*words: str) -> tuple[int, str, dict]:
        written = tmp_path / "new" / "b.json"
        with pytest.raises(SystemExit) as caught:
            cli.main(["benchmark", "--clip", str(clip.path), "--seconds", "0.1", "--json", str(written), *words])
        return int(caught.value.code or 0), "".join(capsys.readouterr()), json.loads(written.read_text())

    return run


ALWAYS = {"device", "stages", "live", "start", "memory_mb"}


def test_the_command(measured) -> None:
    code, told, result = measured("--compare", "--scaling")
    assert code == 0 and set(result) == {*ALWAYS, "scaling", "comparison"}
    assert result["start"]["words"] == [str(default_weights()), "auto", "auto", "auto"]
    lines = ("every frame: ", "as a camera ", "1.5 s, 300 MB", "memory at most: ", "3840x2160")
    assert all(word in told for word in ("a None", "a torch", "a openvino", *lines))


def test_one_that_fails_leaves_those_before_it(measured, monkeypatch) -> None:
    def fails(*_: object) -> None:
        raise InputError("video: no hand is found")

    monkeypatch.setattr(benchmark, "measure_scaling", fails)
    code, told, result = measured("--scaling")
    assert code == 2 and "no hand is found" in told and set(result) == ALWAYS


def test_the_command_on_a_gpu(measured, monkeypatch) -> None:
    monkeypatch.setattr(cli.Model, "load_recognizer", lambda self: FakeGpu())
    monkeypatch.setattr(benchmark_gpu, "plain_recognizer", lambda weights, device: FakeRecognizer())
    code, told, result = measured()
    assert code == 0 and "in batches" in told and result["gpu"]["batch_fps"] > 0 and set(result) == {*ALWAYS, "gpu"}
