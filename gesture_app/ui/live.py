"""What the live thread and the window tell each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from PyQt6.QtGui import QImage

from gesture_app.vision.hands import Hand, Image, RecognizerOptions


class HandRecognizer(Protocol):
    """A picture in, its hands out; `options` may be replaced between two pictures."""

    options: RecognizerOptions

    @property
    def labels(self) -> tuple[str, ...]:
        """The names that a hand can get."""

    @property
    def device_name(self) -> str:
        """What computes, in words for the user."""

    def __call__(self, image: Image) -> list[Hand]:
        """Find and name the hands of a BGR picture."""


LoadRecognizer = Callable[[], HandRecognizer]


@dataclass(frozen=True)
class LiveSettings:
    """What the controls say; it acts from the next frame on."""

    options: RecognizerOptions
    mirror: bool = False
    show_fps: bool = False


class Phase(Enum):
    """Where a source stands."""

    IDLE = "idle"
    LOADING = "loading"
    OPENING = "opening"
    LIVE = "live"
    RECONNECTING = "reconnecting"
    FRAME_FAULT = "frame fault"
    ENDED = "ended"
    NO_SOURCE = "no source"
    FAILED = "failed"

    @property
    def running(self) -> bool:
        """Whether pictures come or may still come."""
        return self not in (Phase.IDLE, Phase.ENDED, Phase.NO_SOURCE, Phase.FAILED)


@dataclass(frozen=True)
class Status:
    """A phase of one run. Every start counts up `run`, so that late news of an earlier one can be told apart."""

    run: int
    phase: Phase
    message: str = ""


@dataclass(frozen=True, eq=False)
class Result:
    """The newest picture of one run.

    Attributes:
        run: which start it belongs to.
        picture: annotated, ready to be painted; nothing else refers to its pixels.
        hands: in pixels of the shown picture; empty when the picture is too old to carry boxes.
        captured_s: when the frame was read, on the clock of `time.monotonic`.
        inference_s: how long recognizing took; None when nothing was recognized.
        dropped: frames of this run that were never looked at because newer ones came.
    """

    run: int
    picture: QImage
    hands: tuple[Hand, ...]
    captured_s: float
    inference_s: float | None
    dropped: int
