"""What the live thread and the window tell each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from PyQt6.QtGui import QImage

from gesture_app.vision.hands import SMOOTHING_S, Hand, Image, RecognizerOptions
from gesture_app.vision.style import OverlayStyle

if TYPE_CHECKING:
    from gesture_app.settings import Settings
    from gesture_app.video.clips import Clip
    from gesture_app.vision.model_info import DeviceName, RuntimeName
    from gesture_app.vision.recognizer import Recognizer


@dataclass(frozen=True)
class ModelChoice:
    """Which networks, and what runs them; `weights` None is what comes with the program."""

    weights: Path | None = None
    device: DeviceName = "auto"
    runtime: RuntimeName = "auto"

    @classmethod
    def of(cls, settings: Settings) -> ModelChoice:
        """What the user has chosen."""
        return cls(Path(settings.weights) if settings.weights else None, settings.device, settings.runtime)


LoadRecognizer = Callable[[ModelChoice], "Recognizer"]


class Tap(Protocol):
    """Takes every picture of the live thread, in it; must not block. The arrays may be kept, not written into."""

    def add(self, drawn: Image, clean: Image, captured_s: float) -> None:
        """A BGR picture as it is shown and as it was filmed, read at this time of `time.monotonic`."""


@dataclass(frozen=True)
class LiveSettings:
    """What the controls say; it acts from the next frame on, and at once on a picture that stands still.

    Attributes:
        options: thresholds.
        smoothing_s: time constant of the smoothing of probabilities.
        hidden_labels: gestures that are treated as if they were not there.
        mirror: whether left and right are swapped.
        overlay: what is drawn.
        blur: whether everything but the hands is blurred.
        brighten: whether a dark picture is shown lighter.
    """

    options: RecognizerOptions
    smoothing_s: float = SMOOTHING_S
    hidden_labels: tuple[str, ...] = ()
    mirror: bool = False
    overlay: OverlayStyle = field(default_factory=OverlayStyle)
    blur: bool = False
    brighten: bool = False

    @classmethod
    def of(cls, settings: Settings, mirror: bool, screen: bool = False) -> LiveSettings:
        """What the user has chosen; `mirror`, and whether it is the `screen`, depend on the source."""
        return cls(
            settings.options(),
            settings.smoothing_s,
            settings.hidden_labels,
            mirror,
            settings.overlay,
            settings.blur,
            settings.brighten and not screen,  # which is dark because somebody likes it so
        )


class Phase(Enum):
    """Where a source stands."""

    IDLE = "idle"
    LOADING = "loading"
    OPENING = "opening"
    LIVE = "live"
    PAUSED = "paused"
    UNAVAILABLE = "unavailable"
    RECONNECTING = "reconnecting"
    FRAME_FAULT = "frame fault"
    ENDED = "ended"
    NO_SOURCE = "no source"
    FAILED = "failed"

    @property
    def running(self) -> bool:
        """Whether pictures come or may still come by themselves."""
        return self not in (Phase.IDLE, Phase.ENDED, Phase.NO_SOURCE, Phase.FAILED)

    @property
    def open(self) -> bool:
        """Whether it is `running`, or a clip at its end."""
        return self.running or self is Phase.ENDED


@dataclass(frozen=True)
class Status:
    """A phase of one run. Every start counts up `run`, so that late news of an earlier one can be told apart.

    Attributes:
        clip: what is known of the source if it can be sought.
    """

    run: int
    phase: Phase
    message: str = ""
    clip: Clip | None = None


@dataclass(frozen=True, eq=False)
class Result:
    """The newest picture of one run.

    Attributes:
        run: which start it belongs to.
        picture: annotated, ready to be painted; nothing else refers to its pixels.
        hands: in pixels of the shown picture; empty when the picture is too old to carry boxes.
        time_s: the frame's time in its source.
        captured_s: when the frame was read, on the clock of `time.monotonic`.
        inference_s: how long recognizing took; None for a picture that was shown before and is only drawn anew.
        dropped: frames of this run that were never looked at because newer ones came, while the networks were ready.
        still: whether it is a picture by itself, not a frame of a video.
        name: of the picture's file, where the source is a folder of pictures.
        dark: whether the picture was so dark that it is worth telling.
    """

    run: int
    picture: QImage
    hands: tuple[Hand, ...]
    time_s: float
    captured_s: float
    inference_s: float | None
    dropped: int
    still: bool = False
    name: str = ""
    dark: bool = False
