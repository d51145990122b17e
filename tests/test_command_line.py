from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from gesture_app.command_line import parse
from training.inspect_data import DataConfig
from training.pseudo_label import PseudoLabelConfig
from training.synthetic.config import SynthesizeConfig


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options."""

    weights: Path | None = None
    """Folder."""
    device: Literal["auto", "cpu"] | None = None
    """Where."""
    hands: int | None = 4
    """Most."""
    labels: tuple[str, ...] | None = None
    """Names."""
    data: tuple[Path, ...] = ()
    """Folders."""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", Options()),
        ("--weights a/b --device cpu", Options(weights=Path("a/b"), device="cpu")),
        ("--hands 2 --labels x y", Options(hands=2, labels=("x", "y"))),
        ("--weights None", Options(weights=Path("None"))),
        ("--data . a/b", Options(data=(Path(), Path("a/b")))),
    ],
)
def test_what_may_be_left_out_is_read_as_what_it_is(line: str, expected: Options) -> None:
    assert parse(Options, "program", None, line.split()) == expected


@pytest.mark.parametrize("line", ["--device None", "--hands many", "--hands", "--colour red", "--weights=", "--data="])
def test_mistakes_end_with_2(line: str, capsys) -> None:
    with pytest.raises(SystemExit) as exit_info:
        parse(Options, "program", None, line.split())
    assert exit_info.value.code == 2
    assert "program --help" in capsys.readouterr().err


@pytest.mark.parametrize("config", [DataConfig, PseudoLabelConfig, SynthesizeConfig])
def test_help_has_a_text_for_every_option(config, capsys) -> None:
    with pytest.raises(SystemExit):
        parse(config, "program", None, ["--help"])
    told = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert re.findall(r"(?:INT|FLOAT|PATH|STR|\]|--[\w-]+) \((?:default|required)", told) == []


def test_help_does_not_speak_of_python(capsys) -> None:
    with pytest.raises(SystemExit) as exit_info:
        parse(Options, "program", "About it.", ["--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert exit_info.value.code == 0
    assert "None" not in told and "--weights PATH" in told and "--device {auto,cpu}" in told
    assert "(default: none)" in told and "(default: 4)" in told and "About it." in told
