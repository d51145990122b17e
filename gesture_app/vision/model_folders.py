"""Which folders hold the networks, and what lies together in one: weights, their info files, their eight-bit ranges."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from gesture_app.errors import EnvironmentFault
from gesture_app.vision.assets import models_folder, shipped_folder
from gesture_app.vision.model_info import KINDS, Kind

RETRAINED = "Retrained"
"""Folder of `models_folder()` into which `gesture-train retrain` installs."""


def weights_path(folder: Path, kind: Kind) -> Path:
    """The weights of a network in a folder of both."""
    return folder / f"{kind}.safetensors"


def shipped_weights(kind: Kind) -> Path:
    """The weights of a network that come with the program."""
    return weights_path(shipped_folder(), kind)


def default_weights() -> Path:
    """The folder of both networks that is used where none is named: what `gesture-train retrain` installed, if that is
    complete, else the weights that come with the program.
    """
    own = models_folder() / RETRAINED
    return shipped_folder() if missing_files(own) else own


def missing_files(folder: Path) -> list[str]:
    """The names of the files that a folder lacks to be a model: the weights of both networks and their info files."""
    wanted = [weights_path(folder, kind) for kind in KINDS]
    wanted += [path.with_suffix(".json") for path in wanted]
    return [path.name for path in wanted if not os.path.isfile(path)]  # noqa: PTH113  # `Path` may raise


def installed_models() -> list[tuple[str, str]]:
    """Names and folders of the user's own models."""
    try:
        return [(path.name, str(path)) for path in sorted(models_folder().iterdir()) if not missing_files(path)]
    except OSError:
        return []


def quantization_path(weights: Path) -> Path:
    """Where the quantization of a weights file is looked for: beside it."""
    return weights.with_suffix(".int8.safetensors")


def network_files(weights: Path) -> list[Path]:
    """What belongs to weights and goes where they go: themselves, their info file, and the quantization if any."""
    quantized = quantization_path(weights)
    return [weights, weights.with_suffix(".json"), *([quantized] if quantized.is_file() else [])]


def copy_networks(sources: Iterable[Path], target: Path) -> None:
    """Make a folder of weights and what belongs to them, all at once; a folder of that name is replaced.

    Args:
        sources: weights files, each with its own name.

    Raises:
        EnvironmentFault: it cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".installing-", dir=target.parent) as temporary:
            fresh, old = Path(temporary) / "new", Path(temporary) / "old"
            fresh.mkdir()
            for file in (file for source in sources for file in network_files(source)):
                shutil.copyfile(file, fresh / file.name)
            if target.exists():
                target.replace(old)
            try:
                fresh.replace(target)
            except OSError:
                if old.exists():
                    old.replace(target)
                raise
    except OSError as error:
        raise EnvironmentFault(f"model: {target}: {error.strerror}. Free some space or check the folder") from error
