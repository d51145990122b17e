"""Settings that are written soon after they change, and once told when they cannot be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gesture_app.settings import Settings
from gesture_app.ui import settings_store
from gesture_app.ui.settings_store import SettingsStore
from gesture_app.vision.style import OverlayStyle


@pytest.fixture
def path(qapp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(settings_store, "WRITE_AFTER_MS", 30)
    return tmp_path / "folder" / "settings.json"


def test_changes_are_told_and_written(qtbot, path: Path) -> None:
    store = SettingsStore(path)
    told = []
    store.changed.connect(told.append)
    store.update(max_hands=2)
    store.update(max_hands=2)
    store.update(blur=True)
    assert [settings.max_hands for settings in told] == [2, 2] and store.settings.blur
    assert not path.exists(), "not at every step of a slider"
    qtbot.waitUntil(path.exists)
    assert Settings.load(path) == (store.settings, None)


def test_what_was_given_for_this_time_is_not_kept_unless_it_is_changed(path: Path) -> None:
    Settings(max_hands=7, device="cpu").save(path)
    store = SettingsStore(path, {"max_hands": 2, "device": "cuda"})
    assert (store.settings.max_hands, store.settings.device) == (2, "cuda")
    store.update(blur=True)
    store.write()
    assert Settings.load(path)[0] == Settings(max_hands=7, device="cpu", blur=True)
    store.update(max_hands=3)
    store.write()
    assert Settings.load(path)[0] == Settings(max_hands=3, device="cpu", blur=True)


def test_a_folder_that_cannot_be_looked_at_is_told(qtbot, tmp_path: Path) -> None:
    store = SettingsStore(tmp_path / ("n" * 300) / "settings.json")
    store.update(blur=True)
    with qtbot.waitSignal(store.failed) as failed:
        store.write()
    assert "File name too long" in failed.args[0]


def test_two_windows_keep_what_the_other_one_changed(path: Path) -> None:
    first = SettingsStore(path)
    first.update(max_hands=1)
    first.write()
    second = SettingsStore(path)
    second.update(smoothing_s=0.7)
    second.write()
    first.update(blur=True)
    first.write()
    assert Settings.load(path)[0] == Settings(max_hands=1, smoothing_s=0.7, blur=True)
    second.update(overlay=replace(second.settings.overlay, ids=True))
    second.write()
    first.update(overlay=replace(first.settings.overlay, trails=True))
    first.write()
    assert Settings.load(path)[0].overlay == OverlayStyle(ids=True, trails=True)


def test_a_file_that_is_gone_or_broken_is_written_whole(path: Path) -> None:
    store = SettingsStore(path)
    store.update(max_hands=1)
    store.write()
    for spoil in (path.unlink, lambda: path.write_text("{")):
        spoil()
        store.update(blur=not store.settings.blur)
        store.write()
        assert Settings.load(path) == (store.settings, None)


def test_nothing_changed_writes_nothing(path: Path) -> None:
    store = SettingsStore(path, {"max_hands": 2})
    store.write()
    assert not path.exists()


def test_a_broken_file_is_told(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("{broken")
    store = SettingsStore(path)
    assert store.settings == Settings() and store.warning is not None and "not JSON" in store.warning


def test_a_folder_that_cannot_be_written_is_told_once(path: Path) -> None:
    path.parent.write_text("a file where the folder should be")
    store = SettingsStore(path)
    told = []
    store.failed.connect(told.append)
    for hands in (1, 2, 3):
        store.update(max_hands=hands)
        store.write()
    assert len(told) == 1 and str(path) in told[0]
    assert path.parent.is_file() and store.settings.max_hands == 3
