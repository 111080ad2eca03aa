"""The served trees are scikit-learn's trees."""

from __future__ import annotations

import numpy as np
import pytest

from tool.errors import FtcError
from tool.learn import artifacts
from tool.learn.forest import Forest
from tool.learn.grow import Settings, grow


def _data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(3)
    cases = generator.normal(size=(300, 6))
    targets = np.round(cases[:, 0] + (cases[:, 1] > 0), 1)
    return cases, targets, generator.uniform(0.2, 1.0, 300)


def test_plain_arrays_predict_what_scikit_learn_predicts() -> None:
    """On cases never seen, to the last digits, and on the exact thresholds as well."""
    cases, targets, weights = _data()
    model, forest = grow(cases, targets, weights, Settings(trees=15))
    fresh = np.random.default_rng(4).normal(size=(500, 6))
    fresh[:50, 0] = forest.threshold[forest.feature == 0][0]
    assert np.allclose(forest.means(fresh), model.predict(fresh), atol=1e-9)


def test_saved_and_loaded_trees_are_the_same() -> None:
    """The arrays survive the round trip through the archive, whose bytes are always the same."""
    cases, targets, weights = _data()
    forest = grow(cases, targets, weights, Settings(trees=5))[1]
    content = artifacts.pack_arrays(forest.arrays("x"))
    again = Forest.from_arrays(artifacts.unpack_arrays(content, "serving"), "x")
    assert np.array_equal(again.means(cases), forest.means(cases))
    assert artifacts.pack_arrays(again.arrays("x")) == content


def test_the_record_loads_without_pickle_and_predicts_the_same() -> None:
    """The skops record of scikit-learn's forest is readable with the fixed list of trusted types."""
    cases, targets, weights = _data()
    model = grow(cases, targets, weights, Settings(trees=5))[0]
    again = artifacts.load_record(artifacts.dump_record(model))
    assert np.array_equal(again.predict(cases), model.predict(cases))


def test_a_record_of_a_foreign_type_is_refused() -> None:
    """A type that is not on the list is an error, whatever it would do."""
    from sklearn.linear_model import LogisticRegression

    with pytest.raises(FtcError, match="not trusted"):
        artifacts.load_record(artifacts.dump_record(Foreign(LogisticRegression())))


class Foreign:
    """Stands for anything that an attacker would put into a record."""

    def __init__(self, inner: object) -> None:
        self.inner = inner


def test_an_archive_with_pickled_objects_is_refused() -> None:
    """numpy's object arrays are pickles; they never load."""
    import io

    stream = io.BytesIO()
    np.savez(stream, evil=np.array([{"a": 1}], dtype=object))
    with pytest.raises(FtcError, match="plain arrays"):
        artifacts.unpack_arrays(stream.getvalue(), "serving")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"\x00" * 200])
def test_a_broken_archive_is_a_clear_error(content: bytes) -> None:
    """Never a traceback of the zip reader."""
    with pytest.raises(FtcError, match="serving"):
        artifacts.unpack_arrays(content, "serving")
