"""Running the service in a process of its own, until it is told to stop."""

import logging
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from bayesmmm.serve.app import make_app
from bayesmmm.serve.library import Library
from bayesmmm.serve.limits import Limits
from bayesmmm.serve.middleware import LOG, JsonLines
from bayesmmm.serve.warming import warm

#: Seconds that answers which are being worked out have to end when the service is told to stop.
GRACE = 20
#: Seconds after which a thread gives way to another one: less than an answer takes, so that short ones need not wait.
SWITCH = 0.001


class _Server(uvicorn.Server):
    """A server that was told to stop has not failed: the signal is not raised once more at its end."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at SIGINT and SIGTERM."""
        before = {each: signal.signal(each, self.handle_exit) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)


def run(library: Library, *, host: str, port: int, limits: Limits | None = None, token: str | None = None) -> None:
    """Serve some fits until the process gets SIGINT or SIGTERM; answers that are being worked out are given first.

    Parameters
    ----------
    library : Library
    host : str
    port : int
    limits : Limits, optional
    token : str, optional
        Shared secret that every request about a fit has to carry.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    LOG.handlers, LOG.propagate = [handler], False
    LOG.setLevel(logging.INFO)
    app = make_app(library, limits=limits, token=token)
    sys.setswitchinterval(SWITCH)
    threading.Thread(target=warm, args=(library, limits or Limits()), name="warm", daemon=True).start()
    LOG.info("start", extra={"fits": len(list(library)), "address": f"http://{host}:{port}/"})
    settings = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
        limit_concurrency=512,
    )
    _Server(settings).run()
    LOG.info("stop")
