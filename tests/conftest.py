"""Shared by all tests: Qt without a screen, one thread for torch, tiny drawn datasets."""

from __future__ import annotations

import os
import shutil
import tempfile

os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="gesture-app-tests-")

import gc
import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from networks import CLASSIFIER, randomised
from pytestqt.qtbot import QtBot

from gesture_app.vision.model_info import save_model

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

# A busy machine may take longer than pytest-qt's five seconds to start or to end a process.
for wait in (QtBot.waitUntil, QtBot.waitSignal, QtBot.waitSignals):
    wait.__kwdefaults__["timeout"] = 30_000


def pytest_unconfigure() -> None:
    shutil.rmtree(os.environ["XDG_CACHE_HOME"], ignore_errors=True)


@pytest.fixture(autouse=True)
def widgets_die_in_the_main_thread(request: pytest.FixtureRequest) -> Iterator[None]:
    """Collect a window's garbage here and now: in another thread's turn it would crash Qt."""
    yield
    if "qtbot" in request.fixturenames:
        gc.collect()


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture
def hagrid_root(tmp_path: Path) -> Path:
    """Eight drawn frames in HaGRID's v1 layout: discs (`fist`) and squares (`palm`) on grey, boxes exact."""
    return draw_hagrid(tmp_path / "frames")


@pytest.fixture
def crops_root(tmp_path: Path) -> Path:
    """Drawn crops in class folders, ten of each shape."""
    return draw_crops(tmp_path / "crops", ("fist", "palm"))


def draw_crops(root: Path, names: tuple[str, str]) -> Path:
    for name, shape in zip(names, ("fist", "palm"), strict=True):
        (root / name).mkdir(parents=True)
        for number in range(10):
            image = np.full((48, 40, 3), 40 + 10 * number, np.uint8)
            draw_shape(image, shape, (4, 4, 32, 40))
            cv2.imwrite(str(root / name / f"{name}{number}.png"), image)
    return root


def draw_shape(image: np.ndarray, name: str, box_xywh: tuple[int, int, int, int]) -> None:
    x, y, w, h = box_xywh
    if name == "fist":
        cv2.ellipse(image, (x + w // 2, y + h // 2), (w // 2, h // 2), 0, 0, 360, (60, 120, 220), cv2.FILLED)
    else:
        cv2.rectangle(image, (x, y), (x + w, y + h), (200, 140, 90), cv2.FILLED)


def draw_hagrid(root: Path, count: int = 4) -> Path:
    rng = np.random.default_rng(0)
    (root / "ann_train_val").mkdir(parents=True)
    lines = ["uuid,gesture,user_id,boxes,split"]
    for name in ("fist", "palm"):
        folder = root / "frames" / f"train_val_{name}"
        folder.mkdir(parents=True)
        entries = {}
        for number in range(count):
            height, width = ((96, 128), (128, 96))[number % 2]
            image = np.full((height, width, 3), 128, np.uint8)
            w, h = (int(v) for v in rng.integers(28, 48, 2))
            x, y = int(rng.integers(0, width - w)), int(rng.integers(0, height - h))
            draw_shape(image, name, (x, y, w, h))
            uuid = f"{name}-{number}"
            cv2.imwrite(str(folder / f"{uuid}.jpg"), image)
            box = [x / width, y / height, w / width, h / height]
            entries[uuid] = {"bboxes": [box], "labels": [name], "user_id": f"person{number}"}
            lines.append(f"{uuid},{name},,true,{'val' if number == count - 1 else 'train'}")
        (root / "ann_train_val" / f"{name}.json").write_text(json.dumps(entries))
    (root / "index.csv").write_text("\n".join(lines) + "\n")
    return root


@pytest.fixture
def export_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache of exported networks, empty and in a folder of its own."""
    monkeypatch.setattr("gesture_app.vision.assets.user_cache_path", lambda name: tmp_path / "cache" / name)
    return tmp_path / "cache" / "gesture-app"


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A file of a classifier with three outputs."""
    path = tmp_path / "weights" / "classifier.safetensors"
    save_model(path, randomised(CLASSIFIER), CLASSIFIER)
    return path


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's settings and models in an empty folder."""
    monkeypatch.setenv("GESTURE_APP_CONFIG_DIR", str(tmp_path / "config"))


@pytest.fixture
def no_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes longer than tiny trainings."""
    monkeypatch.setattr("training.journal.curves", lambda rows: b"")
