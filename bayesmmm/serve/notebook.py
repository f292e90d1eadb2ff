"""The page of a fit inside a notebook: a service in a thread of the kernel, and a frame that shows it."""

import html
import socket
import threading
from typing import Any

import uvicorn

from bayesmmm.errors import ServiceError
from bayesmmm.results import Fit, check_fit
from bayesmmm.serve.app import make_app
from bayesmmm.serve.library import Library
from bayesmmm.validate import check_count

#: Seconds that a service may take to begin, and to end.
_PATIENCE = 30.0


class Explorer:
    """The page of a fit, shown in a notebook as the last value of a cell.

    Attributes
    ----------
    address : str
        Where the page is.
    """

    def __init__(self, fit: Fit, *, height: int, port: int, address: str | None) -> None:
        check_fit(fit)
        self._height = check_count(height, "height", most=10_000, advice="in pixels, as height=900")
        check_count(port, "port", least=0, most=65535, advice="0 for any that is free")
        app = make_app(Library({fit.system.outcome: fit}))
        listening = socket.socket()
        try:
            listening.bind(("127.0.0.1", port))
        except OSError as error:
            listening.close()
            text = f"port {port} of this machine cannot be listened on: {error.strerror}; leave port out for a free one"
            raise ServiceError(text, argument="port", value=port) from error
        self.port = int(listening.getsockname()[1])
        self.address = (address or "http://127.0.0.1:{port}/").format(port=self.port)
        self._server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
        self._thread = threading.Thread(target=self._server.run, args=([listening],), name="explore", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the service; the page answers no more."""
        self._server.should_exit = True
        self._thread.join(_PATIENCE)

    def __repr__(self) -> str:
        return f"Explorer of a fit at {self.address}; explorer.stop() ends it"

    def _repr_html_(self) -> str:
        """Return a frame with the page."""
        where = html.escape(self.address, quote=True)
        style = f"width:100%;height:{self._height}px;border:1px solid #999"
        return (
            f'<iframe src="{where}" style="{style}" title="Planner"></iframe><p><a href="{where}">{where}</a></p>'
        )


def explore(fit: Any, *, height: int = 900, port: int = 0, address: str | None = None) -> Explorer:
    """Show the planner's page of a fit; as `Fit.explore`."""
    return Explorer(fit, height=height, port=port, address=address)
