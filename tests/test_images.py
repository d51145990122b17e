from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import EpsImagePlugin, ExifTags, Image, UnidentifiedImageError

from gesture_app.errors import InputError, split_message
from gesture_app.vision import images
from gesture_app.vision.images import (
    is_animation,
    is_photograph,
    is_picture,
    is_unread,
    open_picture,
    read_image,
    to_bgr,
)
from training.collection import picture_size
from training.leakage import difference_hash

RED, GREEN = (255, 0, 0), (0, 255, 0)


def red_over_green() -> Image.Image:
    image = Image.new("RGB", (16, 32), GREEN)
    image.paste(RED, (0, 0, 16, 16))
    return image


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".webp", ".tiff", ".jpg"])
def test_reads_bgr(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"picture{suffix}"
    red_over_green().save(path, quality=100)
    image = read_image(path)
    assert image.shape == (32, 16, 3) and image.dtype == np.uint8 and image.flags.c_contiguous
    assert image[2, 8] == pytest.approx(np.array((0, 0, 255)), abs=12)
    assert image[30, 8] == pytest.approx(np.array((0, 255, 0)), abs=12)


UPRIGHT = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
"""EXIF orientation -> the Pillow transpose whose result, stored with it, is upright again."""


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int) -> None:
    image = red_over_green()
    method = UPRIGHT[orientation]
    stored = image if method is None else image.transpose(Image.Transpose(method))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "turned.png", exif=exif)
    assert (read_image(tmp_path / "turned.png") == np.asarray(image)[..., ::-1]).all()


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "CMYK"])
def test_exif_orientation_of_plain_tiffs_is_applied(tmp_path: Path, mode: str) -> None:
    image = red_over_green().convert(mode)
    exif = Image.Exif()
    exif[0x0112] = 6
    image.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.tif", exif=exif, compression="raw")
    assert (read_image(tmp_path / "turned.tif") == np.asarray(image.convert("RGB"))[..., ::-1]).all()
    assert picture_size(tmp_path / "turned.tif") == image.size


@pytest.mark.parametrize(
    "exif",
    [
        b"MM\0*\0\0\0\x08\0\x02\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\x01\x0f\0\x05\0\0\0\x01\xff\xff\xff\xff\0\0\0\0",
        b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x02\0\0\0\x02up\0\0\0\0\0\0",
        b"MM\0*\0\0\0\x08\xff\xff",
        b"no exif",
    ],
)
def test_broken_exif_is_no_reason_to_refuse_a_picture(tmp_path: Path, exif: bytes) -> None:
    red_over_green().resize((40, 40)).save(tmp_path / "x.jpg", exif=b"Exif\0\0" + exif)
    assert read_image(tmp_path / "x.jpg").shape == (40, 40, 3)


def test_exif_of_wrong_types_never_escapes(tmp_path: Path) -> None:
    good = Image.Exif()
    good[0x0112], good[0x010F], good[0x011A] = 6, "maker", 72.0
    red_over_green().resize((40, 20)).save(tmp_path / "good.jpg", exif=good)
    data = (tmp_path / "good.jpg").read_bytes()
    start, rng = data.index(b"Exif"), np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(data)
        for place in rng.integers(start + 6, start + 90, 3):
            damaged[place] = rng.integers(256)
        (tmp_path / "x.jpg").write_bytes(damaged)
        with suppress(InputError):  # where Pillow itself cannot open it
            assert sorted(read_image(tmp_path / "x.jpg").shape) == [3, 20, 40]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK"])
def test_every_mode_has_three_channels(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("picture.jpg" if mode == "CMYK" else "picture.png")
    red_over_green().convert(mode).save(path)
    assert read_image(path).shape == (32, 16, 3)


def test_16_bit_grey_is_scaled(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 4), 0x8000, np.uint16)).save(tmp_path / "grey.png")
    assert read_image(tmp_path / "grey.png").tolist() == np.full((4, 4, 3), 127).tolist()


@pytest.mark.parametrize(("dtype", "bright"), [(np.float32, 1.0), (np.float32, 1e9), (np.int32, 200)])
def test_greys_of_32_bits_are_scaled_by_the_brightest(tmp_path: Path, dtype: type, bright: float) -> None:
    Image.fromarray(np.array([[0, bright], [bright, bright / 2]], dtype)).save(tmp_path / "grey.tif")
    assert read_image(tmp_path / "grey.tif")[..., 0] == pytest.approx(np.array([[0, 255], [255, 127]]), abs=1)


@pytest.mark.parametrize("value", [np.nan, 0.0, -5.0])
def test_greys_without_light_are_black(tmp_path: Path, value: float) -> None:
    Image.fromarray(np.full((2, 2), value, np.float32)).save(tmp_path / "grey.tif")
    assert not read_image(tmp_path / "grey.tif").any()


