"""Rules as data: CEL expressions over typed variables → findings. Nothing heavy is imported before it is used."""

from __future__ import annotations

from tool.policy.files import read_policies
from tool.policy.policies import Outcome, Policies, load_policies, worst
from tool.policy.safety import bounds_for

__all__ = ["Outcome", "Policies", "bounds_for", "load_policies", "read_policies", "worst"]
