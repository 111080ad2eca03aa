"""One environment for each framework, made once from pinned and hashed requirements, and kept outside of the tree.

    python -m tool.tests.frameworks.environments [NAME ...]     make what is missing (a minute each where cached)
    python -m tool.tests.frameworks.environments --lock [NAME ...]     resolve requirements/*.lock anew

torch is installed first, in the build that the index offers; no test here computes on a card.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TORCH = "torch==2.13.0"
REQUIREMENTS = Path(__file__).parent / "requirements"
NAMES = tuple(sorted(path.stem for path in REQUIREMENTS.glob("*.in")))
UV = Path(sys.executable).with_name("uv")
_ALONE = re.compile(r"^# alone: (.*)$", re.MULTILINE)


def folder() -> Path:
    """Where the environments are kept: FTC_FRAMEWORK_ENVIRONMENTS, else the user's cache."""
    chosen = os.environ.get("FTC_FRAMEWORK_ENVIRONMENTS")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(chosen).absolute() if chosen else cache / "open-finetune-config" / "frameworks"


def environment(name: str) -> Path:
    """The environment's folder. Its name changes with the lock, so that an old one is never taken for a new one."""
    lock = (REQUIREMENTS / f"{name}.lock").read_bytes()
    digest = hashlib.sha256(lock + TORCH.encode() + sys.version.encode()).hexdigest()[:12]
    return folder() / f"{name}-{digest}"


def python(name: str) -> Path:
    """The interpreter of a framework's environment; tells how to get it where there is none."""
    found = environment(name) / "bin" / "python"
    assert (environment(name) / ".made").exists(), f"{found} is missing: run `make test-frameworks`"
    return found


def make(name: str) -> None:
    """Install the environment unless it is complete already."""
    place = environment(name)
    if (place / ".made").exists():
        return
    print(f"installing {name} into {place}", flush=True)
    shutil.rmtree(place, ignore_errors=True)
    install = [str(UV), "pip", "install", "-q", "--python", str(place / "bin" / "python")]
    _run([str(UV), "venv", "-q", "--python", sys.executable, str(place)])
    _run([*install, TORCH])
    _run([*install, "--no-deps", "--require-hashes", "-r", str(REQUIREMENTS / f"{name}.lock")])
    (place / ".made").touch()


def lock(name: str) -> None:
    """Resolve one requirements file: with what it needs, save torch; the packages marked `alone` without."""
    wanted = (REQUIREMENTS / f"{name}.in").read_text()
    compile_ = [str(UV), "pip", "compile", "-q", "--python-version", "3.11", "--generate-hashes", "--no-header"]
    compile_ += ["--no-annotate", "--no-emit-package", "torch"]
    alone = "\n".join(" ".join(_ALONE.findall(wanted)).split())
    with tempfile.TemporaryDirectory() as work:
        texts = []
        for part, text, options in (("all", f"{wanted}\n{TORCH}\n", []), ("alone", alone, ["--no-deps"])):
            source = Path(work) / f"{part}.in"
            source.write_text(text)
            _run([*compile_, *options, str(source), "-o", str(Path(work) / f"{part}.lock")])
            texts.append((Path(work) / f"{part}.lock").read_text())
    (REQUIREMENTS / f"{name}.lock").write_text("".join(texts))


def _run(command: list[str]) -> None:
    settings = {"UV_PYTHON_DOWNLOADS": "never", "UV_HTTP_TIMEOUT": "180"}
    subprocess.run(command, check=True, env=os.environ | settings)


if __name__ == "__main__":
    chosen = [word for word in sys.argv[1:] if not word.startswith("-")] or list(NAMES)
    for each in chosen:
        (lock if "--lock" in sys.argv else make)(each)
