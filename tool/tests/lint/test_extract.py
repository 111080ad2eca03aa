"""Key lists from archives: fields over bases, nested classes, choices, and the releases that know a key."""

from __future__ import annotations

import io
import json
import re
import tarfile
import zipfile
from pathlib import Path

import pytest

from tool.errors import FtcError
from tool.lint.extract.__main__ import document, main, text
from tool.lint.extract.archives import Shelf
from tool.lint.extract.packages import PACKAGES, Package, oumi

OLD = """\
class BaseParams: ...
class Stage(Enum):
    ONE = "1"
class PeftParams(BaseParams):
    lora_r: int = 8
    kwargs: dict[str, Any] = field(default_factory=dict)
class TrainingParams(BaseParams):
    evaluation_strategy: str = "no"
    rate: Optional[float] = None
    stage: Stage = Stage.ONE
class TrainingConfig(BaseParams):
    peft: PeftParams
    training: TrainingParams
    ranks: list[PeftParams]
    _hidden: int = 0
    count: ClassVar[int] = 0
"""
NEW = OLD.replace("evaluation_strategy", "eval_strategy").replace('"1"', '"1"\n    TWO = "2"')
PATH = "oumi/core/configs/training_config.py"
METADATA = "Requires-Dist: transformers<5.17,>=4.57\nRequires-Dist: torch>=2\n"


def wheel(folder: Path, version: str, source: str) -> None:
    with zipfile.ZipFile(folder / f"oumi-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr(PATH, source)
        archive.writestr(f"oumi-{version}.dist-info/METADATA", METADATA)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """Two releases, the newer one with the greater number and the smaller text."""
    wheel(tmp_path, "0.9", OLD)
    wheel(tmp_path, "0.10.1", NEW)
    return Shelf(tmp_path)


def test_a_list_says_kind_and_releases(shelf: Shelf) -> None:
    """Since and until name the first and last release; choices of all releases count, and names of members too."""
    found = document(Package("oumi", ("oumi",), oumi, "fields"), shelf)
    keys = found["groups"]["file"]
    assert found["versions"] == ["0.9", "0.10.1"]
    assert keys["training.rate"] == {"kind": "float"}
    assert keys["training.evaluation_strategy"] == {"kind": "str", "until": "0.9"}
    assert keys["training.eval_strategy"] == {"kind": "str", "since": "0.10.1"}
    assert keys["training.stage"] == {"kind": "=1|=2|=ONE|=TWO"}
    assert keys["ranks"] == {"kind": "list"} and keys["ranks.lora_r"] == {"kind": "int"}
    assert "_hidden" not in keys and "count" not in keys
    assert found["requires"] == {"transformers": "<5.17"}
    assert json.loads(text(found)) == found


def test_source_archives_are_read_as_well(tmp_path: Path) -> None:
    """Where a release has no wheel."""
    with tarfile.open(tmp_path / "oumi-0.3.0.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo(f"oumi-0.3.0/{PATH}")
        info.size = len(OLD)
        archive.addfile(info, io.BytesIO(OLD.encode()))
    (release,) = Shelf(tmp_path).releases("oumi")
    assert release.version == "0.3.0" and len(release.sources(re.compile("training_config"))) == 1


def test_a_package_that_is_not_there_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the file that tells how to get it; no arguments show the usage."""
    with pytest.raises(FtcError, match=r"no release of trl; tool/lint/keys/README\.md"):
        Shelf(tmp_path).releases("trl")
    assert main([str(tmp_path), "trl"]) == 2 and main([]) == 2
    assert "no release of trl" in capsys.readouterr().err


def test_the_committed_lists_are_in_the_form_that_is_written() -> None:
    """Nobody edits them by hand: each is what the writer makes of its own content."""
    folder = Path(__file__).parents[2] / "lint/keys"
    for package in PACKAGES:
        content = (folder / f"{package.name}.json").read_text()
        assert text(json.loads(content)) == content, package.name
