"""Several processes, on one machine or more, as torchrun starts them; without torchrun everything here does nothing.

    torchrun --nproc-per-node 4 -m training classifier --data ...

Gradients are averaged by PyTorch's DistributedDataParallel; every process draws its share of each batch.
"""

from __future__ import annotations

import gc
import importlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from gesture_app.errors import EnvironmentFault

Item = TypeVar("Item")
TIMEOUT = timedelta(minutes=30)
"""The others wait so long for a process: the longest that evaluating and saving may take."""


def active() -> bool:
    """Whether this is one of several processes."""
    return dist.is_available() and dist.is_initialized()


def rank() -> int:
    """Number of this process, from 0 on; 0 writes files and prints."""
    return dist.get_rank() if active() else 0


def world_size() -> int:
    """Number of processes."""
    return dist.get_world_size() if active() else 1


def is_main() -> bool:
    """Whether this process writes and prints; also before it has joined the others and after it has left them."""
    return int(os.environ.get("RANK", "0")) == 0


@contextmanager
def process_group(device: torch.device) -> Iterator[torch.device]:
    """Join the processes that torchrun started; alone there is nothing to join.

    Yields:
        The device of this process: of several GPUs the one with its local number.

    Raises:
        EnvironmentFault: the others cannot be reached, or there are more processes than GPUs.
    """
    if active() or "RANK" not in os.environ:
        yield device
        return
    if device.type == "cuda":
        local = int(os.environ.get("LOCAL_RANK", "0"))
        if local >= torch.cuda.device_count():
            raise EnvironmentFault(
                f"torchrun: process {local} has no GPU: start at most {torch.cuda.device_count()} a machine"
            )
        device = torch.device("cuda", local)
        torch.cuda.set_device(device)
    # DistributedDataParallel imports this, which holds the group forever where one exists: before there is one.
    importlib.import_module("torch._dynamo")
    try:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=TIMEOUT)
    except (RuntimeError, ValueError) as error:
        raise EnvironmentFault(f"torchrun: the processes cannot reach each other: {error}") from error
    try:
        yield device
        dist.barrier()  # none leaves while another still talks to it
    finally:
        dist.destroy_process_group()
        # Gloo's threads end with the last reference to the group; outliving the interpreter, they abort the process.
        gc.collect()


def wrap(model: nn.Module, device: torch.device) -> nn.Module:
    """The model for several processes; alone the model itself."""
    if not active():
        return model
    return DistributedDataParallel(model, device_ids=[device.index] if device.type == "cuda" else None)


def share(items: Sequence[Item]) -> list[Item]:
    """Every n-th item, this process's share; together the processes have each item once."""
    return list(items[rank() :: world_size()])


def gathered(items: list[Item]) -> list[Item]:
    """The items of all processes, in the order that `share` took them from."""
    if not active():
        return items
    lists: list[list[Item]] = [[] for _ in range(world_size())]
    dist.all_gather_object(lists, items)
    longest = max(len(part) for part in lists)
    return [part[i] for i in range(longest) for part in lists if i < len(part)]


def summed(value: Tensor) -> Tensor:
    """The sum over all processes, on the CPU; alone the value itself."""
    if not active():
        return value
    device = torch.device("cuda") if dist.get_backend() == "nccl" else torch.device("cpu")
    total = value.detach().clone().to(device)
    dist.all_reduce(total)
    return total.cpu()


def mean_of_all(value: Tensor) -> Tensor:
    """The mean over all processes of a number that divides a loss, so that the average of gradients is exact."""
    if not active():
        return value
    total = value.detach().clone()
    dist.all_reduce(total)
    return total / world_size()


def largest(number: int, device: torch.device) -> int:
    """The largest number that any process names, so that all act alike."""
    if not active():
        return number
    value = torch.tensor(number, device=device)
    dist.all_reduce(value, dist.ReduceOp.MAX)
    return int(value)


def synchronize_from_main(model: nn.Module) -> None:
    """Give every process the main one's weights and buffers."""
    if active():
        for value in model.state_dict().values():
            dist.broadcast(value, src=0)
