"""Rotation matrices, radians unless a name says degrees; columns of a frame are its axes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

Floats = NDArray[np.float64]

X, Y, Z = np.eye(3)


def unit(vectors: Floats) -> Floats:
    """Vectors (..., 3) at length 1; a zero vector stays zero."""
    result: Floats = vectors / np.maximum(np.sqrt((vectors * vectors).sum(-1, keepdims=True)), 1e-9)
    return result


def turn(axis: Floats, angle: Floats | float) -> Floats:
    """Rotations (..., 3, 3) about unit axes (..., 3), which are broadcast against the angles (...)."""
    vectors = axis * np.asarray(angle)[..., None]
    turns: Floats = Rotation.from_rotvec(vectors.reshape(-1, 3)).as_matrix()
    return turns.reshape(*vectors.shape, 3)


def cross(first: Floats, second: Floats) -> Floats:
    """Cross products of vectors (..., 3); numpy's own is ten times slower on few vectors."""
    ax, ay, az = first[..., 0], first[..., 1], first[..., 2]
    bx, by, bz = second[..., 0], second[..., 1], second[..., 2]
    return np.stack((ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx), -1)


def frame(along: Floats, hinge: Floats) -> Floats:
    """Frames (..., 3, 3): first column along the bone, second the part of `hinge` across it, third their normal."""
    first = unit(along)
    second = unit(hinge - first * (hinge * first).sum(-1, keepdims=True))
    return np.stack((first, second, cross(first, second)), -1)


def shortest(start: Floats, end: Floats) -> Floats:
    """The smallest rotations (..., 3, 3) that take unit vectors `start` to unit vectors `end`, not opposite ones."""
    axis = cross(start, end)
    sine = np.linalg.norm(axis, axis=-1)
    return turn(unit(axis), np.arctan2(sine, (start * end).sum(-1)))


def yaw_pitch_roll(yaw_deg: float, pitch_deg: float, roll_deg: float) -> Floats:
    """Roll about z first, then pitch about x, then yaw about y."""
    matrix: Floats = Rotation.from_euler("YXZ", (yaw_deg, pitch_deg, roll_deg), degrees=True).as_matrix()
    return matrix


def twist(rotation: Floats, axis: Floats) -> Floats:
    """The angle (...) of rotations (..., 3, 3) about unit axes (..., 3), in -pi..pi (swing-twist decomposition)."""
    skew = np.stack(
        [rotation[..., b, a] - rotation[..., a, b] for a, b in ((1, 2), (2, 0), (0, 1))],
        -1,
    )
    angle = 2 * np.arctan2((skew * axis).sum(-1), 1 + np.trace(rotation, axis1=-2, axis2=-1))
    result: Floats = (angle + np.pi) % (2 * np.pi) - np.pi
    return result


def any_rotation(rng: np.random.Generator) -> Floats:
    """A rotation drawn evenly from all (a normal 4-vector as quaternion)."""
    w, x, y, z = rng.normal(size=4)
    matrix: Floats = Rotation.from_quat((x, y, z, w)).as_matrix()
    return matrix
