from __future__ import annotations

import pytest
import torch
from torch.nn.functional import max_pool2d
from torch.utils.flop_counter import FlopCounterMode

from gesture_app.vision import postprocess
from gesture_app.vision.yolox import SIZES, Focus, SPPBottleneck, build_yolox, cell_grid, decode_boxes, load_matching


@pytest.mark.parametrize(
    ("size", "classes", "millions"),
    [  # the counts of Megvii's release
        ("nano", 80, 0.91),
        ("tiny", 80, 5.06),
        ("tiny", 19, 5.04),
        ("s", 80, 8.97),
        ("m", 80, 25.33),
        ("l", 80, 54.21),
        ("x", 80, 99.07),
    ],
)
def test_parameters(size: str, classes: int, millions: float) -> None:
    with torch.device("meta"):
        model = build_yolox(size, classes)
    assert round(sum(p.numel() for p in model.parameters()) / 1e6, 2) == millions


def test_multiply_accumulates() -> None:
    model = build_yolox("tiny", 19).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, 3, 256, 256))
    assert round(counter.get_total_flops() / 2e9, 3) == 1.206


@pytest.mark.parametrize(
    ("name", "shape"),
    [  # as printed by the release's yolox_tiny.pth, and of a depthwise layer by yolox_nano.pth
        ("backbone.backbone.stem.conv.conv.weight", (24, 12, 3, 3)),
        ("backbone.backbone.dark2.1.m.0.conv2.conv.weight", (24, 24, 3, 3)),
        ("backbone.backbone.dark5.1.conv2.conv.weight", (384, 768, 1, 1)),
        ("backbone.lateral_conv0.bn.running_var", (192,)),
        ("backbone.C3_n4.conv3.conv.weight", (384, 384, 1, 1)),
        ("backbone.bu_conv2.conv.weight", (96, 96, 3, 3)),
        ("head.cls_convs.0.0.conv.weight", (96, 96, 3, 3)),
        ("head.stems.2.conv.weight", (96, 384, 1, 1)),
        ("head.cls_preds.2.weight", (80, 96, 1, 1)),
        ("head.reg_preds.1.bias", (4,)),
        ("head.obj_preds.0.weight", (1, 96, 1, 1)),
        ("backbone.bu_conv2.dconv.conv.weight", (64, 1, 3, 3)),
    ],
)
def test_names_of_the_release(name: str, shape: tuple[int, ...]) -> None:
    with torch.device("meta"):
        state = build_yolox("nano" if "dconv" in name else "tiny", 80).state_dict()
    assert tuple(state[name].shape) == shape


@pytest.mark.parametrize("size_hw", [(64, 96), (96, 64)])
def test_output_is_the_same_kind_in_train_and_eval(size_hw: tuple[int, int]) -> None:
    model = build_yolox("nano", 3)
    images = torch.randint(0, 256, (2, 3, *size_hw), dtype=torch.uint8)
    shape = (2, sum(size_hw[0] // s * (size_hw[1] // s) for s in (8, 16, 32)), 8)
    assert model.train()(images).shape == shape
    assert model.eval()(images).shape == shape


def test_focus_is_a_convolution_over_blocks_of_pixels() -> None:
    focus = Focus(3, 8, 3).eval()
    image = torch.randint(0, 256, (2, 3, 22, 34)).float()
    # The release's order: top-left, bottom-left, top-right, bottom-right.
    blocks = (image[..., ::2, ::2], image[..., 1::2, ::2], image[..., ::2, 1::2], image[..., 1::2, 1::2])
    expected = focus.conv(torch.cat(blocks, dim=1)).detach().numpy()
    assert focus(image).detach().numpy() == pytest.approx(expected, abs=1e-3)


def test_chained_pools_are_the_pools_of_5_9_and_13() -> None:
    block = SPPBottleneck(8, 8).eval()
    seen = []
    block.conv2.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    image = torch.randn(1, 8, 9, 30)
    block(image)
    x = block.conv1(image)
    pools = [max_pool2d(x, size, stride=1, padding=size // 2) for size in (5, 9, 13)]
    assert torch.equal(seen[0], torch.cat((x, *pools), dim=1))


def test_decoding_equals_the_engine_s() -> None:
    raw = torch.randn(sum(64 // s * (96 // s) for s in (8, 16, 32)), 6)
    expected = postprocess.decode_boxes(raw.numpy(), *postprocess.cell_grid((64, 96)))
    assert decode_boxes(raw, *cell_grid((64, 96))).numpy() == pytest.approx(expected, rel=1e-5, abs=1e-4)


def test_checkpoint_with_other_classes_loads_all_but_the_class_layers() -> None:
    source, target = build_yolox("nano", 80), build_yolox("nano", 1)
    own = target.head.cls_preds[0].weight.clone()
    skipped = load_matching(target, source.state_dict())
    assert sorted(skipped) == [f"head.cls_preds.{i}.{kind}" for i in range(3) for kind in ("bias", "weight")]
    assert torch.equal(target.head.cls_preds[0].weight, own)
    assert torch.equal(target.head.obj_preds[1].weight, source.head.obj_preds[1].weight)
    assert load_matching(build_yolox("nano", 80), source.state_dict()) == []


@pytest.mark.parametrize("change", ["missing", "unknown", "reshaped", "prefixed"])
def test_any_other_mismatch_is_an_error(change: str) -> None:
    state = dict(build_yolox("nano", 1).state_dict())
    name = "backbone.C3_p3.conv1.conv.weight"
    if change == "missing":
        del state[name]
    elif change == "unknown":
        state["extra"] = torch.zeros(1)
    elif change == "reshaped":
        state[name] = torch.zeros(3)
    else:
        state = {f"module.{key}": value for key, value in state.items()}
    with pytest.raises(ValueError, match="parameters do not fit"):
        load_matching(build_yolox("nano", 1), state)


def test_unknown_size() -> None:
    with pytest.raises(ValueError, match=", ".join(SIZES)):
        build_yolox("huge", 1)
