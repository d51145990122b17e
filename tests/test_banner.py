"""The message over the picture."""

from __future__ import annotations

from pathlib import Path

import pytest

from gesture_app.errors import InputError
from gesture_app.ui.banner import Look, banner_for
from gesture_app.ui.live import Phase, Status
from gesture_app.video.clips import Clip
from gesture_app.video.sources import open_live


@pytest.mark.parametrize("phase", list(Phase))
def test_every_phase_without_a_picture_of_its_own_has_its_banner(phase: Phase) -> None:
    banner = banner_for(Status(1, phase, "why"), "/v/clip.mp4", "clip.mp4")
    assert (banner is None) is (phase in (Phase.LIVE, Phase.PAUSED))
    if banner is not None:
        assert banner.title


def test_the_last_picture_of_a_folder_stays_in_sight() -> None:
    assert banner_for(Status(1, Phase.ENDED, "", Clip(9.0, 3.0, 3)), "/v/pictures", "pictures") is None
    assert banner_for(Status(1, Phase.ENDED, "", Clip(9.0, 0.04)), "/v/clip.mp4", "clip.mp4") is not None


@pytest.mark.parametrize(("phase", "text"), [
    (Phase.UNAVAILABLE, "Is busy. Close other programs.\nTrying again…"),
    (Phase.NO_SOURCE, "Is busy. Close other programs."),
])  # fmt: skip
def test_why_there_is_no_picture(phase: Phase, text: str) -> None:
    banner = banner_for(Status(1, phase, "camera: 0: is busy. Close other programs"), "0", "Webcam")
    assert banner is not None and (banner.look is Look.BUSY) is (phase is Phase.UNAVAILABLE)
    assert banner.title == "No picture from Webcam" and banner.text == text


@pytest.mark.parametrize(("source", "message", "text"), [
    ("0", "", ""),
    ("ftp://x/y", "source: ftp://x/y: addresses with ftp: are not allowed", "Addresses with ftp: are not allowed."),
    ("rtsp://me:secret@host/x", "stream: rtsp://***@host/x: does not answer", "Does not answer."),
    ("screen", "screen: screen:1: cannot be read", "Cannot be read."),
    ("/a/b: 2 ü: c.mp4", "video: /a/b: 2 ü: c.mp4: no such file", "No such file."),
    ("/a/b.mp4", "video: /a/b.mp4: Permission denied. Check the file", "Permission denied. Check the file."),
    ("/a/b.mp4", "ValueError: broken", "ValueError: broken."),
])  # fmt: skip
def test_the_title_tells_the_name(source: str, message: str, text: str) -> None:
    banner = banner_for(Status(1, Phase.NO_SOURCE, message), source, "it")
    assert banner is not None and banner.text == text


@pytest.mark.parametrize(("name", "data", "text"), [
    ("a.mp4", b"", "Is empty. Copy or record it again."),
    ("Mission: Impossible.mp4", b"", "Is empty. Copy or record it again."),
    ("a.png", b"", "Is empty. Copy it again."),
    ("a.png", b"text", "Is not a picture that can be decoded. Convert it to JPEG or PNG."),
    ("n" * 300 + ".mp4", None, "File name too long. Check the file and its permissions."),
    ("n" * 300 + ".png", None, "Cannot be read (File name too long). Check the file, or copy it again."),
])  # fmt: skip
def test_of_a_file_it_tells_why_and_what_to_do(tmp_path: Path, name: str, data: bytes | None, text: str) -> None:
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError) as caught:
        open_live(str(tmp_path / name))
    banner = banner_for(Status(1, Phase.NO_SOURCE, str(caught.value)), str(tmp_path / name), name)
    assert banner is not None and banner.text == text
    assert len(banner.title) < 120 and banner.title.endswith(name[-40:])
