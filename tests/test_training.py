"""The training programs from data to weights, on drawn pictures."""

from __future__ import annotations

import ast
import inspect
import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
import toy
from networks import Malicious

from gesture_app.errors import InputError
from gesture_app.vision.atomic import write_table
from gesture_app.vision.classifier import GestureClassifier
from gesture_app.vision.hands import RecognizerOptions
from gesture_app.vision.images import read_image
from gesture_app.vision.labels import HAGRID_LABELS
from gesture_app.vision.model_folders import shipped_weights
from gesture_app.vision.model_info import ModelInfo, load_info, load_model, save_model
from gesture_app.vision.recognizer import Recognizer
from gesture_app.vision.yolox import build_yolox
from training import train_classifier, train_detector
from training.__main__ import main as start
from training.benchmark import BenchmarkConfig
from training.checkpoint import RunFolder
from training.cli import RUN, EvaluateConfig, evaluate, main, train
from training.evaluate import AP_BY_SIZE
from training.options import TrainingConfig, require_ranges
from training.pseudo_label import PseudoLabelConfig
from training.quantize import QuantizeConfig
from training.sets import read_all
from training.splits import write_splits
from training.train_classifier import (
    SIDE_WEIGHT,
    ClassifierConfig,
    ClassifierLoss,
    build_crops,
    initial_classifier,
    progressive_side,
    read_pictures,
    side_loss,
)
from training.train_detector import DetectorConfig, build_frames, initial_detector, read_release

LABELS = ("fist", "palm")


def detector_config(root: Path, output: Path, **changes: object) -> DetectorConfig:
    fields = {
        "data": (root,),
        "yolox": "nano",
        "output": output,
        "input_hw": (96, 128),
        "window": 96,
        "whole_epochs": 1,
        "epochs": 2,
        "batch_size": 2,
        "device": "cpu",
        "workers": 0,
    }
    return DetectorConfig(**{**fields, **changes})


def classifier_config(root: Path, output: Path, **changes: object) -> ClassifierConfig:
    fields = {
        "data": (root,),
        "labels": LABELS,
        "output": output,
        "pretrained": False,
        "size": 48,
        "start_size": 32,
        "epochs": 2,
        "batch_size": 8,
        "device": "cpu",
        "workers": 0,
    }
    return ClassifierConfig(**{**fields, **changes})


pytestmark = pytest.mark.usefixtures("no_curves")


@pytest.mark.timeout(600)
def test_a_tiny_run_overfits_drawn_data_and_the_app_runs_it(
    hagrid_root: Path, crops_root: Path, tmp_path: Path
) -> None:
    weights = tmp_path / "weights"
    # Without a list of splits every tenth picture is held out; here the few drawn ones are all needed for both.
    crops_root.joinpath("index.csv").write_text(
        "uuid,split\n" + "".join(f"{n}{i},{'val' if i > 6 else 'train'}\n" for n in LABELS for i in range(10))
    )
    best = train(classifier_config(crops_root, weights / "classifier.safetensors", epochs=4, samples=40))
    assert best["macro_f1"] == 1.0
    best = train(
        detector_config(
            hagrid_root, weights / "detector.safetensors", init=shipped_weights("detector"), yolox="tiny",
            epochs=8, whole_epochs=3, learning_rate=1e-3,
        )
    )  # fmt: skip
    assert best["ap50"] >= 0.5
    info = load_info(weights / "detector.safetensors")
    assert info.labels == ("hand",) and info.metrics["ap50"] == best["ap50"]
    assert not AP_BY_SIZE.keys() & info.metrics.keys(), "it saw smaller pictures"
    assert info.trained["started"] == "from detector.safetensors"

    recognizer = Recognizer.load(weights, "cpu", RecognizerOptions(0.1, 0.0, 1), runtime="torch")
    named = 0
    for path in sorted(hagrid_root.glob("frames/*/*.jpg")):
        hands = recognizer(read_image(path))
        named += bool(hands) and path.name.startswith(hands[0].label)
    assert named >= 5

    metrics = evaluate(EvaluateConfig("detector", (hagrid_root,), weights / "detector.safetensors", "val", workers=0))
    assert metrics["ap50"] == pytest.approx(best["ap50"], abs=0.1) and metrics["frames"] == 2
    assert AP_BY_SIZE.keys() & metrics.keys()
    metrics = evaluate(EvaluateConfig("frames", (hagrid_root,), weights, runtime="torch"))
    assert metrics["frames"] == 8 and metrics["named"] + metrics["empty"] <= 1
    assert set(metrics["per_class"]) == set(LABELS)
    for model in ("frames", "clips"):
        with pytest.raises(InputError, match="nothing to recognize"):
            evaluate(EvaluateConfig(model, (hagrid_root,), weights, "test", runtime="torch"))
    dark = evaluate(EvaluateConfig("frames", (hagrid_root,), weights, runtime="torch", condition="dark"))
    assert dark["frames"] == 8 and dark["named"] <= metrics["named"]
    metrics = evaluate(
        EvaluateConfig("classifier", (crops_root,), weights / "classifier.safetensors", "val", workers=0)
    )
    assert metrics["top1"] == 1.0 and metrics["crops"] == 6


