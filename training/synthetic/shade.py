"""Deferred shading: the colour of every pixel of a z-buffer in linear light, compiled by numba.

All of it is in one file because numba's cache does not notice a change of a function that another file's calls.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from training.synthetic.assets import EYES, HAIR, TEETH
from training.synthetic.look import Light, Look, triple
from training.synthetic.raster import FAR, Buffer
from training.synthetic.rotations import Z, unit

REST, POINT, NORMAL = 0, 3, 6
SLEEVE, SIDE, COLLAR, SCALP, LIPS, BROW, BEARD, HEIGHT = range(9, 17)
COLUMNS = 17
"""Columns of `Surface.vertices`; of the first three each has three."""
THING = 9
"""The part number of a held object."""
OCCLUSION_RADIUS, OCCLUSION_SAMPLES = 0.28, 8
_ANGLES = 2.399963 * np.arange(OCCLUSION_SAMPLES) + 0.7 * np.arange(16)[:, None]
_RADII = np.sqrt((np.arange(OCCLUSION_SAMPLES) + 0.5) / OCCLUSION_SAMPLES)
OCCLUSION_OFFSETS = np.stack((_RADII * np.cos(_ANGLES), _RADII * np.sin(_ANGLES)), -1)
"""Sunflower patterns in the unit circle, each turned by another angle (16, samples, 2)."""
EDGE = 0.04
"""Decimetres of depth between samples of a pixel from which it is an edge."""
NOISE = np.random.default_rng(7).uniform(-1, 1, (16, 16, 16)).astype(np.float32)
PALM, CREASE, NAIL = 0, 1, 2
"""Channels of the hands' detail picture."""


class Surface(NamedTuple):
    """The mesh as the camera sees it.

    Attributes:
        triangles: (T, 3).
        parts: (T,), see `assets`, or THING.
        vertices: (V, COLUMNS): the point of the rest body, to which patterns stick, point and normal in the camera's
            axes, and the fields.
        uv: (T, 3, 2), v up.
        detail: (S, S, 3) uint8, see `detail`.
        eyes: (2, 3), centres of the eyes on the rest body.
    """

    triangles: NDArray[np.int32]
    parts: NDArray[np.uint8]
    vertices: NDArray[np.float32]
    uv: NDArray[np.float32]
    detail: NDArray[np.uint8]
    eyes: NDArray[np.float64]


class Shadow(NamedTuple):
    """What the key light sees.

    Attributes:
        depth: (R, R), distance from the light.
        matrix: (3, 4), from the camera's axes to column, row and distance.
        bias: decimetres a point must be behind the surface to lie in shadow.
    """

    depth: NDArray[np.float32]
    matrix: NDArray[np.float64]
    bias: float


@numba.njit(cache=True, fastmath=True)
def noise(table: NDArray[np.float32], x: float, y: float, z: float) -> float:
    """Value noise in -1..1: a tiled table (16, 16, 16), interpolated smoothly."""
    i, j, k = math.floor(x), math.floor(y), math.floor(z)
    x, y, z = x - i, y - j, z - k
    x, y, z = x * x * (3 - 2 * x), y * y * (3 - 2 * y), z * z * (3 - 2 * z)
    i, j, k = i & 15, j & 15, k & 15
    i1, j1, k1 = (i + 1) & 15, (j + 1) & 15, (k + 1) & 15
    near = (table[i, j, k] * (1 - x) + table[i1, j, k] * x) * (1 - y)
    near += (table[i, j1, k] * (1 - x) + table[i1, j1, k] * x) * y
    far = (table[i, j, k1] * (1 - x) + table[i1, j, k1] * x) * (1 - y)
    far += (table[i, j1, k1] * (1 - x) + table[i1, j1, k1] * x) * y
    result: float = near * (1 - z) + far * z
    return result


