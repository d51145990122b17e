"""Palms, creases and nails, painted once into the texture space of both hands."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.synthetic.body import MIRROR, BodyModel, Joints, palm_axes, smooth_step
from training.synthetic.raster import rasterize, vertex_normals
from training.synthetic.rotations import Floats, unit

SIZE = 2048
PALM_LINES = (
    ((0.33, 0.66), (-0.05, 0.68), (-0.34, 0.56)),
    ((0.36, 0.60), (0.05, 0.43), (-0.24, 0.26)),
    ((0.34, 0.56), (0.10, 0.36), (0.02, 0.08)),
)
"""Quadratic Bezier curves in the palm's x and y, decimetres: heart, head and life line."""


def palm_lines(x: Floats, y: Floats) -> Floats:
    """How deep in one of the palm's three lines points (N,) of the palm plane are, 0..1."""
    depth = np.zeros_like(x)
    t = np.linspace(0, 1, 24)[:, None]
    for start, control, end in np.array(PALM_LINES):
        curve = (1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * end
        squared = ((x[:, None] - curve[:, 0]) ** 2 + (y[:, None] - curve[:, 1]) ** 2).min(1)
        depth = np.maximum(depth, np.exp(-squared / 0.013**2))
    return depth


def finger_marks(points: Floats, normals: Floats, joints: Joints, side: str, outward: Floats) -> tuple[Floats, Floats]:
    """Creases at the joints and nails at the tips, 0..1, of points (N, 3) on a hand.

    Args:
        outward: (3,), out of the palm.
    """
    palm = smooth_step(normals @ outward, -0.2, 0.5)
    crease, nail = np.zeros(len(points)), np.zeros(len(points))
    for finger in range(1, 6):
        for joint in (1, 2, 3):
            bone = f"finger{finger}-{joint}.{side}"
            start, end = joints.head(bone), joints.tail(bone)
            direction, length = unit(end - start), float(np.linalg.norm(end - start))
            offset = points - start
            along = offset @ direction
            across = offset - along[:, None] * direction
            near = np.linalg.norm(across, axis=1) < 0.17
            if joint > 1:
                line = np.exp(-((along / 0.02) ** 2)) + 0.6 * np.exp(-(((along - 0.05) / 0.018) ** 2)) * palm
                wrinkles = 0.5 * (1 - palm) * np.exp(-((along / 0.07) ** 2)) * (0.5 + 0.5 * np.cos(140 * along))
                crease = np.maximum(crease, (line * palm + wrinkles) * near)
            elif finger > 1:
                web = 0.9 * palm * np.exp(-(((along - 0.2) / 0.02) ** 2))
                crease = np.maximum(crease, web * near)
            if joint == 3:
                # The thumb's nail faces sideways: use the side of the phalanx that looks away from the flexion.
                back_axis = back_of(joints, finger, side, outward, direction)
                back = normals @ back_axis
                sideways = np.linalg.norm(np.cross(across, back_axis), axis=1)
                wide = 0.085 if finger == 1 else 0.065
                oval = ((along / length - 0.72) / 0.27) ** 2 + (sideways / wide) ** 2
                nail = np.maximum(nail, smooth_step(1.25 - oval, 0, 0.3) * smooth_step(back, 0.25, 0.5) * near)
    return np.clip(crease, 0, 1), nail


def back_of(joints: Joints, finger: int, side: str, outward: Floats, direction: Floats) -> Floats:
    """The unit vector (3,) out of the back of a finger's last phalanx."""
    back = -outward
    if finger == 1:
        index = joints.head(f"finger2-1.{side}") - joints.head(f"finger1-2.{side}")
        towards_index = unit(index - direction * (index @ direction))
        palmward = outward - direction * (outward @ direction)
        back = -(0.6 * towards_index + 0.6 * unit(palmward))
    return unit(back - direction * (back @ direction))


def paint_hands(model: BodyModel, size: int = SIZE) -> NDArray[np.uint8]:
    """Draw the detail picture (size, size, 3): palm side, creases, nails, 0..255; row 0 is texture v = 1."""
    joints = model.joints(model.vertices)
    normals = vertex_normals(model.vertices, model.triangles)
    picture = np.zeros((size, size, 3), np.float64)
    for number, side in ((1, "R"), (2, "L")):
        hand = np.flatnonzero(model.hand_triangles == number)
        corners = model.uv[hand].reshape(-1, 2).astype(np.float64) * (size, -size) + (0, size)
        triangles = np.arange(len(corners), dtype=np.int32).reshape(-1, 3)
        flat = np.column_stack((corners, np.ones(len(corners))))
        ab, ac = (flat[triangles[:, i], :2] - flat[triangles[:, 0], :2] for i in (1, 2))
        mirrored = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0] > 0
        triangles[mirrored] = triangles[mirrored][:, ::-1]
        buffer = rasterize(flat, triangles, np.ones(len(triangles), np.bool_), (size, size))
        rows, columns = np.nonzero(buffer.triangle >= 0)
        order = triangles[buffer.triangle[rows, columns]]
        vertices = model.triangles[hand].reshape(-1)[order]
        w1, w2 = buffer.corner1[rows, columns], buffer.corner2[rows, columns]
        shares = np.stack((1 - w1 - w2, w1, w2), 1)[..., None]
        points = (model.vertices[vertices] * shares).sum(1)
        directions = unit((normals[vertices] * shares).sum(1))
        mirror = MIRROR[side]
        axes = palm_axes(joints, side)
        outward = axes[:, 2] * mirror
        crease, nail = finger_marks(points, directions, joints, side, outward)
        palm = smooth_step(directions @ outward, -0.25, 0.55)
        flat_points = (points - joints.head(f"wrist.{side}")) * mirror @ axes
        lines = palm_lines(flat_points[:, 0], flat_points[:, 1]) * (directions @ outward > 0.2)
        picture[rows, columns] = np.stack((palm, np.maximum(crease, lines), nail), 1)
    result: NDArray[np.uint8] = (255 * picture).round().astype(np.uint8)
    return result
