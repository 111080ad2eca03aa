"""A contract server on loopback: the part of GitHub's REST interface that the project calls, with its documented forms.

Lists come in pages with a Link header, wrong tokens get 401, missing permissions 403, unknown paths 404, a second pull
request of one branch 422, and an artifact's archive a redirect to another host that must not be sent the token.
`faults` are answers to give first, one each: a status, or (status, headers); `override` answers one path in another
way ("GET /pulls"). `requests` holds what was asked.
"""

from __future__ import annotations

import copy
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Json = Any
Fault = int | tuple[int, dict[str, str]]


@dataclass
class Asked:
    """One request as it came in."""

    method: str
    path: str
    query: dict[str, str]
    token: str | None
    body: Json


@dataclass
class Reply:
    status: int
    body: Json = None
    headers: dict[str, str] = field(default_factory=dict)


class ForgeServer:
    """The forge's memory: pull requests, comments, workflow runs, artifacts. Listens until `close`."""

    def __init__(self, repository: str) -> None:
        self.repository = repository
        self.pulls: list[dict[str, Any]] = []
        self.comments: dict[int, list[dict[str, Any]]] = {}
        self.runs: dict[str, list[dict[str, Any]]] = {}
        self.run_artifacts: dict[int, list[dict[str, Any]]] = {}
        self.archives: dict[int, bytes] = {}
        self.tokens: dict[str, set[str]] = {}
        self.faults: list[Fault] = []
        self.requests: list[Asked] = []
        self.override: dict[str, Callable[[Asked], Reply]] = {}
        self._server = _listen(self)
        self._store = _listen(self)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        for server in (self._server, self._store):
            server.shutdown()
            server.server_close()

    def remember(self, other: ForgeServer) -> None:
        """Know what another forge knows."""
        for name in ("pulls", "comments", "runs", "run_artifacts", "archives", "tokens"):
            setattr(self, name, copy.deepcopy(getattr(other, name)))

    def grant(self, token: str, permissions: set[str]) -> None:
        """What a token may do, as `pull-requests:write`."""
        self.tokens[token] = permissions

    def pull(self, number: int) -> dict[str, Any]:
        return next(pull for pull in self.pulls if pull["number"] == number)

    def open_pull(self, branch: str, title: str, body: str = "", base: str = "main") -> dict[str, Any]:
        number = len(self.pulls) + 1
        made = {
            "number": number,
            "state": "open",
            "title": title,
            "body": body,
            "html_url": f"https://github.com/{self.repository}/pull/{number}",
            "head": {"ref": branch, "from": self.repository},
            "base": {"ref": base},
        }
        self.pulls.append(made)
        return made

    def offer(self, workflow: str, run: dict[str, Any], artifacts: dict[str, bytes] | None = None) -> None:
        """Let a run of a workflow be there, with archives by artifact name."""
        self.runs.setdefault(workflow, []).append(run)
        for name, data in (artifacts or {}).items():
            number = len(self.archives) + 1
            told = {"id": number, "name": name, "size_in_bytes": len(data), "expired": False}
            self.run_artifacts.setdefault(int(run["id"]), []).append(told)
            self.archives[number] = data

    # answers ----------------------------------------------------------------------------------------------------------

    def answer(self, asked: Asked, port: int) -> Reply:
        if port == self._store.server_port:
            return self._blob(asked)
        self.requests.append(asked)
        if self.faults:
            fault = self.faults.pop(0)
            status, headers = fault if isinstance(fault, tuple) else (fault, {})
            return Reply(status, {"message": f"fault {status}"}, headers)
        if asked.token not in self.tokens:
            return Reply(401, {"message": "Bad credentials"})
        special = self.override.get(f"{asked.method} {asked.path.removeprefix(f'/repos/{self.repository}')}")
        if special:
            return special(asked)
        for method, pattern, need, handler in ROUTES:
            found = re.fullmatch(f"/repos/{self.repository}{pattern}", asked.path)
            if found and method == asked.method:
                if need not in self.tokens[asked.token]:
                    return Reply(403, {"message": "Resource not accessible by integration"})
                return handler(self, asked, *found.groups())
        return Reply(404, {"message": "Not Found"})

    def _blob(self, asked: Asked) -> Reply:
        """The storage behind artifacts is no part of the forge: a token sent there has leaked."""
        if asked.token is not None:
            return Reply(400, {"message": "the token was sent to the storage"})
        return Reply(200, self.archives[int(asked.path.rpartition("/")[2])])

    def _paged(self, asked: Asked, items: list[Json], key: str | None = None) -> Reply:
        size, page = min(int(asked.query.get("per_page", 30)), 100), int(asked.query.get("page", 1))
        shown = items[(page - 1) * size : page * size]
        headers = {}
        if len(items) > page * size:
            rest = "&".join(f"{name}={value}" for name, value in (asked.query | {"page": str(page + 1)}).items())
            headers["Link"] = f'<{self.url}{asked.path}?{rest}>; rel="next"'
        return Reply(200, {"total_count": len(items), key: shown} if key else shown, headers)

    def list_comments(self, asked: Asked, number: str) -> Reply:
        return self._paged(asked, self.comments.get(int(number), []))

    def create_comment(self, asked: Asked, number: str) -> Reply:
        listed = self.comments.setdefault(int(number), [])
        made = {
            "id": sum(map(len, self.comments.values())) + 1,
            "body": asked.body["body"],
            "user": {"login": "github-actions[bot]", "type": "Bot"},
        }
        listed.append(made)
        return Reply(201, made)

    def change_comment(self, asked: Asked, number: str) -> Reply:
        for listed in self.comments.values():
            for comment in listed:
                if comment["id"] == int(number):
                    comment["body"] = asked.body["body"]
                    return Reply(200, comment)
        return Reply(404, {"message": "Not Found"})

    def list_pulls(self, asked: Asked) -> Reply:
        owner = self.repository.partition("/")[0]
        wanted = [
            pull
            for pull in self.pulls
            if pull["state"] == asked.query.get("state", "open")
            and asked.query.get("head", f"{owner}:{pull['head']['ref']}") == f"{owner}:{pull['head']['ref']}"
            and asked.query.get("base", pull["base"]["ref"]) == pull["base"]["ref"]
        ]
        return self._paged(asked, wanted)

    def create_pull(self, asked: Asked) -> Reply:
        body = asked.body
        if any(pull["state"] == "open" and pull["head"]["ref"] == body["head"] for pull in self.pulls):
            told = {"message": "Validation Failed", "errors": [{"message": "A pull request already exists"}]}
            return Reply(422, told)
        return Reply(201, self.open_pull(body["head"], body["title"], body["body"], body["base"]))

    def change_pull(self, asked: Asked, number: str) -> Reply:
        pull = self.pull(int(number))
        pull |= {key: value for key, value in asked.body.items() if key in ("title", "body", "state")}
        return Reply(200, pull)

    def list_runs(self, asked: Asked, workflow: str) -> Reply:
        """Newest first; filters that a run does not speak of let it through."""
        wanted = [
            run
            for run in self.runs.get(workflow, [])
            if all(
                run.get(field, wish) == wish
                for name, field in (("branch", "head_branch"), ("event", "event"), ("status", "conclusion"))
                if (wish := asked.query.get(name)) not in (None, "completed")
            )
        ]
        wanted.sort(key=lambda run: str(run.get("created_at", "")), reverse=True)
        return self._paged(asked, wanted, "workflow_runs")

    def list_artifacts(self, asked: Asked, number: str) -> Reply:
        return self._paged(asked, self.run_artifacts.get(int(number), []), "artifacts")

    def archive(self, asked: Asked, number: str) -> Reply:
        if int(number) not in self.archives:
            return Reply(404, {"message": "Not Found"})
        return Reply(302, headers={"Location": f"http://localhost:{self._store.server_port}/blob/{number}"})


