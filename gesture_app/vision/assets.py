"""Where the files are that come with the program, the user's own models, and what can be made again."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path, user_data_path


def assets_folder() -> Path:
    """What comes with the program: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    return next((f / "assets" for f in (package, package.parent) if (f / "assets").is_dir()), package / "assets")


def demo_clip() -> Path:
    """The short video that comes with the program."""
    return assets_folder() / "demo.mp4"


def shipped_folder() -> Path:
    """The folder of the weights that come with the program."""
    return assets_folder() / "weights"


def models_folder() -> Path:
    """Where the user's own models are installed: each a folder with detector.safetensors and classifier.safetensors.

    It is `models` in GESTURE_APP_CONFIG_DIR where that is set, else in the system's place for data.
    """
    given = os.environ.get("GESTURE_APP_CONFIG_DIR")
    return (Path(given) if given else user_data_path("gesture-app", appauthor=False)) / "models"


def cache_folder() -> Path:
    """The user's folder for what can be made again, such as exported networks."""
    return user_cache_path("gesture-app")
