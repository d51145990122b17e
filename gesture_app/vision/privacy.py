"""A picture in which nothing but the hands can be made out."""

from __future__ import annotations

from collections.abc import Iterable

import cv2

from gesture_app.vision.hands import Hand, Image

KEPT_PX = 24
"""What is blurred is shrunk until its shorter side has so many pixels: a face that fills a third of it keeps eight."""


def blur_background(image: Image, hands: Iterable[Hand]) -> Image:
    """Blur everything outside the boxes of the hands, beyond recovery.

    Args:
        image: shape (height, width, 3), BGR, from 1x1 up; it stays as it is.
        hands: with boxes in pixels of `image`; none blurs the whole picture.

    Returns:
        A new picture of the same shape.
    """
    height, width = image.shape[:2]
    small = image
    # Averaging every pixel takes ten times as long as averaging one in sixteen, and looks the same.
    for factor, interpolation in ((8, cv2.INTER_NEAREST), (1, cv2.INTER_AREA)):
        scale = min(1.0, factor * KEPT_PX / min(height, width))
        size_wh = max(1, round(width * scale)), max(1, round(height * scale))
        small = cv2.resize(small, size_wh, interpolation=interpolation)
    blurred: Image = cv2.resize(cv2.blur(small, (3, 3)), (width, height), interpolation=cv2.INTER_LINEAR)
    for hand in hands:
        left, top, right, bottom = (max(0, round(value)) for value in hand.box_xyxy)
        blurred[top:bottom, left:right] = image[top:bottom, left:right]
    return blurred
