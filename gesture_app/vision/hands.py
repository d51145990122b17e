"""What travels through the program: a picture with its time, the hands found in it, and what counts as one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:  # NumPy takes a fifth of the time until the window is there
    import numpy as np
    from numpy.typing import NDArray

Image: TypeAlias = "NDArray[np.uint8]"
"""A picture: height x width x 3, uint8, BGR."""

FloatArray: TypeAlias = "NDArray[np.float32]"

Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""

MOST_HANDS = 100
"""As many can be asked for in a picture."""

LEAST_BOXES = 4
FOLLOWED = 1 / 3
"""The share of the thresholds that suffices for a hand that was there a moment ago."""
SMOOTHING_S = 0.2
"""Time constant of the moving average of a hand's probabilities."""
LONGEST_STEP_S = 1.0 + 1e-6
"""The time between two frames over which a hand, or a gesture, that was in the first one may be the same in the second;
one a second is near enough, whatever rounding leaves of it."""


@dataclass(frozen=True)
class Frame:
    """One picture of a source.

    Attributes:
        time_s: its presentation time in seconds from the start of the source.
        still: whether it is a picture by itself, not a frame of a video.
        name: of its file, where the source is a folder of pictures.
    """

    image: Image
    index: int
    time_s: float
    still: bool = False
    name: str = ""


@dataclass(frozen=True)
class Hand:
    """One hand in one picture.

    Attributes:
        box_xyxy: left, top, right, bottom in pixels of the source frame, clipped to it.
        detector_score: probability that the box holds a hand.
        label: the name of the gesture, `no_gesture` when none is certain enough.
        score: probability of `label`.
        top: the three most probable names, best first, whatever the thresholds.
        probabilities: shape (classes,), in the order of the classifier's labels; sums to 1.
        id: identity over time, from 1; in a single picture the hand's number.
        right: probability of a right hand, the person's own; 0.5 where the classifier does not tell.
        side: left or right, empty where that is unsure.
    """

    box_xyxy: Box
    detector_score: float
    label: str
    score: float
    top: tuple[tuple[str, float], ...]
    probabilities: FloatArray = field(repr=False, compare=False)
    id: int = 0
    right: float = 0.5
    side: str = ""

    def mirrored(self, width: int) -> Hand:
        """The same hand of the same side in the mirror image of its picture, which has this width."""
        left, top, right, bottom = self.box_xyxy
        return replace(self, box_xyxy=(width - right, top, width - left, bottom))


@dataclass(frozen=True)
class RecognizerOptions:
    """What counts as a hand and as a gesture.

    Attributes:
        detector_threshold: least detector score of a hand, 0..1.
        label_threshold: least probability of a gesture; a hand below it is `no_gesture`.
        max_hands: most hands in a picture, the best ones.
        least_hand: least probability, by the classifier, that there is a hand at all; see `labels.BACKGROUND`.

    Raises:
        ValueError: a value is out of range.
    """

    detector_threshold: float = 0.12
    label_threshold: float = 0.5
    max_hands: int = 4
    least_hand: float = 0.99

    def __post_init__(self) -> None:
        for name in ("detector_threshold", "label_threshold", "least_hand"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name.replace('_', ' ')} {getattr(self, name)} is not within 0..1")
        if not 1 <= self.max_hands <= MOST_HANDS:
            raise ValueError(f"max hands {self.max_hands} is not within 1..{MOST_HANDS}")

    @property
    def max_boxes(self) -> int:
        """Most boxes to classify: where few hands are wanted some more, as a box may turn out to be none."""
        return max(LEAST_BOXES, self.max_hands)

    def followed(self) -> RecognizerOptions:
        """What suffices for a hand that was there a moment ago: a tracker drops what is none of those."""
        return replace(
            self,
            detector_threshold=FOLLOWED * self.detector_threshold,
            least_hand=FOLLOWED * self.least_hand,
            max_hands=self.max_boxes,
        )
