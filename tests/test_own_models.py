"""Installing what a training has left behind."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from gesture_app.errors import EnvironmentFault, InputError
from gesture_app.own_models import count_pictures, file_name, free_folder, install_model, runs_folder
from gesture_app.vision.assets import assets_folder, models_folder
from gesture_app.vision.model_info import read_weights

SHIPPED = assets_folder() / "weights"
FILES = ["classifier.json", "classifier.safetensors", "detector.json", "detector.safetensors"]


pytestmark = pytest.mark.usefixtures("own_folder")


def trained(folder: Path, *kinds: str) -> Path:
    folder.mkdir()
    for kind in kinds:
        for suffix in (".safetensors", ".json"):
            shutil.copy(SHIPPED / f"{kind}{suffix}", folder)
    return folder


@pytest.mark.parametrize("kinds", [("classifier",), ("detector",), ("classifier", "detector")])
def test_a_model_is_whole(tmp_path, kinds):
    folder = install_model(trained(tmp_path / "run", *kinds), "Mine: a/b")
    assert folder == models_folder() / "Mine a b"
    quantized = [] if "detector" in kinds else ["detector.int8.safetensors"]
    quantized += [] if "classifier" in kinds else ["classifier.int8.safetensors"]
    assert sorted(path.name for path in folder.iterdir()) == sorted([*FILES, *quantized])
    read_weights(folder / "classifier.safetensors", "classifier")
    read_weights(folder / "detector.safetensors", "detector")
    assert [path.name for path in models_folder().iterdir()] == ["Mine a b"], "nothing else is left"


def test_what_was_not_trained_comes_from_the_model_in_use(tmp_path):
    base = trained(tmp_path / "base", "detector")
    info = (base / "detector.json").read_text()
    (base / "detector.json").write_text(info.replace('"yolox-tiny"', '"yolox-nano"'))
    folder = install_model(trained(tmp_path / "run", "classifier"), "x", base)
    assert "yolox-nano" in (folder / "detector.json").read_text()
    again = install_model(tmp_path / "run", "x", base)
    assert again.name == "x 2", "no model is replaced"


def test_only_the_networks_that_are_asked_for_are_taken(tmp_path):
    run = trained(tmp_path / "run", "classifier", "detector")
    for kind in ("classifier", "detector"):
        info = (run / f"{kind}.json").read_text()
        (run / f"{kind}.json").write_text(info.replace('"metrics": {', '"metrics": {"own": 1,'))
    folder = install_model(run, "x", kinds=("detector",))
    assert '"own"' in (folder / "detector.json").read_text()
    assert '"own"' not in (folder / "classifier.json").read_text()


def test_nothing_is_installed_of_damaged_weights(tmp_path):
    run = trained(tmp_path / "run", "classifier")
    with pytest.raises(InputError, match="holds no weights"):
        install_model(tmp_path, "x")
    data = (run / "classifier.safetensors").read_bytes()
    (run / "classifier.safetensors").write_bytes(data[:-1])
    with pytest.raises(InputError, match="sha256"):
        install_model(run, "x")
    assert not models_folder().exists()


def test_a_full_disk(tmp_path, monkeypatch):
    run = trained(tmp_path / "run", "classifier")

    def fail(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", fail)
    with pytest.raises(EnvironmentFault, match="No space left"):
        install_model(run, "x")
    assert list(models_folder().iterdir()) == []


@pytest.mark.parametrize(
    ("name", "safe"), [("a", "a"), ("", "model"), (" .. ", "model"), ("a/../b\\c:d\n", "a .. b c d")]
)
def test_names(name, safe):
    assert file_name(name) == safe


def test_free_folders(tmp_path):
    assert free_folder(tmp_path, "a") == tmp_path / "a"
    (tmp_path / "a").mkdir()
    (tmp_path / "a 2").mkdir()
    assert free_folder(tmp_path, "a") == tmp_path / "a 3"
    assert runs_folder().parent == models_folder().parent


def test_counting(tmp_path_factory, tmp_path):
    assert count_pictures(tmp_path) == {}
    photographs = tmp_path_factory.mktemp("photographs")
    (photographs / "fist").mkdir()
    for name in ("1.HEIC", "2.avif", ".3.dng"):
        (photographs / "fist" / name).touch()
    for name, files in {
        "fist": ["1.jpg", "2.PNG", "note.txt"],
        "palm": [],
        ".hidden": ["1.jpg"],
        "a": ["1.webp"],
    }.items():
        (tmp_path / name).mkdir()
        for file in files:
            (tmp_path / name / file).touch()
    assert count_pictures(tmp_path) == {"a": 1, "fist": 2}
    with pytest.raises(InputError, match=r"photographs in AVIF, HEIC are not read\. Save them as JPEG"):
        count_pictures(photographs)
    deeper = tmp_path / "wave" / "monday"
    deeper.mkdir(parents=True)
    (deeper / "1.jpg").touch()
    (deeper / "._1.jpg").touch()
    (deeper / ".thumbnails").mkdir()
    (deeper / ".thumbnails" / "1.jpg").touch()
    assert count_pictures(tmp_path) == {"a": 1, "fist": 2, "wave": 1}
    assert count_pictures(tmp_path / "wave") == {"monday": 1}
    (tmp_path / "a" / "1.webp").rename(tmp_path / "wave" / "1.webp")
    assert count_pictures(tmp_path) == {"fist": 2, "wave": 2}
    with pytest.raises(InputError, match="No such file"):
        count_pictures(tmp_path / "nowhere")


def test_a_folder_that_cannot_be_read_holds_nothing(tmp_path, monkeypatch):
    for name in ("fist", "locked", "wave/locked"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "1.jpg").touch()
    scandir = os.scandir

    def scan(path):
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", scan)
    assert count_pictures(tmp_path) == {"fist": 1}


def test_what_is_not_wanted_any_more_is_not_counted(tmp_path):
    (tmp_path / "fist").mkdir()
    for number in range(9):
        (tmp_path / "fist" / f"{number}.jpg").touch()
    answers = iter([True, True, True, False])
    assert count_pictures(tmp_path, lambda: next(answers)) == {"fist": 2}, "after a first look"


def test_folders_of_folders_are_no_gestures(tmp_path):
    for split in ("train", "val"):
        (tmp_path / split / "fist").mkdir(parents=True)
        (tmp_path / split / "fist" / "1.jpg").touch()
    assert count_pictures(tmp_path) == {}
