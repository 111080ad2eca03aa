"""Stand-ins for the actions that need the forge, called by the stubs that `act` runs in their place.

    python -m tool.tests.workflows.stubs OWNER/ACTION     (inputs as JSON in $STUB_INPUTS)

Each does what a workflow relies on: a checkout clones the bare remote at the ref, to the path and as deep as it says;
`setup-python` makes the pinned environment of each checkout out of the one that is there, so that nothing is installed;
artifacts are folders under $STUB_ARTIFACTS. To teach one more action: a row in INPUTS, and a function in ACTIONS.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

Inputs = dict[str, str]
SERVER = "https://github.com"
APP_TOKEN = "app-token"

INPUTS: dict[str, Inputs] = {
    "actions/checkout": {
        "ref": "",
        "path": ".",
        "fetch-depth": "1",
        "persist-credentials": "true",
        "sparse-checkout": "",
    },
    "actions/setup-python": {"python-version": ""},
    "actions/setup-node": {"node-version": ""},
    "actions/upload-artifact": {
        "name": "artifact",
        "path": "",
        "if-no-files-found": "warn",
        "retention-days": "",
        "overwrite": "",
    },
    "actions/download-artifact": {"name": "", "path": ".", "pattern": "", "merge-multiple": "false"},
    "actions/create-github-app-token": {
        "client-id": "",
        "private-key": "",
        "permission-contents": "",
        "permission-pull-requests": "",
    },
    "actions/configure-pages": {},
    "actions/upload-pages-artifact": {"path": "_site", "name": "github-pages"},
    "actions/deploy-pages": {"artifact_name": "github-pages"},
}
OUTPUTS: dict[str, tuple[str, ...]] = {
    "actions/create-github-app-token": ("token",),
    "actions/configure-pages": ("base_url", "base_path"),
    "actions/deploy-pages": ("page_url",),
}


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout


def output(name: str, value: str) -> None:
    with Path(os.environ["GITHUB_OUTPUT"]).open("a") as file:
        file.write(f"{name}={value}\n")


def checkout(inputs: Inputs) -> None:
    """Clone $GITHUB_REPOSITORY; a fetch depth of 0 brings all branches, any other only the commit."""
    folder = Path(os.environ["GITHUB_WORKSPACE"]) / inputs["path"]
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "-q", "-b", "unborn")
    git(folder, "remote", "add", "origin", f"{SERVER}/{os.environ['GITHUB_REPOSITORY']}.git")
    wanted = inputs["ref"] or os.environ["GITHUB_SHA"]
    if inputs["fetch-depth"] == "0":
        git(folder, "fetch", "-q", "origin", "+refs/heads/*:refs/remotes/origin/*")
        git(folder, "fetch", "-q", "origin", wanted)
    else:
        git(folder, "fetch", "-q", "--depth", inputs["fetch-depth"], "origin", wanted)
    if inputs["sparse-checkout"]:
        git(folder, "sparse-checkout", "set", *inputs["sparse-checkout"].split())
    branch = len(wanted) != 40 and not wanted.startswith("refs/")
    git(folder, "checkout", "-q", *(["-B", wanted] if branch else ["--detach"]), "FETCH_HEAD")
    if inputs["persist-credentials"] == "true":
        token = base64.b64encode(f"x-access-token:{os.environ['STUB_JOB_TOKEN']}".encode()).decode()
        git(folder, "config", f"http.{SERVER}/.extraheader", f"AUTHORIZATION: basic {token}")


def setup_python(inputs: Inputs) -> None:
    """Give each checkout the environments of $STUB_ENVIRONMENTS ({name in the checkout: folder of the real one})."""
    workspace = Path(os.environ["GITHUB_WORKSPACE"])
    given = json.loads(os.environ["STUB_ENVIRONMENTS"])
    for lock in (*workspace.glob("requirements.lock"), *workspace.glob("*/requirements.lock")):
        for name, real in given.items():
            share_environment(lock.parent, name, Path(real))


def share_environment(checkout: Path, name: str, real: Path) -> None:
    """An environment with the packages of another, in which `tool` and `evaluation` are those of this checkout."""
    made = checkout / name
    subprocess.run([real / "bin/python", "-m", "venv", "--without-pip", made], check=True)
    (site,) = made.glob("lib/python*/site-packages")
    (packages,) = real.glob("lib/python*/site-packages")
    (site / "shared.pth").write_text(f"{checkout.resolve()}\n{packages}\n")
    for program in (real / "bin").iterdir():
        target = made / "bin" / program.name
        if target.exists() or not program.is_file():
            continue
        data = program.read_bytes()
        if data.startswith(f"#!{real / 'bin/python'}".encode()):
            target.write_bytes(f"#!{made.resolve() / 'bin/python'}\n".encode() + data.partition(b"\n")[2])
            target.chmod(0o755)
        elif not program.name.startswith(("python", "pip", "activate")):
            target.symlink_to(program)
    for stamp in (".installed-from", ".made"):
        (made / stamp).touch()


def upload_artifact(inputs: Inputs) -> None:
    """Keep files or folders under the artifact's name, which nobody used before."""
    kept = Path(os.environ["STUB_ARTIFACTS"]) / inputs["name"]
    sources = [Path(line.strip()) for line in inputs["path"].splitlines() if line.strip()]
    found = [source for source in sources if source.exists()]
    if not found:
        if inputs["if-no-files-found"] == "error":
            sys.exit(f"no files were found with the provided path: {inputs['path']}")
        print("no files were found; nothing is uploaded")
        return
    kept.mkdir(parents=True)
    for source in found:
        if source.is_dir():
            shutil.copytree(source, kept, dirs_exist_ok=True)
        else:
            shutil.copy(source, kept)


