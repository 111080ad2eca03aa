"""The fast writer of notebooks writes what `json.dumps` writes."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tool.render.canonical import canonical

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
DOCUMENTS = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=30)


@settings(max_examples=150, deadline=None)
@given(DOCUMENTS)
def test_any_document_is_written_as_json_dumps_writes_it(document: object) -> None:
    """Byte for byte, with sorted keys, an indent of one, and letters as they are."""
    assert canonical(document) == json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)


def test_what_is_no_json_is_refused() -> None:
    """NaN, infinities and objects raise as they do there."""
    for value, error in ((math.nan, ValueError), (math.inf, ValueError), (object(), TypeError)):
        with pytest.raises(error):
            canonical({"a": [value]})
