"""A z-buffer: which triangle every pixel shows, compiled by numba."""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from training.synthetic.rotations import Floats, cross, unit

NEAR = 0.3
"""Triangles with a corner nearer than this to the camera are left out."""
FAR = np.float32(1e9)


class Buffer(NamedTuple):
    """What a picture of (height, width) pixels shows.

    Attributes:
        depth: (H, W), FAR where nothing is.
        triangle: (H, W), -1 where nothing is.
        corner1, corner2: (H, W), how much of the pixel's point the triangle's second and third corner are.
    """

    depth: NDArray[np.float32]
    triangle: NDArray[np.int32]
    corner1: NDArray[np.float32]
    corner2: NDArray[np.float32]


@numba.njit(cache=True)
def fill(
    points: NDArray[np.float64],
    triangles: NDArray[np.int32],
    shown: NDArray[np.bool_],
    depth: NDArray[np.float32],
    triangle: NDArray[np.int32],
    corner1: NDArray[np.float32],
    corner2: NDArray[np.float32],
) -> None:
    """Draw the shown triangles that face the camera into the four arrays of a Buffer."""
    height, width = depth.shape
    for t in range(triangles.shape[0]):
        if not shown[t]:
            continue
        a, b, c = triangles[t]
        x0, y0, z0 = points[a, 0], points[a, 1], points[a, 2]
        x1, y1, z1 = points[b, 0], points[b, 1], points[b, 2]
        x2, y2, z2 = points[c, 0], points[c, 1], points[c, 2]
        if min(z0, z1, z2) < NEAR:
            continue
        # Image y points down, so a counter-clockwise triangle has a negative area.
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if area >= -1e-9:
            continue
        left = max(0, math.ceil(min(x0, x1, x2) - 0.5))
        right = min(width - 1, math.floor(max(x0, x1, x2) - 0.5))
        top = max(0, math.ceil(min(y0, y1, y2) - 0.5))
        bottom = min(height - 1, math.floor(max(y0, y1, y2) - 0.5))
        for py in range(top, bottom + 1):
            fy = py + 0.5 - y0
            for px in range(left, right + 1):
                fx = px + 0.5 - x0
                w1 = (fx * (y2 - y0) - (x2 - x0) * fy) / area
                w2 = ((x1 - x0) * fy - fx * (y1 - y0)) / area
                w0 = 1.0 - w1 - w2
                if w0 < 0.0 or w1 < 0.0 or w2 < 0.0:
                    continue
                z = 1.0 / (w0 / z0 + w1 / z1 + w2 / z2)
                if z < depth[py, px]:
                    depth[py, px] = z
                    triangle[py, px] = t
                    corner1[py, px] = w1 / z1 * z
                    corner2[py, px] = w2 / z2 * z


def rasterize(
    points: NDArray[np.float64],
    triangles: NDArray[np.int32],
    shown: NDArray[np.bool_],
    size_hw: tuple[int, int],
) -> Buffer:
    """Draw triangles with hidden surfaces removed.

    Args:
        points: (V, 3): x and y in pixels, y down, a pixel's centre at +0.5; z the distance from the camera.
        triangles: (T, 3), drawn where they are counter-clockwise to the eye.
        shown: (T,).
        size_hw: of the picture in pixels.
    """
    buffer = Buffer(
        np.full(size_hw, FAR, np.float32),
        np.full(size_hw, -1, np.int32),
        np.zeros(size_hw, np.float32),
        np.zeros(size_hw, np.float32),
    )
    fill(np.ascontiguousarray(points, np.float64), triangles, shown, *buffer)
    return buffer


def vertex_normals(vertices: Floats, triangles: NDArray[np.int32]) -> Floats:
    """Unit normals (V, 3): of every vertex the mean of its triangles', by area."""
    a, b, c = vertices[triangles.T]
    at_corners = np.repeat(cross(b - a, c - a), 3, axis=0)
    sums = [np.bincount(triangles.ravel(), values, len(vertices)) for values in at_corners.T]
    return unit(np.stack(sums, 1))
