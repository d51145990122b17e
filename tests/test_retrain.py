from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from conftest import draw_crops
from toy import toy_config, toy_task

from gesture_app.errors import EnvironmentFault, InputError
from gesture_app.vision.assets import models_folder, shipped_folder
from gesture_app.vision.classifier import GestureClassifier
from gesture_app.vision.images import read_image
from gesture_app.vision.model_folders import copy_networks, default_weights, shipped_weights
from gesture_app.vision.model_info import KINDS, ModelInfo, load_info, load_model, save_model
from gesture_app.vision.recognizer import Recognizer
from training import comparison
from training import retrain as retrain_module
from training.collection import Picture
from training.comparison import Outcome, Reordered, kept_names, look_alikes, macro_f1, verdict
from training.fit import fit
from training.retrain import RetrainConfig, install, recipe, retrain, train_anew
from training.run import Task
from training.signals import StopSignal
from training.train_classifier import ClassifierConfig, with_outputs

KNOWN = ("like", "fist", "no_gesture")


pytestmark = pytest.mark.usefixtures("own_folder")


@pytest.fixture
def small(monkeypatch, no_curves) -> None:
    """Both networks at a fraction of the input shape they come with, and no curves: both take long."""
    shapes = {"classifier": (48, 48), "detector": (96, 128)}
    original, load = retrain_module.load_info, Recognizer.load

    def shrunk(path: Path) -> ModelInfo:
        info = original(path)
        return replace(info, input_hw=shapes[info.kind])

    def quick(*words: object, **options: str) -> Recognizer:
        recognizer = load(*words, **options)
        recognizer.detector_info = replace(recognizer.detector_info, input_hw=shapes["detector"])
        return recognizer

    monkeypatch.setattr(retrain_module, "load_info", shrunk)
    monkeypatch.setattr(Recognizer, "load", quick)
    monkeypatch.setattr(retrain_module, "demo_hands", lambda folder, recognizer: [])


@pytest.fixture
def shapes(tmp_path: Path) -> Path:
    """Ten crops each of two gestures that no weights know."""
    return draw_crops(tmp_path / "mine", ("disc", "tile"))


def test_own_gestures_are_learnt_reported_and_installed(
    shapes: Path, tmp_path: Path, monkeypatch, capsys, small
) -> None:
    quick = {"samples": 32, "batch_size": 8, "epochs": 3, "freeze_epochs": 1, "learning_rate": 8e-3}
    usual = recipe(20, 0)
    monkeypatch.setattr(retrain_module, "recipe", lambda hands, epochs, kept: usual | quick)
    output = tmp_path / "out"
    config = RetrainConfig(data=shapes, output=output, progress_json=True, device="cpu", workers=0)
    result = retrain(config)
    told = capsys.readouterr()
    lines = [json.loads(line) for line in told.out.splitlines()]
    looks, lines = lines[:21], lines[21:]
    assert looks == [{"looked_at": number, "pictures": 20} for number in (*range(1, 21), 20)]
    assert f"{models_folder() / 'Retrained'}: annotate and benchmark use it until the folder is deleted" in told.err
    assert [line["epoch"] for line in lines[:-1]] == [1, 2, 3]
    assert all(line["stage"] == "classifier" and line["epochs"] == 3 and line["loss"] > 0 for line in lines[:-1])
    assert lines[-1] == result and result["done"] and result["better"] and result["installed"]
    assert result["macro_f1"] > 0.7 and "before_macro_f1" not in result and result["improved"] == ["classifier"]

    info = load_info(output / "classifier.safetensors")
    assert info.labels == ("disc", "tile", "no_gesture", "background") and info.input_hw == (48, 48) and info.mirror
    page = (output / "report.html").read_text()
    assert "Better than chance: " in page and "(the model before knows none of these gestures)" in page
    assert "no_gesture" in page and page.count("<figure") == 4
    assert "<th>named right</th>" in page and "<td>tile</td><td>8</td><td>2</td><td>1.000</td>" in page
    assert result["weak"] == {}
    assert default_weights() == models_folder() / "Retrained"
    recognizer = Recognizer.load(default_weights(), "cpu", runtime="torch")
    assert recognizer.labels == info.labels[:-1]
    image = read_image(shapes / "disc" / "disc9.png")
    odds = recognizer.classify_boxes(image, np.array([[0, 0, 40, 48]], np.float32))[0]
    assert info.handedness == load_info(shipped_weights("classifier")).handedness
    assert len(odds) == 3 + info.handedness and 0.5 < odds[:3].sum() <= 1.0001
    # The same command again trains nothing: it is finished.
    assert retrain(config)["macro_f1"] == result["macro_f1"]
    assert '"epoch"' not in capsys.readouterr().out


