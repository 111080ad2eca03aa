"""One byte form: what is written reads back the same, and no other bytes are accepted."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tool.govern.canonical import canonical_yaml
from tool.govern.store import STATE, event_number, event_path, read_history
from tool.load.yaml_file import YamlFile
from tool.schema.state import Canary, Event, State

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=60)
VERSION = st.from_regex(r"\A([0-9]{4}\.[0-9]{1,2}(\.[0-9])?|[a-z][a-z0-9]{0,6}|yes|null|1e5|0x1f|[0-9]{1,4})\Z")
TRICKY = st.sampled_from(
    ["yes", "null", "~", "1e5", "2026.11", "0o7", "a: b", "- x", "#", "'", '"', "é", "\u2028", "1:30"]
)


@settings(max_examples=200, deadline=None)
@given(actor=TEXT | TRICKY, reason=TEXT | TRICKY, version=VERSION, fraction=st.none() | st.integers(0, 9999))
def test_events_read_back(actor: str, reason: str, version: str, fraction: int | None) -> None:
    """Whatever a text looks like, it comes back as that very text, and writing it again gives the same bytes."""
    data: dict[str, Any] = {
        "version": version,
        "from": "staging",
        "to": "canary",
        "fraction": None if fraction is None else fraction / 10_000,
        "expect_generation": 3,
        "evidence_digest": "1" * 63 + "e",
        "policy_digest": None,
        "prev_digest": "a" * 64,
        "actor": actor,
        "reason": reason,
        "at": "2026-11-20T00:00:00Z",
    }
    event = Event.model_validate(data)
    content = canonical_yaml(event)
    file = YamlFile("e.yaml", content)
    assert not file.faults
    assert Event.model_validate(file.data) == event
    assert canonical_yaml(Event.model_validate(file.data)) == content
    assert yaml.safe_load(content)["reason"] == reason, "other YAML readers see the same text"


def test_the_keys_are_those_of_the_contract() -> None:
    """State and events hold exactly the keys of the contract, in its order."""
    canary = Canary(version="2026.11.1", fraction=0.05, salt="s1", since="2026-11-20T00:00:00Z")
    stages = {"2026.11.1": "canary", "2026.11.0": "production"}
    state = State.model_validate({"generation": 14, "stages": stages, "canary": canary, "holds": []})
    assert canonical_yaml(state).decode() == (
        "generation: 14\nstages:\n  2026.11.0: production\n  2026.11.1: canary\ncanary:\n  version: 2026.11.1\n"
        "  fraction: 0.05\n  salt: s1\n  since: 2026-11-20T00:00:00Z\nholds: []\n"
    )
    keys = "version from to fraction expect_generation evidence_digest policy_digest prev_digest actor reason at"
    assert [field.alias or name for name, field in Event.model_fields.items()] == keys.split()


def test_event_names() -> None:
    """The number in a name has one form."""
    assert event_path(14) == "registry/engines/events/0014.yaml"
    assert event_number(event_path(12_345)) == 12_345
    for name in ("14.yaml", "00014.yaml", "0014.yml", "x/0014.yaml"):
        assert event_number(f"registry/engines/events/{name}") is None


def test_unreadable_is_never_empty() -> None:
    """No state and no events is no history; a state alone, or an unreadable one, is a finding."""
    assert read_history({}) == (None, [])
    for content in (b"", b"generation: 1\n", b"\xff", b"[]\n", b"{}\n"):
        history, findings = read_history({STATE: content})
        assert history is None
        assert findings
