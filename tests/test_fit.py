from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import toy
from safetensors.torch import load_file
from torch.utils.data import get_worker_info
from toy import BATCHES, toy_config, toy_task

from gesture_app.errors import EnvironmentFault, InputError
from gesture_app.vision.model_info import load_info
from training import fit as fit_module
from training.checkpoint import RunFolder
from training.collection import Picture
from training.fit import Diverged, fit
from training.preflight import PreflightFailed
from training.resume import FREE_TO_CHANGE


@pytest.fixture(autouse=True)
def one_test_draws(request: pytest.FixtureRequest) -> None:
    if "leaves" not in request.node.name:
        request.getfixturevalue("no_curves")


def state_of(output: Path) -> dict:
    state = RunFolder(output).load()
    assert state is not None
    return state


def assert_same(one, other, where: str = "") -> None:
    """Bit for bit, through dictionaries and lists; times and options such as the output may differ."""
    assert type(one) is type(other), where
    if isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            if key not in {"seconds", *FREE_TO_CHANGE}:
                assert_same(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other), where
        for number, (a, b) in enumerate(zip(one, other, strict=True)):
            assert_same(a, b, f"{where}[{number}]")
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other), where
    else:
        assert one == other, where


class Interrupting:
    """A step that sends a signal to its own process at one of its calls."""

    def __init__(self, at: int, number: int = signal.SIGINT) -> None:
        self.at, self.number, self.calls = at, number, 0

    def __call__(self, model, batch):
        self.calls += 1
        if self.calls == self.at:
            toy.send(self.number)
        return toy.step(model, batch)


def run(output: Path, own_step=toy.step, score=None, **changes):
    return fit(toy_task(toy_config(output, **changes), own_step, score))


RECIPES = [
    {"optimizer": "sgd", "schedule": "cosine"},
    {"schedule": "step", "freeze_epochs": 1, "early_rate": 0.1},
    {"accumulate": 2, "freeze_norm": True},
    {"workers": 1, "epochs": 2},
    {"initial_weight": 0.5, "init": Path("start.safetensors"), "keep": "last"},
]


POSITIONS = [1, 4, BATCHES, 2 * BATCHES - 1]


@pytest.mark.parametrize(("recipe", "at"), [({}, at) for at in POSITIONS] + [(r, 4) for r in RECIPES], ids=str)
def test_an_interrupted_run_that_is_resumed_is_the_uninterrupted_run(tmp_path: Path, recipe: dict, at: int) -> None:
    whole, parted = tmp_path / "whole.safetensors", tmp_path / "parted.safetensors"
    best = run(whole, preflight=False, **recipe)
    pieces = recipe.get("accumulate", 1)
    with pytest.raises(KeyboardInterrupt):
        run(parted, Interrupting(at * pieces), preflight=False, **recipe)
    assert state_of(parted)["progress"]["epoch"] == (at - 1) // BATCHES
    assert state_of(parted)["progress"]["batch"] == (at - 1) % BATCHES + 1
    assert run(parted, resume=True, **recipe) == best
    assert_same(state_of(whole), state_of(parted))
    assert whole.read_bytes() == parted.read_bytes()


def test_a_signal_while_evaluating_saves_and_the_resumed_run_is_the_same(tmp_path: Path) -> None:
    def score(number: int) -> float:
        if number == 1 and not done:
            done.append(True)
            toy.send(signal.SIGTERM)
        return number / 10

    done: list[bool] = []
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parted.safetensors", score=score)
    assert state_of(tmp_path / "parted.safetensors")["progress"]["batch"] == BATCHES
    run(tmp_path / "parted.safetensors", score=score, resume=True)
    run(tmp_path / "whole.safetensors", score=score)
    assert_same(state_of(tmp_path / "whole.safetensors"), state_of(tmp_path / "parted.safetensors"))


