"""Shares of spend, by which default contributions are scaled."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from bayesmmm.data import MMMData
from bayesmmm.equations import MMM, Equation, Panel, for_data, read_toml
from bayesmmm.errors import EquationError
from bayesmmm.priors import Prior, contribution_scales
from bayesmmm.simulate import simulate_world
from tests.fits import quiet

WEEKS = pd.date_range("2023-01-01", periods=60, freq="7D")


def frame(**spend: float) -> pd.DataFrame:
    """Weekly spend of these means, on in two weeks of three, each in its own."""
    on = {name: (np.arange(60) + i) % 3 > 0 for i, name in enumerate(spend)}
    table = {name: 1.5 * mean * on[name] for name, mean in spend.items()}
    return pd.DataFrame({"week": WEEKS, "sales": 50.0 + np.arange(60) % 7, **table})


def read(table: pd.DataFrame, **roles) -> MMMData:
    return MMMData.from_frame(table, date="week", outcome="sales", **roles)


def shares(system: MMM, data: MMMData) -> dict[str, float]:
    return dict(for_data(system, data).equation("sales").spend_share)


def sales(*media: str, **options) -> MMM:
    return MMM([Equation("sales", media=media, **options)])


def test_money_counts_by_spend():
    data = read(frame(tv=6.0, radio=3.0, social=1.0), media=["tv", "radio", "social"])
    assert shares(sales("tv", "radio", "social"), data) == {"tv": 0.6, "radio": 0.3, "social": 0.1}
    assert shares(sales("radio", "social"), data) == {"radio": 0.75, "social": 0.25}


def test_what_is_not_money_counts_as_one_of_n():
    table = frame(tv=6.0, radio=2.0, queries=9000.0)
    search = Equation("queries", media=["tv"])
    for unit, wanted in {
        "queries": [0.5, 0.5 / 3.0, 1.0 / 3.0],
        "money": [6 / 9008, 2 / 9008, 9000 / 9008],
    }.items():
        data = read(table, media=["tv", "radio"], mediators={"queries": unit})
        found = shares(MMM([search, *sales("tv", "radio", "queries").equations]), data)
        assert list(found.values()) == pytest.approx(wanted, rel=1e-3)


def test_a_channel_of_few_geos_counts_by_what_it_is_there():
    table = pd.concat(
        [
            frame(tv=9.0, radio=0.0).assign(geo="a"),
            frame(tv=1.0, radio=3.0).assign(geo="b", sales=9.0 + np.arange(60)),
        ]
    )
    data = read(table, media=["tv", "radio"], geo="geo")
    # tv: all of it in a, a quarter in b; radio: three quarters in b, which says nothing of a.
    assert shares(sales("tv", "radio", panel=Panel()), data) == {"tv": 0.625, "radio": 0.75}


def test_defaults_are_in_proportion_and_given_priors_stay():
    data = read(frame(tv=6.0, radio=3.0, social=1.0), media=["tv", "radio", "social"])
    given = Prior("HalfNormal", sigma=0.1)
    equation = for_data(sales("tv", "radio", "social", priors={"contribution": {"tv": given}}), data).equation(
        "sales"
    )
    (block,) = (b for b in equation.parameters() if b.name == "contribution")
    scales = contribution_scales([0.6, 0.3, 0.1])
    assert block.priors[0] == given
    assert [p.args["sigma"] for p in block.priors[1:]] == pytest.approx(scales[1:], rel=5e-3)


def test_every_channel_starts_from_the_same_return():
    spend = {"tv": 6.0, "radio": 3.0, "social": 0.05}
    data = read(frame(**spend), media=list(spend))
    equation = for_data(sales(*spend), data).equation("sales")
    (block,) = (b for b in equation.parameters() if b.name == "contribution")
    per_money = [prior.median / spend[c] for c, prior in zip(block.labels, block.priors, strict=True)]
    assert per_money == pytest.approx([per_money[0]] * 3, rel=1e-2)


def test_shares_are_kept_printed_and_written():
    data = read(frame(tv=6.0, radio=2.0), media=["tv", "radio"])
    system = sales("tv", "radio")
    decided = for_data(system, data)
    assert "defaults are for equal spend here" in str(system)
    assert "defaults are for equal spend here" not in str(decided)
    assert read_toml(decided.to_toml())[0] == decided
    other = read(frame(tv=1.0, radio=9.0), media=["tv", "radio"])
    assert for_data(decided, other) == decided


def test_equal_shares_are_the_priors_of_an_equation_without_data():
    data = read(frame(tv=5.0, radio=5.0), media=["tv", "radio"])
    system = sales("tv", "radio")
    assert for_data(system, data).equation("sales").parameters() == system.equation("sales").parameters()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"tv": 0.5}, "Name each of its media"),
        ({"tv": 0.5, "radio": 0.5, "x": 0.1}, "Name each of its media"),
        ({"tv": 0.0, "radio": 1.0}, "Give a number above 0"),
        ({"tv": True, "radio": 1.0}, "Give a number above 0"),
        ([0.5, 0.5], "Give a mapping from every channel"),
    ],
)
def test_what_is_no_share(given, said):
    with pytest.raises(EquationError, match=said):
        Equation("sales", media=["tv", "radio"], spend_share=given)
    assert Equation("sales", media=["tv", "radio"], spend_share={"tv": 0.7, "radio": 0.3}).spend_share["tv"] == 0.7


def test_a_simulated_world_and_a_fit_to_it_have_one_prior():
    from bayesmmm import fit

    data = read(frame(tv=9.0, radio=1.0), media=["tv", "radio"])
    world = simulate_world(sales("tv", "radio"), data, seed=1)
    fitted = quiet(fit, sales("tv", "radio"), world.data, draws=4, tune=10, chains=1, seed=1, progress=False)
    assert fitted.system == for_data(world.system, data) == for_data(world.system, world.data)
    assert dataclasses.replace(fitted.system.equation("sales"), spend_share={}) == sales("tv", "radio").equation(
        "sales"
    )
