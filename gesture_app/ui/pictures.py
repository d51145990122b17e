"""From the pictures of the program to the pictures of Qt."""

from __future__ import annotations

from PyQt6.QtGui import QImage

from gesture_app.vision.hands import Image


def to_qimage(image: Image) -> QImage:
    """A deep copy in the format that paints fastest; the array may be overwritten afterwards."""
    import cv2  # in the live thread; its conversion takes a third of the time of Qt's

    height, width = image.shape[:2]
    packed = cv2.cvtColor(image, cv2.COLOR_BGR2BGRA)
    return QImage(packed.data, width, height, 4 * width, QImage.Format.Format_RGB32).copy()


def from_qimage(picture: QImage) -> Image:
    """A copy as the program holds pictures: shape (height, width, 3), BGR."""
    import numpy as np

    packed = picture.convertToFormat(QImage.Format.Format_BGR888)
    bits = packed.constBits()
    assert bits is not None
    rows = np.frombuffer(bits.asstring(packed.sizeInBytes()), np.uint8).reshape(packed.height(), packed.bytesPerLine())
    image: Image = rows[:, : 3 * packed.width()].reshape(packed.height(), packed.width(), 3).copy()
    return image
