"""From a posed person to a labelled picture."""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gesture_app.vision.hands import Box, Image
from training.synthetic.assets import HAIR
from training.synthetic.body import BodyModel
from training.synthetic.detail import paint_hands
from training.synthetic.look import Light, Look, draw_light
from training.synthetic.photo import compose, draw_background, take_picture
from training.synthetic.raster import Buffer, rasterize, vertex_normals
from training.synthetic.rotations import Floats, X, Y, unit
from training.synthetic.scene import (
    Camera,
    Person,
    Posed,
    ShownHand,
    aim_at_hand,
    draw_camera,
    draw_size,
    draw_turn,
    pose_person,
)
from training.synthetic.shade import THING, Shadow, Surface, shade
from training.synthetic.things import held_thing, prism

SUPERSAMPLING = 2
"""Samples a pixel in both directions, as the shader expects them."""
SHADOW_SIZE = 320
MIN_VISIBLE = 0.3
"""A hand of which less is seen gets no box."""
MIN_SHOWN = 0.7
"""Of the hand that shows the gesture at least this much is seen."""
TRIES = 40
CROP_MARGIN = 0.28
"""Of the longer side of a hand's box, around it on every side of a crop."""


@dataclass(frozen=True)
class LabelledHand:
    """A visible hand.

    Attributes:
        label: its class.
        side: R or L.
        box_xyxy: extent of its visible pixels.
        landmarks_px: (21, 2), columns and rows; hidden ones too.
        visible: share of its pixels that nothing hides and the picture does not cut off.
    """

    label: str
    side: str
    box_xyxy: Box
    landmarks_px: Floats
    visible: float


@dataclass(frozen=True)
class Labelled:
    """A picture, HWC uint8 BGR, and its visible hands, the one that shows the gesture first."""

    image: Image
    hands: tuple[LabelledHand, ...]


@dataclass(frozen=True)
class Shot:
    """A posed person in front of a camera."""

    person: Person
    posed: Posed
    camera: Camera
    shown: NDArray[np.bool_]


