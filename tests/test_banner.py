"""The message over the picture."""

from __future__ import annotations

import pytest

from gesture_app.ui.banner import banner_for
from gesture_app.ui.live import Phase, Status


@pytest.mark.parametrize("phase", list(Phase))
def test_every_phase_without_a_picture_of_its_own_has_its_banner(phase: Phase) -> None:
    banner = banner_for(Status(1, phase, "why"), "clip.mp4")
    assert (banner is None) is (phase in (Phase.LIVE, Phase.PAUSED))
    if banner is not None:
        assert banner.title and not (banner.busy and banner.alarm)


@pytest.mark.parametrize(("phase", "busy"), [(Phase.UNAVAILABLE, True), (Phase.NO_SOURCE, False)])
def test_why_there_is_no_picture(phase: Phase, busy: bool) -> None:
    banner = banner_for(Status(1, phase, "camera: 0: is busy"), "Webcam")
    assert banner is not None and banner.busy is busy
    assert banner.title == "No picture from Webcam" and "camera: 0: is busy" in banner.text
