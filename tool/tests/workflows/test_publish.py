"""A prepared change becomes a commit, a branch and one pull request, however often it is published."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tool.errors import Violation
from tool.forge.client import Forge
from tool.forge.publish import BOT_EMAIL, Change, arguments_of, credentials, publish
from tool.tests.workflows.forge_server import ForgeServer

REPOSITORY = "acme/models"
CHANGE = Change("bot/step", "main", ("data",), "Take a step\n\nbecause\n", "the description", "maria")


def git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def server() -> Iterator[ForgeServer]:
    made = ForgeServer(REPOSITORY)
    made.grant("token", {"pull-requests:read", "pull-requests:write"})
    yield made
    made.close()


@pytest.fixture
def forge(server: ForgeServer) -> Forge:
    return Forge(REPOSITORY, "token", server.url, lambda seconds: None)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone whose pushes to the forge land in a bare repository, at a fixed time."""
    remote, clone = tmp_path / "remote.git", tmp_path / "clone"
    settings = {
        f"url.{remote.as_uri()}.insteadOf": f"https://github.com/{REPOSITORY}.git",
        "user.name": "maria",
        "user.email": "maria@example.org",
    }
    monkeypatch.setenv("GIT_CONFIG_COUNT", str(len(settings)))
    for number, (key, value) in enumerate(settings.items()):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{number}", key)
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{number}", value)
    for name in ("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"):
        monkeypatch.setenv(name, "2026-11-20T00:00:00Z")
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(remote)], check=True)
    subprocess.run(["git", "init", "-q", "-b", "main", str(clone)], check=True)
    git(clone, "remote", "add", "origin", f"https://github.com/{REPOSITORY}.git")
    (clone / "data").mkdir()
    (clone / "data/a").write_text("1\n")
    git(clone, "add", "-A")
    git(clone, "commit", "-q", "-m", "Start")
    git(clone, "push", "-q", "origin", "HEAD:main")
    return clone


def again(root: Path, text: str) -> None:
    """A new run: main as it is, and the change prepared in the working tree."""
    git(root, "switch", "-q", "--discard-changes", "--detach", "main")
    (root / "data/a").write_text(text)
    (root / "elsewhere").write_text("not part of the change\n")


def remote_head(root: Path) -> str:
    return git(root, "ls-remote", "origin", "refs/heads/bot/step").split("\t")[0]


def test_publishing_commits_pushes_and_opens(root: Path, forge: Forge, server: ForgeServer) -> None:
    """The commit holds the paths and no others, by the bot in the name of who asked; the message gives the title."""
    again(root, "2\n")
    request = publish(root, CHANGE, forge, "token")
    assert request is not None
    assert (request["number"], request["title"], request["body"]) == (1, "Take a step", "the description")
    told = git(root, "log", "-1", "--format=%an <%ae> %ce %s", remote_head(root)).strip()
    assert told == f"maria <maria@users.noreply.github.com> {BOT_EMAIL} Take a step"
    assert git(root, "diff", "--name-only", "main", remote_head(root)).split() == ["data/a"]


def test_publishing_the_same_again_changes_nothing(root: Path, forge: Forge, server: ForgeServer) -> None:
    """Same content on the same base: the branch keeps its commit, and there is still one pull request."""
    again(root, "2\n")
    publish(root, CHANGE, forge, "token")
    before = remote_head(root)
    again(root, "2\n")
    publish(root, CHANGE, forge, "token")
    assert remote_head(root) == before
    assert len(server.pulls) == 1


def test_the_bots_branch_is_replaced(root: Path, forge: Forge, server: ForgeServer) -> None:
    """Other content: the branch holds the new commit alone, and the pull request tells the new text."""
    again(root, "2\n")
    publish(root, CHANGE, forge, "token")
    again(root, "3\n")
    publish(root, replace(CHANGE, message="Take another step\n"), forge, "token")
    assert git(root, "rev-list", "--count", f"main..{remote_head(root)}").strip() == "1"
    assert [pull["title"] for pull in server.pulls] == ["Take another step"]


def test_a_persons_work_is_kept(root: Path, forge: Forge, server: ForgeServer) -> None:
    """A branch that ends with somebody else's commit is refused, and stays as it is."""
    again(root, "2\n")
    publish(root, CHANGE, forge, "token")
    git(root, "commit", "-q", "--allow-empty", "-m", "A person's commit")
    git(root, "push", "-q", "origin", "HEAD:bot/step")
    kept = remote_head(root)
    again(root, "3\n")
    with pytest.raises(Violation, match=r"ends with a commit by maria@example\.org"):
        publish(root, CHANGE, forge, "token")
    assert remote_head(root) == kept


def test_nothing_new_opens_nothing(root: Path, forge: Forge, server: ForgeServer) -> None:
    """Without a difference there is no commit, no branch and no pull request."""
    git(root, "switch", "-q", "--detach", "main")
    assert publish(root, CHANGE, forge, "token") is None
    assert remote_head(root) == ""
    assert not server.pulls


def test_paths_stay_inside() -> None:
    """What is published lies in the checkout."""
    assert arguments_of(["registry/engines", "generated"]) == ("registry/engines", "generated")
    for path in ("/etc", "../other", "a/../../b"):
        with pytest.raises(Violation, match="out of the checkout"):
            arguments_of([path])


def test_the_token_is_in_no_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    """Git gets it through one more setting of the environment, after those that are there."""
    monkeypatch.setenv("GIT_CONFIG_COUNT", "2")
    given = credentials("token")
    assert given["GIT_CONFIG_COUNT"] == "3"
    assert given["GIT_CONFIG_KEY_2"] == "http.https://github.com/.extraheader"
    assert "token" not in given["GIT_CONFIG_VALUE_2"].removeprefix("AUTHORIZATION: basic ")
