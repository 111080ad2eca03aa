"""Native values: strings that are numbers, words that are booleans, references, and what cannot be."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tool.recipes.draft import BadValue
from tool.recipes.native import Native, flattened


@pytest.mark.parametrize(
    ("written", "value"),
    [("2e-5", 2e-5), ("0.", 0.0), (3, 3.0), ("5.0e-6", 5e-6), ("${x}", 7.0), (["0", "\\"], 0.0), (" 1e-4 ", 1e-4)],
)
def test_numbers(written: Any, value: float) -> None:
    """Expect numbers however they are written, references followed."""
    assert Native({"a": written, "x": "7"}).number("a") == value


@pytest.mark.parametrize("written", [None, "auto", "none", "$LR", "args.lr", "max_len - 1", "${missing}", ""])
def test_what_was_not_published(written: Any) -> None:
    """Expect None for absent markers, variables and expressions: the value is not in the row."""
    assert Native({"a": written}).number("a") is None


@pytest.mark.parametrize("written", ["fast", math.nan, math.inf, "nan", "-inf", True, "2e-5x", [1, 2], "1,000"])
def test_no_numbers(written: Any) -> None:
    """Expect a fault that names the field for what cannot be a number."""
    with pytest.raises(BadValue) as caught:
        Native({"a": written}).number("a")
    assert caught.value.field == "a"
    assert caught.value.mend


def test_whole_numbers() -> None:
    """Expect 4.0 to be whole and 4.5 to be refused."""
    assert Native({"a": "4.0"}).integer("a") == 4
    with pytest.raises(BadValue, match="whole"):
        Native({"a": 4.5}).integer("a")


def test_booleans() -> None:
    """Expect words, and a refusal of other words."""
    assert Native({"a": "True"}).flag("a") is True
    assert Native({"a": "off"}).flag("a") is False
    assert Native({"a": "is_bf16_supported()"}).flag("a") is None
    with pytest.raises(BadValue):
        Native({"a": "maybe"}).flag("a")


def test_circular_reference_ends() -> None:
    """Expect a reference to itself to count as absent, and not to hang."""
    assert Native({"a": "${b}", "b": "${a}"}).number("a") is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_readers_never_crash(value: Any) -> None:
    """Expect a value or a BadValue for whatever JSON holds, and nothing else."""
    native = Native(flattened({"a": value}))
    for read in (native.number, native.integer, native.flag, native.text, native.texts):
        with suppress(BadValue):
            read("a")
