"""Arrays that are costly to make, kept in a folder."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gesture_app.vision.atomic import write_file

Arrays = Mapping[str, NDArray[Any]]


def load_arrays(file: Path, make: Callable[[], Arrays]) -> Arrays:
    """Read named arrays from a file; where it is missing or damaged make them and write it.

    Raises:
        EnvironmentFault: the file cannot be written.
    """
    try:
        with np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        made = make()
    packed = io.BytesIO()
    np.savez_compressed(packed, **made)  # type: ignore[arg-type]
    write_file(file, packed.getvalue(), "the cache")
    return made
