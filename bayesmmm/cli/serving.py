"""The command `serve`: saved fits for planners in the browser, and for programs."""

import argparse
import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING

from bayesmmm.cli import arguments
from bayesmmm.cli.commands import DONE
from bayesmmm.errors import MissingLibraryError, SettingError

if TYPE_CHECKING:
    from collections.abc import Sequence

ABOUT = """\
Serve saved fits: a planner's page in the browser, and the same answers as JSON for programs (GET /openapi.json describes
them). Needs the extra serve: pip install 'bayesmmm[serve]'. Fits are loaded once and only read. It listens on this
machine alone unless --host says otherwise; then give a --token, which programs send as "Authorization: Bearer TOKEN".

example:
  bayesmmm serve result/fit.nc --port 8000
"""
#: Where the token may stand so that no list of processes shows it.
TOKEN = "BAYESMMM_TOKEN"
_LIBRARIES = {"serve": ("fastapi", "uvicorn", "prometheus_client"), "mcp": ("mcp",)}
_TEXTS = {
    "host": "address to listen on (%(default)s)",
    "port": "port to listen on (%(default)s)",
    "token": f"shared secret that every question has to carry (environment: {TOKEN})",
    "body": "largest question in bytes (%(default)s)",
    "rows": "longest plan in rows (%(default)s)",
    "draws": "most posterior draws of an answer (%(default)s)",
    "seconds": "longest time of an answer (%(default)g)",
    "job-seconds": "longest time of a budget or a report (%(default)g)",
    "allow-unconverged": "serve a fit although its sampler failed; every answer says so",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_fits(parser)
    add = arguments.adding(parser, _TEXTS)
    add("host", "ADDRESS", default="127.0.0.1")
    add("port", "N", port, default=8000)
    add("token", "TEXT")
    limits = arguments.adding(parser.add_argument_group("limits"), _TEXTS)
    limits("body", "N", arguments.count, default=1_000_000)
    limits("rows", "N", arguments.count, default=5_000)
    limits("draws", "N", arguments.count, default=10_000)
    limits("seconds", "S", arguments.money, default=60.0)
    limits("job-seconds", "S", arguments.money, default=600.0)
    parser.set_defaults(run=serve)


MCP_ABOUT = """\
Offer saved fits to agents as tools over the Model Context Protocol, on standard input and output: the questions of
`bayesmmm serve`, with the same limits. An agent starts this program by itself. Needs the extra mcp:
pip install 'bayesmmm[mcp]'.

example:
  bayesmmm mcp result/fit.nc
"""


def add_mcp_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command `mcp`."""
    add_fits(parser)
    parser.set_defaults(run=serve_agents)


def serve_agents(options: argparse.Namespace) -> int:
    """Answer an agent until it goes; standard output belongs to the protocol."""
    check_library("mcp")
    check_paths(options.fits)
    from bayesmmm.serve.agents import make_server
    from bayesmmm.serve.library import load_library

    make_server(load_library(options.fits, accept_unconverged=options.allow_unconverged)).run("stdio")
    return DONE


def add_fits(parser: argparse.ArgumentParser) -> None:
    """Add the fits, and whether a failed sampler is accepted."""
    text = "saved fits, or folders of them"
    parser.add_argument("fits", metavar="FIT.nc", nargs="+", type=arguments.place, help=text)
    arguments.adding(parser, _TEXTS)("allow-unconverged", action="store_true")


def port(text: str) -> int:
    """Read a port; 0 is any that is free."""
    if not text.isascii() or not text.isdigit() or len(text) > 5 or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number from 0 to 65535, as 8000")
    return int(text)


def check_library(extra: str) -> None:
    """Refuse where what the extra brings is not installed."""
    for name in _LIBRARIES[extra]:
        if importlib.util.find_spec(name) is None:
            raise MissingLibraryError(
                f"this command needs the package {name}, which is not installed; install the extra, as "
                f"pip install 'bayesmmm[{extra}]'"
            )


def check_paths(paths: "Sequence[Path]") -> None:
    """Refuse what is not there, before anything is loaded."""
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise SettingError(f"{missing[0]} does not exist; give saved fits, or folders of them")


def serve(options: argparse.Namespace) -> int:
    """Serve saved fits until the process is told to stop."""
    check_library("serve")
    check_paths(options.fits)
    from bayesmmm.serve.library import load_library
    from bayesmmm.serve.limits import Limits
    from bayesmmm.serve.running import run

    library = load_library(options.fits, accept_unconverged=options.allow_unconverged)
    limits = Limits(
        body=options.body,
        rows=options.rows,
        draws=options.draws,
        seconds=options.seconds,
        job_seconds=options.job_seconds,
    )
    token = options.token or os.environ.get(TOKEN) or None
    print(f"fits: {', '.join(f'{each.id} ({each.fit.convergence.verdict})' for each in library)}", flush=True)
    print(f"page: http://{options.host}:{options.port}/  stop: Ctrl-C", flush=True)
    run(library, host=options.host, port=options.port, limits=limits, token=token)
    return DONE
