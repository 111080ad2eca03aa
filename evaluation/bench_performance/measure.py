"""All measurements of the report, in the order in which it tells them."""

from __future__ import annotations

import importlib.util
import math
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.bench_performance import notebooks
from evaluation.bench_performance.inputs import copy_of, registry_of, requests
from evaluation.bench_performance.process import Run, ftc
from tool.load import Repo

JOBS = "2"
BATCHES = (100, 1_000, 10_000)
FILES = (300, 3_000, 30_000)
COLD_RUNS = 5
QUESTION = ("recommend", "--model", "meta-llama/Llama-3.1-8B-Instruct", "--task", "chat", "--gpu", "RTX-4090")
LOAD = (
    "import sys, time; from pathlib import Path; from tool.load import open_repo\n"
    "repo = open_repo(Path(sys.argv[1])); start = time.process_time(); faults = repo.models.load_all()\n"
    "assert not faults, faults[0]; print(time.process_time() - start)\n"
)


@dataclass(frozen=True)
class Found:
    """Everything that was measured."""

    cold: list[Run]
    batches: dict[int, Run]
    matrix: Run
    matrix_form: str
    matrix_rows: int
    edits: dict[str, Run]
    loads: dict[int, float]
    books: notebooks.Notebooks


def measure(repo: Repo) -> Found:
    """Run everything, in folders that are gone afterwards."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cold = [ftc(*QUESTION, "--root", str(repo.root), "--output", "json") for _ in range(COLD_RUNS)]
        matrix, form, rows = measure_matrix(repo, folder)
        return Found(
            cold=cold,
            batches={count: measure_batch(repo, folder, count) for count in BATCHES},
            matrix=matrix,
            matrix_form=form,
            matrix_rows=rows,
            edits=measure_edits(repo, folder / "copy"),
            loads={count: measure_load(repo, folder / str(count), count) for count in FILES},
            books=notebooks.measure(repo, folder),
        )


def measure_batch(repo: Repo, folder: Path, count: int) -> Run:
    """A file of mixed requests through the command. Requests that contradict themselves count as answered (exit 2)."""
    path = folder / f"{count}.jsonl"
    path.write_text(requests(repo, count))
    arguments = ("recommend", "--requests", str(path), "--jobs", JOBS, "--root", str(repo.root))
    return ftc(*arguments, expect=(0, 2))


def measure_matrix(repo: Repo, folder: Path) -> tuple[Run, str, int]:
    """The whole product as Parquet where pyarrow is installed, else one length of it as JSON Lines."""
    import json

    arrow = importlib.util.find_spec("pyarrow") is not None
    form, lengths = ("parquet", "1024,2048,4096,8192") if arrow else ("jsonl", "2048")
    out = folder / "matrix"
    arguments = ("generate", "--matrix", "--out", str(out), "--format", form, "--lengths", lengths, "--jobs", JOBS)
    run = ftc(*arguments, "--root", str(repo.root))
    return run, form, json.loads((out / "matrix.json").read_text())["rows"]


def measure_edits(repo: Repo, copy: Path) -> dict[str, Run]:
    """The catalogue anew, again with nothing changed, and after one edit of a card, a model and a task."""
    root = copy_of(repo.root, copy)
    generate = ("generate", "--root", str(root))
    found = {"clean": ftc(*generate, "--clean", "--jobs", JOBS), "nothing changed": ftc(*generate)}
    edits = {
        "one card (T4: most entries)": ("profiles/gpus/T4.yaml", r"usable_gib: [\d.]+", "usable_gib: 14.1"),
        "one card (A10G)": ("profiles/gpus/A10G.yaml", r"usable_gib: [\d.]+", "usable_gib: 21.5"),
        "one model": (
            "registry/models/Qwen/Qwen3-8B.yaml",
            r"max_position_embeddings: \d+",
            "max_position_embeddings: 1024",
        ),
        "one task": ("profiles/tasks/code.yaml", r"max_length: \d+", "max_length: 1536"),
    }
    for name, (path, pattern, text) in edits.items():
        file = root / path
        file.write_text(re.sub(pattern, text, file.read_text(), count=1))
        found[name] = ftc(*generate)
    found["full check"] = ftc(*generate, "--check", "--jobs", JOBS)
    found["fast check"] = ftc(*generate, "--check", "--fast")
    return found


def measure_load(repo: Repo, folder: Path, count: int) -> float:
    """CPU seconds to read and validate `count` model files, in a process of its own."""
    root = registry_of(repo, folder, count)
    done = subprocess.run([sys.executable, "-c", LOAD, str(root)], capture_output=True, text=True, check=True)
    return float(done.stdout)


def exponent(points: Sequence[tuple[float, float]]) -> float:
    """Slope of log(time) over log(size), by least squares: 1 is linear."""
    xs, ys = [math.log(x) for x, _ in points], [math.log(y) for _, y in points]
    middle_x, middle_y = statistics.mean(xs), statistics.mean(ys)
    steps = sum((x - middle_x) * (y - middle_y) for x, y in zip(xs, ys, strict=True))
    return steps / sum((x - middle_x) ** 2 for x in xs)
