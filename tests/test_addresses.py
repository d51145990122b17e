"""How sources are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from gesture_app.errors import InputError
from gesture_app.video.addresses import ScreenArea, masked, normal_source, source_kind


@pytest.mark.parametrize(("source", "kind"), [
    ("", "file"),
    ("0", "camera"),
    ("12", "camera"),
    ("/dev/video0", "camera"),
    ("1234", "file"),
    ("²", "file"),
    ("screen", "screen"),
    ("screen:2", "screen"),
    ("screens/a.mp4", "file"),
    ("rtsp://host/x", "stream"),
    ("gopher://host/x", "stream"),
    ("concat:a|b", "stream"),
    ("C:\\clips\\a.mp4", "file"),
    ("/home/me/a clip.mp4", "file"),
    ("clip.mp4", "file"),
    ("a\0b", "file"),
    ("x" * 5000, "file"),
])  # fmt: skip
def test_kinds(source: str, kind: str) -> None:
    assert source_kind(source) == kind


@pytest.mark.parametrize(
    ("source", "normal"),
    [
        ("0", "0"),
        ("/dev/video1", "1"),
        ("/dev/v4l/by-id/usb-camera", "/dev/v4l/by-id/usb-camera"),
        ("/a/../clip.mp4", str(Path("/clip.mp4").absolute())),
        ("clip.mp4", str(Path.cwd() / "clip.mp4")),
        ("rtsp://host/x", "rtsp://host/x"),
        ("screen:2", "screen:2"),
    ],
)
def test_one_way_to_write_a_source(source: str, normal: str) -> None:
    assert normal_source(source) == normal


def test_a_file_that_is_there_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ab:c.mp4").touch()
    assert source_kind("ab:c.mp4") == "file"
    assert source_kind("ab:d.mp4") == "stream"


@pytest.mark.parametrize(("address", "shown"), [
    ("rtsp://user:secret@host:554/a?token=x", "rtsp://***@host:554/a"),
    ("http://host/a", "http://host/a"),
    ("http://[bad", "http:..."),
    ("rtsp://a:p@ss@host/", "rtsp://***@host/"),
])  # fmt: skip
def test_secrets_are_masked(address: str, shown: str) -> None:
    assert masked(address) == shown


@pytest.mark.parametrize(("text", "area"), [
    ("screen", ScreenArea()),
    ("screen:2", ScreenArea(2)),
    ("screen:640x480+100+50", ScreenArea(rect=(100, 50, 640, 480))),
    ("screen:640x480+-1920+0", ScreenArea(rect=(-1920, 0, 640, 480))),
])  # fmt: skip
def test_areas_of_the_screen(text: str, area: ScreenArea) -> None:
    assert ScreenArea.parse(text) == area
    assert ScreenArea.parse(str(area)) == area


@pytest.mark.parametrize("text", ["screen:", "screen:0", "screen:0x5+1+1", "screen:a", "screen:640x480", "screen:123"])
def test_no_areas(text: str) -> None:
    with pytest.raises(InputError, match=r"^screen: .*Write screen:2"):
        ScreenArea.parse(text)