def test_another_model_is_gone_on_with_and_what_it_knows_is_kept(
    shapes: Path, tmp_path: Path, monkeypatch, small
) -> None:
    base, model = tmp_path / "base", GestureClassifier(2)
    with torch.no_grad():
        model.network.fc.bias[0] = -100  # it names no hand heart
    info = ModelInfo("classifier", "resnet18d", ("heart", "no_gesture"), (48, 48), mirror=False)
    save_model(base / "classifier.safetensors", model, info)
    copy_networks([base / "classifier.safetensors", shipped_weights("detector")], base)
    quick = {"samples": 8, "batch_size": 8, "epochs": 1, "freeze": "backbone"}
    monkeypatch.setattr(retrain_module, "recipe", lambda hands, epochs, kept: quick)
    output = tmp_path / "out"
    config = RetrainConfig(data=shapes, output=output, base=base, keep=True, install=False, device="cpu", workers=0)
    result = retrain(config)
    info = load_info(output / "classifier.safetensors")
    assert info.labels == ("heart", "disc", "tile", "no_gesture") and not info.mirror
    trained = load_model(output / "classifier.safetensors", "classifier")[0]
    assert trained.network.fc.bias[0] < -90 and "before_macro_f1" not in result
    with pytest.raises(InputError, match="not a folder"):
        retrain(replace(config, base=tmp_path / "nowhere"))
    with pytest.raises(InputError, match="is --base, with which the new weights are compared"):
        retrain(replace(config, output=base))
    monkeypatch.chdir(shapes)
    for inside in (shapes / "runs", Path("runs/x"), Path()):
        with pytest.raises(InputError, match="lies in --data, where the next run"):
            retrain(replace(config, data=Path(), output=inside))
    with pytest.raises(EnvironmentFault, match=r"^--output .*out/classifier.json/report.html: cannot be written"):
        retrain(replace(config, output=output / "classifier.json"))
    info = json.loads((base / "detector.json").read_text())
    (base / "detector.json").write_text(json.dumps({**info, "labels": ["fist"]}))
    with pytest.raises(InputError, match="its detector tells fist"):
        retrain(config)


@pytest.mark.parametrize(
    ("names", "mirror", "sides", "expected"),
    [
        (("disc", "tile"), True, ("right",), "mirrored, side learnt"),
        (("disc", "tile"), False, ("right",), "not mirrored, side kept"),  # of one side alone none can be learnt
        (("disc", "tile"), False, ("left", "right"), "not mirrored, side learnt"),
        (("point-left", "Point Right"), True, ("right",), "not mirrored, side kept"),
        (("point-left", "Point Right"), False, (), "not mirrored, side kept"),
    ],
)
def test_pictures_whose_mirror_images_show_other_gestures_are_not_mirrored(
    shapes: Path, monkeypatch, capsys, small, names, mirror, sides, expected
) -> None:
    def build(options: ClassifierConfig, device, pictures, absent: tuple[str, ...], alike) -> Task:
        kept = "(right hand)" in absent
        assert any(p.sides for p in pictures[0]) is not kept
        raise InputError(f"{'' if options.mirror else 'not '}mirrored, side {'kept' if kept else 'learnt'}")

    monkeypatch.setattr(retrain_module.train_classifier, "build", build)
    monkeypatch.setattr(retrain_module, "look_alikes", lambda *_: {})
    rows = [f"disc{number},{side}" for number, side in enumerate(sides)]
    (shapes / "index.csv").write_text("\n".join(["uuid,side", *rows]))
    for before, name in zip(("disc", "tile"), names, strict=True):
        (shapes / before).rename(shapes / name)
    output = shapes.parent / "out"
    config = RetrainConfig(data=shapes, output=output, mirror=mirror, progress_json=True, device="cpu")
    with pytest.raises(InputError, match=f"^{expected}$"):
        retrain(config)
    told = "point-left and Point Right are mirror images of each other" in capsys.readouterr().out
    assert told == (mirror and expected.startswith("not"))