@numba.njit(cache=True, fastmath=True)
def cloth_share(look: Look, table: NDArray[np.float32], x: float, y: float, z: float, trousers: bool) -> float:
    """How much of the print's colour the cloth has at a point of the rest body, 0..1."""
    s = look.pattern_scale
    if trousers or look.pattern == 0:
        return 0.0
    if look.pattern == 1:
        return 1.0 if math.sin(2 * math.pi * s * y) > 0.15 else 0.0
    if look.pattern == 2:
        return 0.5 * (math.sin(6.3 * s * y) > 0.2) + 0.5 * (math.sin(6.3 * s * (x + 0.3 * z)) > 0.2)
    if look.pattern == 3:
        return 1.0 if noise(table, 3 * s * x, 3 * s * y, 3 * s * z) > 0.25 else 0.0
    chest = z > 0.5 and abs(x) < 0.85 and 2.4 < y < 4.3
    return 1.0 if chest and noise(table, 4 * s * x, 6 * s * y, 0.0) > 0.0 else 0.0


@numba.njit(cache=True, fastmath=True)
def kind_of(look: Look, f: NDArray[np.float64], part: int, table: NDArray[np.float32]) -> int:
    """0 skin, 1 shirt, 2 trousers, 3 band, 4 hair, 5 eye, 6 teeth, 7 thing."""
    if part == EYES:
        return 5
    if part == TEETH:
        return 6
    if part == THING:
        return 7
    if part == HAIR:
        return 4
    if f[SIDE] > 0.5:
        end = look.sleeve_right if f[SIDE] < 1.5 else look.sleeve_left
        if f[SLEEVE] < end:
            return 1
        if abs(f[SIDE] - look.band_side) < 0.4 and look.band_from < f[SLEEVE] < look.band_to:
            return 3
        return 0
    if f[HEIGHT] < look.waist:
        return 2
    if f[COLLAR] < look.neckline:
        return 1
    hairy = max(f[SCALP] - look.hairline, f[BEARD] - look.beard)
    if hairy > -0.1 and hairy + 0.1 * noise(table, 9 * f[0], 5 * f[1], 9 * f[2]) > 0:
        return 4
    return 0


@numba.njit(cache=True, fastmath=True)
def skin_color(
    look: Look, f: NDArray[np.float64], hand: NDArray[np.float64], table: NDArray[np.float32]
) -> tuple[float, float, float]:
    """Linear RGB of skin with its spots; on a hand with palm, creases and nails."""
    r, g, b = look.skin[0], look.skin[1], look.skin[2]
    x, y, z = f[0], f[1], f[2]
    if f[SLEEVE] > 1.8:
        palm, crease, nail = hand[PALM], hand[CREASE] * look.crease, hand[NAIL] * look.nail_gloss
        r, g, b = r + palm * (look.palm[0] - r), g + palm * (look.palm[1] - g), b + palm * (look.palm[2] - b)
        r, g, b = r * (1 - 0.4 * crease), g * (1 - 0.55 * crease), b * (1 - 0.55 * crease)
        r, g, b = r + nail * (look.nail[0] - r), g + nail * (look.nail[1] - g), b + nail * (look.nail[2] - b)
        # Fingertips and knuckles are redder than the rest.
        red = 0.06 + 0.1 * min(max(f[SLEEVE] - 2.6, 0.0), 0.4)
        r, g, b = r * (1 + 0.5 * red), g * (1 - red), b * (1 - red)
    else:
        share = min(0.85 * f[LIPS], 1.0)
        r, g, b = r + share * (look.lips[0] - r), g + share * (look.lips[1] - g), b + share * (look.lips[2] - b)
        share = 0.75 * f[BROW]
        r, g, b = r + share * (look.hair[0] - r), g + share * (look.hair[1] - g), b + share * (look.hair[2] - b)
    spots = 0.07 * noise(table, 5 * x + 7, 5 * y, 5 * z) + 0.04 * noise(table, 19 * x, 19 * y + 3, 19 * z)
    red = look.mottle * 0.07 * noise(table, 4 * x, 4 * y + 11, 4 * z)
    spots *= look.mottle
    return r * (1 + spots + red), g * (1 + spots - 0.5 * red), b * (1 + spots - 0.5 * red)