Handler = Callable[..., Reply]
ROUTES: tuple[tuple[str, str, str, Handler], ...] = (
    ("GET", r"/issues/(\d+)/comments", "pull-requests:read", ForgeServer.list_comments),
    ("POST", r"/issues/(\d+)/comments", "pull-requests:write", ForgeServer.create_comment),
    ("PATCH", r"/issues/comments/(\d+)", "pull-requests:write", ForgeServer.change_comment),
    ("GET", r"/pulls", "pull-requests:read", ForgeServer.list_pulls),
    ("POST", r"/pulls", "pull-requests:write", ForgeServer.create_pull),
    ("PATCH", r"/pulls/(\d+)", "pull-requests:write", ForgeServer.change_pull),
    ("GET", r"/actions/workflows/([\w.-]+)/runs", "actions:read", ForgeServer.list_runs),
    ("GET", r"/actions/runs/(\d+)/artifacts", "actions:read", ForgeServer.list_artifacts),
    ("GET", r"/actions/artifacts/(\d+)/zip", "actions:read", ForgeServer.archive),
)


def _listen(forge: ForgeServer) -> ThreadingHTTPServer:
    """A server in a thread of its own, on a free port."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *values: Any) -> None:
            pass

        def handle_one(self) -> None:
            split = urlsplit(self.path)
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            token = self.headers.get("Authorization")
            asked = Asked(
                self.command,
                split.path,
                dict(parse_qsl(split.query)),
                token.rpartition(" ")[2] if token else None,
                json.loads(data) if data else None,
            )
            with lock:
                reply = forge.answer(asked, self.server.server_address[1])
            raw = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = handle_one  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return server
