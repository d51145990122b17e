"""The figures of every epoch: a CSV file, curves as a picture, and TensorBoard where it is wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gesture_app.errors import EnvironmentFault
from gesture_app.vision.atomic import write_file, write_table
from training.plots import curves

Row = Mapping[str, float]


def write_journal(folder: Path, rows: Sequence[Row]) -> None:
    """Write `metrics.csv` and `curves.png` anew; a figure that an epoch does not have stays empty.

    Raises:
        EnvironmentFault: they cannot be written.
    """
    columns = list(dict.fromkeys(name for row in rows for name in row))
    table = ([f"{row[name]:.6g}" if name in row else "" for name in columns] for row in rows)
    write_table(folder / "metrics.csv", columns, table, "figures")
    write_file(folder / "curves.png", curves(rows), "figures")


class TensorBoard:
    """The same figures as event files in the run's folder, for `tensorboard --logdir`.

    Raises:
        EnvironmentFault: TensorBoard is not installed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise EnvironmentFault("--tensorboard needs TensorBoard: run `pip install tensorboard`") from error
        self.writer: Any = SummaryWriter(str(folder), purge_step=None)  # type: ignore[no-untyped-call]

    def add(self, row: Row) -> None:
        """The figures of one epoch."""
        for name, value in row.items():
            if name != "epoch":
                self.writer.add_scalar(name, value, int(row["epoch"]))
        self.writer.flush()
