"""A newcomer follows .github/docs/engines.md in a scratch clone, command by command, and reads what is printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tool.tests.govern.workbench import LIVE, NEXT, ROOT, Workbench

TEXT = (ROOT / ".github/docs/engines.md").read_text()
BLOCKS = dict(re.findall(r"<!-- run: (\S+) -->\n```sh\n(.*?)```", TEXT, flags=re.DOTALL))


def follow(bench: Workbench, name: str, shims: Path) -> str:
    """Run a block of the text in the clone, as it stands; what it printed."""
    environment = {
        **os.environ,
        "PATH": f"{shims}:{os.environ['PATH']}",
        "GITHUB_ACTOR": "maria",
        "GIT_AUTHOR_NAME": "maria",
        "GIT_AUTHOR_EMAIL": "maria@example.org",
        "GIT_COMMITTER_NAME": "maria",
        "GIT_COMMITTER_EMAIL": "maria@example.org",
    }
    done = subprocess.run(
        ["bash", "-e", "-c", BLOCKS[name]], cwd=bench.root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return done.stdout


def shim(folder: Path, bench: Workbench) -> None:
    """`ftc` of this checkout at the bench's time; the bench holds no catalogue to regenerate."""
    ftc = Path(sys.executable).parent / "ftc"
    script = '#!/bin/sh\ncase " $* " in *" --write "*) set -- "$@" --no-generate;; esac\n'
    script += f'exec {ftc} "$@" --now {bench.clock}\n'
    path = folder / "ftc"
    path.write_text(script)
    path.chmod(0o755)


def test_the_text_promotes_a_candidate(bench: Workbench, tmp_path: Path) -> None:
    """Every command works as printed, the message carries the trailers, and the pushed branch passes."""
    bench.git("switch", "-q", "--detach", "origin/main")
    shims = tmp_path / "shims"
    shims.mkdir()
    shim(shims, bench)
    printed = follow(bench, "promote", shims)
    assert f"production  {LIVE}" in printed
    assert "Nothing was written; add --write" in printed
    for line in ("git add registry/engines evaluation/reports", "git commit -F .git/ftc-message", "git push -u origin"):
        assert line in printed, "what the text says is what the command prints"
        assert line in BLOCKS["push"]
    printed = follow(bench, "push", shims)
    assert "passes: 2 paths changed, generation 1, stage" in printed
    message = bench.git("log", "-1", "--format=%B")
    assert message.startswith(f"Promote {NEXT} to staging\n\nbetter on code tasks\n\nEvidence-Digest: ")
    assert "refs/heads/engines/0001-stage-2026.11.1" in bench.git("ls-remote", "origin")
    bench.git("push", "-q", "origin", "HEAD:main")
    bench.git("fetch", "-q", "origin")
    assert bench.verify() == (0, [])


def test_the_text_names_commands_that_exist() -> None:
    """Each `ftc` command of the text is one."""
    from tool.cli import COMMANDS

    named = set(re.findall(r"ftc ([a-z]+)", TEXT)) - {"evaluate"}
    assert named <= set(COMMANDS)
