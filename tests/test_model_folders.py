from __future__ import annotations

from pathlib import Path

import pytest

from gesture_app.errors import EnvironmentFault
from gesture_app.vision.assets import models_folder, shipped_folder
from gesture_app.vision.model_folders import (
    RETRAINED,
    copy_networks,
    default_weights,
    installed_models,
    missing_files,
    network_files,
    shipped_weights,
)

pytestmark = pytest.mark.usefixtures("own_folder")


FILES = ("detector.safetensors", "classifier.safetensors", "detector.json", "classifier.json")


@pytest.mark.parametrize("missing", [FILES, *[(name,) for name in FILES], ()])
def test_only_a_complete_model_is_offered_and_used(missing: tuple[str, ...]) -> None:
    assert (installed_models(), default_weights()) == ([], shipped_folder()), "not even the folder of models is there"
    own = models_folder() / RETRAINED
    own.mkdir(parents=True)
    (models_folder() / "file").touch()
    for name in set(FILES) - set(missing):
        (own / name).touch()
    assert missing_files(own) == list(missing)
    assert installed_models() == ([] if missing else [(RETRAINED, str(own))])
    assert default_weights() == (shipped_folder() if missing else own)


@pytest.mark.parametrize("replaced", [False, True])
def test_a_complete_model_is_used_from_then_on(replaced: bool) -> None:
    target = models_folder() / RETRAINED
    if replaced:
        target.mkdir(parents=True)
        (target / "old").touch()
    sources = [shipped_weights("detector"), shipped_weights("classifier")]
    copy_networks(sources, target)
    assert default_weights() == target
    assert {path.name for path in target.iterdir()} == {file.name for s in sources for file in network_files(s)}
    assert list(target.parent.iterdir()) == [target]


def test_a_model_that_cannot_be_replaced_stays(tmp_path: Path, monkeypatch) -> None:
    target = tmp_path / "models" / "x"
    target.mkdir(parents=True)
    (target / "old").touch()
    replace = Path.replace

    def fail(source, to):
        if source.name == "new":
            raise OSError(5, "Input/output error")
        return replace(source, to)

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(EnvironmentFault, match="Input/output error"):
        copy_networks([shipped_weights("classifier")], target)
    assert [path.name for path in target.iterdir()] == ["old"]