def test_backgrounds_lie_in_folders_too_and_hard_classes_are_known(hagrid_root: Path, tmp_path: Path) -> None:
    kitchen = tmp_path / "rooms" / "kitchen"
    kitchen.mkdir(parents=True)
    config = detector_config(hagrid_root, tmp_path / "d.safetensors", backgrounds=kitchen.parent)
    with pytest.raises(InputError, match=r"no picture: .*rooms: --backgrounds"):
        build_frames(config)
    shutil.copy(next(hagrid_root.rglob("*.jpg")), kitchen)
    config = replace(config, hard_classes=("Fist",))
    frames, _ = build_frames(config)
    assert [path.parent for path in frames.variation.backgrounds] == [kitchen]
    assert frames.variation.hard_classes == ["fist"]
    assert len(frames) == len(build_frames(replace(config, hard_classes=()))[0]) + 3
    with pytest.raises(InputError, match=r"--hard-classes cal: no such gesture\. The names are fist, palm"):
        build_frames(replace(config, hard_classes=("fist", "cal")))


def test_hands_learn_from_gestures_of_any_name_but_not_from_background(
    hagrid_root: Path, crops_root: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    shutil.copytree(crops_root, own)
    for old, new in (("fist", "Two Up"), ("palm", "Background")):
        (own / old).rename(own / new)
    config = detector_config(hagrid_root, tmp_path / "d.safetensors", crops=(own,), hard_classes=("two-up",))
    pasted = build_frames(config)[0].variation
    assert {p.labels for p in pasted.crops} == {("Two Up",)} and pasted.hard_classes == ["Two Up"]
    hands = [{"bbox": [0.1, 0.1, 0.5, 0.5]}]
    write_table(own / "index.csv", ("uuid", "split"), ((p.stem, "train") for p in own.rglob("*.png")), "splits")
    (own / "boxes.json").write_text(json.dumps({p.stem: hands for p in own.rglob("*.png") if p.stem != "fist0"}))
    frames, _ = build_frames(detector_config(hagrid_root, tmp_path / "d.safetensors", data=(hagrid_root, own)))
    assert sum(p.labels == ("two_up",) for p in frames.pictures) == 9 and len(frames) == 6 + 9
    save_model(config.output, build_yolox("nano", 1), ModelInfo("detector", "yolox-nano", ("hand",), (96, 128)))
    annotations = hagrid_root / "ann_train_val" / "fist.json"
    (hagrid_root / "frames" / "train_val_fist").rename(hagrid_root / "frames" / "horns")
    annotations.rename(annotations.with_name("horns.json"))
    metrics = evaluate(EvaluateConfig("detector", (hagrid_root,), config.output, workers=0))
    assert metrics["frames"] == 8


def test_a_detector_is_not_measured_on_boxes_that_nobody_drew(crops_root: Path, tmp_path: Path) -> None:
    hands, paths = [{"bbox": [0.1, 0.1, 0.5, 0.5]}], sorted(crops_root.rglob("*.png"))
    (crops_root / "boxes.json").write_text(json.dumps({path.stem: hands for path in paths}))
    config, rows = detector_config(crops_root, tmp_path / "d.safetensors"), [(p.stem, "true") for p in paths]
    with pytest.raises(InputError, match=r"training frames, 0 validation frames: \d held-out .* a program .*`boxes`"):
        build_frames(config)
    write_table(crops_root / "index.csv", ("uuid", "boxes"), rows, "the index")
    assert sum(map(len, build_frames(config))) == 20


def test_detector_with_gesture_classes(hagrid_root: Path, tmp_path: Path, capsys) -> None:
    annotations = hagrid_root / "ann_train_val" / "fist.json"
    annotations.write_text(annotations.read_text().replace('"fist"', '"thumb_index2"'))  # which HaGRID's v1 lacks
    output = tmp_path / "gestures.safetensors"
    labels = ("thumb_index2", "palm")
    train(detector_config(hagrid_root, output, labels=labels, epochs=1))
    assert load_info(output).labels == labels
    told = capsys.readouterr().out
    assert "6 training frames, 2 validation frames\n" in told and ": all: " not in told
    config = detector_config(hagrid_root, output, labels=("palm", "like"))
    with pytest.raises(InputError, match="no training pictures of like"):
        build_frames(config)
    with pytest.raises(InputError, match=r"^0 training frames, 0 validation frames \(8 left out: .*--labels"):
        build_frames(replace(config, labels=("like", "call")))
    with pytest.raises(InputError, match="a single class is `hand`"):
        train_detector.build(replace(config, labels=("palm",)), torch.device("cpu"))
    save_model(output, build_yolox("nano", 2), ModelInfo("detector", "yolox-nano", ("palm", "like"), (96, 128)))
    metrics = evaluate(EvaluateConfig("detector", (hagrid_root,), output, workers=0))
    told = capsys.readouterr().out
    assert metrics["frames"] == 4 and "8 of 8 pictures are frames" in told and "; 4 left out: a hand without" in told


@pytest.mark.parametrize(("labels", "told"), [(("hand",), "6 training"), (("palm", "fist"), "5 training frames, 2")])
def test_frames_that_a_detector_of_gestures_leaves_out_are_told(
    hagrid_root: Path, tmp_path: Path, labels: tuple[str, ...], told: str, capsys
) -> None:
    annotations = hagrid_root / "ann_train_val" / "palm.json"
    annotations.write_text(annotations.read_text().replace('"palm"', '"ok?"', 1))
    build_frames(detector_config(hagrid_root, tmp_path / "d.safetensors", labels=labels))
    said = capsys.readouterr().out
    assert told in said and ("(1 left out: a hand without a known label)" in said) == (len(labels) > 1)


def test_starts_from_a_release_or_from_own_weights(tmp_path: Path, hagrid_root: Path) -> None:
    release = tmp_path / "yolox_nano.pth"
    torch.save({"start_epoch": 300, "model": build_yolox("nano", 80).state_dict(), "optimizer": {}}, release)
    config = detector_config(hagrid_root, tmp_path / "d.safetensors", init=release, epochs=1)
    model, start = initial_detector(config)
    assert start == "from yolox_nano.pth, with new class layers"
    state = read_release(release)
    assert torch.equal(model.head.stems[0].conv.weight, state["head.stems.0.conv.weight"])
    with pytest.raises(InputError, match="do not fit"):
        initial_detector(detector_config(hagrid_root, tmp_path, yolox="tiny", init=release))


@pytest.mark.parametrize("content", ["malicious", "text", "empty", "list", "missing"])
def test_a_bad_release_is_refused_and_never_run(tmp_path: Path, content: str) -> None:
    path = tmp_path / "bad.pth"
    if content == "malicious":
        torch.save({"model": Malicious()}, path)
    elif content == "list":
        torch.save([1, 2], path)
    elif content != "missing":
        path.write_text("no weights" if content == "text" else "")
    with pytest.raises(InputError, match="not a PyTorch checkpoint"):
        read_release(path)


def test_classifier_continues_from_weights(crops_root: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    save_model(first, GestureClassifier(2), ModelInfo("classifier", "resnet18d", LABELS, (48, 48)))
    train(classifier_config(crops_root, second, init=first, epochs=1))
    assert load_info(second).trained["started"] == "from first.safetensors"
    model, _ = load_model(first, "classifier")
    config = classifier_config(crops_root, first, init=first, labels=("palm", "wave", "fist"))
    turned, start = initial_classifier(config)
    assert start == "from first.safetensors: new to it are wave"
    assert torch.equal(turned.network.fc.weight[[2, 0]], model.network.fc.weight)


def test_what_initial_weights_know_and_the_new_ones_will_not_is_told(crops_root: Path, tmp_path: Path) -> None:
    first = tmp_path / "first.safetensors"
    known = ModelInfo("classifier", "resnet18d", (*LABELS, "call", "background"), (48, 48), handedness=True)
    save_model(first, GestureClassifier(5), known)
    config = classifier_config(crops_root, first, init=first)
    kept = "background (--background keeps it), left and right (--handedness keeps them)"
    assert initial_classifier(config)[1] == f"from first.safetensors: it forgets call, {kept}"
    config = replace(config, labels=(*LABELS, "wave", "background"), handedness=True)
    assert initial_classifier(config)[1] == "from first.safetensors: new to it are wave; it forgets call"
    save_model(first, GestureClassifier(2), ModelInfo("classifier", "resnet18d", LABELS, (48, 48), mirror=False))
    config = classifier_config(crops_root, first, init=first)
    assert initial_classifier(config)[1].endswith(": it learnt from no mirror images (--no-mirror keeps to that)")
    assert initial_classifier(replace(config, mirror=False))[1] == "from first.safetensors"


def test_sides_are_learnt_beside_the_classes(crops_root: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    model = GestureClassifier(2)
    save_model(first, model, ModelInfo("classifier", "resnet18d", LABELS, (48, 48)))
    config = classifier_config(crops_root, second, init=first, handedness=True, epochs=1, mixup=0.2)
    with pytest.raises(InputError, match="says which side"):
        train(config)
    rows = [f"{n}{i},{'val' if i > 6 else 'train'},{'right' if i % 2 else 'left'}" for n in LABELS for i in range(10)]
    (crops_root / "index.csv").write_text("\n".join(["uuid,split,side", *rows]))
    turned, start = initial_classifier(config)
    assert start == "from first.safetensors: new to it are (right hand)"
    assert torch.allclose(turned.network.fc.weight[:2], model.network.fc.weight, atol=1e-3)
    metrics = train(config)
    assert metrics["sides"] == 6 and 0 <= metrics["side_accuracy"] <= 1
    info = load_info(second)
    assert info.handedness and info.labels == LABELS
    assert "side_loss" in (tmp_path / "second" / "metrics.csv").read_text()
    metrics = evaluate(EvaluateConfig("classifier", (crops_root,), second, "val", workers=0))
    assert metrics["sides"] == 6


@pytest.mark.parametrize(("mirror", "refused"), [(True, ""), (False, "--handedness: .* of right hands alone")])
def test_one_side_is_enough_with_its_mirror_image(crops_root: Path, tmp_path: Path, mirror: bool, refused: str) -> None:
    (crops_root / "index.csv").write_text("uuid,side\nfist0,right\nfist1,right")
    config = classifier_config(crops_root, tmp_path / "c.safetensors", handedness=True, mirror=mirror)
    with pytest.raises(InputError, match=refused) if refused else nullcontext():
        read_pictures(config)


def test_a_set_that_holds_nothing_out_is_validated_on_a_fold(crops_root: Path, tmp_path: Path) -> None:
    rows = [f"{name}{i},train" for name in LABELS for i in range(10)]
    (crops_root / "index.csv").write_text("\n".join(["uuid,split", *rows]))
    config = classifier_config(crops_root, tmp_path / "c.safetensors")
    with pytest.raises(InputError, match=r"no validation pictures: .* --fold 0"):
        read_pictures(config)
    assert all(read_pictures(replace(config, fold=0)))


@pytest.mark.parametrize("mirror", [True, False])
def test_gestures_that_are_others_in_the_mirror(
    crops_root: Path, hagrid_root: Path, tmp_path: Path, capsys, mirror: bool
) -> None:
    labels = ("point_left", "point_right")
    for before, name in zip(LABELS, labels, strict=True):
        (crops_root / before).rename(crops_root / name)
    config = classifier_config(crops_root, tmp_path / "c.safetensors", labels=labels, mirror=mirror)
    frames = detector_config(hagrid_root, tmp_path / "d.safetensors", labels=LABELS, mirror=mirror)
    for task in (config.task(torch.device("cpu")), frames.task(torch.device("cpu"))):
        assert task.epoch(0).dataset.variation.mirror == task.info(1, {}).mirror == mirror
        assert {p.split for p in task.pictures} == {"train", "val"}, "by which a resumed run is known"
    assert ("point_left and point_right are mirror images" in capsys.readouterr().out) == mirror


def test_the_file_of_boxes_counts_in_both_splits(hagrid_root: Path, tmp_path: Path) -> None:
    folder = hagrid_root / "unboxed" / "palm"
    folder.mkdir(parents=True)
    for name in ("new-train", "new-val"):
        (folder / f"{name}.jpg").write_bytes((hagrid_root / "frames" / "train_val_palm" / "palm-0.jpg").read_bytes())
    with (hagrid_root / "index.csv").open("a") as index:
        index.write("new-train,palm,,false,train\nnew-val,palm,,false,val\n")
    boxes = tmp_path / "boxes.json"
    boxes.write_text(
        json.dumps({n: [{"bbox": [0.1, 0.1, 0.2, 0.2], "side": "left"}] for n in ("new-train", "new-val")})
    )
    config = classifier_config(hagrid_root, tmp_path / "c.safetensors", boxes=boxes)
    for pictures, name in zip(read_pictures(config), ("new-train", "new-val"), strict=True):
        assert [p.sides for p in pictures if p.path.stem.startswith("new")] == [("left",)]
        assert name in {p.path.stem for p in pictures}


def test_a_folder_named_twice_counts_twice_in_training_alone(crops_root: Path, tmp_path: Path) -> None:
    once, twice = (
        read_pictures(classifier_config(crops_root, tmp_path / "c.safetensors", data=(crops_root,) * times))
        for times in (1, 2)
    )
    assert [len(part) for part in twice] == [2 * len(once[0]), len(once[1])]


@pytest.mark.parametrize(("name", "varied"), [("standard", True), ("trivial", True), ("none", False)])
def test_crops_are_varied_unless_told_not_to(crops_root: Path, tmp_path: Path, name: str, varied: bool) -> None:
    config = classifier_config(crops_root, tmp_path / "c.safetensors", augmentation=name)
    crops, _ = build_crops(config, *read_pictures(config))
    first = crops[0][0]
    assert all(torch.equal(crops[0][0], first) for _ in range(5)) is not varied


@pytest.mark.parametrize("labels", [HAGRID_LABELS, LABELS])
def test_how_to_learn_other_names_is_told_where_none_were_given(
    hagrid_root: Path, tmp_path: Path, labels: tuple[str, ...], monkeypatch, capsys
) -> None:
    monkeypatch.setattr(train_classifier, "require_classes", lambda *_: None)
    annotations = hagrid_root / "ann_train_val" / "fist.json"
    annotations.write_text(annotations.read_text().replace('"fist"', '"thumb_index2"', 1))
    read_pictures(classifier_config(hagrid_root, tmp_path / "c.safetensors", labels=labels))
    assert ("with --labels to do so" in capsys.readouterr().out) == (labels == HAGRID_LABELS)


@pytest.mark.parametrize(
    ("logits", "sides", "expected"),
    [
        ([], [], 0.0),
        ([5.0, -5.0], [0, 0], 0.0),
        ([0.0], [1], 0.6931),
        ([0.0, 9.0], [-1, 0], 0.6931),
        ([40.0, -40.0], [1, -1], 0.0),
        ([40.0, 40.0], [1, -1], 20.0),
    ],
)
def test_side_loss(logits, sides, expected) -> None:
    outputs = torch.tensor(logits, requires_grad=True)
    loss = side_loss(outputs, torch.tensor(sides, dtype=torch.long))
    loss.backward()
    assert loss.item() == pytest.approx(SIDE_WEIGHT * expected, abs=1e-4)
    assert torch.isfinite(outputs.grad).all() and not outputs.grad[torch.tensor(sides, dtype=torch.long) == 0].any()


def test_the_side_of_hands_without_sides_is_kept_near_the_teachers() -> None:
    teacher, model = GestureClassifier(3), GestureClassifier(3)
    batch = (torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8), torch.tensor([0, 1, 0, 1]), torch.zeros(4))
    losses = ClassifierLoss(teacher=teacher, taught=((2, 2),), handedness=True)(model, batch)
    assert losses["side_loss"] == 0 and losses["keep_loss"] > 0
    assert losses["loss"].item() == pytest.approx(losses["class_loss"].item() + losses["keep_loss"].item(), rel=1e-5)
    assert set(ClassifierLoss()(GestureClassifier(2), batch)) == {"loss"}


def test_an_interrupted_detector_goes_on_bit_for_bit(hagrid_root: Path, tmp_path: Path, monkeypatch) -> None:
    options = {"epochs": 2, "mosaic": 0.5, "preflight": False}
    whole, parted = tmp_path / "whole.safetensors", tmp_path / "parted.safetensors"
    train(detector_config(hagrid_root, whole, **options))
    original, calls = train_detector.detector_step, []

    def interrupting(*args, **options):
        calls.append(True)
        if len(calls) == 2:
            toy.send(signal.SIGINT)
        return original(*args, **options)

    monkeypatch.setattr(train_detector, "detector_step", interrupting)
    with pytest.raises(KeyboardInterrupt):
        train(detector_config(hagrid_root, parted, **options))
    train(detector_config(hagrid_root, parted, resume=True, **options))
    states = [RunFolder(path).load() for path in (whole, parted)]
    assert all(torch.equal(value, states[1]["ema"][name]) for name, value in states[0]["ema"].items())
    assert (tmp_path / "parted" / "splits.csv").is_file()


@pytest.fixture
def program(monkeypatch, capsys):
    """`gesture-train` in this process: its exit code, standard output and standard error."""

    def run(*words: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["gesture-train", *map(str, words)])
        before = signal.getsignal(signal.SIGTERM)
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        signal.signal(signal.SIGTERM, before)
        return (int(ended.value.code or 0), *capsys.readouterr())

    return run


def test_evaluate_writes_json(crops_root: Path, tmp_path: Path, program) -> None:
    weights = tmp_path / "w.safetensors"
    save_model(weights, GestureClassifier(2), ModelInfo("classifier", "resnet18d", LABELS, (48, 48)))
    out, plot = tmp_path / "sub" / "metrics.json", tmp_path / "sub" / "confusion.png"
    code, told, errors = program(
        *("evaluate", "classifier", "--data", crops_root, "--weights", weights, "--json", out, "--workers", "0"),
        *("--plot", plot),
    )
    assert code == 0, errors
    out.unlink()
    os.mkfifo(pipe := tmp_path / "pipe.png")
    code, told, errors = program(
        *("evaluate", "classifier", "--data", crops_root, "--weights", weights, "--json", out, "--workers", "0"),
        *("--plot", pipe),
    )
    assert code == 3 and "top1" in told and out.is_file(), "what was measured is not lost"
    assert plot.read_bytes().startswith(b"\x89PNG")
    metrics = json.loads(out.read_text())
    assert {"top1", "macro_f1", "per_class", "confusion"} <= metrics.keys() and metrics["crops"] == 20
    assert "macro_f1" in told
    first, last = sorted(LABELS, key=lambda name: metrics["per_class"][name]["f1"])
    f1 = {name: metrics["per_class"][name]["f1"] for name in LABELS}
    assert f"worst        {first} {f1[first]:.3f}, {last} {f1[last]:.3f} (f1)" in told
    rows = [" ".join(str(row).replace("[", "[ ").replace("]", " ]").split()) for row in metrics["confusion"]]
    assert f"\n    {rows[0]},\n    {rows[1]}\n" in out.read_text()


def test_own_classes_are_measured_too(crops_root: Path, tmp_path: Path) -> None:
    (crops_root / "palm").rename(crops_root / "my own")
    weights = tmp_path / "w.safetensors"
    save_model(weights, GestureClassifier(2), ModelInfo("classifier", "resnet18d", ("fist", "my own"), (48, 48)))
    metrics = evaluate(EvaluateConfig("classifier", (crops_root,), weights, workers=0))
    assert metrics["crops"] == 20 and set(metrics["per_class"]) == {"fist", "my own"}


def test_what_a_list_of_splits_names_is_measured(crops_root: Path, tmp_path: Path) -> None:
    weights, listed = tmp_path / "w.safetensors", tmp_path / "splits.csv"
    save_model(weights, GestureClassifier(2), ModelInfo("classifier", "resnet18d", LABELS, (48, 48)))
    pictures = read_all((crops_root,), LABELS, None)[:5]
    write_splits(listed, [replace(p, split="val" if number < 3 else "train") for number, p in enumerate(pictures)])
    metrics = evaluate(EvaluateConfig("classifier", (crops_root,), weights, "val", splits=listed, workers=0))
    assert metrics["crops"] == 3


@pytest.mark.parametrize(
    ("model", "option"),
    [
        ("detector", {"condition": "dark"}),
        ("classifier", {"condition": "dim"}),
        ("detector", {"runtime": "onnx"}),
        ("frames", {"boxes": Path("missing.json")}),
        ("detector", {"boxes": Path("missing.json")}),
        ("frames", {"splits": Path("splits.csv")}),
        ("classifier", {"threshold": 0.9}),
        ("frames", {"plot": Path("confusion.png")}),
        ("detector", {"batch_size": 8}),
        ("clips", {"workers": 4}),
    ],
)
def test_options_that_do_nothing_are_refused(model, option: dict) -> None:
    with pytest.raises(InputError, match=f"--{next(iter(option)).replace('_', '-')}: does nothing for {model}"):
        evaluate(EvaluateConfig(model, (Path("nowhere"),), **option))


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"labels": ("fist",)}, "--labels fist: .* Name two"),
        ({"labels": ("fist",), "background": True}, "pictures of background: add some, or leave out --background"),
        ({"start_size": 72, "size": 48}, "--start-size 72: it grows to --size 48"),
        ({"start_size": 64, "size": 48}, ""),
        ({"batch_size": 1}, "--batch-size 1 --accumulate 1: a single picture of 32 pixels .*--freeze-norm"),
        ({"batch_size": 7, "accumulate": 3}, "--batch-size 7 --accumulate 3: "),
        ({"batch_size": 8, "accumulate": 3}, ""),
        ({"batch_size": 1, "freeze_norm": True}, ""),
        ({"batch_size": 1, "size": 64, "start_size": 40, "epochs": 3}, "a single picture of 32 pixels"),
        ({"batch_size": 1, "start_size": 48}, ""),
    ],
)
def test_options_that_do_not_go_together(crops_root: Path, tmp_path: Path, changes: dict, refused: str) -> None:
    config = classifier_config(crops_root, tmp_path / "c.safetensors", **changes)
    with pytest.raises(InputError, match=refused) if refused else nullcontext():
        train_classifier.build(config, torch.device("cpu"))


