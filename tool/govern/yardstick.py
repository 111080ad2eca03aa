"""What a change is measured by: the rules, waivers and golden set of one tree, with the digests that evidence binds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tool.policy.digests import CEILINGS, GOLDEN, gates_digest, policy_digest, sha256
from tool.policy.policies import Policies, load_policies
from tool.policy.waivers import load_waivers
from tool.schema.waiver import Waiver

NO_FILE = "none"


@dataclass(frozen=True)
class Yardstick:
    """Rules and digests of one tree. A digest of a golden set that is not there is None: missing, never equal."""

    policies: Policies
    waivers: tuple[Waiver, ...]
    policy_digest: str
    gates_digest: str
    golden_digest: str | None
    ceilings_digest: str

    @property
    def gates(self) -> dict[str, str]:
        """Every gate that an evaluation owes: `<policy>/<validation>` → level."""
        return {
            f"{policy.id}/{validation.id}": policy.level
            for policy in self.policies.of("evaluation")
            for validation in policy.validations
        }


def yardstick(files: Mapping[str, bytes]) -> Yardstick:
    """From a tree's files (policies/, golden set, ceilings). Raises InputFaults when the rules are unreadable."""
    rules = {
        path: data for path, data in files.items() if path.startswith("policies/") and path.endswith((".yaml", ".yml"))
    }
    return Yardstick(
        policies=load_policies(rules),
        waivers=tuple(load_waivers(rules)),
        policy_digest=policy_digest(rules),
        gates_digest=gates_digest(rules),
        golden_digest=sha256(files[GOLDEN]) if GOLDEN in files else None,
        ceilings_digest=sha256(files[CEILINGS]) if CEILINGS in files else NO_FILE,
    )
