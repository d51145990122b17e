from __future__ import annotations

import math
import pickle
from functools import partial

import pytest
import torch
from torch._dynamo.testing import CompileCounter

from gesture_app.vision.preprocess import GREY
from training import batch_augment
from training.batch_augment import (
    FRAME_CHANGES,
    POOR_CAMERA,
    BatchAugmentation,
    RandomChanges,
    dimmed,
    erased,
    luminance,
    moved,
    noisy,
    sampling_grid,
)


def test_every_picture_varies_in_its_own_way() -> None:
    one = torch.randint(0, 256, (1, 3, 32, 32), dtype=torch.uint8)
    views = BatchAugmentation()(one.expand(16, -1, -1, -1))
    assert views.shape == (16, 3, 32, 32) and views.dtype == torch.float32
    assert views.min() >= 0 and views.max() <= 255
    assert len({round(float(view.sum())) for view in views}) == 16
    assert not views.requires_grad


def test_the_hand_stays_in_the_picture_and_the_edge_is_grey() -> None:
    image = torch.full((64, 3, 48, 48), float(GREY))
    image[:, :, 12:36, 12:36] = 255
    views = BatchAugmentation()(image)
    bright = (views - views[:, :, :1, :1]).abs().amax(dim=1) > 20
    share = bright.float().mean(dim=(1, 2))
    assert (share > 0.1).all() and share.mean() > 0.2


def test_none_is_flipped() -> None:
    image = torch.full((200, 3, 32, 32), float(GREY))
    image[:, :, 12:20, 2:12] = 255
    views = BatchAugmentation()(image)
    left, right = views[..., :14].sum(dim=(1, 2, 3)), views[..., 18:].sum(dim=(1, 2, 3))
    assert (left > right).all()


@pytest.mark.parametrize("augment", [BatchAugmentation(), RandomChanges(FRAME_CHANGES)])
def test_a_forward_pass_in_bfloat16_does_not_coarsen_pictures(augment) -> None:
    images = torch.randint(0, 256, (64, 3, 32, 40), dtype=torch.uint8)
    views = []
    for lower in (False, True):
        torch.manual_seed(3)
        with torch.autocast("cpu", torch.bfloat16, enabled=lower):
            views.append(augment(images))
    assert views[1].dtype == torch.float32 and torch.equal(*views)


def test_colours_are_a_brightness_a_contrast_and_a_saturation(monkeypatch) -> None:
    image = torch.randint(60, 190, (1, 3, 8, 8)).float()
    monkeypatch.setattr(batch_augment, "sampling_grid", lambda draw, height, width: still(height, width))
    monkeypatch.setattr(batch_augment, "erased", lambda draw, height, width: torch.zeros(1, 1, 1, 1, dtype=torch.bool))
    torch.manual_seed(1)
    (view,) = BatchAugmentation()(image)
    torch.manual_seed(1)
    brightness, contrast, saturation, coloured = (float(torch.empty(1).uniform_(*r)) for r in COLOUR_RANGES)
    assert coloured > 0.05
    expected = image * brightness
    expected = expected.mean() + (expected - expected.mean()) * contrast
    grey = luminance(expected)
    (expected,) = (grey + (expected - grey) * saturation).clamp(0, 255)
    torch.testing.assert_close(view, expected, atol=1e-3, rtol=0)


COLOUR_RANGES = ((0.6, 1.4), (0.65, 1.35), (0.6, 1.4), (0, 1))


def still(height: int, width: int) -> torch.Tensor:
    """The grid of a view that is as the picture."""
    return torch.nn.functional.affine_grid(torch.eye(2, 3)[None], [1, 3, height, width], align_corners=False)


def test_a_sampling_grid_without_a_change_is_the_identity() -> None:
    middle = {-math.pi / 12: 0.0, 0.85: 1.0}
    grid = sampling_grid(lambda low, high: torch.full((2,), middle.get(low, 0.0)), 6, 9)
    image = torch.rand(2, 3, 6, 9)
    assert grid.shape == (2, 6, 9, 2)
    torch.testing.assert_close(torch.nn.functional.grid_sample(image, grid, align_corners=False), image)


def test_a_sampling_grid_is_that_of_an_affine_matrix() -> None:
    drawn = iter((0.2, 1.1, -0.05, 0.1, -0.12))
    grid = sampling_grid(lambda low, high: torch.full((1,), next(drawn)), 5, 8)
    cosine, sine = math.cos(0.2) * 1.1, math.sin(0.2) * 1.1
    matrix = torch.tensor([[[cosine, -0.05 - sine, 0.1], [sine, cosine, -0.12]]])
    torch.testing.assert_close(grid, torch.nn.functional.affine_grid(matrix, [1, 3, 5, 8], align_corners=False))


