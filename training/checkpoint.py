"""What is written down with trained weights."""

from __future__ import annotations

import datetime
import sys
from typing import Any

import timm
import torch
import torchvision


def provenance(start: str, epoch: int) -> dict[str, Any]:
    """How weights came to be: the command as typed, where training started, versions, date (UTC)."""
    return {
        "command": " ".join(["gesture-train", *sys.argv[1:]]),
        "started": start,
        "epoch": epoch,
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "versions": {"torch": torch.__version__, "torchvision": torchvision.__version__, "timm": timm.__version__},
    }