BACKBONE = {"freeze": "backbone"}


@pytest.mark.parametrize("configured", [classifier_config, detector_config])
@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({**BACKBONE, "freeze_epochs": 1}, "--freeze-epochs: --freeze backbone lets"),
        ({**BACKBONE, "early_rate": 0.1}, "--early-rate: --freeze backbone lets"),
        ({**BACKBONE, "freeze_epochs": 1, "early_rate": 0.1}, "--freeze-epochs: --freeze backbone lets"),
        ({"initial_weight": -0.1, "init": Path("w")}, "--initial-weight -0.1: it is from 0"),
        ({"initial_weight": 1.0, "init": Path("w")}, "--initial-weight 1.0: it is from 0"),
        ({"initial_weight": 0.5}, "needs --init"),
        ({"initial_weight": 0.5, "init": Path("x/../w.safetensors")}, "is --init"),
        ({"labels": ("fist", "palm", "Fist")}, "--labels fist palm Fist: a name comes twice"),
        *(({"output": Path(name)}, r"end in \.safetensors") for name in ("w", "w.pt", "w.v2")),
    ],
    ids=str,
)
def test_contradictions_are_told_before_data_is_read(tmp_path: Path, configured, changes: dict, refused: str) -> None:
    config = replace(configured(tmp_path / "nowhere", Path("w.safetensors")), **changes)
    with pytest.raises(InputError, match=refused):
        config.task(torch.device("cpu"))


