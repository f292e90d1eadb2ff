"""The same questions as tools for agents, over the Model Context Protocol."""

from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
from mcp.server.fastmcp import FastMCP
from mcp.server.fastmcp.exceptions import ToolError

from bayesmmm.errors import BayesMMMError
from bayesmmm.serve import questions
from bayesmmm.serve.answers import Answers
from bayesmmm.serve.failures import failure_of
from bayesmmm.serve.library import Library, current_plan, description, summary
from bayesmmm.serve.limits import Limits
from bayesmmm.serve.planning import optimize
from bayesmmm.serve.timing import in_time
from bayesmmm.validate import check_count

_ABOUT = """\
Answers about saved fits of Bayesian marketing-mix models. Ask list_fits, then describe_fit for channels, units and
dates, and current_plan for rows that predict and what_if take. Every answer carries the verdict on the sampler, the
probability of its intervals, units, seed and draws: report intervals with numbers, and do not rest on a fit whose
verdict is not "converged". Numbers without a meaning are null.
"""
_TOOLS = {
    "predict": (questions.Predict, "Predict every series over the rows of a plan, or over the fitted periods."),
    "what_if": (
        questions.WhatIf,
        "Compare a scenario with what happened, or with a plan: scale, set or move money.",
    ),
    "effects": (questions.Effects, "Total, direct and mediated effects of the spend of a window, with returns."),
    "roi": (questions.Roi, "Return on spend of the channels in a window."),
    "curves": (questions.Curves, "Outcome gained as the spend of each channel is multiplied."),
    "decompose": (questions.Decompose, "Parts of a series that add up to its mean, by month or another period."),
}


def make_server(library: Library, *, limits: Limits | None = None) -> FastMCP:
    """Return a server of tools over some fits, for the limits of the service.

    Parameters
    ----------
    library : Library
    limits : Limits, optional
    """
    limits = limits or Limits()
    answers, server = Answers(library, limits), FastMCP("bayesmmm", instructions=_ABOUT)
    turns: list[anyio.CapacityLimiter] = []

    async def work(seconds: float, ask: Callable[..., Any], *arguments: Any) -> Any:
        if not turns:
            turns.append(anyio.CapacityLimiter(limits.at_once))
        try:
            return await anyio.to_thread.run_sync(partial(in_time, seconds, ask, *arguments), limiter=turns[0])
        except BayesMMMError as error:
            failure = failure_of(error)
            raise ToolError(f"{failure['code']}: {failure['message']}") from error

    for name, (kind, text) in _TOOLS.items():
        _add_tool(server, name, kind, text, partial(work, limits.seconds, getattr(answers, name)))
    best = partial(work, limits.job_seconds, lambda question: optimize(answers, question))
    _add_tool(server, "optimize", questions.Optimize, "Find the best plan of a window, under limits.", best)
    _add_fits(server, library, limits, work)
    return server


def _add_tool(server: FastMCP, name: str, kind: Any, text: str, work: Callable[[Any], Any]) -> None:
    async def tool(question: Any) -> dict[str, Any]:
        return await work(question)

    tool.__annotations__["question"] = kind
    server.add_tool(tool, name=name, description=text)


def _add_fits(server: FastMCP, library: Library, limits: Limits, work: Callable[..., Any]) -> None:
    @server.tool(description="Fits that may be asked, by id.")
    async def list_fits() -> dict[str, Any]:
        return {"fits": [summary(each) for each in library]}

    @server.tool(description="Equations, channels, units, periods, verdict and versions of a fit.")
    async def describe_fit(fit: str | None = None) -> dict[str, Any]:
        return await work(limits.seconds, lambda: description(library[fit]))

    @server.tool(
        name="current_plan", description="The last periods once more, as rows of a plan of periods to come."
    )
    async def current(fit: str | None = None, periods: int = 13) -> dict[str, Any]:
        def rows() -> dict[str, Any]:
            served = library[fit]
            most = min(len(served.fit.data.dates), limits.rows)
            check_count(periods, "periods", most=most, advice="as periods=13")
            return current_plan(served, periods)

        return await work(limits.seconds, rows)
