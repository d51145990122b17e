"""From a frame and its hands to the picture that is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gesture_app.ui.live import LiveSettings
from gesture_app.vision.hands import Hand, Image


@dataclass(frozen=True, eq=False)
class Rendered:
    """The drawn picture, and the hands that are shown in its pixels.

    Attributes:
        dark: whether it was so dark, before it was brightened, that it is worth telling.
        clean: as it was filmed: without a drawing, neither mirrored nor brightened, but blurred where that is wished.
    """

    image: Image
    clean: Image
    hands: tuple[Hand, ...]
    dark: bool


class Renderer:
    """Hides, blurs, mirrors, brightens and draws; mirrors before drawing, so that the names stay readable."""

    def __init__(self) -> None:
        from gesture_app.vision.brighten import Brightener
        from gesture_app.vision.overlay import draw_hands  # here, in the live thread: OpenCV takes its time
        from gesture_app.vision.preprocess import mirror
        from gesture_app.vision.privacy import blur_background
        from gesture_app.vision.trails import Trails

        self._draw_hands = draw_hands
        self._blur_background = blur_background
        self._mirror_image = mirror
        self._trails = Trails()
        self._brightener = Brightener()
        self._mirrored = False

    def __call__(self, image: Image, hands: Sequence[Hand], time_s: float, settings: LiveSettings) -> Rendered:
        """Render a frame: `image` as it was taken, which stays as it is, with hands in its pixels."""
        shown = [hand for hand in hands if hand.label not in settings.hidden_labels]
        if settings.mirror != self._mirrored:
            self._mirrored = settings.mirror
            self._trails.clear()
        clean = self._blur_background(image, shown) if settings.blur else image
        picture = clean
        if settings.mirror:
            shown, picture = [hand.mirrored(image.shape[1]) for hand in shown], self._mirror_image(clean)
        if settings.brighten:
            picture = self._brightener(picture, time_s)
        trails = self._trails.update(shown, time_s) if settings.overlay.trails else ()
        drawn = self._draw_hands(picture, shown, settings.overlay, trails)
        return Rendered(drawn, clean, tuple(shown), settings.brighten and self._brightener.dark)
