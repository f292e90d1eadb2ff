"""Tools for agents: asked by the client of the protocol, answered as Python answers."""

import json

import anyio
import pandas as pd
import pytest

import bayesmmm as mm
from tests.serving import small_fit

pytest.importorskip("mcp")

from mcp.shared.memory import create_connected_server_and_client_session

from bayesmmm.serve.agents import make_server
from bayesmmm.serve.library import Library
from bayesmmm.serve.limits import Limits


def told(*calls, **limits):
    """What a client is told, call by call: whether it is an error, and the answer or its sentence."""
    server = make_server(Library({"small": small_fit()}), limits=Limits(**limits))

    async def ask():
        async with create_connected_server_and_client_session(server) as session:
            found = [await session.call_tool(name, arguments) for name, arguments in calls]
            return [each.name for each in (await session.list_tools()).tools], found

    names, found = anyio.run(ask)
    texts = [each.content[0].text for each in found]
    return names, [
        (each.isError, text if each.isError else json.loads(text)) for each, text in zip(found, texts, strict=True)
    ]


def test_agents_are_told_what_python_says():
    (_, rows), *_ = told(("current_plan", {"periods": 3}))[1]
    plan = rows["rows"]
    names, [(_, fits), (_, one), (_, answer), (_, best)] = told(
        ("list_fits", {}),
        ("describe_fit", {"fit": "small"}),
        ("what_if", {"question": {"plan": plan, "scale": {"tv": 2.0}}}),
        ("optimize", {"question": {"periods": 3, "total": 400.0, "starts": 0}}),
    )
    assert {"predict", "what_if", "effects", "roi", "curves", "decompose", "optimize", "list_fits"} <= set(names)
    assert (fits["fits"][0]["id"], one["verdict"]) == ("small", "converged")
    found = mm.what_if(small_fit(), plan=pd.DataFrame(plan), scale={"tv": 2.0})["sales.change"].sum("date")
    (row,) = answer["totals"]["sales.change"]["rows"]
    table = mm.summarise(found.rename("x"), 0.9).loc["x"]
    assert [row["median"], row["lower"], row["upper"]] == pytest.approx(
        table[["median", "lower", "upper"]].tolist()
    )
    assert (answer["verdict"], answer["interval_probability"], answer["unit"]) == ("converged", 0.9, "money")
    assert sum(each["new"] for each in best["table"] if each["kind"] == "channel") <= 400.0 * (1 + 1e-6)


def test_agents_are_told_what_is_wrong_and_how_far_they_may_go():
    _, [unknown, form, many] = told(
        ("roi", {"question": {"channels": ["tvv"]}}),
        ("roi", {"question": {"chanels": ["tv"]}}),
        ("roi", {"question": {"draws": 50}}),
        draws=40,
    )
    assert unknown[0]
    assert "UnknownTermError: no equation has the channel 'tvv' (did you mean 'tv'?)" in unknown[1]
    assert form[0]
    assert "chanels" in form[1]
    assert many[0]
    assert "at most the 40 that this service gives" in many[1]


def test_the_command_speaks_the_protocol(tmp_path):
    import sys

    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client

    fit = small_fit()
    path = fit.accept_unconverged().save(tmp_path / "fit.nc")
    code = "import sys; from bayesmmm.cli import main; sys.exit(main())"
    server = StdioServerParameters(
        command=sys.executable, args=["-c", code, "mcp", str(path), "--allow-unconverged"]
    )

    async def ask():
        async with stdio_client(server) as streams, ClientSession(*streams) as session:
            await session.initialize()
            return await session.call_tool("list_fits", {})

    answer = anyio.run(ask)
    assert json.loads(answer.content[0].text)["fits"][0]["id"] == "fit"