def download_artifact(inputs: Inputs) -> None:
    """One artifact by its name, or all of a pattern into one folder."""
    if inputs["pattern"]:
        assert inputs["merge-multiple"] == "true", "the stand-in only merges"
        for found in sorted(Path(os.environ["STUB_ARTIFACTS"]).glob(inputs["pattern"])):
            shutil.copytree(found, inputs["path"], dirs_exist_ok=True)
        return
    kept = Path(os.environ["STUB_ARTIFACTS"]) / inputs["name"]
    if not kept.is_dir():
        sys.exit(f"artifact not found for name: {inputs['name']}")
    shutil.copytree(kept, inputs["path"], dirs_exist_ok=True)


def app_token(inputs: Inputs) -> None:
    """The app's token, as the contract server knows it."""
    if not inputs["client-id"] or not inputs["private-key"]:
        sys.exit("the client-id and the private-key of the app must be set")
    output("token", APP_TOKEN)


def upload_pages_artifact(inputs: Inputs) -> None:
    upload_artifact(inputs | {"if-no-files-found": "error"})


def configure_pages(inputs: Inputs) -> None:
    output("base_url", "https://acme.github.io/models")
    output("base_path", "/models")


def deploy_pages(inputs: Inputs) -> None:
    """Put the artifact where a test can look at it: $STUB_ARTIFACTS/deployed."""
    deployed = str(Path(os.environ["STUB_ARTIFACTS"]) / "deployed")
    download_artifact({"name": inputs["artifact_name"], "path": deployed, "pattern": ""})
    output("page_url", "https://acme.github.io/models/")


def nothing(inputs: Inputs) -> None:
    """The machine has it already."""


ACTIONS: dict[str, Callable[[Inputs], None]] = {
    "actions/checkout": checkout,
    "actions/setup-python": setup_python,
    "actions/setup-node": nothing,
    "actions/upload-artifact": upload_artifact,
    "actions/download-artifact": download_artifact,
    "actions/create-github-app-token": app_token,
    "actions/configure-pages": configure_pages,
    "actions/upload-pages-artifact": upload_pages_artifact,
    "actions/deploy-pages": deploy_pages,
}

if __name__ == "__main__":
    ACTIONS[sys.argv[1]](json.loads(os.environ["STUB_INPUTS"]))
