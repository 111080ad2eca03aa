"""Which slot answers a key: 10,000 buckets by sha256, so that the same key always meets the same engine."""

from __future__ import annotations

import hashlib
from typing import Literal

from tool.schema.state import Canary

BUCKETS = 10_000


def bucket(salt: str, key: str) -> int:
    """The key's bucket, 0 to 9,999. Salt and key are told apart by a byte that UTF-8 text cannot hold."""
    digest = hashlib.sha256(salt.encode() + b"\xff" + key.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") % BUCKETS


def width(fraction: float) -> int:
    """How many buckets a fraction takes, from the lowest. Raising the fraction only adds to them."""
    return round(fraction * BUCKETS)


def slot(key: str, canary: Canary | None) -> Literal["production", "canary"]:
    """The slot that answers a key."""
    if canary is None:
        return "production"
    return "canary" if bucket(canary.salt, key) < width(canary.fraction) else "production"