@numba.njit(cache=True, fastmath=True)
def eye_color(look: Look, p: NDArray[np.float64], eyes: NDArray[np.float64]) -> tuple[float, float, float]:
    """Linear RGB of an eyeball: white, iris, pupil, by the angle from straight ahead."""
    eye = eyes[0] if p[0] * eyes[0, 0] > 0 else eyes[1]
    x, y, z = p[0] - eye[0], p[1] - eye[1], p[2] - eye[2]
    ahead = z / math.sqrt(x * x + y * y + z * z + 1e-9)
    if ahead > 0.985:
        return 0.01, 0.01, 0.01
    if ahead > 0.90:
        return look.iris[0], look.iris[1], look.iris[2]
    return 0.55, 0.5, 0.48


@numba.njit(cache=True, fastmath=True)
def lit_share(shadow: Shadow, x: float, y: float, z: float) -> float:
    """How much of the key light reaches a point: mean of 3 x 3 comparisons with the shadow map."""
    m, size = shadow.matrix, shadow.depth.shape[0]
    column = int(m[0, 0] * x + m[0, 1] * y + m[0, 2] * z + m[0, 3])
    row = int(m[1, 0] * x + m[1, 1] * y + m[1, 2] * z + m[1, 3])
    if not (1 < column < size - 2 and 1 < row < size - 2):
        return 1.0
    distance = m[2, 0] * x + m[2, 1] * y + m[2, 2] * z + m[2, 3] - shadow.bias
    hidden = 0
    for dy in range(-1, 2):
        for dx in range(-1, 2):
            if shadow.depth[row + dy, column + dx] < distance:
                hidden += 1
    return 1.0 - hidden / 9.0


@numba.njit(cache=True, fastmath=True)
def open_into(opened: NDArray[np.float32], depth: NDArray[np.float32], radius: float, strength: float) -> None:
    """Ambient light left by nearer surfaces around every pixel (screen-space ambient occlusion), 0..1.

    Args:
        opened: (H, W), filled.
        depth: (2 H, 2 W).
        radius: in samples times decimetres of distance.
        strength: darkness of a corner.
    """
    height, width = depth.shape
    for row in range(opened.shape[0]):
        for column in range(opened.shape[1]):
            py, px = 2 * row, 2 * column
            here, dark, count = depth[py, px], 0.0, 0
            if here >= FAR:
                continue
            reach = radius / here
            for i in range(OCCLUSION_SAMPLES):
                dx, dy = OCCLUSION_OFFSETS[(5 * column + 3 * row) & 15, i]
                x, y = px + int(reach * dx), py + int(reach * dy)
                if 0 <= x < width and 0 <= y < height:
                    nearer = here - depth[y, x]
                    count += 1
                    if nearer > 0.03:
                        dark += min(1.0, (nearer - 0.03) / 0.12) * (1.0 if nearer < 0.8 else 0.8 / nearer)
            opened[row, column] = max(0.0, 1.0 - strength * dark / max(count, 1))


@numba.njit(cache=True, fastmath=True)
def look_up(surface: Surface, t: int, w0: float, w1: float, w2: float, hand: NDArray[np.float64]) -> None:
    """Write the detail picture's three channels at a point of a triangle into `hand`, 0..1."""
    size, uv = surface.detail.shape[0], surface.uv[t]
    u = (w0 * uv[0, 0] + w1 * uv[1, 0] + w2 * uv[2, 0]) * size - 0.5
    v = (1.0 - (w0 * uv[0, 1] + w1 * uv[1, 1] + w2 * uv[2, 1])) * size - 0.5
    iu, iv = min(max(int(u), 0), size - 2), min(max(int(v), 0), size - 2)
    du, dv = u - iu, v - iv
    for i in range(3):
        upper = surface.detail[iv, iu, i] * (1 - du) + surface.detail[iv, iu + 1, i] * du
        lower = surface.detail[iv + 1, iu, i] * (1 - du) + surface.detail[iv + 1, iu + 1, i] * du
        hand[i] = (upper * (1 - dv) + lower * dv) / 255.0


