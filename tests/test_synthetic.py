"""The renderer of labelled hands: kinematics, z-buffer, labels, files.

What needs MakeHuman's body reads it from ../shared/data/makehuman or the user's cache and is skipped without it.
"""

from __future__ import annotations

import json
import multiprocessing
import signal
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba", reason="rendering needs the extra `synthetic`")

from gesture_app.errors import InputError
from gesture_app.vision.labels import HAGRID_GESTURES, HAGRID_LABELS, NO_GESTURE
from training import sets
from training.synthetic import write
from training.synthetic.arm import find_arm, identity_bones, landmarks, skin
from training.synthetic.assets import MESH_FILE, data_folder, load_assets, read_mesh, read_target
from training.synthetic.body import MIRROR, BodyModel, hats
from training.synthetic.config import SynthesizeConfig
from training.synthetic.detail import paint_hands
from training.synthetic.gestures import CURLED, GESTURES, LOOSE, STRAIGHT, draw_hand, draw_view
from training.synthetic.hand import RestHand, bend_thumb, reach_with_thumb, rest_hand
from training.synthetic.photo import draw_background, take_picture
from training.synthetic.raster import FAR, rasterize, vertex_normals
from training.synthetic.render import Renderer
from training.synthetic.rotations import frame, shortest, turn, twist, yaw_pitch_roll
from training.synthetic.scene import Camera, draw_person
from training.synthetic.things import held_thing, prism
from training.synthetic.write import body_source, jobs_of, synthesize

SHARED = Path(__file__).parents[2] / "shared" / "data" / "makehuman" / "makehuman-hands.zip"


@pytest.fixture(scope="session")
def source() -> Path:
    found = next((p for p in (SHARED, body_source(SynthesizeConfig(Path("unused")))) if p.exists()), None)
    if found is None:
        pytest.skip("MakeHuman's body is not here: `gesture-train download makehuman`")
    return found


@pytest.fixture(scope="session")
def model(source: Path) -> BodyModel:
    return BodyModel(load_assets(source))


@pytest.fixture(scope="session")
def hand(model: BodyModel) -> RestHand:
    return rest_hand(model.joints(model.vertices), "R")


# ---- rotations


@pytest.mark.parametrize(
    ("yaw", "pitch", "roll", "point", "expected"),
    [
        (0, 0, 0, (1, 2, 3), (1, 2, 3)),
        (90, 0, 0, (0, 0, 1), (1, 0, 0)),
        (0, 90, 0, (0, 1, 0), (0, 0, 1)),
        (0, 0, 90, (1, 0, 0), (0, 1, 0)),
        (90, 0, 90, (1, 0, 0), (0, 1, 0)),
    ],
)
def test_yaw_pitch_roll(yaw: float, pitch: float, roll: float, point: tuple[float, ...], expected: object) -> None:
    np.testing.assert_allclose(yaw_pitch_roll(yaw, pitch, roll) @ point, expected, atol=1e-12)


def test_rotations_are_rotations() -> None:
    rng = np.random.default_rng(0)
    a, b = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in rng.normal(size=(2, 20, 3)))
    angles = rng.uniform(-3, 3, 20)
    turns = turn(a, angles)
    for rotation in (turns, shortest(a, b), frame(a, b)):
        np.testing.assert_allclose(rotation @ np.swapaxes(rotation, 1, 2), np.tile(np.eye(3), (20, 1, 1)), atol=1e-12)
        np.testing.assert_allclose(np.linalg.det(rotation), 1)
    np.testing.assert_allclose(np.einsum("nij,nj->ni", shortest(a, b), a), b, atol=1e-12)
    np.testing.assert_allclose(twist(turns, a), angles, atol=1e-12)
    assert turn(a[:0], angles[:0]).shape == (0, 3, 3)


# ---- z-buffer

NEAR_TRIANGLE = [(1.0, 7.0, 2.0), (7.0, 7.0, 2.0), (1.0, 1.0, 2.0)]
FAR_TRIANGLE = [(0.0, 8.0, 4.0), (8.0, 8.0, 4.0), (0.0, 0.0, 4.0)]


