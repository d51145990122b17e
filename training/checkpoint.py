"""What is written down with trained weights."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import timm
import torch
import torchvision

from training.hagrid import Picture


def provenance(start: str, epoch: int, data: Sequence[Path], pictures: Sequence[Picture]) -> dict[str, Any]:
    """How weights came to be: command as typed, training pictures a folder, where it started, versions, date (UTC)."""
    return {
        "command": " ".join(["gesture-train", *sys.argv[1:]]),
        "data": {root.name: sum(p.path.is_relative_to(root) for p in pictures) for root in data},
        "started": start.partition(":")[0],
        "epoch": epoch,
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "versions": {"torch": torch.__version__, "torchvision": torchvision.__version__, "timm": timm.__version__},
    }
