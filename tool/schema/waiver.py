"""Contract of `policies/waivers/<id>.yaml`: an exception from one soft gate, for one report, for a short time."""

from __future__ import annotations

from pydantic import Field

from tool.schema.base import Record
from tool.schema.engine import Digest
from tool.schema.state import Time


class Waiver(Record):
    """`gate` is `<policy>` or `<policy>/<validation>`; it is excused until `expires` for the report of that digest."""

    id: str
    gate: str = Field(min_length=1)
    reason: str = Field(min_length=10)
    approver: str = Field(min_length=1)
    issue: str = Field(min_length=1)
    evidence_digest: Digest
    granted: Time
    expires: Time