class Renderer:
    """Draws labelled pictures of one body model.

    Args:
        model: the body.
        backgrounds: photographs without people; walls are drawn where there are none.
    """

    def __init__(self, model: BodyModel, backgrounds: tuple[Path, ...] = ()) -> None:
        self.model, self.backgrounds = model, backgrounds
        self.detail = paint_hands(model)
        fields = np.stack(astuple(model.fields), 1)
        rest = model.joints(model.vertices)
        points, sides = prism()
        count = len(model.vertices)
        self.triangles = np.concatenate((model.triangles, sides + count, sides + (count + len(points))))
        self.parts = np.append(model.parts, np.full(2 * len(sides), THING, np.uint8))
        self.uv = np.concatenate((model.uv, np.zeros((2 * len(sides), 3, 2), np.float32)))
        self.rest = np.concatenate((model.vertices, points, points))
        self.fields = np.concatenate((fields, np.zeros((2 * len(points), fields.shape[1]))), dtype=np.float32)
        self.hand_triangles = np.append(model.hand_triangles, np.zeros(2 * len(sides) + 1, np.uint8))
        self.eyes = np.stack([rest.head("eye.R"), rest.head("eye.L")])

    def frame(self, label: str, person: Person, rng: np.random.Generator) -> Labelled:
        """A whole picture of a person who shows a class of HAGRID_LABELS."""
        for _ in range(TRIES):
            shot = self.draw_shot(label, person, rng)
            buffer = self.rasterize(shot)
            hands = self.label_hands(buffer, shot)
            if shows_first(hands, shot) and fits(hands[0], shot.camera):
                break
        return Labelled(self.photograph(buffer, shot, rng), tuple(hands))

    def crop(self, label: str, person: Person, rng: np.random.Generator) -> Labelled:
        """A square picture of the hand with some surroundings, in the size a camera would have had it."""
        for _ in range(TRIES):
            shot = self.draw_shot(label, person, rng)
            points = shot.camera.project(shot.posed.hands[0].landmarks)[:, :2]
            low, high = points.min(0), points.max(0)
            margin = (CROP_MARGIN + 0.1) * float((high - low).max())
            side = float((high - low).max()) + 2 * margin
            size = int(np.clip(side * np.exp(rng.normal(0.1, 0.25)), 48, 256))
            corner = (low + high) / 2 - side / 2
            shot = replace(shot, camera=shot.camera.cut(float(corner[0]), float(corner[1]), side, size))
            buffer = self.rasterize(shot)
            hands = self.label_hands(buffer, shot)
            if shows_first(hands, shot):
                break
        return Labelled(self.photograph(buffer, shot, rng), tuple(hands[:1]))

    def draw_shot(self, label: str, person: Person, rng: np.random.Generator) -> Shot:
        """Pose a person and put the camera."""
        sides = ["R", "L"] if rng.random() < 0.55 else ["L", "R"]
        other = rng.choice(("", label, "no_gesture"), p=(0.8, 0.05, 0.15)) if label != "mute" else ""
        posed = None
        while posed is None:
            turn = draw_turn(rng)
            posed = pose_person(self.model, person, (label, str(other)), sides, turn, rng)
        camera = aim_at_hand(draw_camera(posed, turn, draw_size(rng), rng), posed, rng)
        vertices = dress(self.model, posed.vertices, person.look, rng)
        things = [
            held_thing(hand.landmarks[0], hand.palm, rng) if hand.holding else np.zeros((len(prism()[0]), 3))
            for hand in posed.hands
        ]
        posed = replace(posed, vertices=np.concatenate((vertices, *things)))
        long_hair = rng.random() < 0.45 and person.look.hairline < 9
        shown = self.model.with_hair if long_hair else self.model.parts != HAIR
        of_thing = (len(self.triangles) - len(shown)) // 2
        shown = np.concatenate((shown, *(np.full(of_thing, hand.holding) for hand in posed.hands)))
        return Shot(person, posed, camera, shown)

    def rasterize(self, shot: Shot) -> Buffer:
        """Draw the visible triangles, `SUPERSAMPLING` times as fine as the picture."""
        finer = shot.camera.scaled(SUPERSAMPLING)
        return rasterize(finer.project(shot.posed.vertices), self.triangles, shot.shown, finer.size_hw)

    def label_hands(self, buffer: Buffer, shot: Shot) -> list[LabelledHand]:
        """Box and landmarks of every hand of which enough is seen."""
        kinds = self.hand_triangles[buffer.triangle]
        found = []
        for hand in shot.posed.hands:
            number = 1 if hand.side == "R" else 2
            rows, columns = np.nonzero(kinds == number)
            whole = self.whole_area(hand, shot)
            visible = len(rows) / max(whole, 1)
            if visible < MIN_VISIBLE or len(rows) < 60:
                continue
            box = np.array((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)) / SUPERSAMPLING
            points = shot.camera.project(hand.landmarks)[:, :2]
            x0, y0, x1, y1 = box.tolist()
            found.append(LabelledHand(hand.label, hand.side, (x0, y0, x1, y1), points, min(visible, 1.0)))
        return found

    def whole_area(self, hand: ShownHand, shot: Shot) -> int:
        """How many samples a hand would cover if nothing hid it and the picture went on beyond its edges."""
        number = 1 if hand.side == "R" else 2
        triangles = self.model.triangles[self.model.hand_triangles == number]
        points = shot.camera.scaled(SUPERSAMPLING).project(shot.posed.vertices)
        low = np.floor(points[triangles.ravel(), :2].min(0))
        high = np.ceil(points[triangles.ravel(), :2].max(0))
        width, height = (high - low).astype(int) + 1
        if points[triangles.ravel(), 2].min() < 0.4 or width * height > 4e6:
            return 1 << 30
        moved = points - np.append(low, 0)
        buffer = rasterize(moved, triangles, np.ones(len(triangles), np.bool_), (int(height), int(width)))
        return int((buffer.triangle >= 0).sum())

    def photograph(self, buffer: Buffer, shot: Shot, rng: np.random.Generator) -> Image:
        """Light the scene, lay it over a background, and take the picture."""
        camera = shot.camera
        background = draw_background(self.backgrounds, camera.size_hw, rng)
        middle = camera.size_hw[0] // 2
        light = draw_light(rng, background[:middle].mean((0, 1)), background[middle:].mean((0, 1)))
        points = camera.view(shot.posed.vertices)
        normals = vertex_normals(points, self.triangles)
        columns = np.concatenate((self.rest, points, normals, self.fields), 1, dtype=np.float32)
        surface = Surface(self.triangles, self.parts, columns, self.uv, self.detail, self.eyes)
        center = camera.view(shot.posed.hands[0].landmarks).mean(0)
        shadow = cast_shadow(points, self.triangles, shot.shown, center, light)
        picture = shade(buffer, surface, shot.person.look, light, shadow, camera.focal_px * SUPERSAMPLING)
        return take_picture(compose(picture, background, rng), rng)


