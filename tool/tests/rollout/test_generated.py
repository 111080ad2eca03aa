"""`generated/canary/` holds what the canary's engine changes, and is gone with the canary."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tool.generate import compare, plan, write
from tool.govern.canonical import canonical_yaml
from tool.load import open_repo
from tool.policy.digests import sha256
from tool.schema.state import State
from tool.tests.conftest import ROOT

LIVE, NEXT = "2026.11.0", "2026.11.1"


def trial(root: Path, **stages: str) -> None:
    """A state with the real engine under one or two names, and a canary of `canary`."""
    engines = root / "registry/engines"
    engines.mkdir(parents=True, exist_ok=True)
    for version in (LIVE, NEXT):
        shutil.copytree(ROOT / "registry/engines" / LIVE, engines / version, dirs_exist_ok=True)
    named = dict(zip((LIVE, NEXT), stages.values(), strict=False))
    canary = next((version for version, stage in named.items() if stage == "canary"), None)
    trying = {"version": canary, "fraction": 0.05, "salt": "s", "since": "2026-11-20T00:00:00Z"} if canary else None
    state = State.model_validate({"generation": 2, "stages": named, "canary": trying, "holds": []})
    (engines / "state.yaml").write_bytes(canonical_yaml(state))


def prefer_learned(folder: Path) -> None:
    """Let an engine answer by what it learned, whatever scored best, and keep its digests sound."""
    before = (folder / "tables.json").read_bytes()
    tables = json.loads(before)
    for row in tables["auto"]:
        row["chosen"] = "hybrid"
    after = json.dumps(tables, sort_keys=True).encode()
    (folder / "tables.json").write_bytes(after)
    record = (folder / "engine.yaml").read_text()
    (folder / "engine.yaml").write_text(record.replace(sha256(before), sha256(after)))


def test_only_what_differs_is_there(repo_copy: Path) -> None:
    """An engine in canary that answers otherwise: each entry that moves names its fields, before and after."""
    trial(repo_copy, live="production", next="canary")
    prefer_learned(repo_copy / "registry/engines" / NEXT)
    planned = plan(open_repo(repo_copy))
    index = json.loads(planned["generated/canary/index.json"])
    assert (index["engine"], index["count"]) == (NEXT, len(index["entries"]))
    assert index["count"] > 0
    for row in index["entries"]:
        assert row["moves"]
        assert all(before != after for before, after in row["moves"].values())
        path = f"recommendations/{row['entry']}.json"
        if row["fits"] == [True, True]:
            old, new = (json.loads(planned[f"generated/{part}{path}"])["answer"] for part in ("", "canary/"))
            assert (old["slot"], new["slot"]) == ("production", "canary")
            field, (before, after) = next(iter(row["moves"].items()))
            assert old["config"].get(field, old.get(field)) == before
            assert new["config"].get(field, new.get(field)) == after


def test_the_same_engine_under_another_name_changes_nothing(repo_copy: Path) -> None:
    """Production and canary answer alike: an index that says so, and no other file."""
    trial(repo_copy, live="production", next="canary")
    planned = plan(open_repo(repo_copy))
    assert [path for path in planned if path.startswith("generated/canary/")] == ["generated/canary/index.json"]
    assert json.loads(planned["generated/canary/index.json"])["count"] == 0


def test_it_is_gone_with_the_canary(repo_copy: Path) -> None:
    """After the abort a regeneration leaves nothing of generated/canary."""
    trial(repo_copy, live="canary")
    write(repo_copy, plan(open_repo(repo_copy)))
    assert (repo_copy / "generated/canary/index.json").is_file()
    trial(repo_copy, live="staging")
    planned = plan(open_repo(repo_copy))
    assert not any(path.startswith("generated/canary/") for path in planned)
    assert "generated/canary/index.json" in compare(repo_copy, planned).extra