class View(NamedTuple):
    """What the samples of a picture are shaded by.

    Attributes:
        half: between the directions to the key light and to the camera, unit length.
        table: of `noise`.
        opened: (H, W), how much of the sky each pixel sees.
    """

    buffer: Buffer
    surface: Surface
    look: Look
    light: Light
    shadow: Shadow
    half: tuple[float, float, float]
    table: NDArray[np.float32]
    opened: NDArray[np.float32]


class Room(NamedTuple):
    """Memory for one sample.

    Attributes:
        f: (COLUMNS,), interpolated values.
        hand: (3,), the detail picture's channels.
    """

    f: NDArray[np.float64]
    hand: NDArray[np.float64]


@numba.njit(cache=True, fastmath=True, inline="always")
def material(
    view: View, t: int, weights: tuple[float, float, float], room: Room
) -> tuple[float, float, float, float, float]:
    """What a point of a triangle, whose values are in `room.f`, is made of.

    Returns:
        Linear RGB, the strength of the bumps and of the gloss.
    """
    look, surface, table = view.look, view.surface, view.table
    f, hand = room.f, room.hand
    x, y, z = f[0], f[1], f[2]
    kind = kind_of(look, f, surface.parts[t], table)
    if kind == 0:
        hand[:] = 0.0
        if f[SLEEVE] > 1.8:
            look_up(surface, t, weights[0], weights[1], weights[2], hand)
        red, green, blue = skin_color(look, f, hand, table)
        return red, green, blue, 0.05, look.shine * (1 + 2 * hand[NAIL])
    if kind <= 2:
        share = cloth_share(look, table, x, y, z, kind == 2)
        base = look.shirt if kind == 1 else look.trousers
        weave = 1.0 + look.weave * noise(table, 23 * x, 23 * y, 23 * z)
        red = (base[0] + share * (look.print[0] - base[0])) * weave
        green = (base[1] + share * (look.print[1] - base[1])) * weave
        blue = (base[2] + share * (look.print[2] - base[2])) * weave
        return red, green, blue, look.folds, 0.2 * look.shine
    if kind == 4:
        strand = 1.0 + 0.35 * noise(table, 30 * x, 3 * y, 30 * z)
        return look.hair[0] * strand, look.hair[1] * strand, look.hair[2] * strand, 0.2, look.shine
    if kind == 5:
        red, green, blue = eye_color(look, f, surface.eyes)
        return red, green, blue, 0.0, 0.3
    if kind == 6:
        return 0.6, 0.56, 0.48, 0.0, 0.1
    return look.band[0], look.band[1], look.band[2], 0.0, 0.15


