"""What every request goes through: its size, the shared secret, numbers about it, and a line in the log."""

import hmac
import json
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.responses import Response

from bayesmmm.serve.failures import failure_of, said

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]
LOG = logging.getLogger("bayesmmm.serve")
#: What is there for everybody: none of it says anything about a fit.
OPEN = ("/", "/health", "/openapi.json")
OPEN_FOLDER = "/static/"
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (
        b"content-security-policy",
        b"default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'",
    ),
)


def as_json(content: Any, status: int = 200, **headers: str) -> Response:
    """Return an answer as JSON; a number that JSON does not have is a fault of the program."""
    text = json.dumps(content, allow_nan=False, separators=(",", ":"))
    return Response(text, status, headers, media_type="application/json")


class Metrics:
    """Numbers of a service for Prometheus."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "bayesmmm_requests", "Requests answered.", ["route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "bayesmmm_request_seconds", "Time to answer.", ["route"], registry=self.registry, buckets=_BUCKETS
        )
        self.open = Gauge("bayesmmm_requests_open", "Requests that are being answered.", registry=self.registry)
        self.jobs = Gauge("bayesmmm_jobs", "Jobs by how they stand.", ["status"], registry=self.registry)
        self.fits = Gauge("bayesmmm_fits", "Fits that are served.", registry=self.registry)


class Entrance:
    """Middleware of a service."""

    def __init__(self, app: App, *, body: int, token: str | None, metrics: Metrics) -> None:
        self._app, self._body, self._token, self._metrics = app, body, token, metrics

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status, sent = time.perf_counter(), 500, False
        number = secrets.token_hex(6)

        async def answer(message: MutableMapping[str, Any]) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status, sent = message["status"], True
                message["headers"] = [*message["headers"], *_HEADERS, (b"x-request-id", number.encode())]
            await send(message)

        with self._metrics.open.track_inprogress():
            try:
                refusal = self._refusal(scope)
                if refusal is None:
                    refusal = await self._pass(scope, receive, answer)
                if refusal is not None:
                    await refusal(scope, receive, answer)
            except Exception as error:
                LOG.exception("fault", extra={"request": number})
                if not sent:
                    await as_json(failure_of(error), 500)(scope, receive, answer)
        self._tell(scope, status, time.perf_counter() - began, number)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = dict(scope["headers"])
        path = scope["path"]
        if self._token and path not in OPEN and not path.startswith(OPEN_FOLDER):
            stated = headers.get(b"authorization", b"")
            if not hmac.compare_digest(stated, f"Bearer {self._token}".encode()):
                text = "this service asks for its token; send the header Authorization: Bearer TOKEN"
                return as_json(said("TokenError", text), 401, **{"WWW-Authenticate": "Bearer"})
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and (len(length) > 18 or int(length) > self._body):
            return self._too_large()
        kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
        if scope["method"] == "POST" and kind != b"application/json":
            text = "questions are JSON; send the header Content-Type: application/json"
            return as_json(said("ContentTypeError", text), 415)
        return None

    def _too_large(self) -> Response:
        text = f"the question is larger than the {self._body} bytes that this service reads; ask for fewer periods"
        return as_json(said("BodySizeError", text), 413, Connection="close")

    async def _pass(self, scope: Scope, receive: Any, answer: Any) -> Response | None:
        """Read the body, up to its limit, and pass the request on with it."""
        if scope["method"] not in ("POST", "PUT", "PATCH", "DELETE"):
            await self._app(scope, receive, answer)
            return None
        parts, size = [], 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._body:
                return self._too_large()
            if not message.get("more_body"):
                break
        whole = [{"type": "http.request", "body": b"".join(parts), "more_body": False}]

        async def read() -> MutableMapping[str, Any]:
            return whole.pop() if whole else await receive()

        await self._app(scope, read, answer)
        return None

    def _tell(self, scope: Scope, status: int, seconds: float, number: str) -> None:
        route = getattr(scope.get("route"), "path", None) or (
            "/static" if scope["path"].startswith(OPEN_FOLDER) else "other"
        )
        self._metrics.requests.labels(route, str(status)).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        about = {"request": number, "method": scope["method"][:10], "route": route, "status": status}
        LOG.info("request", extra=about | {"milliseconds": round(1e3 * seconds, 1)})


class JsonLines(logging.Formatter):
    """Log as one JSON object a line: what happened, never what was asked or answered."""

    _FIELDS = ("request", "method", "route", "status", "milliseconds", "fits", "address")

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        line: dict[str, Any] = {
            "time": self.formatTime(record),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in self._FIELDS if hasattr(record, name)}
        if record.exc_info and record.exc_info[0]:
            frames, trace = [], record.exc_info[2]
            while trace:
                code = trace.tb_frame.f_code
                frames.append(f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}")
                trace = trace.tb_next
            line |= {"error": record.exc_info[0].__name__, "at": frames[-8:]}
        return json.dumps(line)