@pytest.mark.parametrize(
    ("changes", "epochs"),
    [
        ({}, [2, 3]),
        ({"path": "others"}, [1, 2, 3]),
        ({"label": "palm"}, [1, 2, 3]),  # the same pictures, in other folders
        ({"path": "others", "seed": 4}, [1, 2, 3]),
        ({"weight_decay": 0.1}, [1, 2, 3]),  # by another version's recipe
    ],
)
def test_an_interrupted_training_goes_on_unless_pictures_or_recipe_have_changed(
    tmp_path: Path, changes: dict, epochs: list[int], capsys, no_curves
) -> None:
    def interrupted(row: dict[str, float]) -> None:
        raise KeyboardInterrupt

    def task(path: str = "some", label: str = "fist", **changes: object) -> Task:
        built = toy_task(toy_config(tmp_path / "w.safetensors", resume=True, preflight=False, **changes))
        return replace(built, pictures=[Picture(Path(path), ((0, 0, 1, 1),), (label,), "train")])

    with pytest.raises(KeyboardInterrupt):
        fit(task(), interrupted)
    seen: list[int] = []
    with StopSignal() as stop:
        with pytest.raises(InputError, match=r"seed was 3, is 4, weight_decay was 0\.05, is 0\.1\. Give"):
            train_anew(task(seed=4, weight_decay=0.1), interrupted, stop)
        train_anew(task(**changes), lambda row: seen.append(int(row["epoch"])), stop)
    assert seen == epochs
    told = "The pictures or the options have changed: training begins anew." in capsys.readouterr().out
    assert told == bool(changes)


def test_weights_for_other_classes_keep_what_they_know() -> None:
    model, info = load_model(shipped_weights("classifier"), "classifier")
    images = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    changed = with_outputs(model, info.labels, ("vulcan", "thumb", "like", "no_gesture"), {"thumb": "like"}).eval()
    with torch.no_grad():
        before, after = model(images), changed(images)
        like, nothing = info.labels.index("like"), info.labels.index("no_gesture")
        reordered = Reordered(model, [None, like, like, nothing])(images)
    assert torch.allclose(after[:, 1], before[:, like], atol=1e-4)
    assert torch.allclose(after[:, 1:], reordered[:, 1:], atol=1e-4) and (reordered[:, 0] < -1e3).all()


def test_many_pictures_have_another_recipe() -> None:
    few, many = recipe(100, 0), recipe(50_000, 0)
    assert few["samples"] == 300 and "samples" not in many and few["epochs"] > many["epochs"]
    assert recipe(100, 3)["epochs"] == 3
    assert "freeze" not in few
    for hands in (100, 50_000):
        kept = recipe(hands, 0, ["fist"])
        assert (kept["freeze"], kept["freeze_epochs"], kept["early_rate"]) == ("backbone", 0, 1.0)


def outcome(
    score: tuple[float, float | None],
    recalls: dict[str, float],
    new: tuple[str, ...] = (),
    kept: float | None = None,
) -> Outcome:
    return Outcome("classifier", score, {"per_class": {name: {"recall": r} for name, r in recalls.items()}}, new, kept)


