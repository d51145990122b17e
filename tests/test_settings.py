from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gesture_app.errors import EnvironmentFault
from gesture_app.settings import MOST_RECENT, Settings, settings_path
from gesture_app.vision.assets import models_folder
from gesture_app.vision.hands import RecognizerOptions
from gesture_app.vision.style import OverlayStyle

CHANGED = Settings(
    weights="/a/folder with spaces/ä",
    device="cpu",
    detector_threshold=0.5,
    max_hands=2,
    hidden_labels=("fist", "no_gesture"),
    overlay=OverlayStyle(labels=False, trails=True),
    camera_size_wh=(1280, 720),
    recent_sources=("rtsp://me:secret@host/x", "clip.mp4"),
    theme="dark",
)


def test_no_file_gives_the_defaults_without_a_word(tmp_path: Path) -> None:
    assert Settings.load(tmp_path / "settings.json") == (Settings(), None)


@pytest.mark.parametrize("settings", [Settings(), CHANGED])
def test_what_is_saved_is_loaded(tmp_path: Path, settings: Settings) -> None:
    path = tmp_path / "new" / "folder" / "settings.json"
    settings.save(path)
    settings.save(path)
    assert Settings.load(path) == (settings, None)
    assert [file.name for file in path.parent.iterdir()] == ["settings.json"]


@pytest.mark.skipif(os.name != "posix", reason="file modes")
def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    CHANGED.save(path := tmp_path / "settings.json")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_missing_keys_keep_their_default(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text('{"max_hands": 7, "smoothing_s": 1, "overlay": {"ids": true}}')
    assert Settings.load(path) == (Settings(max_hands=7, smoothing_s=1.0, overlay=OverlayStyle(ids=True)), None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ('{"max_hands": 4', "not JSON"),
        ("[]", "the file is not an object"),
        ("null", "the file is not an object"),
        ('{"max_hand": 4}', "unknown key 'max_hand'"),
        ('{"overlay": {"label": true}}', "unknown key 'label'"),
        ('{"overlay": true}', "overlay is not an object"),
        ('{"max_hands": 0}', "max hands 0 is not within 1..100"),
        ('{"max_hands": true}', "max_hands is True"),
        ('{"max_hands": 4.5}', "max_hands is 4.5"),
        ('{"detector_threshold": 1.01}', "detector threshold 1.01 is not within 0..1"),
        ('{"label_threshold": NaN}', "label threshold nan is not within 0..1"),
        ('{"smoothing_s": -0.1}', "smoothing_s -0.1 is not within 0..2"),
        ('{"smoothing_s": 1' + "0" * 400 + "}", "too large"),
        ('{"theme": "pink"}', "theme 'pink' is not one of system, light, dark"),
        ('{"theme": ["dark"]}', "is not one of"),
        ('{"blur": 1}', "blur is 1"),
        ('{"hidden_labels": "fist"}', "hidden_labels is 'fist'"),
        ('{"hidden_labels": [1]}', "hidden_labels is 1"),
        ('{"camera_size_wh": [640]}', "camera_size_wh is [640]"),
        ('{"camera_size_wh": [640, 0]}', "camera_size_wh (640, 0) is not within"),
        ('{"recent_sources": ' + json.dumps(["x"] * (MOST_RECENT + 1)) + "}", "recent_sources are more than 10"),
    ],
)
def test_a_broken_file_gives_the_defaults_and_is_kept_aside(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "settings.json"
    path.write_text(text)
    settings, warning = Settings.load(path)
    assert settings == Settings()
    assert warning is not None and reason in warning and str(path) in warning and "\n" not in warning
    assert (tmp_path / "settings.json.broken").read_text() == text and warning.endswith("kept in settings.json.broken")
    assert Settings.load(path) == (Settings(), None), "one warning"


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_no_bytes_raise(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("settings") / "settings.json"
    path.write_bytes(data)
    assert isinstance(Settings.load(path)[0], Settings)


def test_a_folder_in_place_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.mkdir()
    settings, warning = Settings.load(path)
    assert settings == Settings() and warning is not None and str(path) in warning
    with pytest.raises(EnvironmentFault, match=r"settings\.json"):
        Settings().save(path)
    assert list(tmp_path.iterdir()) == [path], "no temporary file is left"


def test_a_save_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    CHANGED.save(path := tmp_path / "settings.json")

    def full(_number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EnvironmentFault, match="No space left"):
        Settings().save(path)
    assert Settings.load(path) == (CHANGED, None)
    assert [file.name for file in tmp_path.iterdir()] == ["settings.json"]


def test_the_options_of_the_recognizer() -> None:
    assert Settings().options() == RecognizerOptions()
    assert CHANGED.options() == RecognizerOptions(0.5, RecognizerOptions.label_threshold, 2)
    with pytest.raises(ValueError, match="detector threshold"):
        replace(CHANGED, detector_threshold=2.0)


def test_sources_are_remembered_newest_first() -> None:
    settings = Settings()
    for source in [*(f"{number}.mp4" for number in range(MOST_RECENT + 3)), "5.mp4", "/dev/video2", "0"]:
        settings = settings.with_source(source)
    assert settings.last_source == "0"
    assert settings.recent_sources[:3] == ("5.mp4", "12.mp4", "11.mp4")
    assert len(settings.recent_sources) == len(set(settings.recent_sources)) == MOST_RECENT


def test_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GESTURE_APP_CONFIG_DIR", str(tmp_path))
    assert settings_path() == tmp_path / "settings.json"
    assert models_folder() == tmp_path / "models"
    monkeypatch.delenv("GESTURE_APP_CONFIG_DIR")
    assert settings_path().parts[-2:] == ("gesture-app", "settings.json")
    assert Settings().recordings().name == "Gesture App"
    assert Settings(record_folder=str(tmp_path)).recordings() == tmp_path
