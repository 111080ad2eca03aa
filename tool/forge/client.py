"""Ask the forge: pages, retries and rate limits, as https://docs.github.com/en/rest documents them."""

from __future__ import annotations

import http.client
import json
import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO

from tool.errors import BadRequest, FtcError

API = "https://api.github.com"
TIMEOUT_SECONDS = 60
ATTEMPTS = 4
PATIENCE_SECONDS = 120.0
"""A rate limit that ends later than this is an error: a job waits on it in vain."""
PER_PAGE, MOST_PAGES = 100, 200
CHUNK = 1 << 20
BROKEN = (500, 502, 503, 504)


class ForgeError(FtcError):
    """The forge refused, or could not be reached. `status` is 0 where there was no answer."""

    def __init__(self, told: str, status: int = 0) -> None:
        super().__init__(told)
        self.status = status


class Forge:
    """One repository. Asking is repeated when the forge stumbles; creating is not, as it may have been done."""

    def __init__(
        self,
        repository: str,
        token: str,
        url: str = API,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Raises BadRequest for a repository that is no owner/name, and for an address that is not encrypted."""
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
            raise BadRequest("--repository", f"{repository!r} is no owner/name", "e.g. acme/models")
        split = urllib.parse.urlsplit(url)
        if split.scheme != "https" and split.hostname not in ("127.0.0.1", "localhost"):
            raise BadRequest("GITHUB_API_URL", f"{url!r} is not https", f"use {API}")
        self.repository, self._token, self._url = repository, token, url.rstrip("/")
        self._pause, self._clock = pause, clock

    @classmethod
    def of_environment(cls, repository: str, environment: Mapping[str, str] = os.environ) -> Forge:
        """With $GH_TOKEN or $GITHUB_TOKEN, at $GITHUB_API_URL. Raises BadRequest without a token."""
        token = environment.get("GH_TOKEN") or environment.get("GITHUB_TOKEN")
        if not token:
            raise BadRequest("GH_TOKEN", "is not set", "export a token that may do this; `gh auth token` prints yours")
        return cls(repository, token, environment.get("GITHUB_API_URL") or API)

    def get(self, path: str, **query: Any) -> Any:
        """One answer to GET repos/<repository>/<path>. Raises ForgeError."""
        return self._parsed("GET", path, self._ask("GET", path, query, None))

    def send(self, method: str, path: str, body: Mapping[str, Any]) -> Any:
        """POST or PATCH. Raises ForgeError; a broken answer to POST leaves open whether it was done."""
        return self._parsed(method, path, self._ask(method, path, {}, json.dumps(body).encode()))

    def pages(self, path: str, key: str | None = None, **query: Any) -> Iterator[dict[str, Any]]:
        """The items of all pages of a list (below `key`, where it has one). Raises ForgeError."""
        for page in range(1, MOST_PAGES + 1):
            answer = self._ask("GET", path, {**query, "per_page": PER_PAGE, "page": page}, None)
            items = self._parsed("GET", path, answer)
            items = items.get(key) if key and isinstance(items, dict) else items
            if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
                raise ForgeError(f"GET {path}: the answer is no list of {key or 'items'}")
            yield from items
            if 'rel="next"' not in (answer.headers.get("Link") or ""):
                return
        raise ForgeError(f"GET {path}: more than {MOST_PAGES * PER_PAGE} items")

    def download(self, path: str, file: BinaryIO, most: int) -> None:
        """Write the bytes behind a path, at most `most`. Raises ForgeError. A redirect is not sent the token."""
        answer = self._ask("GET", path, {}, None)
        total = 0
        while chunk := answer.read(CHUNK):
            total += len(chunk)
            if total > most:
                raise ForgeError(f"GET {path}: is larger than {most} bytes")
            file.write(chunk)

    def _parsed(self, method: str, path: str, answer: http.client.HTTPResponse) -> Any:
        try:
            return json.loads(answer.read())
        except (ValueError, RecursionError, http.client.HTTPException):
            raise ForgeError(f"{method} {path}: the answer is no JSON") from None

    def _ask(self, method: str, path: str, query: Mapping[str, Any], data: bytes | None) -> http.client.HTTPResponse:
        address = f"{self._url}/repos/{self.repository}/{path}"
        if query:
            address += "?" + urllib.parse.urlencode(query)
        for attempt in range(ATTEMPTS):
            request = urllib.request.Request(address, data=data, method=method)
            request.add_header("Accept", "application/vnd.github+json")
            request.add_header("X-GitHub-Api-Version", "2022-11-28")
            request.add_header("User-Agent", "ftc")
            if data is not None:
                request.add_header("Content-Type", "application/json")
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
            try:
                answer: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)
                return answer
            except urllib.error.HTTPError as error:
                wait = self._wait(error, method, attempt)
                problem = ForgeError(f"{method} {path}: HTTP {error.code}: {_message(error)}", error.code)
            except (OSError, http.client.HTTPException) as error:
                wait = 2.0**attempt if method != "POST" else None
                problem = ForgeError(f"{method} {path}: no answer: {getattr(error, 'reason', None) or error}")
            if wait is None or attempt == ATTEMPTS - 1:
                raise problem
            self._pause(wait)
        raise AssertionError("the loop returns or raises")

    def _wait(self, error: urllib.error.HTTPError, method: str, attempt: int) -> float | None:
        """Seconds until it is worth asking again; None: it is not. A limited request was not carried out."""
        if error.code == 429 or (error.code == 403 and _limited(error)):
            after, reset = error.headers.get("Retry-After"), error.headers.get("X-RateLimit-Reset")
            wait = 2.0**attempt
            if after and after.isdigit():
                wait = float(after)
            elif reset and reset.isdigit():
                wait = max(1.0, float(reset) - self._clock())
            return wait if wait <= PATIENCE_SECONDS else None
        return 2.0**attempt if error.code in BROKEN and method != "POST" else None


def _limited(error: urllib.error.HTTPError) -> bool:
    return bool(error.headers.get("Retry-After")) or error.headers.get("X-RateLimit-Remaining") == "0"


def _message(error: urllib.error.HTTPError) -> str:
    """What the forge said, on one line."""
    try:
        told = json.loads(error.read())
        details = [str(each.get("message", each)) for each in told.get("errors", []) if isinstance(each, dict)]
        return "; ".join([str(told["message"]), *details])[:300]
    except (ValueError, KeyError, TypeError, AttributeError, OSError):
        return str(error.reason)
