"""Ten thousand buckets: stable, even, and never evicting a key when the fraction grows."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tool.govern.routing import BUCKETS, bucket, slot
from tool.schema.state import Canary


def canary(fraction: float, salt: str = "s1") -> Canary:
    return Canary(version="b", fraction=fraction, salt=salt, since="2026-11-20T00:00:00Z")


def test_known_buckets() -> None:
    """The buckets are part of the contract: these never change."""
    assert [bucket("s1", key) for key in ("", "a", "user-42", "é")] == [6979, 5342, 3723, 6126]


@settings(max_examples=200, deadline=None)
@given(key=st.text(), low=st.integers(0, BUCKETS - 1), more=st.integers(0, BUCKETS - 1))
def test_raising_evicts_nobody(key: str, low: int, more: int) -> None:
    """A key that meets the canary at some fraction meets it at every higher one."""
    high = max(low, more)
    if slot(key, canary(low / BUCKETS)) == "canary":
        assert slot(key, canary(high / BUCKETS)) == "canary"
    assert slot(key, canary(0.0)) == "production"
    assert slot(key, None) == "production"


def test_the_share_is_the_fraction() -> None:
    """Of 20,000 keys, one in twenty meets a canary of 0.05, within four standard errors."""
    met = sum(slot(f"key-{number}", canary(0.05)) == "canary" for number in range(20_000))
    assert abs(met - 1000) < 4 * (20_000 * 0.05 * 0.95) ** 0.5


def test_another_salt_is_another_draw() -> None:
    """A new canary meets other keys than the last one did."""
    keys = [f"key-{number}" for number in range(2000)]
    first = {key for key in keys if slot(key, canary(0.05)) == "canary"}
    second = {key for key in keys if slot(key, canary(0.05, "s2")) == "canary"}
    assert len(first & second) < 20
