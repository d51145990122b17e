"""What a person wears and how the light falls: everything the shader takes as numbers, colours as linear RGB."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.synthetic.rotations import Floats, unit

SKIN_TONES_SRGB = np.array(
    (
        (255, 224, 205),
        (244, 205, 180),
        (232, 184, 153),
        (214, 162, 128),
        (190, 136, 102),
        (158, 108, 78),
        (124, 82, 58),
        (92, 60, 44),
        (66, 44, 34),
    )
)
HAIR_SRGB = np.array(((22, 18, 16), (50, 36, 26), (92, 62, 38), (150, 112, 70), (130, 60, 32), (165, 160, 155)))
HAIR_SHARES = (0.36, 0.28, 0.16, 0.08, 0.04, 0.08)
IRIS_SRGB = np.array(((60, 36, 22), (92, 66, 38), (80, 104, 84), (88, 118, 150)))


Color = tuple[float, float, float]
"""Linear RGB, or a direction; a tuple because numba counts references to arrays at every use."""


class Look(NamedTuple):
    """A person's surface.

    Attributes:
        skin, palm, nail, lips, hair, iris, shirt, print, trousers, band: linear RGB (3,).
        sleeve_right, sleeve_left: where sleeves end, in the units of `Fields.sleeve`.
        neckline: where the shirt ends, in the units of `Fields.collar`.
        waist: where it begins, in those of `Fields.height`.
        hairline: scalp above this is hair; large for a bald head.
        beard: beard above this is hair; large for none.
        band_side: 0 no band, 1 on the right wrist, 2 on the left.
        band_from, band_to: in the units of `Fields.sleeve`.
        pattern: 0 plain, 1 stripes, 2 checks, 3 flowers, 4 a print on the chest.
        pattern_scale: cycles a decimetre.
        weave, folds: strength of the cloth's texture and its bumps.
        mottle, crease, nail_gloss, shine: strength of the skin's spots, folds, nails and gloss.
    """

    skin: Color
    palm: Color
    nail: Color
    lips: Color
    hair: Color
    iris: Color
    shirt: Color
    print: Color
    trousers: Color
    band: Color
    sleeve_right: float
    sleeve_left: float
    neckline: float
    waist: float
    hairline: float
    beard: float
    band_side: float
    band_from: float
    band_to: float
    pattern: float
    pattern_scale: float
    weave: float
    folds: float
    mottle: float
    crease: float
    nail_gloss: float
    shine: float


class Light(NamedTuple):
    """The light, directions in the camera's axes, colours linear RGB (3,).

    Attributes:
        key_direction, key: the light that casts the shadow.
        fill_direction, fill: a second one without shadow.
        sky, ground: from above and below.
        wrap: how far the key light reaches around an edge, 0..1.
        shadow: darkness of the shadow, 0..1.
        occlusion: darkness of corners.
        gloss: exponent of the highlight.
    """

    key_direction: Color
    key: Color
    fill_direction: Color
    fill: Color
    sky: Color
    ground: Color
    wrap: float
    shadow: float
    occlusion: float
    gloss: float


def to_linear(srgb: Floats) -> Floats:
    """sRGB 0..1 to linear light (IEC 61966-2-1)."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def to_srgb(linear: Floats) -> Floats:
    """Linear light to sRGB, both 0..1."""
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 1e-6) ** (1 / 2.4) - 0.055)


def triple(values: Floats) -> Color:
    """Three numbers as a tuple."""
    first, second, third = (float(value) for value in values)
    return first, second, third


def color(srgb_255: Floats) -> Floats:
    """An sRGB colour 0..255, clipped, as linear RGB."""
    return to_linear(np.clip(np.asarray(srgb_255, np.float64) / 255, 0.004, 0.996))


def cloth(rng: np.random.Generator) -> Floats:
    """A colour of clothes: mostly dull, dark or white, sometimes bright."""
    grey = rng.beta(0.8, 0.9) * 230 + 12
    strength = 55 if rng.random() < 0.35 else 16
    return color(grey + rng.normal(0, strength, 3))