@pytest.mark.parametrize(
    ("found", "better", "words"),
    [
        (outcome((0.9, 0.8), {"like": 0.9}), True, "Better than the model before: classifier macro-F1 0.900"),
        (outcome((0.7, 0.8), {"like": 0.9}), False, "Not better than the model before"),
        (outcome((0.8, 0.8), {"like": 0.9}), False, "As good as the model before: classifier macro-F1 0.800"),
        (
            outcome((1.0, 1.0), {"like": 1}),
            False,
            "As good as the model before, which names all held-out pictures right: ",
        ),
        (outcome((1.0, 1.0), {"like": 1}, (), 0.5), False, "Not better than the model before"),
        (outcome((1.0, 1.0), {"like": 1, "a": 0.1}, ("a",)), False, "Not better than the model before"),
        (outcome((0.3, None), dict.fromkeys("abc", 1 / 3), ("a", "b", "c")), False, "Not better than chance"),
        (outcome((0.3, None), dict.fromkeys("abc", 0.7), ("a", "b", "c")), True, "Better than chance"),
        (outcome((0.9, None), {"a": 0.7}, ("a",)), False, "a named right 0.700 (by chance 0.500, needed 0.750)"),
        (
            outcome((0.9, None), {"a": 1.0, "b": 1.0, "c": 1.0, "d": 0.0}, ("a", "b", "c", "d")),
            False,
            "named right 0.750 (by chance 0.250, needed 0.625), of these d 0.000 (each needed 0.438)",
        ),
        (outcome((0.9, None), {"a": 1.0, "b": 0.6}, ("a", "b")), False, "of these b 0.600 (each needed 0.625)"),
        (outcome((0.9, None), {"a": 1.0, "b": 0.7}, ("a", "b")), True, "of these b 0.700 (each needed 0.625)"),
        (outcome((0.78, 0.8), {"like": 0.8, "a": 0.8}, ("a",)), True, "Better than the model before"),
        (outcome((0.7, 0.8), {"like": 0.8, "a": 1.0}, ("a",)), False, "(before 0.800), a named right 1.000"),
        (outcome((0.9, 0.8), {"like": 0.8, "a": 0.6}, ("a",)), False, "needed 0.750"),
        (
            outcome((1.0, None), {"a": 1.0, "b": 1.0}, ("a", "b"), 0.1),
            False,
            "named as before 0.100 (needed 0.900)",
        ),
        (outcome((1.0, None), {"a": 1.0, "b": 1.0}, ("a", "b"), 0.95), True, "Better than chance"),
        (outcome((0.9, 0.8), {"like": 0.9}, (), 0.5), False, "Not better than the model before"),
        # What is needed is enough.
        (outcome((0.9, None), {"a": 0.75}, ("a",)), True, "a named right 0.750 (by chance 0.500, needed 0.750)."),
        (outcome((0.9, None), {"a": 1.0, "b": 0.625}, ("a", "b")), True, "of these b 0.625 (each needed 0.625)"),
        (outcome((0.75, 0.8), {"like": 0.8, "a": 0.8}, ("a",)), True, "Better than the model before"),
        (outcome((0.9, 0.8), {"like": 0.9}, (), 0.9), True, "named as before 0.900 (needed 0.900)"),
        (outcome((1.0, None), {"like": 1.0}), False, "Not better than chance"),
    ],
    ids=str,
)
def test_what_is_better(found: Outcome, better: bool, words: str) -> None:
    assert found.better == better and words in verdict([found])


@pytest.mark.parametrize(
    ("classifier", "detector", "words"),
    [
        ((0.8, 0.8), (1.0, 1.0), "As good as the model before: classifier"),
        ((1.0, 1.0), (0.7, 0.7), "As good as the model before, which names all held-out pictures right: classifier"),
        ((1.0, 1.0), (0.6, 0.7), "Not better than the model before: classifier"),
        ((1.0, 1.0), (0.8, 0.7), "Better than the model before: classifier"),
    ],
)
def test_what_is_said_of_both_networks(classifier, detector, words) -> None:
    assert verdict([outcome(classifier, {"like": 0.9}), Outcome("detector", detector, {})]).startswith(words)


def crop(folder: Path, *labels: str) -> list[Picture]:
    path = folder / "grey.png"
    cv2.imwrite(str(path), np.full((40, 40, 3), 128, np.uint8))
    return [Picture(path, ((0, 0, 1, 1),), (label,), "val", is_crop=True) for label in labels]


