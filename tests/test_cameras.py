"""Cameras by name, from a drawn /dev and /sys."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gesture_app.ui import cameras
from gesture_app.ui.cameras import Camera, Cameras

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere Qt lists them")


@pytest.fixture
def devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cameras, "DEVICES", tmp_path / "dev")
    monkeypatch.setattr(cameras, "DRIVERS", tmp_path / "sys")
    monkeypatch.setattr(cameras, "SETTLE_MS", 20)
    (tmp_path / "dev").mkdir()
    return tmp_path


def plug(root: Path, number: int, name: str, index: int = 0) -> None:
    driver = root / "sys" / f"video{number}"
    driver.mkdir(parents=True, exist_ok=True)
    (driver / "name").write_text(f"{name}\n")
    (driver / "index").write_text(f"{index}\n")
    (root / "dev" / f"video{number}").touch()


def test_none(qapp, devices: Path) -> None:
    assert Cameras().found == []


def test_names_and_numbers(qapp, devices: Path) -> None:
    plug(devices, 10, "Capture  card")
    plug(devices, 0, "Webcam")
    plug(devices, 1, "Webcam", index=1)  # its node for metadata
    plug(devices, 2, "Webcam")
    (devices / "dev" / "video3").touch()  # a driver that tells nothing
    (devices / "dev" / "video").touch()
    found = Cameras()
    assert found.found == [
        Camera("Webcam (0)", "0"),
        Camera("Webcam (2)", "2"),
        Camera("Camera (3)", "3"),
        Camera("Capture card", "10"),
    ]
    assert found.named("10") == "Capture card" and found.named("1") is None and found.named("rtsp://x") is None


def test_a_camera_comes_and_goes(qtbot, devices: Path) -> None:
    watched = Cameras()
    watched.start()
    with qtbot.waitSignal(watched.changed, timeout=5000):
        plug(devices, 0, "Webcam")
    assert watched.found == [Camera("Webcam", "0")]
    with qtbot.waitSignal(watched.changed, timeout=5000):
        (devices / "dev" / "video0").unlink()
    assert watched.found == []
