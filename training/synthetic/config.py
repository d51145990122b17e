"""What the command `synthesize` takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gesture_app.vision.labels import HAGRID_GESTURES


@dataclass(frozen=True)
class SynthesizeConfig:
    """Render labelled frames and hand crops of a posed body.

    OUT/frames and OUT/crops are in HaGRID's layout; a crop is a hand with surroundings and a box, cut as training
    cuts real frames. The same seed gives the same files.
    """

    out: Path
    """A new or empty folder."""
    frames: int = 0
    """How many frames."""
    crops: int = 0
    """How many hand crops."""
    seed: int = 0
    """Of everything that is drawn by chance."""
    backgrounds: Path | None = None
    """A folder of photographs without people; walls are drawn without it."""
    makehuman: Path | None = None
    """MakeHuman's data folder or a zip of it; by default what `gesture-train download makehuman` got."""
    workers: int = 2
    """Processes that render."""
    no_gesture: float = 0.15
    """Share of pictures of which the hand shows no gesture."""
    sheet: Path | None = None
    """Draw some pictures of every class with their boxes into this .png or .jpg file."""
    labels: tuple[str, ...] = HAGRID_GESTURES
    """The gestures to render, by default all."""
