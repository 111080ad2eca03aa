"""Run a rendered notebook for real, in the environment that has its pins, on the CPU."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.util import run_sync

PYTHON = Path(os.environ.get("FTC_NOTEBOOK_PYTHON", ".notebook-venv/bin/python")).absolute()
"""The interpreter whose packages are the stack's pins (`make test-notebooks` prepares it)."""

SECONDS_PER_CELL = 600

ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TQDM_DISABLE": "1",
    "IPYTHONDIR": "",
}


class Kernels(KernelSpecManager):  # type: ignore[misc]
    """One kernel specification, which need not be installed anywhere: the notebook environment's interpreter."""

    def get_kernel_spec(self, kernel_name: str) -> Any:
        from jupyter_client.kernelspec import KernelSpec

        argv = [str(PYTHON), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="notebook", language="python")


def run_script(name: str, *arguments: str) -> str:
    """Run one of this folder's scripts in the notebook environment; returns what it prints."""
    script = Path(__file__).parent / name
    environment = os.environ | ENVIRONMENT
    result = subprocess.run(
        [str(PYTHON), str(script), *arguments], capture_output=True, text=True, env=environment, check=False
    )
    assert result.returncode == 0, result.stderr[-4000:]
    return result.stdout


def with_cells(document: bytes, *, before: dict[str, str] | None = None, after: str = "") -> Any:
    """The notebook with extra code cells: `before` maps a text that a cell contains to code put ahead of it."""
    notebook = nbformat.reads(document.decode(), as_version=4)
    cells = []
    for cell in notebook.cells:
        for text, code in (before or {}).items():
            if cell.cell_type == "code" and text in cell.source:
                cells.append(nbformat.v4.new_code_cell(code))
        cells.append(cell)
    if after:
        cells.append(nbformat.v4.new_code_cell(after))
    notebook.cells = cells
    return notebook


def execute(notebook: Any, folder: Path, overrides: dict[str, Any], environment: dict[str, str] | None = None) -> str:
    """Execute all cells as a dry run in `folder`; returns everything printed. Raises CellExecutionError on a fault."""
    (folder / "dry-run.json").write_text(json.dumps(overrides))
    manager = AsyncKernelManager(kernel_name="notebook", kernel_spec_manager=Kernels())
    place = {"metadata": {"path": str(folder)}}
    client = NotebookClient(notebook, km=manager, timeout=SECONDS_PER_CELL, resources=place, store_widget_state=False)
    kernel_environment = os.environ | ENVIRONMENT | {"FTC_DRY_RUN": "dry-run.json"} | (environment or {})
    try:
        client.execute(env=kernel_environment)
    finally:
        run_sync(manager.shutdown_kernel)(now=True)  # nbclient leaves a manager that it did not make running
        nbformat.write(notebook, folder / "executed.ipynb")
    return printed(notebook)


def printed(notebook: Any) -> str:
    """Everything that the cells wrote to stdout, in order."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stdout")


def events(folder: Path) -> list[dict[str, Any]]:
    """The recorded events, in order of time."""
    files = sorted(folder.glob("runs/*.jsonl"), key=lambda path: path.stat().st_mtime_ns)
    return [json.loads(line) for path in files for line in path.read_text().splitlines()]