@pytest.mark.parametrize(("start", "end"), [(64, 96), (32, 72), (72, 72), (100, 100), (96, 104), (48, 50), (64, 48)])
def test_the_last_epochs_have_the_size_that_was_asked_for(start: int, end: int) -> None:
    sides = [progressive_side(start, end, epoch, 8) for epoch in range(8)]
    assert sides[-2:] == [end, end] and progressive_side(start, end, 0, 1) == end
    assert sides == sorted(sides, reverse=start > end)


@pytest.mark.parametrize(
    "words",
    [
        ("pseudo-label", "--rooms", "nowhere", "--output", "nowhere-else"),
        ("detector", "--data", "tests", "--backgrounds", "nowhere"),
        ("evaluate", "classifier", "--data", "nowhere"),
        ("evaluate", "frames", "--data", "tests", "--runtime", "torch"),
        ("evaluate", "classifier", "--data", ".", "--weights", "nowhere.safetensors"),
        ("classifier", "--data", "nowhere", "--device", "cpu"),
        ("retrain", "--data", "nowhere", "--device", "cpu"),
        ("lr-find", "classifier", "--data", "nowhere", "--device", "cpu"),
        ("detector", "--data", "nowhere", "--input-hw", "100", "100"),
        ("detector",),
        ("nonsense",),
    ],
)
def test_bad_usage_exits_with_2_and_one_line(words, program) -> None:
    code, _, errors = program(*words)
    assert code == 2 and "Traceback" not in errors
    if "--data" in words:
        assert len(errors.strip().splitlines()) == 1
        assert errors.startswith("gesture-train: error: ")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("classifier", "--accumulate", "0"), "--accumulate 0: it is at least 1"),
        (("classifier", "--batch-size", "0"), "--batch-size 0: it is at least 1"),
        (("classifier", "--epochs", "0"), "--epochs 0: it is at least 1"),
        (("classifier", "--samples", "-5"), "--samples -5: it is at least 0"),
        (("classifier", "--label-smoothing", "2"), "--label-smoothing 2.0: it is from 0 to 1"),
        (("classifier", "--ema-decay", "1.5"), "--ema-decay 1.5: it is from 0 to 1"),
        (("classifier", "--mixup", "-1"), "--mixup -1.0: it is at least 0"),
        (("classifier", "--learning-rate", "nan"), "--learning-rate nan: it is at least 0"),
        (("classifier", "--size", "16"), "--size 16: it is at least 32"),
        (("detector", "--input-hw", "96", "0"), "--input-hw (96, 0): it is at least 32"),
        (("detector", "--mosaic", "2"), "--mosaic 2.0: it is from 0 to 1"),
        (("lr-find", "detector", "--seed", "-1"), "--seed -1: it is from 0 to"),
        (("evaluate", "classifier", "--workers", "-1"), "--workers -1: it is at least 0"),
        (("retrain", "--epochs", "-1"), "--epochs -1: it is at least 1"),
        (("evaluate", "classifier", "--json", "."), "--json .: is a folder"),
        (("evaluate", "classifier", "--plot", "."), "--plot .: is a folder"),
        (("lr-find", "detector", "--plot", "."), "--plot .: is a folder"),
    ],
)
def test_options_out_of_their_range_are_told_before_data_is_read(words, told, program) -> None:
    code, _, errors = program(*words, "--data", "nowhere")
    assert code == 2 and errors.startswith(f"gesture-train: error: {told}") and errors.count("\n") == 1


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (PseudoLabelConfig(Path("out"), min_score=80), "--min-score 80: it is from 0 to 1"),
        (PseudoLabelConfig(Path("out"), min_detection=-0.1), "--min-detection -0.1: it is from 0 to 1"),
        (QuantizeConfig(calibration_frames=-5), "--calibration-frames -5: it is at least 1"),
        (BenchmarkConfig(pictures=2), "--pictures 2: it is at least 4"),
    ],
)
def test_other_commands_have_ranges_too(config: object, told: str) -> None:
    with pytest.raises(InputError, match=told):
        require_ranges(config)


@pytest.mark.parametrize("config", [TrainingConfig, *RUN], ids=lambda config: config.__name__)
def test_every_option_has_a_line_of_help(config: type) -> None:
    (about,) = ast.parse(inspect.getsource(config)).body
    assert isinstance(about, ast.ClassDef)
    for option, text in pairwise([*about.body, ast.Pass()]):
        if isinstance(option, ast.AnnAssign) and ast.unparse(option.target) != "program":  # itself a command
            assert isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant), ast.unparse(option)


def test_ctrl_c_while_modules_load(tmp_path: Path) -> None:
    """Even by a module that makes an error of its own of it, as NumPy does."""
    package = tmp_path / "training"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(Path(inspect.getfile(start)).read_text())
    (package / "cli.py").write_text(
        "import os, signal\ntry:\n    os.kill(os.getpid(), signal.SIGINT)\n"
        "except KeyboardInterrupt as error:\n    raise ImportError from error\n"
    )
    command = [sys.executable, "-m", "training"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (130, "")