@numba.njit(cache=True, fastmath=True, inline="always")
def shade_sample(view: View, px: int, py: int, room: Room) -> tuple[float, float, float]:
    """Linear RGB of one sample of a buffer: Lambert, Blinn's highlight, shadow, ambient light from above and below.

    Inlined, since counting the references to its arrays at every call would take longer than the rest.
    """
    buffer, surface, look, light, half = view.buffer, view.surface, view.look, view.light, view.half
    table, f = view.table, room.f
    t = buffer.triangle[py, px]
    a, b, c = surface.triangles[t]
    w1, w2 = float(buffer.corner1[py, px]), float(buffer.corner2[py, px])
    w0 = 1.0 - w1 - w2
    vertices = surface.vertices
    for i in range(COLUMNS):
        f[i] = w0 * vertices[a, i] + w1 * vertices[b, i] + w2 * vertices[c, i]
    red, green, blue, bump, shine = material(view, t, (w0, w1, w2), room)
    nx, ny, nz = f[NORMAL], f[NORMAL + 1], f[NORMAL + 2]
    if bump != 0.0:
        fine = 2.5 if bump > 0.1 else 15.0
        nx += bump * noise(table, fine * f[0] + 31, fine * f[1], fine * f[2])
        ny += bump * noise(table, fine * f[0], fine * f[1] + 57, fine * f[2])
    length = math.sqrt(nx * nx + ny * ny + nz * nz) + 1e-9
    nx, ny, nz = nx / length, ny / length, nz / length
    reaching = 1.0 - light.shadow * (1.0 - lit_share(view.shadow, f[POINT], f[POINT + 1], f[POINT + 2]))
    ambient = view.opened[py >> 1, px >> 1]
    key = nx * light.key_direction[0] + ny * light.key_direction[1] + nz * light.key_direction[2]
    key = max(0.0, (key + light.wrap) / (1.0 + light.wrap)) * reaching
    fill = nx * light.fill_direction[0] + ny * light.fill_direction[1] + nz * light.fill_direction[2]
    fill = max(0.0, (fill + 0.3) / 1.3) * ambient
    up, down = (0.5 + 0.5 * ny) * ambient, (0.5 - 0.5 * ny) * ambient
    glint = max(0.0, nx * half[0] + ny * half[1] + nz * half[2]) ** light.gloss * shine * reaching
    rim = (1.0 - max(0.0, nz)) ** 3 * 0.25 * look.shine
    sky0 = light.sky[0] * up + light.ground[0] * down
    sky1 = light.sky[1] * up + light.ground[1] * down
    sky2 = light.sky[2] * up + light.ground[2] * down
    return (
        red * (light.key[0] * key + light.fill[0] * fill + sky0) + glint * light.key[0] + rim * sky0,
        green * (light.key[1] * key + light.fill[1] * fill + sky1) + glint * light.key[1] + rim * sky1,
        blue * (light.key[2] * key + light.fill[2] * fill + sky2) + glint * light.key[2] + rim * sky2,
    )


@numba.njit(cache=True, fastmath=True)
def shade_into(image: NDArray[np.float32], view: View) -> None:
    """Fill `image` (H, W, 4) from a buffer of 2 x 2 samples a pixel; all four are shaded at edges only."""
    buffer, surface, room = view.buffer, view.surface, Room(np.empty(COLUMNS), np.zeros(3))
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            covered, nearest, furthest, same = 0, 1e9, 0.0, True
            part = -1
            for i in range(4):
                py, px = 2 * row + (i >> 1), 2 * column + (i & 1)
                t = buffer.triangle[py, px]
                if t >= 0:
                    covered += 1
                    nearest, furthest = min(nearest, buffer.depth[py, px]), max(furthest, buffer.depth[py, px])
                    same = same and (part < 0 or surface.parts[t] == part)
                    part = surface.parts[t]
            if covered == 0:
                continue
            if covered == 4 and same and furthest - nearest < EDGE:
                red, green, blue = shade_sample(view, 2 * column, 2 * row, room)
                image[row, column, 0], image[row, column, 1], image[row, column, 2] = red, green, blue
            else:
                for i in range(4):
                    py, px = 2 * row + (i >> 1), 2 * column + (i & 1)
                    if buffer.triangle[py, px] >= 0:
                        red, green, blue = shade_sample(view, px, py, room)
                        image[row, column, 0] += 0.25 * red
                        image[row, column, 1] += 0.25 * green
                        image[row, column, 2] += 0.25 * blue
            image[row, column, 3] = 0.25 * covered


def shade(
    buffer: Buffer, surface: Surface, look: Look, light: Light, shadow: Shadow, focal_px: float
) -> NDArray[np.float32]:
    """The picture of a buffer.

    Args:
        buffer: of 2 x 2 samples a pixel.
        focal_px: of the camera, in samples.

    Returns:
        (H, W, 4): linear RGB times coverage, and coverage 0..1.
    """
    height, width = buffer.depth.shape
    image = np.zeros((height // 2, width // 2, 4), np.float32)
    opened = np.ones(image.shape[:2], np.float32)
    open_into(opened, buffer.depth, OCCLUSION_RADIUS * focal_px, light.occlusion)
    half = triple(unit(np.array(light.key_direction) + Z))
    shade_into(image, View(buffer, surface, look, light, shadow, half, NOISE, cv2.blur(opened, (4, 4))))
    return image
