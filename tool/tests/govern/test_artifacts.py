"""Artifacts: forms that load without running anything pass, everything else is told apart by its content."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tool.govern.artifacts import check_engine, content_problem
from tool.tests.attacks.catalogue import pickled_archive, pickled_array
from tool.tests.govern.workbench import NEXT, Workbench


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def archive(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return buffer.getvalue()


STRUCTURED = np.zeros(3, dtype=np.dtype([("left", "<i8"), ("value", "<f8")], align=True))


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("a.json", b'{"a": [1, 2]}'),
        ("a.jsonl", b'{"a": 1}\n\n{"a": 2}\n'),
        ("a.yaml", b"a: 1\n"),
        ("a.npy", npy(np.arange(3.0))),
        ("a.npy", npy(np.array(["text"]))),
        ("a.npz", archive(**{"x.npy": npy(STRUCTURED)})),
        ("a.skops", archive(**{"schema.json": b"{}", "1.npy": npy(np.arange(3))})),
    ],
)
def test_safe_forms(path: str, data: bytes) -> None:
    """Numbers, texts and archives of them."""
    assert content_problem(path, data) == ""


@pytest.mark.parametrize(
    ("path", "data", "told"),
    [
        ("a.json", pickle.dumps([1]), "is a pickle"),
        ("a.pkl", b"anything", "is a pickle"),
        ("a.joblib", b"anything", "is a pickle"),
        ("a.json", b"{", "is no JSON"),
        ("a.json", b"[" * 100_000, "is no JSON"),
        ("a.json", pickle.dumps([1], protocol=0), "is no JSON"),
        ("a.jsonl", b"{}\nx\n", "is no JSON"),
        ("a.csv", b"\xff\xfe", "is not UTF-8"),
        ("a.npy", npy(np.array([print, None], dtype=object)), "holds pickled objects"),
        ("a.npy", b"\x93NUMPY\x01\x00\x10\x00{'descr': oops}\n", "is no NumPy array"),
        ("a.npz", pickled_array(), "holds pickled objects"),
        ("a.skops", pickled_archive(), "holds a pickle (model)"),
        ("a.skops", archive(**{"data.pkl": b"x"}), "holds a pickle (data.pkl)"),
        ("a.npz", archive(**{"../x.npy": npy(np.arange(3))}), "leads elsewhere"),
        ("a.npz", b"PK\x03\x04rest", "is no readable archive"),
        ("a.npz", archive(x=b"0" * (257 << 20)), "more than 256 MiB"),
        ("a.so", b"\x7fELF", "of a form that engines do not have"),
        ("a.py", b"import os", "of a form that engines do not have"),
    ],
)
def test_unsafe_forms(path: str, data: bytes, told: str) -> None:
    """Each is told by its content, whatever its name says."""
    assert told in content_problem(path, data)


def test_a_damaged_member_is_told() -> None:
    """Compressed bytes that do not unpack are a finding, not a traceback."""
    damaged = bytearray(archive(a=b"hello world " * 100))
    start = 30 + len("a")  # the member's data lie behind its local header and name
    damaged[start : start + 12] = bytes(byte ^ 0xFF for byte in damaged[start : start + 12])
    assert "is no readable archive" in content_problem("model.skops", bytes(damaged))


def test_an_engine_of_the_workbench_is_sound(bench: Workbench) -> None:
    """The engines that other tests use pass every check; an artifact that is gone is told."""
    assert check_engine(bench.root, NEXT) == []
    (Path(bench.root) / "registry/engines" / NEXT / "reranker.npz").unlink()
    assert [finding.id for finding in check_engine(bench.root, NEXT)] == ["engine.missing"]
