"""The commands of .github/docs/telemetry.md work as they stand."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from tool.tests.conftest import ROOT

DOCUMENT = ROOT / ".github/docs/telemetry.md"
PROGRAM = """#!{python}
import sys
from tool.cli import main
sys.argv[0] = "ftc"
if sys.argv[1] != "telemetry" or sys.argv[2] not in ("start", "complete"):
    sys.argv += ["--root", {root!r}]
main()
"""


def blocks() -> dict[str, str]:
    """Shell blocks by name."""
    found = re.findall(r"<!-- run: (\w+) -->\n```sh\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    return dict(found)


def test_the_documented_commands_lead_from_a_run_to_a_decision(tmp_path: Path) -> None:
    """Block after block in an empty folder: an event is written, taken in, reported, and too few to retrain."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/ftc").write_text(PROGRAM.format(python=sys.executable, root=str(ROOT)))
    (tmp_path / "bin/ftc").chmod(0o755)
    path = f"{tmp_path / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)}
    script = "set -e -o pipefail\n" + "".join(blocks()[name] for name in ("write", "ingest"))
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (file,) = (tmp_path / "runs").iterdir()
    assert [json.loads(line)["event"] for line in file.read_text().splitlines()] == ["run_start", "run_complete"]
    assert "2 received from 1 files = 2 accepted" in done.stdout
    assert "decision: wait" in done.stdout
    assert 'outcome="success"' in (tmp_path / "telemetry.prom").read_text()


def test_every_figure_of_the_rules_is_that_of_the_rules() -> None:
    """Shares, sources, runs, hours and factors in the text are those of the policy and of the guard."""
    from tool.memory.cards import SOURCES
    from tool.retrain.guard import ECHO, LARGEST_FACTOR, LARGEST_STEP
    from tool.telemetry.limits import read_limits

    limits, text = read_limits(ROOT), DOCUMENT.read_text()
    assert (limits.source_share, limits.learning_sources, limits.learning_runs) == (0.25, 3, 5)
    assert (SOURCES, LARGEST_FACTOR, LARGEST_STEP, ECHO, limits.lost_after_hours) == (3, 3.0, 1.1, 1.02, 72.0)
    for words in ("a quarter of the weight", "three sources", "*third* most needy", "five times", "72 hours", "2 %"):
        assert words in text
