"""Command lines from dataclasses, for both programs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args

import tyro
from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

from gesture_app import __version__

REGISTRY = ConstructorRegistry()


def named_path(words: Sequence[str]) -> Path:
    """A path. An empty one, of a variable that is not set, would be the folder that the user happens to be in.

    Raises:
        ValueError: it is empty.
    """
    if not words[0]:
        raise ValueError("the name is empty")
    return Path(words[0])


@REGISTRY.primitive_rule
def path(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
    """How a path is read: see `named_path`."""
    if info.type is not Path:
        return None
    return PrimitiveConstructorSpec(1, "PATH", named_path, lambda value: isinstance(value, Path), lambda p: [str(p)])


@REGISTRY.primitive_rule
def optional(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
    """How `X | None` is read: as X, since leaving an option out says None; tyro would list None among the values."""
    kinds = [kind for kind in get_args(info.type) if kind is not NoneType]
    if info.type_origin not in (UnionType, Union) or len(kinds) != 1:
        return None
    spec = ConstructorRegistry.get_primitive_spec(PrimitiveTypeInfo.make(kinds[0], info.markers))
    if not isinstance(spec, PrimitiveConstructorSpec):
        return None
    return replace(
        spec,
        is_instance=lambda value: value is None or spec.is_instance(value),
        str_from_instance=lambda value: ["none"] if value is None else spec.str_from_instance(value),
    )


def parse(commands: Any, program: str, about: str | None, words: Sequence[str] | None = None) -> Any:
    """The dataclass that a command line asks for; the version, help and mistakes are told and end the process.

    Args:
        commands: a dataclass, or a union of them.
        words: the command line without the program's name; that of the process unless given.
    """
    words = sys.argv[1:] if words is None else words
    if "--version" in words:
        print(f"{program} {__version__}")
        sys.exit(0)
    with REGISTRY:
        return tyro.cli(commands, prog=program, description=about, args=words)