@pytest.mark.parametrize(
    ("rows", "beside", "expected"),
    [
        ([[0, 9, 1, 0], [5, 5, 0, 0]], (), {"thumb": "like"}),
        ([[0, 9, 1, 0], [1, 0, 9, 0]], (), {"thumb": "like", "b": "fist"}),
        ([[0, 9, 1, 0], [1, 0, 9, 0]], ("like",), {"b": "fist"}),
        ([[0, 7, 3, 0], [0, 0, 0, 9]], (), {}),
        ([[0, 0, 0, 0], [0, 0, 0, 0]], (), {}),
    ],
)
def test_other_names_of_known_gestures_are_seen(tmp_path, monkeypatch, rows, beside, expected) -> None:
    every = ("?", "like", "fist", "no_gesture")
    monkeypatch.setattr(comparison, "confusion_of", lambda *_: (every, rows))
    weights = tmp_path / "c.safetensors"
    save_model(weights, GestureClassifier(3), ModelInfo("classifier", "resnet18d", KNOWN, (48, 48)))
    own = ("thumb", "b", *beside)
    assert look_alikes(crop(tmp_path, *own), own, weights, torch.device("cpu")) == expected
    assert look_alikes(crop(tmp_path, "like"), ("like",), weights, torch.device("cpu")) == {}
    assert look_alikes(crop(tmp_path, "like"), ("like", "b"), weights, torch.device("cpu")) == {}, "no hand shows b"


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ((), None),
        (("background",), 1),
        (("background", "like", "like"), 1 / 3),
        (("background", "background", "like"), 0.5),
        (("vulcan",), None),
    ],
)
def test_how_many_names_are_kept(tmp_path, labels, expected) -> None:
    assert kept_names(crop(tmp_path, *labels), shipped_weights("classifier"), torch.device("cpu")) == expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [(("a", "b", "c"), (0.8 + 0.4 + 2 / 3) / 3), (("a",), 0.8), (("a", "b"), (0.8 + 0.4) / 2), (("c",), 1.0)],
)
def test_names_are_compared_on_their_own_hands(names, expected) -> None:
    confusion = [[2, 0, 1, 0], [0, 1, 3, 0], [0, 0, 4, 0], [0, 0, 0, 0]]
    assert macro_f1(confusion, ("a", "b", "c", "d"), names) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("classifier", "detector", "force", "new"),
    [
        ((0.9, 0.8), (0.5, 0.6), False, {"classifier"}),
        ((0.7, 0.8), (0.7, 0.6), False, {"detector"}),
        ((0.7, 0.8), (0.5, 0.6), True, {"classifier", "detector"}),
    ],
)
@pytest.mark.parametrize("own_base", [False, True])
def test_what_is_better_is_installed_and_the_rest_is_the_base(
    tmp_path, classifier, detector, force, new, own_base
) -> None:
    output = tmp_path / "out"
    output.mkdir()
    for kind in ("classifier", "detector"):
        for suffix in (".safetensors", ".json"):
            (output / f"{kind}{suffix}").write_text(f"new {kind}")
    outcomes = [Outcome("classifier", classifier, {}), Outcome("detector", detector, {})]
    base = tmp_path / "base" if own_base else None
    if base is not None:
        copy_networks(map(shipped_weights, KINDS), base)
        for kind in KINDS:
            (base / f"{kind}.json").write_text(f"own {kind}")
    config = RetrainConfig(data=tmp_path, output=output, base=base, force=force)
    folder = install(config, outcomes)
    install(config, outcomes)  # a second time over the first
    assert sorted(p.name for p in folder.parent.iterdir()) == ["Retrained"]
    for kind in ("classifier", "detector"):
        expected = output if kind in new else base or shipped_folder()
        for suffix in (".safetensors", ".json"):
            assert (folder / f"{kind}{suffix}").read_bytes() == (expected / f"{kind}{suffix}").read_bytes()


def test_the_detector_is_trained_where_boxes_are(hagrid_root: Path, tmp_path: Path, monkeypatch, small) -> None:
    monkeypatch.setattr(retrain_module, "FEWEST_FRAMES", 8)
    monkeypatch.setattr(retrain_module, "FEWEST_HELD", 2)
    monkeypatch.setattr("training.own_pictures.FEWEST", 3)
    monkeypatch.setattr(
        retrain_module,
        "recipe",
        lambda hands, epochs, kept: {"samples": 8, "batch_size": 8, "epochs": 1, "freeze": "backbone"},
    )
    result = retrain(RetrainConfig(data=hagrid_root, output=tmp_path / "out", epochs=1, device="cpu", workers=0))
    assert 0 <= result["ap50"] <= 1 and 0 <= result["before_ap50"] <= 1
    assert (tmp_path / "out" / "detector.safetensors").is_file()
    assert "hands: AP50" in (tmp_path / "out" / "report.html").read_text()
