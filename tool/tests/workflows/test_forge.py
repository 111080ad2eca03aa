"""The thin module that speaks to the forge, against a contract server: pages, faults, limits, and safe repetition."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tool.errors import BadRequest
from tool.forge.__main__ import main
from tool.forge.client import ATTEMPTS, Forge, ForgeError
from tool.forge.upsert import LARGEST_BODY, comment, last_success, pull_request
from tool.tests.workflows.forge_server import Asked, Fault, ForgeServer, Reply

REPOSITORY = "acme/models"
MARKER = "<!-- ftc-verify -->"
ALL = {"pull-requests:read", "pull-requests:write", "actions:read"}
NOW = 1_800_000_000.0


@pytest.fixture
def server() -> Iterator[ForgeServer]:
    made = ForgeServer(REPOSITORY)
    made.grant("token", ALL)
    yield made
    made.close()


@pytest.fixture
def waits() -> list[float]:
    """How long the client paused each time."""
    return []


@pytest.fixture
def forge(server: ForgeServer, waits: list[float]) -> Forge:
    return Forge(REPOSITORY, "token", server.url, waits.append, lambda: NOW)


def methods(server: ForgeServer) -> list[str]:
    return [asked.method for asked in server.requests]


def test_all_pages_are_read(server: ForgeServer, forge: Forge) -> None:
    """230 comments come in three pages, in order and each once; the Link header says when to stop."""
    server.comments[7] = [{"id": number, "body": f"text {number}"} for number in range(230)]
    assert [each["id"] for each in forge.pages("issues/7/comments")] == list(range(230))
    assert [asked.query["page"] for asked in server.requests] == ["1", "2", "3"]


def test_the_comment_is_found_on_a_later_page_and_changed(server: ForgeServer, forge: Forge) -> None:
    """Our comment behind 150 others is brought up to date; none is added."""
    bot = {"login": "github-actions[bot]", "type": "Bot"}
    server.comments[7] = [{"id": number, "body": "a remark", "user": bot} for number in range(150)]
    server.comments[7].append({"id": 150, "body": f"{MARKER}\nold", "user": bot})
    assert comment(forge, 7, MARKER, f"{MARKER}\nnew")["id"] == 150
    assert len(server.comments[7]) == 151
    assert server.comments[7][-1]["body"] == f"{MARKER}\nnew"


def test_commenting_twice_leaves_one_comment(server: ForgeServer, forge: Forge) -> None:
    """The marker is put first where it is missing, so that the second time finds the comment."""
    comment(forge, 7, MARKER, "first")
    comment(forge, 7, MARKER, "second")
    assert [each["body"] for each in server.comments[7]] == [f"{MARKER}\nsecond"]


def test_a_persons_comment_is_left_alone(server: ForgeServer, forge: Forge) -> None:
    """Somebody who begins a comment with the marker neither hides the verdict nor is written over."""
    server.comments[7] = [{"id": 1, "body": f"{MARKER}\nall is well", "user": {"login": "mallory", "type": "User"}}]
    comment(forge, 7, MARKER, "blocked")
    assert [each["body"] for each in server.comments[7]] == [f"{MARKER}\nall is well", f"{MARKER}\nblocked"]


def test_a_body_that_is_too_long_is_shortened(server: ForgeServer, forge: Forge) -> None:
    """The forge refuses more than 65,536 characters; the end says where the rest is."""
    comment(forge, 7, MARKER, "x" * 100_000)
    (made,) = server.comments[7]
    assert len(made["body"]) == LARGEST_BODY
    assert "the rest is in the job summary" in made["body"][-100:]


def test_a_second_pull_request_of_a_branch_is_the_first_updated(server: ForgeServer, forge: Forge) -> None:
    """Same branch: title and description are replaced. A closed one of the same branch is left alone."""
    server.open_pull("engines/0001-stage-a", "An old try")["state"] = "closed"
    first = pull_request(forge, "engines/0001-stage-a", "main", "Promote", "because")
    second = pull_request(forge, "engines/0001-stage-a", "main", "Promote a", "because it is better")
    assert first["number"] == second["number"] == 2
    assert (server.pull(2)["title"], server.pull(2)["body"]) == ("Promote a", "because it is better")
    assert server.pull(1)["title"] == "An old try"


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_asking_is_repeated_when_the_forge_stumbles(
    server: ForgeServer, forge: Forge, waits: list[float], status: int
) -> None:
    """Two broken answers, then the right one: the pauses double."""
    server.comments[7] = [{"id": 1, "body": "text"}]
    server.faults += [status, status]
    assert [each["id"] for each in forge.pages("issues/7/comments")] == [1]
    assert waits == [1.0, 2.0]


def test_asking_ends_after_some_attempts(server: ForgeServer, forge: Forge) -> None:
    """A forge that stays down is told with its status and its words."""
    server.faults += [503] * 10
    with pytest.raises(ForgeError, match="HTTP 503: fault 503") as caught:
        forge.get("pulls")
    assert caught.value.status == 503
    assert len(server.requests) == ATTEMPTS


class Creates(ForgeServer):
    """A forge that does what it is asked to create, but whose answer is lost on the way (502)."""

    lose = 0

    def answer(self, asked: Asked, port: int) -> Reply:
        reply = super().answer(asked, port)
        if asked.method == "POST" and self.lose:
            self.lose -= 1
            return Reply(502, {"message": "lost"})
        return reply


@pytest.fixture
def losing() -> Iterator[Creates]:
    made = Creates(REPOSITORY)
    made.grant("token", ALL)
    made.lose = 1
    yield made
    made.close()


def test_a_lost_answer_makes_no_second_comment(losing: Creates) -> None:
    """After a POST that ended in doubt the client looks again, finds what it created, and changes that."""
    comment(Forge(REPOSITORY, "token", losing.url, lambda seconds: None), 7, MARKER, "text")
    assert len(losing.comments[7]) == 1
    assert methods(losing) == ["GET", "POST", "GET", "PATCH"]


def test_a_lost_answer_makes_no_second_pull_request(losing: Creates) -> None:
    """The same for a pull request."""
    pull_request(Forge(REPOSITORY, "token", losing.url, lambda seconds: None), "b", "main", "Title", "body")
    assert len(losing.pulls) == 1


def test_a_race_for_the_pull_request_ends_in_an_update(server: ForgeServer, forge: Forge) -> None:
    """Another run opens it between our look and our POST: 422 leads to another look, and to an update."""

    real = server.list_pulls
    looks: list[Asked] = []

    def late(asked: Asked) -> Reply:
        looks.append(asked)
        if len(looks) == 1:
            reply = real(asked)
            server.open_pull("b", "Theirs")
            return reply
        return real(asked)

    routes = {"GET /pulls": late}
    server.override = routes
    pull_request(forge, "b", "main", "Ours", "body")
    assert [pull["title"] for pull in server.pulls] == ["Ours"]
    assert methods(server) == ["GET", "POST", "GET", "PATCH"]


@pytest.mark.parametrize(
    ("fault", "waited"),
    [
        ((429, {"Retry-After": "7"}), [7.0]),
        ((403, {"Retry-After": "3"}), [3.0]),
        ((403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW) + 50)}), [50.0]),
    ],
    ids=["429", "secondary limit", "limit with a reset"],
)
def test_a_rate_limit_is_waited_for(
    server: ForgeServer, forge: Forge, waits: list[float], fault: Fault, waited: list[float]
) -> None:
    """A limited request was not carried out: also a POST is sent again, after as long as the forge says."""
    server.faults.append(fault)
    forge.send("POST", "issues/7/comments", {"body": "text"})
    assert waits == waited
    assert len(server.comments[7]) == 1


def test_a_limit_that_ends_too_late_is_an_error(server: ForgeServer, forge: Forge, waits: list[float]) -> None:
    """Nobody waits an hour in a job: the refusal is told at once."""
    server.faults.append((403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW) + 3600)}))
    with pytest.raises(ForgeError, match="HTTP 403"):
        forge.get("pulls")
    assert waits == []


@pytest.mark.parametrize(
    ("token", "permissions", "status", "told"),
    [("other", ALL, 401, "Bad credentials"), ("token", {"actions:read"}, 403, "not accessible")],
)
def test_refusals_are_told_at_once(
    server: ForgeServer, waits: list[float], token: str, permissions: set[str], status: int, told: str
) -> None:
    """A wrong token or a missing permission is no matter of patience; the token is not in the message."""
    server.tokens = {"token": permissions}
    with pytest.raises(ForgeError, match=told) as caught:
        Forge(REPOSITORY, token, server.url, waits.append).get("pulls")
    assert (caught.value.status, waits) == (status, [])
    assert token not in str(caught.value)


def test_an_archive_is_fetched_without_sending_the_token_on(server: ForgeServer, forge: Forge) -> None:
    """The redirect leads to another host, which answers 400 to a token; the bytes arrive, up to the limit."""
    server.offer("train.yml", {"id": 5}, {"telemetry-5": b"z" * 3_000_000})
    file = io.BytesIO()
    forge.download("actions/artifacts/1/zip", file, most=4_000_000)
    assert file.getvalue() == b"z" * 3_000_000
    with pytest.raises(ForgeError, match="larger than 1000 bytes"):
        forge.download("actions/artifacts/1/zip", io.BytesIO(), most=1000)


def test_the_last_success_is_the_newest_of_the_branch_and_event(server: ForgeServer, forge: Forge) -> None:
    """Failures, other branches and other events do not count; a workflow that never ran has none."""
    usual = {"head_branch": "main", "event": "schedule", "conclusion": "success"}
    server.offer("canary.yml", {"id": 1, "created_at": "2026-11-01T00:00:00Z", **usual})
    server.offer("canary.yml", {"id": 2, "created_at": "2026-11-03T00:00:00Z", **usual})
    server.offer("canary.yml", {"id": 3, "created_at": "2026-11-05T00:00:00Z", **usual, "conclusion": "failure"})
    server.offer("canary.yml", {"id": 4, "created_at": "2026-11-06T00:00:00Z", **usual, "head_branch": "x"})
    server.offer("canary.yml", {"id": 5, "created_at": "2026-11-07T00:00:00Z", **usual, "event": "workflow_dispatch"})
    last = last_success(forge, "canary.yml", event="schedule")
    assert last is not None
    assert last.isoformat() == "2026-11-03T00:00:00+00:00"
    assert last_success(forge, "prove.yml") is None


def test_a_token_is_never_sent_in_clear() -> None:
    """Only https, or this very machine; a repository that is none is refused before anything is sent."""
    with pytest.raises(BadRequest, match="is not https"):
        Forge(REPOSITORY, "token", "http://forge.example.org")
    with pytest.raises(BadRequest, match="owner/name"):
        Forge("acme/models/../../user", "token")
    with pytest.raises(BadRequest, match="GH_TOKEN"):
        Forge.of_environment(REPOSITORY, {})


@pytest.fixture
def environment(server: ForgeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"GH_TOKEN": "token", "GITHUB_API_URL": server.url, "GITHUB_REPOSITORY": REPOSITORY}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("FTC_NOW", "2026-11-20T00:00:00Z")


def test_the_command_names_what_is_stale(
    server: ForgeServer, environment: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 1 and a line for each workflow that is overdue; 0 and silence where none is; 2 for nonsense."""
    run: dict[str, Any] = {"head_branch": "main", "event": "schedule", "conclusion": "success"}
    server.offer("canary.yml", {"id": 1, "created_at": "2026-11-18T00:00:00Z", **run})
    assert main(["stale", "canary.yml:schedule=3"]) == 0
    assert capsys.readouterr().out == ""
    assert main(["stale", "canary.yml:schedule=1", "prove.yml=15"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "canary.yml: no success within 1 days (last: 2026-11-18T00:00:00Z)",
        "prove.yml: no success within 15 days (last: never)",
    ]
    assert main(["stale", "canary.yml"]) == 2
    assert "no FILE[:EVENT]=DAYS" in capsys.readouterr().err


def test_the_command_comments(
    server: ForgeServer, environment: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file's text becomes the comment; a file that is not there ends with 2 and its name."""
    (tmp_path / "comment.md").write_text(f"{MARKER}\npasses\n")
    words = ["comment", "--number", "7", "--marker", MARKER, "--body"]
    assert main([*words, str(tmp_path / "comment.md")]) == 0
    assert server.comments[7][0]["body"] == f"{MARKER}\npasses\n"
    assert main([*words, str(tmp_path / "none.md")]) == 2
    assert "none.md" in capsys.readouterr().err
