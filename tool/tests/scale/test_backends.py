"""The same bytes from fork, loky, dask and ray, on clusters that are really started (make prove)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tool.errors import FtcError
from tool.tests.conftest import ROOT, copy_inputs
from tool.tests.scale.environment import scale_python
from tool.work import BACKENDS, LOCAL, spread

KEPT = ("Qwen/Qwen2.5-0.5B-Instruct", "Qwen/Qwen2.5-0.5B", "HuggingFaceTB/SmolLM2-135M", "google/flan-t5-base")
CATALOGUE = """\
groups:
  - models: [Qwen/Qwen2.5-0.5B-Instruct, HuggingFaceTB/SmolLM2-135M]
    tasks: [instruction_following, chat, code, reasoning]
    platforms: [colab/free, kaggle/t4x2, local/rtx-4090, aws/g5.xlarge]
    adapters: [lora]
"""


@pytest.fixture(scope="module")
def python() -> Path:
    """An interpreter with dask, ray and pyarrow, made on first use (FTC_SCALE_PYTHON names one that is there)."""
    return scale_python(ROOT)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = copy_inputs(tmp_path_factory.mktemp("backends"))
    for path in (root / "registry/models").rglob("*.yaml"):
        if path.relative_to(root / "registry/models").as_posix().removesuffix(".yaml") not in KEPT:
            path.unlink()
    (root / "profiles/catalog.yaml").write_text(CATALOGUE)
    return root


def ftc(python: Path, root: Path, *arguments: str, **environment: str) -> None:
    """Run the command with that interpreter on this very program; cluster logs are shown when it fails."""
    command = [str(python), "-c", "from tool.cli import main; main()", "generate", "--root", str(root), *arguments]
    known = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment}
    done = subprocess.run(command, capture_output=True, text=True, env=known, cwd=root, check=False, timeout=400)
    assert done.returncode == 0, done.stderr[-3000:]


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.prove
@pytest.mark.parametrize("backend", ["dask", "ray"])
def test_a_local_cluster_makes_the_same_catalogue_and_matrix(
    python: Path, small: Path, tmp_path: Path, backend: str
) -> None:
    """The catalogue, and the matrix in two shards: byte for byte those of one process."""
    ftc(python, small, "--clean")
    once = files_of(small / "generated")
    ftc(python, small, "--clean", "--jobs", "2", "--backend", backend)
    assert files_of(small / "generated") == once
    ftc(python, small, "--check", "--jobs", "2", "--backend", backend)
    matrix = ("--matrix", "--lengths", "2048", "--format", "parquet")
    ftc(python, small, *matrix, "--out", str(tmp_path / "one"))
    for shard in ("2/2", "1/2"):
        ftc(python, small, *matrix, "--out", str(tmp_path / "two"), "--shard", shard, "--backend", backend)
    ftc(python, small, *matrix, "--out", str(tmp_path / "two"))
    assert files_of(tmp_path / "two") == files_of(tmp_path / "one")
    assert (tmp_path / "one" / "matrix.json").exists()


@pytest.mark.prove
def test_a_dask_cluster_that_runs_elsewhere_is_used(python: Path, small: Path, tmp_path: Path) -> None:
    """DASK_SCHEDULER_ADDRESS names a scheduler with a worker of its own; nothing local is started."""
    code = (
        "import sys, time\nfrom dask.distributed import LocalCluster\n"
        "if __name__ == '__main__':\n"
        "    cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)\n"
        "    print(cluster.scheduler_address, flush=True)\n    sys.stdin.read()\n"
    )
    script = tmp_path / "cluster.py"
    script.write_text(code)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [str(python), str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as cluster:
        assert cluster.stdout is not None and cluster.stdin is not None
        address = cluster.stdout.readline().strip()
        matrix = ("--matrix", "--lengths", "1024", "--format", "jsonl")
        ftc(python, small, *matrix, "--out", str(tmp_path / "a"), "--backend", "dask", DASK_SCHEDULER_ADDRESS=address)
        cluster.stdin.close()
    ftc(python, small, *matrix, "--out", str(tmp_path / "b"))
    made, expected = files_of(tmp_path / "a"), files_of(tmp_path / "b")
    assert {name: made[name] for name in made if "records" not in name} == {
        name: expected[name] for name in expected if "records" not in name
    }


@pytest.mark.prove
def test_parquet_holds_what_json_lines_hold(python: Path, small: Path, tmp_path: Path) -> None:
    """Every row and value of the two formats is the same, nulls included."""
    for form in ("parquet", "jsonl"):
        ftc(python, small, "--matrix", "--lengths", "512,2048", "--format", form, "--out", str(tmp_path))
    code = (
        "import glob, json, pyarrow.parquet as p\n"
        "for name in sorted(glob.glob('part-*.parquet')):\n"
        "    rows = [{k: v for k, v in row.items() if v is not None} for row in p.read_table(name).to_pylist()]\n"
        "    lines = [json.loads(line) for line in open(name.replace('parquet', 'jsonl'))]\n"
        "    assert rows and rows == lines, name\n"
    )
    subprocess.run([str(python), "-c", code], cwd=tmp_path, check=True)


@pytest.mark.parametrize("backend", [name for name in BACKENDS if name not in LOCAL])
def test_a_missing_package_is_named_with_its_extra(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No traceback: the error says what to install."""
    for name in ("dask", "distributed", "ray"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(FtcError, match=r"open-finetune-config\[scale\]"):
        list(spread(str, [1, 2], 2, backend))


def test_a_forked_process_that_dies_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    """Work that kills its process (as the kernel does when memory runs out) ends in one error, and never hangs."""
    with pytest.raises(FtcError, match="fewer --jobs"):
        list(spread(os._exit, [7, 7, 7], 2, "fork"))


@pytest.mark.parametrize("backend", LOCAL)
def test_local_processes_give_results_in_order(backend: str) -> None:
    """Twenty items on two processes come as they do from one, and what fails there is raised here."""
    assert list(spread(abs, range(-20, 0), 2, backend)) == list(range(20, 0, -1))
    with pytest.raises(TypeError):
        list(spread(abs, ["x", "y"], 2, backend))
