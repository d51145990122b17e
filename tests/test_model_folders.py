from __future__ import annotations

from pathlib import Path

import pytest

from gesture_app.errors import EnvironmentFault
from gesture_app.vision.assets import models_folder, shipped_folder
from gesture_app.vision.model_folders import RETRAINED, copy_networks, default_weights, network_files, shipped_weights

pytestmark = pytest.mark.usefixtures("own_folder")


def test_without_an_own_model_the_shipped_one_is_used() -> None:
    assert default_weights() == shipped_folder()
    (models_folder() / RETRAINED).mkdir(parents=True)
    (models_folder() / RETRAINED / "detector.safetensors").touch()
    assert default_weights() == shipped_folder()


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