def test_z_buffer_of_known_triangles() -> None:
    points = np.array(FAR_TRIANGLE + NEAR_TRIANGLE)
    triangles = np.array([(0, 1, 2), (3, 4, 5), (5, 4, 3)], np.int32)
    buffer = rasterize(points, triangles, np.ones(3, np.bool_), (8, 8))
    assert buffer.triangle[6, 1] == 1 and buffer.depth[6, 1] == 2  # the nearer one, drawn second
    assert buffer.triangle[7, 0] == 0 and buffer.depth[7, 0] == 4
    assert (buffer.triangle != 2).all()  # looks away
    assert buffer.triangle[0, 7] == -1 and buffer.depth[0, 7] == FAR
    swapped = rasterize(points, triangles[[1, 0, 2]], np.ones(3, np.bool_), (8, 8))
    np.testing.assert_array_equal(buffer.depth, swapped.depth)
    hidden = rasterize(points, triangles, np.array((True, False, False)), (8, 8))
    assert set(np.unique(hidden.triangle)) == {-1, 0}


@pytest.mark.parametrize("count", [0, 1])
def test_z_buffer_of_nothing(count: int) -> None:
    behind = np.array([(x, y, -z) for x, y, z in NEAR_TRIANGLE])
    buffer = rasterize(behind, np.array([(0, 1, 2)] * count, np.int32).reshape(-1, 3), np.ones(count, np.bool_), (4, 4))
    assert (buffer.triangle == -1).all()


def test_corner_shares_are_perspective() -> None:
    points = np.array([(0.0, 8.0, 1.0), (8.0, 8.0, 3.0), (0.0, 0.0, 1.0)])
    buffer = rasterize(points, np.array([(0, 1, 2)], np.int32), np.ones(1, np.bool_), (8, 8))
    seen = buffer.triangle == 0
    corner0 = 1 - buffer.corner1 - buffer.corner2
    depth = corner0 * 1 + buffer.corner1 * 3 + buffer.corner2 * 1
    np.testing.assert_allclose(depth[seen], buffer.depth[seen], rtol=1e-5)
    assert seen.sum() == 28 + 8


def test_normals_point_outwards() -> None:
    corners = np.array([(x, y, z) for x in (0.0, 1) for y in (0.0, 1) for z in (0.0, 1)])
    octahedron = np.concatenate((np.eye(3), -np.eye(3)))
    sides = [(0, 1, 2), (1, 3, 2), (3, 4, 2), (4, 0, 2), (1, 0, 5), (3, 1, 5), (4, 3, 5), (0, 4, 5)]
    np.testing.assert_allclose(vertex_normals(octahedron, np.array(sides, np.int32)), octahedron, atol=1e-12)
    assert vertex_normals(corners, np.zeros((0, 3), np.int32)).shape == (8, 3)


# ---- camera and picture


def test_camera_projects_and_cuts() -> None:
    camera = Camera(np.eye(3), np.array((0.0, 0, 10)), 100, (50, 40), (80, 100))
    points = np.array(((0.0, 0, 0), (1, 2, 0), (1, 2, 5)))
    np.testing.assert_allclose(camera.project(points), ((50, 40, 10), (60, 20, 10), (70, 0, 5)))
    part = camera.cut(40, 10, 40, 80)
    np.testing.assert_allclose(part.project(points)[:2, :2], ((20, 60), (40, 20)))
    assert camera.scaled(2).size_hw == (160, 200)


