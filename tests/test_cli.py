from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from fakes import FakeRecognizer
from media import REGULAR, regular, video_pts_s, write_video

from gesture_app import __version__, annotate
from gesture_app.annotate import AnnotateOptions, Progress, Summary
from gesture_app.cli import THRESHOLDS, main
from gesture_app.errors import EnvironmentFault, InputError, run_and_exit, split_message
from gesture_app.terminal import ProgressBar, StopRequest, summary_line
from gesture_app.vision.assets import models_folder
from gesture_app.vision.hands import RecognizerOptions
from gesture_app.vision.model_folders import RETRAINED, default_weights, shipped_weights
from gesture_app.vision.recognizer import Recognizer

ROOT = Path(__file__).parent.parent


def code_of(*words: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(words)
    return int(caught.value.code or 0)


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """The arguments of every load of a model, which is not a real one here."""
    calls: list[tuple] = []

    def load(weights: Path | None, device: str, options: RecognizerOptions, *rest: str) -> FakeRecognizer:
        calls.append((weights, device, options))
        return FakeRecognizer()

    monkeypatch.setattr(Recognizer, "load", load)
    return calls


def test_what_retraining_installed_is_used_unless_others_are_named(tmp_path: Path, loaded, monkeypatch) -> None:
    monkeypatch.setenv("GESTURE_APP_CONFIG_DIR", str(tmp_path / "config"))
    clip, own = tmp_path / "clip.mp4", models_folder() / RETRAINED
    write_video(clip)
    words = ["annotate", str(clip), "--no-media", "--jsonl", str(tmp_path / "hands.jsonl"), "--force"]
    assert code_of(*words) == 0
    own.mkdir(parents=True)
    for kind in ("detector", "classifier"):
        for suffix in (".safetensors", ".json"):
            (own / f"{kind}{suffix}").touch()
    assert code_of(*words) == code_of(*words, "--weights", str(tmp_path)) == 0
    assert [call[0] for call in loaded] == [shipped_weights("detector").parent, own, tmp_path]


def test_annotate(tmp_path: Path, loaded: list[tuple], capsys: pytest.CaptureFixture[str]) -> None:
    source = write_video(tmp_path / "in.mp4")
    words = ["--label-threshold", "0.7", "--device", "cpu", "--jsonl", str(tmp_path / "out.jsonl")]
    assert code_of("annotate", str(source), *words) == 0
    assert loaded[0][:2] == (default_weights(), "cpu") and loaded[0][2].label_threshold == 0.7
    told = capsys.readouterr()
    assert "1 video, " in told.out and "20 frames" in told.out and told.err == ""
    assert len(video_pts_s(tmp_path / "in-annotated.mp4")) == 20
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 20


@pytest.mark.parametrize(("words", "why"), [
    (["missing.mp4"], "input: missing.mp4: no such file"),
    (["{video}", "--output", "{video}", "--force"], "is an input"),
    (["{video}", "--output", "{text}"], "is there already"),
    (["{video}", "--no-media"], "--jsonl"),
    (["{video}", "--label-threshold", "7"], "label threshold"),
    (["{text}"], "is not a video"),
    (["rtsp://10.0.0.1/front"], "annotate takes files"),
])  # fmt: skip
def test_bad_input_is_one_line(
    tmp_path: Path, loaded: list[tuple], capsys: pytest.CaptureFixture[str], words: list[str], why: str
) -> None:
    (tmp_path / "text.mp4").write_text("x\n" * 999)
    paths = {"video": write_video(tmp_path / "in.mp4", REGULAR[:1]), "text": tmp_path / "text.mp4"}
    assert code_of("annotate", *[word.format(**paths) for word in words]) == 2
    told = capsys.readouterr()
    assert told.err.startswith("gesture-app: error: ") and told.err.count("\n") == 1 and why in told.err
    assert told.out == ""
    assert bool(loaded) == (why == "is not a video"), "what the words alone tell is told before the networks are loaded"


@pytest.mark.parametrize(("words", "options"), [
    ([], AnnotateOptions()),
    (["--force", "--no-every-frame"], AnnotateOptions(force=True, every_frame=False)),
    (["--output", "o.mp4"], AnnotateOptions(Path("o.mp4"))),
    (["--no-media", "--jsonl", "-"], AnnotateOptions(jsonl=Path("-"), media=False)),
])  # fmt: skip
def test_options_of_annotate(tmp_path: Path, loaded, monkeypatch, capsys, words, options: AnnotateOptions) -> None:
    given: list[AnnotateOptions] = []
    monkeypatch.setattr(annotate, "annotate", lambda _, recognizer, options, *rest: given.append(options) or Summary())
    assert code_of("annotate", str(write_video(tmp_path / "in.mp4", REGULAR[:1])), *words) == 0 and given == [options]
    told = capsys.readouterr()
    summary, lines = (told.err, told.out) if "-" in words else (told.out, told.err)
    assert summary.startswith("0 videos, ") and lines == ""


@pytest.mark.parametrize(("summary", "line"), [
    (Summary(), "0 videos, 0 pictures, 0 frames, 0 hands in 0.0 s (0.0 FPS)"),
    (Summary(videos=1, frames=30, hands=2, elapsed_s=4.0, outputs=[Path("a/b.mp4")]),
     "1 video, 0 pictures, 30 frames, 2 hands in 4.0 s (7.5 FPS) -> a/b.mp4"),
    (Summary(images=2, frames=2, elapsed_s=1.0, ignored=3, failed=[Path("x")], stopped=True,
             outputs=[Path("a.jpg"), Path("b.jpg")]),
     "0 videos, 2 pictures, 2 frames, 0 hands in 1.0 s (2.0 FPS); 3 others ignored; 1 failed -> . (stopped early)"),
])  # fmt: skip
def test_summary_line(summary: Summary, line: str) -> None:
    assert summary_line(summary) == line


@pytest.mark.parametrize(("files", "name"), [(1, "\ra.mp4: "), (3, "\r1/3 a.mp4: ")])
def test_progress_on_a_terminal(capsys, monkeypatch, files: int, name: str) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with ProgressBar("p") as bar:
        bar.update(Progress(Path("a.mp4"), 1, 20, 1, files))
        bar.update(Progress(Path("a.mp4"), 2, 20, 1, files))
        bar.warn("two\nlines")
    told = capsys.readouterr().err
    assert name in told and "2/20 " in told and "p: warning: two lines\n" in told


def test_a_second_ctrl_c_leaves_at_once() -> None:
    with StopRequest() as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop.number == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_bad_files_in_a_folder_end_with_2(
    tmp_path: Path, loaded: list[tuple], capsys: pytest.CaptureFixture[str]
) -> None:
    write_video(tmp_path / "in.mp4", REGULAR[:2])
    (tmp_path / "text.mp4").write_text("x\n" * 999)
    assert code_of("annotate", str(tmp_path), "--output", str(tmp_path / "out")) == 2
    told = capsys.readouterr()
    assert "1 video, " in told.out and "1 failed" in told.out
    warning, error = told.err.splitlines()
    assert warning.startswith("gesture-app: warning: video: ") and "1 of its files" in error


@pytest.mark.parametrize(
    "words", [[], ["annotate"], ["fly"], ["annotate", "a", "--device", "tpu"], ["annotate", "--x"]]
)
def test_wrong_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of(*words) == 2


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--version"], ["annotate", "--version"]):
        assert code_of(*words) == 0
        assert capsys.readouterr().out == f"gesture-app {__version__}\n"


def test_live_hands_over(monkeypatch: pytest.MonkeyPatch, loaded: list[tuple]) -> None:
    app = pytest.importorskip("gesture_app.ui.app")
    seen: list[tuple] = []
    monkeypatch.setattr(app, "run", lambda *words: seen.append(words) or 0)
    assert code_of("live", "--source", "clip.mp4", "--loop", "--max-hands", "3", "--device", "cpu") == 0
    source, load, overrides, loop = seen[0]
    assert (source, overrides, loop) == ("clip.mp4", {"max_hands": 3, "device": "cpu"}, True)
    load(SimpleNamespace(weights=Path("mine"), device="cpu", runtime="torch"))
    assert [(weights, device) for weights, device, _ in loaded] == [(Path("mine"), "cpu")]
    assert code_of("live", "--weights", "mine") == 0
    assert seen[1][0] is None and seen[1][2] == {"weights": str(Path("mine").absolute())}
    assert code_of("live", "--max-hands", "0") == 2 and len(seen) == 2
    # What the window has saved may be something else.
    assert code_of("live", "--device", "auto", "--runtime", "auto") == 0
    assert seen[2][2] == {"device": "auto", "runtime": "auto"}


@pytest.mark.parametrize(("words", "source"), [
    ((), None), (("clip.mp4",), "clip.mp4"), (("--loop", "0"), "0"), (("rtsp://host/x", "--loop"), "rtsp://host/x"),
    (("--source", "screen"), "screen"),
])  # fmt: skip
def test_a_source_is_named_with_or_without_its_option(monkeypatch: pytest.MonkeyPatch, words, source) -> None:
    app = pytest.importorskip("gesture_app.ui.app")
    seen: list[object] = []
    monkeypatch.setattr(app, "run", lambda source, *_: seen.append(source) or 0)
    assert code_of("live", *words) == 0 and seen == [source]


def test_two_sources_are_one_too_many(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("live", "a.mp4", "--source", "rtsp://u:secret@host/x") == 2
    told = capsys.readouterr().err
    assert told == "gesture-app: error: source: SOURCE and --source: both are given. Leave one of them out\n"


def test_help_tells_the_usual_thresholds(capsys) -> None:
    with pytest.raises(SystemExit):
        main(["live", "--help"])
    told = " ".join(capsys.readouterr().out.replace("│", " ").split())
    for usual in (getattr(RecognizerOptions(), name) for name in THRESHOLDS):
        assert f"usually {usual}, in the window" in told


def raising(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(("error", "code", "line"), [
    (InputError("a: b: two\nlines"), 2, "p: error: a: b: two lines\n"),
    (EnvironmentFault("c"), 3, "p: error: c\n"),
    (MemoryError(), 3, "p: error: memory: none left. Close other programs or use smaller pictures\n"),
    (torch.OutOfMemoryError("CUDA"), 3,
     "p: error: memory: none left on the GPU. Close other programs, or use --device cpu\n"),
    (PermissionError(errno.EACCES, "Permission denied", "a"), 2,
     "p: error: file: a: Permission denied. Check the name and the permissions\n"),
    (OSError(errno.ENAMETOOLONG, "File name too long", "a"), 2,
     "p: error: file: a: File name too long. Check the name and the permissions\n"),
    (KeyboardInterrupt(), 130, ""),
])  # fmt: skip
def test_endings(error: BaseException, code: int, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run_and_exit(lambda: raising(error), "p")
    assert caught.value.code == code and capsys.readouterr().err == line


def test_debug_shows_where(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run_and_exit(lambda: raising(InputError("a")), "p", debug=True)
    told = capsys.readouterr().err
    assert told.startswith("Traceback") and told.endswith("p: error: a\n")


def test_names_of_any_bytes_can_be_printed() -> None:
    code = "from gesture_app.errors import run_and_exit; run_and_exit(lambda: print('caf\\udce9'), 'p')"
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 0 and done.stdout.startswith("caf"), done.stderr


@pytest.mark.parametrize("kind", [ZeroDivisionError, RuntimeError, OSError])
def test_a_bug_shows_itself(kind: type[Exception]) -> None:
    with pytest.raises(kind):
        run_and_exit(lambda: raising(kind()), "p")


@pytest.mark.parametrize(("message", "parts"), [
    ("a: 1.5 of b. Do c", ("a: 1.5 of b", "Do c")), ("a: b. Why. Do c", ("a: b. Why", "Do c")), ("a: b", ("a: b", "")),
])  # fmt: skip
def test_what_to_do_is_the_last_sentence(message: str, parts: tuple[str, str]) -> None:
    assert split_message(message) == parts


@pytest.mark.skipif(sys.platform == "win32", reason="faulthandler reports harmless exceptions there")
def test_a_crash_in_a_library_tells_where() -> None:
    code = "import ctypes; from gesture_app.errors import run_and_exit; run_and_exit(lambda: ctypes.string_at(0), 'p')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == -signal.SIGSEGV and "string_at" in done.stderr


# The program with a recognizer that takes its time instead of real weights.
SLOW = """
import sys, time
sys.path.insert(0, "tests")
from fakes import FakeRecognizer
from gesture_app.vision.recognizer import Recognizer
class Slow(FakeRecognizer):
    def __call__(self, image, options=None):
        time.sleep(0.03)
        return super().__call__(image, options)
Recognizer.load = lambda *words: Slow()
from gesture_app.cli import main
main(sys.argv[1:])
"""


def started(*words: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", SLOW, *words], stdout=pipe, stderr=pipe, text=True, cwd=ROOT)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_keep_a_video_that_plays(tmp_path: Path, number: signal.Signals) -> None:
    source = write_video(tmp_path / "in.mp4", regular(400))
    process = started("annotate", str(source), "--jsonl", str(tmp_path / "out.jsonl"))
    written = tmp_path / ".out.partial.jsonl"
    deadline_s = time.monotonic() + 40
    while not (written.exists() and written.read_text().count("\n") > 5):
        assert time.monotonic() < deadline_s and process.poll() is None
        time.sleep(0.02)
    sent_s = time.monotonic()
    os.kill(process.pid, number)
    _, told = process.communicate(timeout=20)
    assert time.monotonic() - sent_s < 5
    assert process.returncode == 128 + number and "Traceback" not in told
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in-annotated.partial.mp4", "in.mp4", "out.partial.jsonl"]
    rows = [json.loads(line) for line in (tmp_path / "out.partial.jsonl").read_text().splitlines()]
    assert 5 < len(rows) < 400 and len(video_pts_s(tmp_path / "in-annotated.partial.mp4")) == len(rows)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize(
    ("redirection", "code", "told"), [(">&-", 0, ""), (">&- 2>&-", 0, ""), (">/dev/full", 3, "output")]
)
def test_a_standard_output_that_takes_nothing(tmp_path: Path, redirection: str, code: int, told: str) -> None:
    source = write_video(tmp_path / "in.mp4", REGULAR[:2])
    program = f"{sys.executable} -m gesture_app annotate {source} --runtime torch {redirection}"
    done = subprocess.run(["sh", "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == code and done.stderr.count("\n") == bool(told) and told in done.stderr
    assert len(video_pts_s(tmp_path / "in-annotated.mp4")) == 2


@pytest.mark.parametrize("words", ["gesture_app --help", "gesture_app --version", "training --help"])
def test_nobody_reads_the_help(words: str) -> None:
    command = f"{{ {sys.executable} -m {words}; echo $? >&2; }} | true"
    done = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.stderr == "141\n"


def test_a_reader_that_leaves(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", regular(100))
    process = started("annotate", str(source), "--jsonl", "-", "--no-media")
    assert process.stdout is not None and process.stderr is not None
    assert json.loads(process.stdout.readline())["frame"] == 0
    process.stdout.close()
    assert process.wait(30) == 141
    assert process.stderr.read() == ""
    process.stderr.close()