def shows_first(hands: list[LabelledHand], shot: Shot) -> bool:
    """Whether enough is seen of the hand that shows the gesture."""
    return bool(hands) and hands[0].side == shot.posed.hands[0].side and hands[0].visible >= MIN_SHOWN


def fits(hand: LabelledHand, camera: Camera) -> bool:
    """Whether a hand keeps clear of the picture's border."""
    height, width = camera.size_hw
    left, top, right, bottom = hand.box_xyxy
    return left > 0 and top > 0 and right < width and bottom < height


def dress(model: BodyModel, vertices: Floats, look: Look, rng: np.random.Generator) -> Floats:
    """Vertices (V, 3) with clothes and hair lifted off the skin."""
    normals = vertex_normals(vertices, model.triangles)
    fields = model.fields
    sleeve_end = np.where(fields.side == 2, look.sleeve_left, look.sleeve_right)
    wide = rng.uniform(0.02, 0.2)
    on_arm = (fields.side > 0) & (fields.sleeve < sleeve_end)
    lift = np.where(on_arm, wide * np.clip(8 * (sleeve_end - fields.sleeve), 0.25, 1), 0)
    shirt = (fields.side == 0) & (fields.collar < look.neckline)
    lift = np.where(shirt, np.clip(2 * (look.neckline - fields.collar), 0.1, 1) * rng.uniform(0.04, 0.14), lift)
    hair = np.clip(2.2 * (fields.scalp - look.hairline), 0, 1) * rng.uniform(0.05, 0.3)
    result: Floats = vertices + normals * (lift + np.where(fields.side == 0, hair, 0))[:, None]
    return result


def cast_shadow(
    points: Floats, triangles: NDArray[np.int32], shown: NDArray[np.bool_], center: Floats, light: Light
) -> Shadow:
    """A parallel shadow map of the surroundings of a point; everything in the camera's axes."""
    reach = 3.2
    direction = np.array(light.key_direction)
    across = unit(np.cross(direction, Y if abs(direction[1]) < 0.9 else X))
    axes = np.stack((across, np.cross(across, direction), -direction))
    scale = SHADOW_SIZE / (2 * reach)
    matrix = np.column_stack((axes * ((scale,), (scale,), (1,)), np.zeros(3)))
    matrix[:, 3] = np.array((SHADOW_SIZE / 2, SHADOW_SIZE / 2, 50.0)) - matrix[:, :3] @ center
    seen = points @ matrix[:, :3].T + matrix[:, 3]
    near = shown & (np.abs(seen[triangles[:, 0], :2] - SHADOW_SIZE / 2) < SHADOW_SIZE).all(1)
    buffer = rasterize(seen, triangles, near, (SHADOW_SIZE, SHADOW_SIZE))
    return Shadow(buffer.depth, matrix, 0.05)
