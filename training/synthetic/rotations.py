"""Rotation matrices, radians unless a name says degrees; columns of a frame are its axes."""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

X, Y, Z = np.eye(3)


def unit(vectors: Floats) -> Floats:
    """Vectors (..., 3) at length 1; a zero vector stays zero."""
    result: Floats = vectors / np.maximum(np.sqrt((vectors * vectors).sum(-1, keepdims=True)), 1e-9)
    return result


@numba.njit(cache=True)
def turn_each(axes: Floats, angles: Floats) -> Floats:
    """Rotations (N, 3, 3) about unit axes (N, 3) by angles (N,): Rodrigues' formula."""
    turns = np.empty((axes.shape[0], 3, 3))
    for i in range(axes.shape[0]):
        x, y, z = axes[i]
        sin, cos = math.sin(angles[i]), math.cos(angles[i])
        rest = 1.0 - cos
        turns[i, 0, 0], turns[i, 0, 1], turns[i, 0, 2] = (
            cos + x * x * rest,
            x * y * rest - z * sin,
            x * z * rest + y * sin,
        )
        turns[i, 1, 0], turns[i, 1, 1], turns[i, 1, 2] = (
            y * x * rest + z * sin,
            cos + y * y * rest,
            y * z * rest - x * sin,
        )
        turns[i, 2, 0], turns[i, 2, 1], turns[i, 2, 2] = (
            z * x * rest - y * sin,
            z * y * rest + x * sin,
            cos + z * z * rest,
        )
    return turns


def turn(axis: Floats, angle: Floats | float) -> Floats:
    """Rotations (..., 3, 3) about unit axes (..., 3), which are broadcast against the angles (...)."""
    angles = np.asarray(angle, np.float64)
    shape = np.broadcast_shapes(axis.shape[:-1], angles.shape)
    axes = np.array(np.broadcast_to(axis, (*shape, 3)), np.float64).reshape(-1, 3)
    turns: Floats = turn_each(axes, np.array(np.broadcast_to(angles, shape)).reshape(-1))
    return turns.reshape(*shape, 3, 3)


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
    yaw, pitch, roll = np.radians((yaw_deg, pitch_deg, roll_deg))
    return turn(Y, yaw) @ turn(X, pitch) @ turn(Z, roll)


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
    w, x, y, z = unit(rng.normal(size=4))
    angle = 2 * np.arctan2(np.sqrt(x * x + y * y + z * z), w)
    return turn(unit(np.array((x, y, z))), angle)