@pytest.mark.parametrize("size_hw", [(512, 384), (40, 64), (3, 2)])
def test_backgrounds_without_photographs(size_hw: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    for _ in range(4):
        image = take_picture(draw_background((), size_hw, rng), rng)
        assert image.shape == (*size_hw, 3) and image.dtype == np.uint8


@pytest.mark.parametrize(("value", "expected"), [(0, (1, 0, 0)), (0.5, (0.5, 0.5, 0)), (2, (0, 0, 1)), (9, (0, 0, 1))])
def test_hats(value: float, expected: tuple[float, ...]) -> None:
    np.testing.assert_allclose(hats(value, 3, 0, 2), expected)


# ---- reading the body


def test_read_mesh_and_target() -> None:
    text = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nvt 1 1\ng joint-x\nf 1/1 2/1 3/1\ng body\nf 1/1 2/2 3/1 4/2\n"
    vertices, triangles, uv, parts = read_mesh(text)
    assert vertices.shape == (4, 3) and triangles.tolist() == [[0, 1, 2], [0, 2, 3]] and parts.tolist() == [0, 0]
    np.testing.assert_array_equal(uv[0], ((0, 0), (1, 1), (0, 0)))
    np.testing.assert_allclose(read_target("# made\n1 .5 -1 2\n", 3), ((0, 0, 0), (0.5, -1, 2), (0, 0, 0)))
    assert not read_target("", 2).any()


@pytest.mark.parametrize("kind", ["missing", "not a zip", "empty folder"])
def test_unusable_body(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "body"
    if kind == "not a zip":
        path.write_bytes(b"no")
    elif kind == "empty folder":
        path.mkdir()
    with pytest.raises(InputError, match="body"):
        load_assets(path)


@pytest.mark.parametrize("around", ["", "data/", "makehuman-master/makehuman/data/"])
def test_the_files_are_found_in_a_zip_whatever_lies_around_them(around: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "body.zip", "w") as archive:
        archive.writestr("makehuman-master/notes/data/base.txt", "")
        archive.writestr(f"{around}{MESH_FILE}", "v 0 0 0")
    assert (data_folder(tmp_path / "body.zip") / MESH_FILE).read_text() == "v 0 0 0"


def test_weights_are_shares(model: BodyModel) -> None:
    np.testing.assert_allclose(model.assets.weights.sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(model.influence_weights.sum(1), 1)


# ---- kinematics


def test_identity_pose_is_the_rest_mesh(model: BodyModel) -> None:
    posed = skin(model.vertices, model.influence_bones, model.influence_weights, identity_bones(model))
    np.testing.assert_allclose(posed, model.vertices, atol=1e-9)


def test_hands_are_found_on_both_sides(model: BodyModel) -> None:
    for number, sign in ((1, -1), (2, 1)):
        points = model.vertices[model.triangles[model.hand_triangles == number].ravel()]
        assert len(points) > 5000 and (np.sign(points[:, 0]) == sign).all()


def test_left_is_the_mirror_of_right(model: BodyModel) -> None:
    joints = model.joints(model.vertices)
    hands = [rest_hand(joints, side) for side in "RL"]
    np.testing.assert_allclose(hands[0].joints, hands[1].joints, atol=2e-3)
    shown = []
    for hand in hands:
        rng = np.random.default_rng(4)
        pose = draw_hand("peace", hand, rng)
        wrist = joints.head(f"upperarm01.{hand.side}") * MIRROR[hand.side] + (-0.5, 0.5, 2.5)
        arm = find_arm(joints, hand, lambda wrist=wrist: (wrist, np.eye(3)), rng)
        assert arm is not None
        shown.append(landmarks(arm, pose, hand.side))
    np.testing.assert_allclose(shown[0] * MIRROR["L"], shown[1], atol=0.02)


def test_unreachable_place_has_no_arm(model: BodyModel, hand: RestHand) -> None:
    joints = model.joints(model.vertices)
    rng = np.random.default_rng(0)
    assert find_arm(joints, hand, lambda: (np.array((0.0, 50, 0)), np.eye(3)), rng, tries=3) is None


def test_bones_keep_their_length(hand: RestHand) -> None:
    rng = np.random.default_rng(1)
    for label in HAGRID_LABELS:
        pose = draw_hand(label, hand, rng)
        np.testing.assert_allclose(np.linalg.norm(np.diff(pose.joints, axis=1), axis=-1), hand.lengths, atol=1e-9)


@pytest.mark.parametrize("label", HAGRID_GESTURES)
def test_fingertips_are_where_the_gesture_has_them(label: str, hand: RestHand) -> None:
    rng = np.random.default_rng(2)
    straight_reach = hand.lengths[1:].sum(1)
    for _ in range(6):
        pose = draw_hand(label, hand, rng)
        reach = np.linalg.norm(pose.joints[1:, 3] - pose.joints[1:, 0], axis=1) / straight_reach
        for angles, share in zip(GESTURES[label].fingers, reach, strict=True):
            if angles in (CURLED, LOOSE):
                assert share < 0.68
            elif angles == STRAIGHT:
                assert share > 0.85
        gap = np.linalg.norm(pose.joints[0, 3] - pose.joints[1, 3])
        assert (gap < 0.22) == (label == "ok") or label in ("fist", "like", "dislike", "call", "four", "stop")
        if GESTURES[label].parallel:
            tips = pose.joints[1:, 3][[a == STRAIGHT for a in GESTURES[label].fingers]]
            assert (np.linalg.norm(np.diff(tips, axis=0), axis=1) < 0.45).all()
        if label in ("palm", "three2", "call"):
            assert pose.joints[0, 3, 0] > pose.joints[1, 0, 0] + 0.2  # the thumb stands out


@pytest.mark.parametrize(
    ("view", "column", "axis", "sign"),
    [
        ("palm", 2, 2, 1),
        ("back", 2, 2, -1),
        ("palm", 1, 1, 1),
        ("back", 1, 1, 1),
        ("like", 0, 1, 1),
        ("dislike", 0, 1, -1),
    ],
)
def test_views_turn_the_hand(view: str, column: int, axis: int, sign: int) -> None:
    rng = np.random.default_rng(3)
    drawn = [sign * draw_view(view, rng)[axis, column] for _ in range(50)]  # type: ignore[arg-type]
    assert np.median(drawn) > 0.8


def test_thumb_reaches_a_point_it_can(hand: RestHand) -> None:
    rng = np.random.default_rng(5)
    target = bend_thumb(hand, np.array((30.0, 40, 20, 25, 30)))[1][3]
    found, miss = reach_with_thumb(hand, target, rng)
    assert miss < 0.05
    np.testing.assert_allclose(bend_thumb(hand, found)[1][3], target, atol=0.05)


def test_people_differ(model: BodyModel) -> None:
    shapes = [model.shape(np.random.default_rng(i)) for i in range(4)]
    heights = {round(float(np.ptp(shape[:, 1])), 2) for shape in shapes}
    assert len(heights) == 4 and all(9 < h < 22 for h in heights)


def volume(points: np.ndarray, triangles: np.ndarray) -> float:
    a, b, c = (points[triangles[:, i]] for i in range(3))
    return float((a * np.cross(b, c)).sum() / 6)


@pytest.mark.parametrize("palm", [np.eye(3), np.diag((-1.0, 1, 1))])
def test_held_things_are_not_inside_out(palm: np.ndarray) -> None:
    points, triangles = prism()
    assert volume(points, triangles) > 4
    placed = held_thing(np.zeros(3), palm, np.random.default_rng(0))
    assert volume(placed, triangles) > 0.02
    assert 0.5 < placed[:, 1].mean() < 1.4  # in the fingers' reach


def test_details_are_on_the_hands(model: BodyModel) -> None:
    picture = paint_hands(model, 256)
    palm, crease, nail = ((picture[..., i] > 128).sum() for i in range(3))
    assert palm > crease > 20 and 5 < nail < palm / 4


# ---- pictures


@pytest.fixture(scope="session")
def rendered(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("rendered") / "set"
    config = SynthesizeConfig(out, frames=3, crops=6, seed=3, makehuman=source, workers=1, sheet=out.parent / "s.png")
    assert synthesize(config)["pictures"] == 9
    return out


def test_landmarks_are_in_the_boxes(model: BodyModel) -> None:
    renderer = Renderer(model)
    rng = np.random.default_rng(6)
    person = draw_person(model, rng)
    for label in ("palm", "mute", NO_GESTURE):
        picture = renderer.crop(label, person, rng)
        (hand,) = picture.hands
        left, top, right, bottom = hand.box_xyxy
        slack = 0.06 * max(right - left, bottom - top)
        assert hand.label == label and hand.visible > 0.6
        inside = (hand.landmarks_px > (left - slack, top - slack)) & (
            hand.landmarks_px < (right + slack, bottom + slack)
        )
        assert inside.all(1).sum() >= 19
        assert picture.image.std() > 3
        assert max(right - left, bottom - top) > 0.4 * picture.image.shape[0]


def test_our_reader_reads_it(rendered: Path) -> None:
    frames = sets.read(rendered / "frames", HAGRID_LABELS)
    crops = sets.read(rendered / "crops", HAGRID_LABELS)
    assert len(frames.pictures) == 3 and len(crops.pictures) == 6
    assert not frames.skipped and not crops.skipped
    assert {p.split for p in frames.pictures} == {"train"}
    assert all(p.true_boxes and not p.is_crop for p in frames.pictures)
    assert all(len(p.labels) == 1 for p in crops.pictures)
    for file in rendered.glob("*/ann_train_val/*.json"):
        for entry in json.loads(file.read_text()).values():
            assert np.shape(entry["landmarks"])[1:] == (21, 2) or not entry["bboxes"]
            assert entry["labels"][:1] in ([file.stem], [])
    assert {side for p in [*frames.pictures, *crops.pictures] for side in p.sides} == {"left", "right"}
    assert all(len(p.sides) == len(p.labels) for p in [*frames.pictures, *crops.pictures])


def test_same_seed_same_bytes(rendered: Path, source: Path, tmp_path: Path) -> None:
    config = SynthesizeConfig(tmp_path / "again", frames=3, crops=6, seed=3, makehuman=source, workers=2)
    synthesize(config)
    names = sorted(p.relative_to(rendered) for p in rendered.rglob("*") if p.is_file())
    assert len(names) > 9
    assert names == sorted(p.relative_to(config.out) for p in config.out.rglob("*") if p.is_file())
    for name in names:
        assert (rendered / name).read_bytes() == (config.out / name).read_bytes()


def test_contact_sheet(rendered: Path) -> None:
    assert (rendered.parent / "s.png").stat().st_size > 10_000


def test_jobs_cover_all_pictures() -> None:
    assert jobs_of("frames", 0) == []
    covered = [i for job in jobs_of("frames", 10) for i in range(job.first, job.last)]
    assert covered == list(range(10))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "nothing to render"),
        ({"frames": -1, "crops": 3}, "nothing to render"),
        ({"frames": 1, "labels": ("wave",)}, "unknown gestures: wave"),
        ({"frames": 1, "labels": ()}, "unknown gestures"),
        ({"frames": 1, "backgrounds": Path("nowhere")}, "cannot read pictures: nowhere"),
        ({"frames": 1, "makehuman": Path("nowhere")}, "no MakeHuman body"),
        ({"crops": 1}, "will not overwrite"),
        ({"frames": 1, "sheet": Path("s.gif")}, "a sheet is"),
    ],
)
def test_bad_commands(options: dict[str, object], message: str, tmp_path: Path) -> None:
    (tmp_path / "crops").mkdir()
    with pytest.raises(InputError, match=message):
        synthesize(SynthesizeConfig(tmp_path, **options))  # type: ignore[arg-type]
    assert not (tmp_path / "frames").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux only")
def test_workers_end_when_the_pool_does(monkeypatch) -> None:
    monkeypatch.setattr(write, "MAKERS", [None])
    before = signal.signal(signal.SIGTERM, lambda *_: None)  # as the program's own, which the workers inherit
    try:
        with multiprocessing.get_context("fork").Pool(1, write.start_worker, (None,)) as pool:
            assert pool.apply(signal.getsignal, (signal.SIGTERM,)) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, before)