def test_no_pictures() -> None:
    assert BatchAugmentation()(torch.zeros(0, 3, 16, 16, dtype=torch.uint8)).shape == (0, 3, 16, 16)


def test_a_fifth_is_erased() -> None:
    places = erased(lambda low, high: torch.empty(1000).uniform_(low, high), 20, 30)
    assert places.shape == (1000, 1, 20, 30)
    assert 0.14 < places.any(dim=(1, 2, 3)).float().mean() < 0.26
    assert places.float().mean(dim=(1, 2, 3)).max() < 0.15


@pytest.mark.parametrize("change", [change for change, _ in FRAME_CHANGES])
def test_every_change_of_colour_keeps_shape_and_finite(change) -> None:
    pickle.dumps(change)  # loading processes that are not forked get it so
    images = torch.randint(0, 256, (3, 3, 24, 40)).float()
    images[1], images[2] = 0.0, 255.0
    changed = change(images)
    assert changed.shape == images.shape and changed.isfinite().all()
    assert not torch.equal(changed[0], images[0])


def test_frames_change_each_in_its_own_way_and_some_not_at_all() -> None:
    torch.manual_seed(0)
    images = torch.randint(0, 256, (64, 3, 16, 16), dtype=torch.uint8)
    before = images.clone()
    views = RandomChanges(FRAME_CHANGES)(images)
    assert torch.equal(images, before) and views.dtype == torch.float32
    assert views.min() >= 0 and views.max() <= 255
    same = (views == images).all(dim=(1, 2, 3))
    assert 3 <= int(same.sum()) <= 25


def test_a_dim_room_is_darker() -> None:
    images = torch.full((200, 3, 8, 8), 128.0)
    levels = dimmed(images).mean(dim=(1, 2, 3))
    assert levels.max() < 165 and levels.min() > 10 and levels.mean() < 100


def test_motion_keeps_light_and_smears_along_one_direction() -> None:
    images = torch.zeros(100, 3, 41, 41)
    images[:, :, 20, 20] = 255
    smeared = moved(images)
    assert torch.allclose(smeared.sum(dim=(2, 3)), torch.tensor(255.0), atol=0.1)
    reach = (smeared[:, 0] > 0.5).nonzero().sub(torch.tensor((0, 20, 20)))[:, 1:].abs().amax()
    assert 4 <= reach <= 5
    for one in smeared[:, 0]:
        y, x = (one > 0.5).nonzero().float().T
        spread = torch.linalg.eigvalsh(torch.cov(torch.stack((x, y)), aweights=one[one > 0.5]))
        assert spread[0] < 0.5
    flat = torch.full((4, 3, 20, 30), 77.0)
    assert torch.allclose(moved(flat), flat, atol=1e-3)


def test_noise_grows_with_light_in_linear_light() -> None:
    torch.manual_seed(0)
    dark, bright = (noisy(torch.full((300, 3, 16, 16), level)) for level in (25.0, 150.0))
    for views in (dark, bright):
        assert views.isfinite().all() and views.min() >= 0 and views.max() <= 255
    spread = ((bright / 255) ** 2.2).std(dim=(1, 2, 3)) / ((dark / 255) ** 2.2).std(dim=(1, 2, 3))
    assert spread.median() > 2
    strength = bright.std(dim=(1, 2, 3))
    assert strength.min() < 4 and 15 < strength.max() < 60


def test_poor_cameras_take_some_pictures_well() -> None:
    torch.manual_seed(0)
    images = torch.randint(0, 256, (200, 3, 24, 24)).float()
    same = (RandomChanges(POOR_CAMERA)(images) == images).all(dim=(1, 2, 3))
    assert 40 <= int(same.sum()) <= 100


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_pictures_come_back_as_they_lie(layout) -> None:
    images = torch.randint(0, 256, (5, 3, 16, 24), dtype=torch.uint8).contiguous(memory_format=layout)
    assert RandomChanges(FRAME_CHANGES)(images).is_contiguous(memory_format=layout)


def test_changes_are_compiled_once_for_any_number_of_pictures(monkeypatch) -> None:
    counter = CompileCounter()  # which runs what it is given as it is: no C++ compiler is needed
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=counter))
    changes = RandomChanges(((moved, 0.5), (dimmed, 0.5)))
    changes.compile()
    (motion, _), (dimness, _) = changes.changes
    assert motion is moved and dimness is not dimmed
    images = torch.full((9, 3, 16, 24), 128.0)
    for count in (9, 7, 5):
        views = changes(images[:count])
        assert views.shape == (count, 3, 16, 24) and views.min() >= 0 and views.max() < 165
    assert counter.frame_count == 1


def test_no_frames() -> None:
    assert RandomChanges(FRAME_CHANGES)(torch.zeros(0, 3, 16, 16, dtype=torch.uint8)).shape == (0, 3, 16, 16)
