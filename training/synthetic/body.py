"""A person's body: the base mesh with targets added, its joints, and the fields that say what is where on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.synthetic.assets import AGES, ARM_TARGETS, BUILDS, ETHNICITIES, HAIR, HAND_TARGETS, SKIN, Assets
from training.synthetic.rotations import Floats, unit

KNUCKLE_SHIFT = 0.19
"""The rig bends the fingers at the web; the knuckles are this share of the way to the wrist nearer to it."""
INFLUENCES = 6
MIRROR: dict[str, Floats] = {"R": np.ones(3), "L": np.array((-1.0, 1.0, 1.0))}
"""What makes a right hand of a hand of each side, and of that the hand again."""


def smooth_step(values: Floats, low: float, high: float) -> Floats:
    """0 below `low`, 1 above `high`, smooth between."""
    share = np.clip((values - low) / (high - low), 0, 1)
    return share * share * (3 - 2 * share)


class Joints:
    """Ends of a body's bones by name.

    Args:
        points: (joints, 3).
        index: `<bone>.head` or `<bone>.tail` -> row of `points`.
    """

    def __init__(self, points: Floats, index: dict[str, int]) -> None:
        self.points, self.index = points, index

    def head(self, bone: str) -> Floats:
        """Where a bone begins (3,)."""
        result: Floats = self.points[self.index[f"{bone}.head"]]
        return result

    def tail(self, bone: str) -> Floats:
        """Where a bone ends (3,)."""
        result: Floats = self.points[self.index[f"{bone}.tail"]]
        return result


@dataclass(frozen=True)
class Fields:
    """What is where on the body, one value a vertex; lengths in decimetres.

    Attributes:
        sleeve: -1 on head, torso and legs; along an arm 0 shoulder, 1 elbow, 2 wrist, 3 fingertips.
        side: 0 torso, 1 right arm, 2 left arm.
        collar: height above the base of the neck, slanted forwards and down.
        scalp: above 0 where hair grows.
        lips: 1 on the lips, 0 elsewhere.
        brow: 1 in the middle of an eyebrow, 0 elsewhere.
        beard: above 0 where a beard grows.
        height: above the hips.
    """

    sleeve: NDArray[np.float32]
    side: NDArray[np.int8]
    collar: NDArray[np.float32]
    scalp: NDArray[np.float32]
    lips: NDArray[np.float32]
    brow: NDArray[np.float32]
    beard: NDArray[np.float32]
    height: NDArray[np.float32]


def palm_axes(joints: Joints, side: str = "R") -> Floats:
    """The palm frame (3, 3) as columns: towards the thumb, wrist to middle knuckle, out of the palm.

    Of a left hand the mirror image's, so that both are right-handed frames of a right hand.
    """
    wrist, index, middle, little = (
        joints.head(f"{bone}.{side}") * MIRROR[side] for bone in ("wrist", "finger2-1", "finger3-1", "finger5-1")
    )
    along = unit(middle - wrist)
    across = unit((index - little) - along * ((index - little) @ along))
    return np.stack((across, along, np.cross(across, along)), 1)


class BodyModel:
    """The rest body with everything that does not depend on the person.

    Attributes:
        vertices: (V, 3) decimetres.
        triangles: (T, 3).
        parts: (T,), see `assets`.
        uv: (T, 3, 2).
        bones: names, in the order of the skinning matrices.
        influence_bones, influence_weights: (V, 6), the largest first; weights sum to 1.
        fields: what is where.
        hand_triangles: (T,) 0 elsewhere, 1 on the right hand, 2 on the left.
        with_hair: (T,), shown when the hair is long.
    """

    def __init__(self, assets: Assets) -> None:
        self.assets = assets
        self.vertices = assets.vertices.astype(np.float64)
        self.triangles, self.parts, self.uv = assets.triangles, assets.parts, assets.uv
        self.bones = [str(name) for name in assets.bones]
        self.bone_index = {name: i for i, name in enumerate(self.bones)}
        self.joint_index = {str(name): i for i, name in enumerate(assets.joint_names)}
        self.joint_counts = np.diff(assets.joint_starts)
        self.targets = {str(name): i for i, name in enumerate(assets.target_names)}
        rest = self.joints(self.vertices)
        weights = assets.weights.astype(np.float64)
        for side in "RL":
            weights = self.bend_at_knuckles(weights, rest, side)
        order = np.argsort(-weights, 1)[:, :INFLUENCES]
        kept = np.take_along_axis(weights, order, 1)
        self.influence_bones = order.astype(np.int32)
        self.influence_weights = kept / kept.sum(1, keepdims=True)
        self.fields = self.find_fields(weights, rest)
        self.hand_triangles = self.find_hands()
        self.with_hair = self.find_shown_hair()

    def columns(self, prefixes: tuple[str, ...], side: str) -> list[int]:
        """Numbers of the bones of a side whose names begin like that."""
        return [i for i, name in enumerate(self.bones) if name.startswith(prefixes) and name.endswith(f".{side}")]

    def joints(self, vertices: Floats) -> Joints:
        """The joints of a body of this shape, with the knuckles where they are in people."""
        sums = np.add.reduceat(vertices[self.assets.joint_vertices], self.assets.joint_starts[:-1])
        points = sums / self.joint_counts[:, None]
        for side in "RL":
            wrist = points[self.joint_index[f"wrist.{side}.head"]]
            for finger in range(2, 6):
                row = self.joint_index[f"finger{finger}-1.{side}.head"]
                points[row] += KNUCKLE_SHIFT * (wrist - points[row])
        return Joints(points, self.joint_index)

    def bend_at_knuckles(self, weights: Floats, joints: Joints, side: str) -> Floats:
        """Weights (V, bones) in which the skin around the moved knuckles follows the fingers smoothly."""
        palm_columns = self.columns(("wrist", "metacarpal"), side)
        palm = weights[:, palm_columns].sum(1)
        thumb = weights[:, self.columns(("finger1-",), side)].sum(1)
        axes = palm_axes(joints, side)
        flip, wrist = MIRROR[side], joints.head(f"wrist.{side}")
        flat = ((self.vertices - wrist) * flip @ axes)[:, :2]
        along, aside = [], []
        for finger in range(2, 6):
            start, end = (((joints.head(f"finger{finger}-{j}.{side}") - wrist) * flip @ axes)[:2] for j in (1, 2))
            direction, length = unit(end - start), np.linalg.norm(end - start)
            offset = flat - start
            along.append(offset @ direction / length)
            aside.append(offset[:, 0] * direction[1] - offset[:, 1] * direction[0])
        nearness = np.exp(-((np.array(aside) / 0.075) ** 2)) + 1e-9
        share = smooth_step(np.array(along), -0.32, 0.32) * nearness / nearness.sum(0)
        share = share * palm * (1 - np.clip(4 * thumb, 0, 1))
        weights = weights.copy()
        keep = np.where(palm > 1e-6, np.clip(palm - share.sum(0), 0, None) / np.maximum(palm, 1e-6), 1)
        weights[:, palm_columns] *= keep[:, None]
        for finger in range(2, 6):
            weights[:, self.bone_index[f"finger{finger}-1.{side}"]] += share[finger - 2]
        result: Floats = weights / weights.sum(1, keepdims=True)
        return result

    def find_fields(self, weights: Floats, joints: Joints) -> Fields:
        """Measure the fields on the rest body."""
        points = self.vertices
        sleeve, side_of = np.full(len(points), -1.0), np.zeros(len(points), np.int8)
        for number, side in ((1, "R"), (2, "L")):
            ends = [joints.head(f"{bone}.{side}") for bone in ("upperarm01", "lowerarm01", "wrist")]
            tip = joints.tail(f"finger3-3.{side}")
            along = [(points - a) @ (b - a) / ((b - a) @ (b - a)) for a, b in zip(ends, (*ends[1:], tip), strict=True)]
            upper = weights[:, self.columns(("upperarm",), side)].sum(1)
            lower = weights[:, self.columns(("lowerarm",), side)].sum(1)
            hand = weights[:, self.columns(("wrist", "metacarpal", "finger"), side)].sum(1)
            place = np.where(upper > lower, np.clip(along[0], -0.3, 1), 1 + np.clip(along[1], 0, 1.05))
            place = np.where(hand > 0.5, 2 + np.maximum(along[2], -0.05), place)
            arm = upper + lower + hand > 0.5
            sleeve[arm], side_of[arm] = place[arm], number
        neck, eye = joints.head("neck01"), joints.head("eye.R")
        crown, mouth = joints.tail("head"), (joints.tail("oris01") + joints.tail("oris05")) / 2
        x, y, z = points.T
        collar = (y - neck[1]) - 0.35 * (z - neck[2])
        head = y > neck[1]
        face = np.clip((z - joints.head("head")[2]) / 0.9, -0.3, 1.3)
        hairline = np.where(face > 0, eye[1] - 0.25 + 0.95 * np.clip(face, 0, None) ** 1.5, eye[1] - 0.25 + 1.6 * face)
        narrow = np.abs(np.abs(x) - abs(eye[0]) * 1.12)
        brow_y = eye[1] + 0.24 - 0.35 * np.clip(np.abs(x) - abs(eye[0]), 0, None)
        brow = np.exp(-(((y - brow_y) / 0.05) ** 2) - (narrow / 0.2) ** 4) * (z > eye[2] - 0.1)
        beard = np.where(z > 0.35, eye[1] - 0.62 - y + 0.25 * np.abs(x), -1.0)
        near_mouth = np.exp(-(((y - mouth[1]) / 0.11) ** 2) - (x / 0.3) ** 4) * (z > mouth[2] - 0.35)
        hips = joints.head("upperleg01.R")[1]
        return Fields(
            sleeve=sleeve.astype(np.float32),
            side=side_of,
            collar=np.where(side_of == 0, collar, -9).astype(np.float32),
            scalp=np.where(head & (side_of == 0), y - hairline, -9).astype(np.float32),
            lips=(near_mouth * np.clip(1.5 * self.assets.lips, 0, 1)).astype(np.float32),
            brow=brow.astype(np.float32),
            beard=np.where(head & (side_of == 0) & (y > crown[1] - 2.6), beard, -1).astype(np.float32),
            height=(y - hips).astype(np.float32),
        )

    def find_hands(self) -> NDArray[np.uint8]:
        """Which triangles are hand: all corners of the skin beyond the wrist."""
        beyond = (self.fields.sleeve[self.triangles] > 2.01).all(1) & (self.parts == SKIN)
        return np.where(beyond, self.fields.side[self.triangles[:, 0]], 0).astype(np.uint8)

    def find_shown_hair(self) -> NDArray[np.bool_]:
        """Which triangles are shown with long hair: all but the strands of the helper that hang before the face."""
        rest = self.joints(self.vertices)
        _x, y, z = self.vertices[self.triangles].mean(1).T
        front = (y < rest.tail("head")[1] - 0.7) & (z > rest.head("head")[2] + 0.1)
        result: NDArray[np.bool_] = (self.parts != HAIR) | ~front
        return result

    def shape(self, rng: np.random.Generator) -> Floats:
        """Vertices (V, 3) of a person drawn at random: ethnicity, sex, age, build, proportions of hands and arms."""
        share: dict[str, float] = {}
        female = rng.beta(0.3, 0.3)
        age = float(rng.choice([rng.uniform(0.35, 0.9), rng.uniform(0.9, 1.7)], p=(0.3, 0.7)))
        muscle, weight = rng.normal(0, 0.5), rng.normal(0, 0.6)
        people = rng.dirichlet((0.5, 0.5, 0.5))
        for age_name, age_share in zip(AGES, hats(age, 3, 0, 2), strict=True):
            for sex, sex_share in (("female", female), ("male", 1 - female)):
                both = age_share * sex_share
                share |= {f"{who}-{sex}-{age_name}": both * w for who, w in zip(ETHNICITIES, people, strict=True)}
                for m, m_share in zip(BUILDS, hats(muscle, 3, -1, 1), strict=True):
                    for w, w_share in zip(BUILDS, hats(weight, 3, -1, 1), strict=True):
                        share[f"universal-{sex}-{age_name}-{m}muscle-{w}weight"] = both * m_share * w_share
        ranges = {"hand-fingers-diameter": (-0.4, 1.0), "hand-fingers-length": (-0.6, 0.8)}
        for name in (*HAND_TARGETS, *ARM_TARGETS):
            value = rng.uniform(*ranges.get(name, (-0.6, 0.6)))
            share[f"{name}-{'incr' if value > 0 else 'decr'}"] = abs(value)
        shaped = self.assets.vertices.copy()
        for name, amount in share.items():
            if amount > 0.01:
                shaped += np.float32(amount) * self.assets.targets[self.targets[name]]
        result: Floats = shaped.astype(np.float64)
        return result


def hats(value: float, count: int, low: float, high: float) -> Floats:
    """Shares (count,) of evenly spaced knots low..high in a value, by linear interpolation; they sum to 1."""
    place = np.clip((value - low) / (high - low), 0, 1) * (count - 1)
    result: Floats = np.clip(1 - np.abs(np.arange(count) - place), 0, None)
    return result