def draw_look(rng: np.random.Generator) -> Look:
    """A person's surface drawn at random."""
    tone = rng.beta(0.9, 2.3) * (len(SKIN_TONES_SRGB) - 1)
    below = min(int(tone), len(SKIN_TONES_SRGB) - 2)
    skin = SKIN_TONES_SRGB[below] * (1 - tone + below) + SKIN_TONES_SRGB[below + 1] * (tone - below)
    skin = skin * (1.08, 0.95, 0.97) * rng.normal(1, (0.03, 0.025, 0.03))
    pale = 0.28 * (1 - 0.06 * tone)
    nail = rng.uniform(0, 255, 3) if rng.random() < 0.15 else 0.6 * skin + 0.4 * np.array((245, 200, 195))
    sleeves = rng.choice(("none", "short", "elbow", "long"), p=(0.08, 0.42, 0.12, 0.38))
    ends = {"none": (0.0, 0.0), "short": (0.3, 0.75), "elbow": (0.9, 1.75), "long": (1.85, 2.04)}
    sleeve = rng.uniform(*ends[str(sleeves)])
    banded = rng.random() < 0.22
    band_from = rng.uniform(1.8, 1.93)
    hair = HAIR_SRGB[rng.choice(len(HAIR_SRGB), p=HAIR_SHARES)] * rng.normal(1, 0.12)
    return Look(
        skin=triple(color(skin)),
        palm=triple(color((0.74 * skin + pale * np.array((250, 202, 184))) * (rng.uniform(1, 1.06), 1, 1))),
        nail=triple(color(nail)),
        lips=triple(color(skin * (0.86, 0.62, 0.62) if rng.random() < 0.8 else np.array((190, 40, 60)))),
        hair=triple(color(hair)),
        iris=triple(color(IRIS_SRGB[rng.integers(len(IRIS_SRGB))])),
        shirt=triple(cloth(rng)),
        print=triple(cloth(rng)),
        trousers=triple(cloth(rng) * 0.6),
        band=triple(cloth(rng)),
        sleeve_right=sleeve + rng.normal(0, 0.02),
        sleeve_left=sleeve + rng.normal(0, 0.02),
        neckline=rng.uniform(-0.75, 0.1),
        waist=rng.uniform(-0.2, 0.7),
        hairline=99.0 if rng.random() < 0.07 else rng.normal(0.0, 0.06),
        beard=rng.uniform(0.0, 0.25) if rng.random() < 0.22 else 99.0,
        band_side=float(rng.integers(1, 3)) if banded else 0.0,
        band_from=band_from,
        band_to=band_from + rng.uniform(0.03, 0.13),
        pattern=float(rng.choice(5, p=(0.5, 0.12, 0.08, 0.12, 0.18))),
        pattern_scale=np.exp(rng.uniform(np.log(0.6), np.log(4))),
        weave=rng.uniform(0.03, 0.2),
        folds=rng.uniform(0.1, 0.6),
        mottle=rng.uniform(0.2, 0.8),
        crease=rng.uniform(0.15, 0.7),
        nail_gloss=rng.uniform(0.3, 0.9),
        shine=rng.uniform(0.01, 0.12),
    )


def tint(rng: np.random.Generator, spread: float) -> Floats:
    """White made a little warmer or cooler (3,), RGB."""
    warm = rng.normal(0, spread)
    result: Floats = np.clip(np.array((1 + warm, 1 + rng.normal(0, 0.2 * spread), 1 - warm)), 0.2, 2.0)
    return result


def draw_light(rng: np.random.Generator, sky: NDArray[np.float32], ground: NDArray[np.float32]) -> Light:
    """A room's light.

    Args:
        sky, ground: linear RGB means (3,) of the upper and lower half of the background, which colour the ambient.
    """
    side, height = np.radians((rng.normal(0, 50), rng.uniform(-10, 75)))
    direction = np.array((np.sin(side) * np.cos(height), np.sin(height), np.cos(side) * np.cos(height)))
    mean = max(float(np.mean((sky + ground) / 2)), 1e-3)
    flat = rng.random() < 0.25
    return Light(
        key_direction=triple(direction),
        key=triple((rng.uniform(0.15, 0.5) if flat else rng.uniform(0.5, 1.7)) * tint(rng, 0.06)),
        fill_direction=triple(unit(np.array((rng.normal(), rng.normal(0, 0.5), rng.uniform(-0.6, 0.8))))),
        fill=triple(rng.uniform(0, 0.4) * tint(rng, 0.15)),
        sky=triple(rng.uniform(0.25, 0.75) * (0.35 * sky / mean + 0.65) * tint(rng, 0.05)),
        ground=triple(rng.uniform(0.08, 0.45) * (0.35 * ground / mean + 0.65) * tint(rng, 0.06)),
        wrap=rng.uniform(0.05, 0.4),
        shadow=rng.uniform(0.4, 1.0),
        occlusion=rng.uniform(0.7, 1.6),
        gloss=rng.choice((8.0, 16.0, 32.0)),
    )