def bad_file(tmp_path: Path, kind: str) -> Path:
    path = tmp_path / "bad.png"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("not a picture")
    elif kind == "truncated":
        Image.effect_noise((64, 64), 60).save(path)
        path.write_bytes(path.read_bytes()[:1500])
    elif kind == "flipped byte":
        Image.effect_noise((64, 64), 60).save(path)
        data = bytearray(path.read_bytes())
        data[900] ^= 255
        path.write_bytes(data)
    elif kind == "PostScript":  # Pillow would start Ghostscript
        Image.new("RGB", (8, 8)).save(path, format="EPS")
    elif kind == "rare":
        Image.new("RGB", (8, 8)).save(path, format="DDS")
    elif kind == "huge":
        Image.new("1", (12000, 12000)).save(path)
    return path


@pytest.mark.parametrize(("kind", "moves"), [("PNG", True), ("WEBP", True), ("GIF", True), ("MPO", False)])
def test_animations(tmp_path: Path, kind: str, moves: bool) -> None:
    first, second = Image.new("RGB", (16, 16), "red"), Image.new("RGB", (16, 16), "blue")
    first.save(tmp_path / "one", kind)
    first.save(tmp_path / "two", kind, save_all=True, append_images=[second])
    assert (is_animation(tmp_path / "one"), is_animation(tmp_path / "two")) == (False, moves)


def test_no_other_program_is_started(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", None)  # whoever calls it gets a TypeError
    path = bad_file(tmp_path, "PostScript")
    assert picture_size(path) == (0, 0) and difference_hash(path) is None
    with pytest.raises(UnidentifiedImageError), open_picture(path):
        pass


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("missing", "no such file"),
        ("folder", "folder"),
        ("pipe", "device"),
        ("empty", "empty"),
        ("text", "not a picture"),
        ("PostScript", "not a picture"),
        ("rare", "not a picture"),
        ("truncated", "truncated"),
        ("flipped byte", "cannot be read"),
        ("huge", "12000x12000 pixels are more than 64 megapixels"),
    ],
)
def test_bad_files_get_one_line(tmp_path: Path, kind: str, reason: str) -> None:
    path = bad_file(tmp_path, kind)
    with pytest.raises(InputError, match=reason) as caught:
        read_image(path)
    assert str(caught.value).startswith(f"picture: {path}: ") and "\n" not in str(caught.value)
    assert split_message(str(caught.value))[1], "what to do"


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize(
    ("size_wh", "long_side", "expected"),
    [
        ((100, 50), 40, (40, 20)),
        ((40, 10), 40, (40, 10)),
        ((1000, 1), 40, (40, 1)),
        ((1537, 1000), 768, (768, 500)),
        ((1000, 2000), 96, (48, 96)),
        ((641, 480), None, (641, 480)),
    ],
)
def test_long_pictures_are_shrunk(tmp_path: Path, suffix: str, size_wh, long_side, expected) -> None:
    gradient = np.linspace(0, 255, size_wh[0] * size_wh[1]).reshape(size_wh[::-1])
    image = np.stack((gradient, gradient[::-1], gradient[:, ::-1]), -1).astype(np.uint8)
    path = tmp_path / f"long{suffix}"
    cv2.imwrite(str(path), image)
    read = read_image(path, long_side)
    assert read.shape == (*expected[::-1], 3)
    whole = cv2.resize(read_image(path), expected, interpolation=cv2.INTER_AREA)
    assert np.abs(read.astype(int) - whole).mean() < 2  # a JPEG's blocks are halved in other rounding


def test_a_large_jpeg_is_decoded_at_a_fraction_of_its_size_and_turned(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "large.jpg"
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.new("RGB", (3000, 2995), (10, 20, 30)).save(path, exif=exif)
    assert read_image(path, 375).shape == (375, 374, 3)  # square where it is decoded at an eighth
    Image.new("RGB", (1920, 1440), (10, 20, 30)).save(path, exif=exif)
    decoded = []
    monkeypatch.setattr(images, "to_bgr", lambda picture: decoded.append(picture.size) or to_bgr(picture))
    assert read_image(path, 700).shape == (700, 525, 3)
    assert decoded == [(720, 960)]
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match="truncated"):
        read_image(path, 700)


@pytest.mark.parametrize(
    ("name", "read", "unread"),
    [
        ("a.jpg", True, False),
        ("A.JPEG", True, False),
        ("a.b.png", True, False),
        ("._a.jpg", False, False),
        (".jpg", False, False),
        ("a.txt", False, False),
        ("", False, False),
        ("IMG_1.HEIC", False, True),
        ("._IMG_1.HEIC", False, False),
        ("a.dng", False, True),
    ],
)
def test_names_of_pictures(name: str, read: bool, unread: bool) -> None:
    path = Path(name)
    assert (is_picture(path), is_unread(path), is_photograph(path)) == (read, unread, read or unread)