def test_a_signal_while_the_loading_processes_end_saves_the_epoch(tmp_path: Path, monkeypatch) -> None:
    def uploaded(batches, device):
        yield from batches
        toy.send(signal.SIGTERM)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(fit_module, "uploaded", uploaded)
        run(tmp_path / "parted.safetensors")
    assert state_of(tmp_path / "parted.safetensors")["progress"]["batch"] == BATCHES
    run(tmp_path / "parted.safetensors", resume=True)
    run(tmp_path / "whole.safetensors")
    assert_same(state_of(tmp_path / "whole.safetensors"), state_of(tmp_path / "parted.safetensors"))


def start(output: Path, *words: str) -> subprocess.Popen[str]:
    here = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": f"{here}{os.pathsep}{here.parent}"}
    return subprocess.Popen(
        [sys.executable, here / "toy.py", output, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment,
    )  # fmt: skip


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As in the toy program: more threads add in another order, which is not the same bit for bit."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGKILL, -9)]
)
def test_a_killed_program_goes_on_where_it_was(tmp_path: Path, number: int, code: int) -> None:
    output = tmp_path / "w.safetensors"
    process = start(output, "--pause", "0.1")
    assert process.stdout is not None
    for _ in range(BATCHES + 3):  # one step is the preflight's
        process.stdout.readline()
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code, errors
    assert "Traceback" not in errors and ("go on with --resume" in errors) == (code > 0)
    assert 0 < state_of(output)["progress"]["epoch"] < 3
    run(output, resume=True, save_minutes=0)
    run(tmp_path / "whole.safetensors", save_minutes=0)
    assert_same(state_of(tmp_path / "whole.safetensors"), state_of(output))
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_finished_run_is_not_begun_again_by_resume(tmp_path: Path) -> None:
    output = tmp_path / "w.safetensors"
    run(output)
    before = output.read_bytes()
    with pytest.raises(InputError, match=r"it is finished, and epochs was 3, is 5\. Give another --output"):
        run(output, resume=True, epochs=5)
    assert output.read_bytes() == before
    assert run(output, resume=True) == run(output, resume=True), "the same command tells the same figures"


def test_the_last_weights_are_kept_where_that_is_asked_for(tmp_path: Path) -> None:
    output = tmp_path / "w.safetensors"
    scores = [0.3, 0.5, 0.4]
    assert run(output, score=lambda number: scores[number], keep="last") == {"macro_f1": 0.4}
    assert load_info(output).metrics == {"macro_f1": 0.4}
    assert run(tmp_path / "x.safetensors", score=lambda n: scores[n], keep="last", patience=1, epochs=3)
    stopped = run(tmp_path / "y.safetensors", score=lambda n: 1.0 - n, keep="last", patience=1, epochs=9)
    assert stopped == {"macro_f1": 0.0} and len(state_of(tmp_path / "y.safetensors")["progress"]["rows"]) == 2


@pytest.mark.parametrize("initial_weight", [0.0, 0.25, 0.5])
def test_initial_weights_have_their_part_in_the_result(tmp_path: Path, initial_weight: float) -> None:
    start = tmp_path / "start.safetensors"
    changes = {"initial_weight": initial_weight, "init": start, "keep": "last", "epochs": 1}
    task = toy_task(toy_config(tmp_path / "w.safetensors", **changes))
    before = {name: value.clone() for name, value in task.model.state_dict().items()}
    fit(task)
    result, state = load_file(tmp_path / "w.safetensors"), state_of(tmp_path / "w.safetensors")
    averaged = {n.removeprefix("module."): v for n, v in state["ema"].items() if n != "n_averaged"}
    for name, value in result.items():
        if value.is_floating_point():
            expected = averaged[name].lerp(before[name], initial_weight)
            assert torch.allclose(value.float(), expected, rtol=2e-3, atol=1e-3), name
    assert all(state["model"][n].ne(before[n]).any() for n in ("1.weight", "1.bias"))


def test_the_list_of_pictures_is_that_of_the_run(tmp_path: Path) -> None:
    output = tmp_path / "w.safetensors"
    pictures = [Picture(Path("/x/a.png"), ((0, 0, 1, 1),), ("fist",), "train", key="x/a.png")]
    fit(replace(toy_task(toy_config(output)), pictures=pictures))
    listed = (tmp_path / "w" / "splits.csv").read_text()
    assert "x/a.png" in listed
    other = replace(toy_task(toy_config(output, resume=True)), pictures=[replace(pictures[0], key="y")])
    with pytest.raises(InputError, match="cannot resume"):
        fit(other)
    assert (tmp_path / "w" / "splits.csv").read_text() == listed


