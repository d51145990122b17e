"""Two processes on one CPU, as torchrun starts them."""

from __future__ import annotations

import csv
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import toy

from gesture_app.errors import EnvironmentFault
from gesture_app.vision.yolox import cell_grid
from training import distributed, journal
from training.checkpoint import RunFolder
from training.losses import detector_loss

CPU = torch.device("cpu")


def test_alone_nothing_is_done() -> None:
    model = torch.nn.Linear(1, 1)
    with distributed.process_group(CPU) as device:
        assert device == CPU and not distributed.active() and distributed.is_main()
    assert distributed.wrap(model, CPU) is model
    assert distributed.share(range(3)) == [0, 1, 2] and distributed.gathered([1, 2]) == [1, 2]
    assert distributed.summed(torch.tensor(3)) == 3 and distributed.mean_of_all(torch.tensor(4.0)) == 4
    assert distributed.largest(2, CPU) == 2 and distributed.rank() == 0 and distributed.world_size() == 1


def test_processes_that_cannot_meet(monkeypatch) -> None:
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.setenv(name, "0" if name == "RANK" else "1")
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    with pytest.raises(EnvironmentFault, match="cannot reach each other"), distributed.process_group(CPU):
        pass


def learn(output: Path, accumulate: int) -> None:
    """A small training in float32 with batches of eight, of all processes together; without batch norm and dropout."""
    task = toy.toy_task(toy.toy_config(output, batch_size=8, accumulate=accumulate), norm=False)
    task.model[0][3].p = 0.0
    toy.fit(task)
    # Each process has learnt the same.
    weights = torch.cat([p.detach().flatten() for p in task.model.parameters()])
    assert len({tuple(w) for w in distributed.gathered([weights.tolist()])}) == 1


def exchange() -> None:
    """What two processes tell each other."""
    rank, items = distributed.rank(), list(range(5))
    assert distributed.world_size() == 2 and distributed.is_main() == (rank == 0)
    assert distributed.share(items) == items[rank::2]
    assert distributed.gathered(distributed.share(items)) == items
    assert distributed.summed(torch.tensor([rank, 1])).tolist() == [1, 2]
    assert distributed.largest(rank * 7, CPU) == 7 and distributed.mean_of_all(torch.tensor(rank * 3.0)) == 1.5
    model = torch.nn.BatchNorm1d(1)
    model.running_mean.fill_(rank + 5.0)
    distributed.synchronize_from_main(model)
    assert float(model.running_mean) == 5


def share_a_detector_loss() -> None:
    """The mean of the two processes' losses is the loss of both pictures together."""
    torch.manual_seed(0)
    raw = torch.randn(2, len(cell_grid((64, 64))[1]), 6)
    boxes = torch.tensor([[[4.0, 4, 30, 30], [0, 0, 0, 0]], [[8, 8, 60, 60], [0, 40, 20, 60]]])
    classes = torch.tensor([[0, -1], [0, 0]])
    whole = detector_loss(raw, boxes, classes, (64, 64))["loss"]
    mine = slice(distributed.rank(), distributed.rank() + 1)
    part = detector_loss(raw[mine], boxes[mine], classes[mine], (64, 64), mean_of_all=distributed.mean_of_all)["loss"]
    assert torch.allclose(distributed.summed(part) / 2, whole, rtol=1e-5), (part, whole)


def main(folder: Path) -> None:
    """What each of the two processes does."""
    torch.set_num_threads(1)
    journal.curves = lambda rows: b""
    with distributed.process_group(CPU):
        exchange()
        share_a_detector_loss()
        for accumulate in (1, 2):
            learn(folder / f"two-{accumulate}.safetensors", accumulate)
    assert distributed.is_main() == (os.environ["RANK"] == "0")
    if sys.platform == "linux":  # threads of Gloo that outlive the interpreter abort the process now and then
        threads = [(task / "comm").read_text().strip() for task in Path("/proc/self/task").iterdir()]
        assert not [name for name in threads if "gloo" in name], threads


def test_two_processes_learn_what_one_does_with_the_doubled_batch(tmp_path: Path, monkeypatch) -> None:
    """Without batch norm: its statistics are each process's own, unless GPUs synchronize them (SyncBatchNorm)."""
    monkeypatch.setattr("training.journal.curves", lambda rows: b"")
    here = Path(__file__).parent
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = []
    for rank in range(2):
        environment = {**os.environ, "PYTHONPATH": f"{here}{os.pathsep}{here.parent}", "OMP_NUM_THREADS": "1"}
        environment |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2"}
        environment |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "GLOO_SOCKET_IFNAME": "lo"}
        command = [sys.executable, __file__, str(tmp_path)]
        running.append(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True))
    errors = [process.communicate(timeout=150)[1] for process in running]
    assert [process.returncode for process in running] == [0, 0], errors
    for accumulate in (1, 2):
        learn(tmp_path / f"one-{accumulate}.safetensors", accumulate)
        names = [tmp_path / f"{count}-{accumulate}" for count in ("one", "two")]
        one, two = (list(csv.DictReader((name / "metrics.csv").open())) for name in names)
        assert len(one) == len(two) == 3
        for a, b in zip(one, two, strict=True):
            assert float(a["loss"]) == pytest.approx(float(b["loss"]), rel=1e-4)
            assert float(a["macro_f1"]) == pytest.approx(float(b["macro_f1"]), rel=1e-3)
        alone, together = (RunFolder(name.with_suffix(".safetensors")).load() for name in names)
        assert alone is not None and together is not None and len(together["random"]) == 2
        for name, value in alone["model"].items():
            assert torch.allclose(value, together["model"][name], atol=1e-5), name


if __name__ == "__main__":
    main(Path(sys.argv[1]))
