"""The environment of the proofs with dask and ray: the program's own pins, and the extra `scale` beside them."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

FOLDER = ".scale-venv"


def scale_python(root: Path) -> Path:
    """Path of an interpreter that has the extra; made once with uv, about a minute."""
    named = os.environ.get("FTC_SCALE_PYTHON")
    if named:
        return Path(named)
    python = root / FOLDER / "bin" / "python"
    if not (root / FOLDER / ".made").exists():
        uv = Path(sys.executable).with_name("uv")
        subprocess.run([str(uv), "venv", "-q", "--clear", "--python", sys.executable, str(root / FOLDER)], check=True)
        install = [str(uv), "pip", "install", "-q", "--python", str(python), *requirements(root)]
        subprocess.run(install, check=True)
        (root / FOLDER / ".made").touch()
    return python


def requirements(root: Path) -> list[str]:
    """What the program needs in the versions that run now, and the extra."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    names = [requirement.split(">")[0].split("=")[0].split("<")[0].strip() for requirement in project["dependencies"]]
    return [*(f"{name}=={version(name)}" for name in names), *project["optional-dependencies"]["scale"]]