def test_a_run_of_an_earlier_version_goes_on_though_that_had_other_options(tmp_path: Path) -> None:
    output = tmp_path / "w.safetensors"
    run(output)
    folder, state = RunFolder(output), state_of(output)
    del state["options"]["clip_norm"]
    folder.save({**state, "options": {**state["options"], "gone": True}})
    assert run(output, resume=True) == state["progress"]["kept"]
    with pytest.raises(InputError, match=r"clip_norm was 10\.0, is 1\.0"):
        run(output, resume=True, clip_norm=1.0)


def test_weights_that_cannot_be_written_are_told(tmp_path: Path, monkeypatch) -> None:
    def full(path: Path, data: bytes) -> None:
        if path.suffix == ".safetensors":
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("gesture_app.vision.atomic.write_atomically", full)
    with pytest.raises(EnvironmentFault, match=r"cannot write weights.*No space left"):
        run(tmp_path / "w.safetensors")


def test_what_a_run_leaves(tmp_path: Path) -> None:
    output = tmp_path / "w.safetensors"
    scores = [0.3, 0.5, 0.4]
    seen: list[dict[str, float]] = []
    best = fit(toy_task(toy_config(output), score=lambda number: scores[number]), seen.append)
    assert best == {"macro_f1": 0.5} and load_info(output).metrics == best
    left = {p.name for p in output.with_suffix("").iterdir()}
    assert left == {"last.pt", "previous.pt", "metrics.csv", "curves.png", "options.json"}
    told = json.loads(output.with_suffix("").joinpath("options.json").read_text())
    assert (told["device"], told["precision"]) == ("cpu", "float32")
    assert told["options"]["learning_rate"] == 0.02 and told["options"]["weight_decay"] == 0.05  # a default
    rows = list(csv.DictReader(output.with_suffix("").joinpath("metrics.csv").open()))
    assert [float(row["macro_f1"]) for row in rows] == scores and [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert [row["epoch"] for row in seen] == [1, 2, 3] and all(row["loss"] > 0 for row in seen)
    assert output.with_suffix("").joinpath("curves.png").read_bytes().startswith(b"\x89PNG")
    assert state_of(output)["finished"]


def test_early_stopping(tmp_path: Path) -> None:
    output = tmp_path / "w.safetensors"
    run(output, score=lambda number: -number, epochs=9, patience=2)
    assert len(state_of(output)["progress"]["rows"]) == 3 and state_of(output)["finished"]
    run(output, score=lambda number: -number, epochs=9, patience=2, resume=True)
    assert len(state_of(output)["progress"]["rows"]) == 3


def test_frozen_layers_do_not_move_and_later_do(tmp_path: Path) -> None:
    task = toy_task(toy_config(tmp_path / "w.safetensors", epochs=2, freeze_epochs=1, preflight=False))
    before = {name: value.clone() for name, value in task.model.state_dict().items()}
    moved = []

    def compare(_row) -> None:
        state = task.model.state_dict()
        moved.append({name for name in state if not torch.equal(state[name], before[name])})

    fit(task, compare)
    assert moved[0] == {"1.weight", "1.bias"}
    assert moved[1] == set(before)
    task = toy_task(toy_config(tmp_path / "f.safetensors", epochs=1, freeze="backbone", preflight=False))
    before = {name: value.clone() for name, value in task.model.state_dict().items()}
    moved.clear()
    fit(task, compare)
    assert moved == [{"1.weight", "1.bias"}]


class Bad:
    """A step whose loss is not finite in some calls."""

    def __init__(self, bad) -> None:
        self.bad, self.calls = bad, 0

    def __call__(self, model, batch):
        self.calls += 1
        losses = toy.step(model, batch)
        return {"loss": losses["loss"] * float("nan")} if self.bad(self.calls) else losses


def test_a_step_that_is_not_finite_is_skipped_and_counted(tmp_path: Path) -> None:
    output = tmp_path / "w.safetensors"
    run(output, Bad(lambda call: call in (3, 4)), epochs=1, preflight=False)
    row = state_of(output)["progress"]["rows"][0]
    assert row["skipped_steps"] == 2 and row["loss"] > 0
    assert all(v.isfinite().all() for v in state_of(output)["model"].values())


def test_many_bad_steps_halve_the_rate_and_go_back_three_times(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(fit_module, "BAD_STEPS", 3)
    output = tmp_path / "w.safetensors"
    # From the second epoch on, two series of three bad steps, after which a fourth is under way: two times back.
    bad = Bad(lambda call: BATCHES < call <= BATCHES + 8)
    run(output, bad, epochs=2, preflight=False, schedule="cosine")
    state = state_of(output)
    assert state["progress"]["reloads"] == 2 and state["finished"]
    assert [group["peak"] for group in state["optimizer"]["param_groups"]] == [0.005] * 4
    assert capsys.readouterr().err.count("half the learning rate") == 2
    with pytest.raises(Diverged, match=r"not stable.*batch 3 of epoch 2"):
        run(tmp_path / "never.safetensors", Bad(lambda call: call > BATCHES), epochs=2, preflight=False)
    assert all(v.isfinite().all() for v in state_of(tmp_path / "never.safetensors")["ema"].values())


class Small:
    """A step on a GPU whose memory holds so many items."""

    def __init__(self, room: int, after: int = 0) -> None:
        self.room, self.after, self.calls, self.sizes = room, after, 0, []

    def __call__(self, model, batch):
        self.calls += 1
        self.sizes.append(len(batch[0]))
        if self.calls > self.after and len(batch[0]) > self.room:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return toy.step(model, batch)


def test_out_of_memory_in_the_first_epoch_halves_the_batch(tmp_path: Path, capsys) -> None:
    output = tmp_path / "w.safetensors"
    step = Small(1)
    run(output, step, preflight=False, epochs=1, freeze_norm=True)
    assert step.sizes[:6] == [4, 2, 1, 1, 1, 1] and max(step.sizes[6:]) == 1
    assert state_of(output)["pieces"] == 4 and state_of(output)["progress"]["rows"][0]["skipped_steps"] == 0
    assert "in 4 pieces" in capsys.readouterr().err


def test_out_of_memory_in_the_middle_of_a_scaled_step(tmp_path: Path, monkeypatch) -> None:
    clip, calls = torch.nn.utils.clip_grad_norm_, []

    def full_at_first(*arguments):
        calls.append(len(calls))
        if calls == [0]:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return clip(*arguments)

    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", full_at_first)
    monkeypatch.setattr("training.run.autocast_dtype", lambda *_: torch.float16)
    run(tmp_path / "w.safetensors", preflight=False, epochs=1, freeze_norm=True)
    state = state_of(tmp_path / "w.safetensors")
    assert state["pieces"] == 2 and len(calls) == BATCHES + 1


@pytest.mark.parametrize(("room", "after", "epoch"), [(0, 0, 1), (3, BATCHES + 2, 2)])
def test_out_of_memory_later_or_for_good_saves_and_says_so(tmp_path: Path, room: int, after: int, epoch: int) -> None:
    output = tmp_path / "w.safetensors"
    with pytest.raises(EnvironmentFault, match=f"GPU memory.*epoch {epoch}.*--resume --accumulate"):
        run(output, Small(room, after), preflight=False, freeze_norm=True)
    assert state_of(output)["progress"]["batch"] == (2 if epoch == 2 else 0)
    if epoch == 2:
        run(output, Small(3), preflight=False, freeze_norm=True, resume=True, accumulate=2)
        assert state_of(output)["finished"]


def test_an_unfinished_run_is_not_written_over(tmp_path: Path) -> None:
    output = tmp_path / "w.safetensors"
    with pytest.raises(KeyboardInterrupt):
        run(output, Interrupting(BATCHES + 3))
    with pytest.raises(InputError, match=r"unfinished run \(epoch 2 of 3\).*--resume"):
        run(output)
    with pytest.raises(InputError, match=r"learning_rate was 0\.02, is 0\.5"):
        run(output, resume=True, learning_rate=0.5)
    run(output, resume=True)
    run(output)  # a finished run may be


def test_resume_of_nothing_begins(tmp_path: Path) -> None:
    run(tmp_path / "w.safetensors", resume=True, epochs=1)
    assert state_of(tmp_path / "w.safetensors")["finished"]


def test_preflight_stops_what_would_come_to_nothing(tmp_path: Path) -> None:
    with pytest.raises(PreflightFailed, match="not finite"):
        run(tmp_path / "nan.safetensors", Bad(lambda call: True))
    with pytest.raises(PreflightFailed, match="changes no weight"):
        run(tmp_path / "none.safetensors", lambda model, batch: {"loss": 0 * model(batch[0]).sum()}, weight_decay=0)
    assert not list(tmp_path.rglob("*.pt"))


def test_preflight_and_overfit_check_change_nothing_of_the_run(tmp_path: Path, capsys) -> None:
    with_checks, without = tmp_path / "with.safetensors", tmp_path / "without.safetensors"
    run(with_checks, overfit_check=True, learning_rate=2e-2)
    run(without, preflight=False)
    assert_same(state_of(without), state_of(with_checks))
    assert "Overfit check: 60 steps" in capsys.readouterr().out
    with pytest.raises(PreflightFailed, match="60 steps on the same 8 pictures"):
        run(tmp_path / "no.safetensors", overfit_check=True, learning_rate=1e-9)


def test_a_full_disk_keeps_the_checkpoint_before(tmp_path: Path, monkeypatch) -> None:
    output = tmp_path / "w.safetensors"
    whole = RunFolder.save.__globals__["write_atomically"]
    written = []

    def full(path: Path, data: bytes) -> None:
        written.append(path)
        if len(written) > 2:
            raise OSError(28, "No space left on device")
        whole(path, data)

    monkeypatch.setitem(RunFolder.save.__globals__, "write_atomically", full)
    with pytest.raises(EnvironmentFault, match=r"No space left.*checkpoint before"):
        run(output)
    assert state_of(output)["progress"]["epoch"] == 1
    monkeypatch.undo()
    run(output, resume=True)
    run(tmp_path / "whole.safetensors")
    assert_same(state_of(tmp_path / "whole.safetensors"), state_of(output))


def test_a_dead_loading_process_is_told_in_a_line(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(toy.Numbers, "__getitem__", lambda self, item: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(EnvironmentFault, match="With fewer --workers go on with --resume"):
        run(tmp_path / "w.safetensors", preflight=False, workers=1)


def test_sigterm_to_all_processes_leaves_time_to_save(tmp_path: Path, monkeypatch) -> None:
    output, item = tmp_path / "w.safetensors", toy.Numbers.__getitem__

    def signalled(self, number: int):
        if get_worker_info() is not None:
            os.kill(os.getpid(), signal.SIGTERM)
        return item(self, number)

    monkeypatch.setattr(toy.Numbers, "__getitem__", signalled)
    run(output, preflight=False, workers=1, epochs=1)
    assert state_of(output)["finished"]


def test_two_runs_do_not_write_into_one_folder(tmp_path: Path) -> None:
    output = tmp_path / "w.safetensors"
    with RunFolder(output).locked(), pytest.raises(InputError, match="another training is writing it"):
        run(output)
    assert not list(tmp_path.iterdir()), "what was refused leaves nothing behind"
    run(output, epochs=1)
    with RunFolder(output).locked():
        pass
    assert state_of(output)["finished"]


def test_tensorboard(tmp_path: Path, monkeypatch) -> None:
    pytest.importorskip("tensorboard")
    run(tmp_path / "w.safetensors", tensorboard=True, epochs=1)
    assert list((tmp_path / "w").glob("events.out.tfevents*"))
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(EnvironmentFault, match="pip install"):
        run(tmp_path / "v.safetensors", tensorboard=True)
