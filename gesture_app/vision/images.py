"""Picture files to pixels, for the app and for training alike."""

from __future__ import annotations

import stat
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from PIL import ExifTags, UnidentifiedImageError
from PIL import Image as PillowImage

from gesture_app.errors import InputError
from gesture_app.vision.hands import Image

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
UNREAD_SUFFIXES = (".heic", ".heif", ".avif", ".jxl", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".rw2")
"""Of photographs in formats that are not read, as telephones and cameras write them."""
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
"""What Pillow may take a file for, whatever its name: its PostScript reader would start another program, and rarer
readers raise anything."""
MAX_PIXELS = 64_000_000
TURNS = {
    2: PillowImage.Transpose.FLIP_LEFT_RIGHT,
    3: PillowImage.Transpose.ROTATE_180,
    4: PillowImage.Transpose.FLIP_TOP_BOTTOM,
    5: PillowImage.Transpose.TRANSPOSE,
    6: PillowImage.Transpose.ROTATE_270,
    7: PillowImage.Transpose.TRANSVERSE,
    8: PillowImage.Transpose.ROTATE_90,
}
"""What makes a picture of each of EXIF's orientations upright."""
QUARTER_TURNS = tuple(TURNS[orientation] for orientation in (5, 6, 7, 8))
"""Those that make its width its height."""


def has_picture_suffix(path: Path) -> bool:
    """Whether a name ends like that of a picture, even of a hidden one."""
    return path.suffix.lower() in IMAGE_SUFFIXES


def is_picture(path: Path) -> bool:
    """Whether a file has the name of a picture; hidden ones have not, such as macOS leaves beside its own."""
    return has_picture_suffix(path) and not path.name.startswith(".")


def is_photograph(path: Path) -> bool:
    """Whether a file has the name of a picture, or of one in a format that is not read."""
    return is_picture(path) or is_unread(path)


def is_unread(path: Path) -> bool:
    """Whether a file has the name of a photograph in a format that is not read."""
    return path.suffix.lower() in UNREAD_SUFFIXES and not path.name.startswith(".")


def unread_kinds(paths: Iterable[Path]) -> str:
    """The formats of photographs among these files that are not read, as `AVIF, HEIC`; empty where there are none."""
    return ", ".join(sorted({path.suffix[1:].upper() for path in paths if is_unread(path)}))


@contextmanager
def open_picture(path: Path) -> Iterator[PillowImage.Image]:
    """A picture file of one of `FORMATS`, as Pillow opens it: its pixels are not decoded yet.

    Raises:
        OSError, SyntaxError, ValueError, DecompressionBombError: it cannot be read, or is no such file.
    """
    # By name Pillow maps plain TIFFs into memory, and of those with an orientation it then turns the size alone.
    with path.open("rb") as stream, PillowImage.open(stream, formats=FORMATS) as picture:
        yield picture


def read_image(path: Path, long_side: int | None = None) -> Image:
    """Read a picture, turned upright by its EXIF orientation; of an animation the first frame.

    Args:
        long_side: in pixels, what a longer side is shrunk to; a JPEG then takes a fraction of the time to decode.

    Returns:
        HWC uint8 BGR. Greys of 16 bits are scaled to 8, those of 32 by the brightest pixel; transparency is
        dropped.

    Raises:
        InputError: the file is missing, empty, not a picture, damaged, or has more than 64 million pixels.
    """

    def refuse(why: str) -> InputError:
        return InputError(f"picture: {path}: {why}")

    try:
        info = path.stat()
        if not stat.S_ISREG(info.st_mode):
            raise refuse("is a folder or a device. Give a file")
        if info.st_size == 0:
            raise refuse("is empty. Copy it again")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of many pixels, and of faults in what is told beside them
            with open_picture(path) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    limit = f"{MAX_PIXELS // 1_000_000} megapixels"
                    raise refuse(f"its {picture.width}x{picture.height} pixels are more than {limit}. Make it smaller")
                wanted_wh = shrunk_wh(picture.size, long_side)
                if long_side is not None:  # a JPEG can be decoded at a half, a quarter or an eighth of its size
                    picture.draft(None, wanted_wh)
                picture.load()  # damage is told here; where EXIF is read it would be taken for EXIF's
                turn = TURNS.get(orientation(picture))
                upright = picture if turn is None else picture.transpose(turn)
                image = to_bgr(upright)
                size_wh = wanted_wh[::-1] if turn in QUARTER_TURNS else wanted_wh
    except FileNotFoundError:
        raise refuse("no such file. Check the name") from None
    except UnidentifiedImageError as error:
        raise refuse("is not a picture that can be decoded. Convert it to JPEG or PNG") from error
    except (OSError, SyntaxError, ValueError, PillowImage.DecompressionBombError) as error:
        why = getattr(error, "strerror", None) or str(error)[:160] or type(error).__name__
        raise refuse(f"cannot be read ({why}). Check the file, or copy it again") from error
    if size_wh == image.shape[1::-1]:
        return image
    return np.asarray(cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA), np.uint8)


def shrunk_wh(size_wh: tuple[int, int], long_side: int | None) -> tuple[int, int]:
    """Width and height in the same ratio, the longer at most `long_side`, none less than 1; smaller ones stay."""
    if long_side is None or max(size_wh) <= long_side:
        return size_wh
    scale = long_side / max(size_wh)
    return max(1, round(size_wh[0] * scale)), max(1, round(size_wh[1] * scale))


def is_animation(path: Path) -> bool:
    """Whether a picture that can be read moves; photographs of telephones, which hold others beside them, do not."""
    with open_picture(path) as picture:
        return picture.format in ("PNG", "WEBP", "GIF") and bool(getattr(picture, "is_animated", False))


def colour_profile(path: Path) -> bytes | None:
    """What the RGB values of a picture that can be read mean, as an ICC profile; telephones' have a wide gamut's."""
    with open_picture(path) as picture:
        return picture.info.get("icc_profile") if picture.mode in ("RGB", "RGBA", "P") else None


def orientation(picture: PillowImage.Image) -> int:
    """EXIF's orientation, 1 to 8; 1, upright, where it tells none or makes no sense."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = picture.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # malformed EXIF raises anything from TypeError to struct.error; the pixels may be sound
        return 1
    return value if value in TURNS else 1


def to_bgr(picture: PillowImage.Image) -> Image:
    """A Pillow picture of any mode as HWC uint8 BGR."""
    if picture.mode.startswith("I") or picture.mode == "F":
        # Pillow's own conversion clips greys at 255 instead of scaling them. Before Pillow 12 a PNG of 16 bits is "I".
        values = np.nan_to_num(np.asarray(picture, dtype=np.float64))
        sixteen = picture.mode.startswith("I;16") or picture.format == "PNG"
        grey = np.clip(values / (257 if sixteen else max(values.max() / 255, 1e-9)), 0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    # Reversed by Pillow: NumPy takes longer for it than a JPEG does to decode.
    pixels = bytearray(picture.convert("RGB").tobytes("raw", "BGR"))
    return np.frombuffer(pixels, np.uint8).reshape(picture.height, picture.width, 3)
