"""What the doctor finds, on this machine and on worse ones."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from fakes import FakeRecognizer

import gesture_app.vision.recognizer
from gesture_app import cli, doctor
from gesture_app.doctor import Finding, examine, line
from gesture_app.errors import EnvironmentFault
from gesture_app.settings import Settings
from gesture_app.video import sources
from gesture_app.vision.assets import assets_folder
from gesture_app.vision.hands import Frame
from gesture_app.vision.model_folders import quantization_path
from gesture_app.vision.quantization import Quantization, save_quantization

WEIGHTS = assets_folder() / "weights"


@pytest.fixture(autouse=True)
def own_settings(monkeypatch, tmp_path) -> Path:
    folder = tmp_path / "config"
    monkeypatch.setenv("GESTURE_APP_CONFIG_DIR", str(folder))
    monkeypatch.setattr(gesture_app.vision.recognizer.Recognizer, "load", lambda weights: FakeRecognizer())
    return folder


def states(findings) -> list[tuple[str, str]]:
    return [(finding.topic, finding.state) for finding in findings]


def test_everything_is_looked_at(own_settings):
    findings = list(examine())
    topics = {finding.topic for finding in findings}
    assert topics >= {"program", "display", "cameras", "CUDA", "runtimes", "weights", "engine", "codecs", "folders"}
    assert all(finding.mend for finding in findings if finding.state != "good")
    assert not any("\n" in finding.text + finding.mend for finding in findings)
    good = {topic for topic, state in states(findings) if state == "good"}
    assert good >= {"program", "display", "runtimes", "weights", "engine", "codecs", "settings"}
    assert not own_settings.exists(), "looking writes nothing"


def test_weights_that_are_given_or_those_of_the_settings_are_looked_at(own_settings, tmp_path, monkeypatch):
    Settings(weights=str(tmp_path / "nowhere")).save(own_settings / "settings.json")
    monkeypatch.setattr(doctor, "run_probe", lambda: {"fault": "display: none. Start it on a desktop"})
    for given, name in ((None, "nowhere"), (tmp_path / "given", "given")):
        (finding,) = (finding for finding in examine(given) if finding.topic == "weights")
        assert finding.state == "bad" and f"{name}: no such folder" in finding.text


def test_damaged_weights_are_told(tmp_path, monkeypatch):
    folder = tmp_path / "v1. new"
    folder.mkdir()
    for path in WEIGHTS.glob("*.json"):
        shutil.copy(path, folder)
    for path in WEIGHTS.glob("*.safetensors"):
        (folder / path.name).write_bytes(path.read_bytes()[:-1] + b"\0")
    for name in ("cuda_findings", "runtime_findings", "codec_findings"):
        monkeypatch.setattr(doctor, name, lambda: iter(()))
    monkeypatch.setattr(doctor, "run_probe", lambda: {"fault": "display: none. Get one"})
    wrong = [finding for finding in examine(folder) if finding.state == "bad"]
    why = f"{folder / 'detector.safetensors'}: the sha256 differs from the info file's"
    assert wrong == [Finding("weights", "bad", why, "Copy or train them again")]


def test_eight_bits_are_looked_at(tmp_path):
    weights = tmp_path / "detector.safetensors"
    assert list(doctor.eight_bit_findings(weights, "a")) == []
    save_quantization(quantization_path(weights), Quantization("a", "graph", [], {}))
    assert [finding.state for finding in doctor.eight_bit_findings(weights, "a")] == ["good"]
    (other,) = doctor.eight_bit_findings(weights, "b")
    quantization_path(weights).write_bytes(b"damaged")
    (damaged,) = doctor.eight_bit_findings(weights, "a")
    assert other.state == damaged.state == "note" and "other weights" in other.text
    assert all("gesture-train quantize" in finding.mend for finding in (other, damaged))


def test_a_check_that_breaks_does_not_stop_the_others(monkeypatch):
    monkeypatch.setattr(doctor, "run_probe", lambda: {"fault": "display: none: no screen. Plug one in"})
    monkeypatch.setattr(doctor, "weights_findings", lambda folder: 1 / 0)
    monkeypatch.setattr(doctor, "codec_findings", lambda: 1 / 0)
    found = {finding.topic: finding for finding in examine()}
    assert found["weights"].state == found["codecs"].state == "bad"
    assert "ZeroDivisionError" in found["weights"].text and found["weights"].mend
    assert found["display"] == Finding("display", "note", "none: no screen", "Plug one in")
    assert "folders" in found


@pytest.mark.skipif(sys.platform != "linux", reason="asks for a display of X11")
@pytest.mark.parametrize(("variables", "fault"), [
    ({}, "display: none"), ({"QT_QPA_PLATFORM": "offscreen"}, ""), ({"QT_QPA_PLATFORM": "nonsense"}, "Qt cannot start"),
])  # fmt: skip
def test_probe(monkeypatch, variables, fault):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    told = doctor.run_probe()
    assert fault in told["fault"] and bool(told["fault"]) is bool(fault)
    assert next(doctor.display_findings(told)).state == ("note" if fault else "good")


@pytest.mark.parametrize(("why", "text", "mend"), [
    ("libpulse.so.0: cannot open", "no sounds: libpulse.so.0 is missing", "Install it: apt install libpulse0"),
    (
        "libgssapi_krb5.so.2: cannot open",
        "no sounds: libgssapi_krb5.so.2 is missing",
        "Install it: apt install libgssapi-krb5-2",
    ),
    ("libX9.so: cannot open", "no sounds: libX9.so is missing", "Install the system package that holds it"),
    ("no symbol", "no sounds: QtMultimedia cannot be loaded (no symbol)", "Install PyQt6 again"),
])  # fmt: skip
def test_multimedia_that_cannot_be_loaded(why, text, mend):
    told = {"fault": "", "qt": "6", "platform": "xcb", "screens": ["1 × 1 at 100 %"], "multimedia": why}
    sound = list(doctor.display_findings(told))[1]
    assert (sound.text, sound.mend) == (text, mend)


class FakeCamera:
    def __init__(self, images) -> None:
        self.images = iter(images)
        self.released = False

    def read(self):
        image = next(self.images, None)
        return None if image is None else Frame(image, 0, 0.0)

    def release(self) -> None:
        self.released = True


def test_cameras(monkeypatch):
    monkeypatch.setattr(doctor, "CAMERA_TIMEOUT_S", 0.05)
    cameras = {"0": FakeCamera([None, np.zeros((48, 64, 3), np.uint8)]), "2": FakeCamera([])}

    def open_live(source):
        if source in cameras:
            return cameras[source]
        raise EnvironmentFault(f"camera: {source}: cannot be opened. Close other programs")

    monkeypatch.setattr(sources, "open_live", open_live)
    listed = [("Front", "0"), ("Dark", "2"), ("Busy", "4"), ("Ours", "6")]
    findings = list(doctor.camera_findings(listed, in_use="6"))
    assert [state for _, state in states(findings)] == ["good", "bad", "bad", "good"]
    assert [finding.text for finding in findings] == [
        "Front: gives pictures of 64x48", "Dark: opens, but gives no picture", "Busy: cannot be opened",
        "Ours: in use by this window",
    ]  # fmt: skip
    assert findings[2].mend == "Close other programs" and all(camera.released for camera in cameras.values())
    assert states(doctor.camera_findings([], "")) == [("cameras", "note")]


@pytest.mark.parametrize(("driver", "built_for", "state", "word"), [
    (False, None, "good", "CPU"), (True, None, "note", "built for CPUs"), (True, "12.4", "note", "cannot use it"),
])  # fmt: skip
def test_cuda(monkeypatch, driver, built_for, state, word):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", built_for)
    monkeypatch.setattr(doctor.shutil, "which", lambda name: "/bin/nvidia-smi" if driver else None)
    monkeypatch.setattr(doctor.Path, "exists", lambda path: False)
    (finding,) = doctor.cuda_findings()
    assert finding.state == state and word in finding.text


def test_openvino_that_cannot_be_loaded(monkeypatch):
    from gesture_app.vision import openvino_runtime

    def fail():
        raise ImportError("libtbb.so: no such file")

    monkeypatch.setattr(openvino_runtime, "openvino_core", fail)
    findings = list(doctor.runtime_findings())
    assert findings[1].state == "note" and "libtbb" in findings[1].text


def test_how_fast_the_engine_is(monkeypatch):
    seconds = iter((0.0, 1.5, 9.0, 9.5))  # at the start, when it is loaded, when it is warm, after five frames
    monkeypatch.setattr(doctor, "time", SimpleNamespace(monotonic=lambda: next(seconds)))
    (finding,) = doctor.engine_findings(WEIGHTS)
    assert finding.text == "fake device: loaded in 1.5 s, 100 ms a frame of the demo clip, finds like"


def test_weights_that_find_nothing(monkeypatch):
    blind = FakeRecognizer()
    monkeypatch.setattr(FakeRecognizer, "__call__", lambda self, image: [])
    monkeypatch.setattr(gesture_app.vision.recognizer.Recognizer, "load", lambda weights: blind)
    (finding,) = doctor.engine_findings(WEIGHTS)
    assert finding.state == "bad" and "no hand" in finding.text


def test_a_broken_settings_file_is_told_and_left_alone(own_settings, monkeypatch):
    own_settings.mkdir()
    (own_settings / "settings.json").write_text("{nonsense")
    monkeypatch.setattr(doctor, "run_probe", lambda: {"fault": "display: none. Start it on a desktop"})
    (finding,) = (finding for finding in examine() if finding.topic == "settings")
    assert finding.state == "note" and finding.text.startswith(f"{own_settings / 'settings.json'}: ")
    assert "not JSON" in finding.text
    assert [path.name for path in own_settings.iterdir()] == ["settings.json"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(tmp_path):
    tmp_path.chmod(0o500)
    findings = list(doctor.folder_findings(Settings(record_folder=str(tmp_path / "videos"))))
    tmp_path.chmod(0o700)
    assert findings[-1].state == "bad"


def test_little_space(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: SimpleNamespace(free=4 * 10**8))
    findings = list(doctor.folder_findings(Settings(record_folder=str(tmp_path))))
    assert {finding.state for finding in findings} == {"note"} and "0.4 GB free" in findings[-1].text
    (tmp_path / "file").write_text("")
    findings = list(doctor.folder_findings(Settings(record_folder=str(tmp_path / "file" / "videos"))))
    assert findings[-1].state == "bad", "a file is where the folder should be"


FINDINGS = [Finding("weights", "good", "all there"), Finding("cameras", "bad", "none", "Connect one")]


@pytest.mark.parametrize(("findings", "code"), [(FINDINGS[:1], 0), (FINDINGS, 3)])
def test_command(monkeypatch, capsys, tmp_path, findings, code):
    monkeypatch.setattr(doctor, "examine", lambda weights, camera_in_use: iter(findings))
    with pytest.raises(SystemExit) as caught:
        cli.main(["doctor", "--jsonl", str(tmp_path / "page.jsonl")])
    assert caught.value.code == code
    told = capsys.readouterr()
    assert told.out.splitlines()[0] == "ok     weights   all there" and ("-> Connect one" in told.out) is bool(code)
    assert told.err.count("\n") == bool(code) and ("cameras" in told.err) is bool(code)
    rows = [json.loads(row) for row in (tmp_path / "page.jsonl").read_text().splitlines()]
    assert rows[0] == {"topic": "weights", "state": "good", "text": "all there", "mend": ""}
    assert len(rows) == len(findings)


def test_lines():
    assert line(FINDINGS[1]) == "WRONG  cameras   none\n                 -> Connect one"
