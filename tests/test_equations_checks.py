"""A system against data: the impossible is refused, the unwise is warned about, a sound pair is neither."""

import re

import numpy as np
import pandas as pd
import pytest

from bayesmmm.data import MMMData
from bayesmmm.equations import MMM, Equation, Fourier, check_system, system_warnings
from bayesmmm.errors import (
    AlwaysOnWarning,
    BackdoorWarning,
    CollinearityWarning,
    ConstantColumnError,
    EquationError,
    FewPeriodsWarning,
    LikelihoodError,
    ManyZerosWarning,
    NeverSpentError,
    PriorError,
    PriorWarning,
    UnknownColumnError,
)
from bayesmmm.priors import Prior, contribution_scales
from bayesmmm.simulate.datasets import load_case

YEAR = Fourier(365.25, 2)


def _frame(periods: int = 156, **columns) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"week": pd.date_range("2021-01-03", periods=periods, freq="7D")})
    for name in ("tv", "radio"):
        frame[name] = rng.gamma(1.0, 100.0, periods) * (rng.random(periods) < 0.7)
    frame["price"] = rng.normal(10, 1, periods)
    frame["search"] = 50 + 0.2 * frame["tv"] + rng.uniform(1, 100, periods)
    frame["queries"] = rng.uniform(1, 30, periods)
    frame["sales"] = 1000 + frame["tv"] + frame["search"] + rng.normal(0, 50, periods)
    return frame.assign(**columns)


def _data(frame: pd.DataFrame | None = None, **changes) -> MMMData:
    roles = {
        "date": "week",
        "outcome": "sales",
        "media": ["tv", "radio"],
        "mediators": {"search": "money", "queries": "count"},
        "controls": ["price"],
    }
    return MMMData.from_frame(_frame() if frame is None else frame, **(roles | changes))


def _system(*, search: dict | None = None, **sales) -> MMM:
    return MMM(
        [
            Equation(
                "search",
                **({"media": ["tv"], "linear": ["price"], "seasonality": YEAR, "trend": True} | (search or {})),
            ),
            Equation(
                "sales",
                **({"media": ["tv", "search"], "linear": ["price"], "seasonality": YEAR, "trend": True} | sales),
            ),
        ]
    )


# ---------------------------------------------------------------- impossible


def test_a_sound_system_passes():
    assert check_system(_system(), _data()) is None
    assert check_system(_system(search={"likelihood": "censored_normal"}, likelihood="lognormal"), _data()) is None
    assert check_system(_system(trend=["2022-01-02"]), _data()) is None


def test_a_mediator_without_equation_is_an_ordinary_column():
    assert check_system(MMM([Equation("sales", media=["search"], linear=["queries"])]), _data()) is None


@pytest.mark.parametrize("change", [{"media": ["tvs"]}, {"linear": ["tvs"]}])
def test_an_unknown_column_names_the_equation_and_the_known_columns(change):
    system = MMM([Equation("sales", **change)])
    advice = r"names the column 'tvs'.*did you mean 'tv'\?.*Known columns: sales, search.*Correct the name"
    with pytest.raises(UnknownColumnError, match=advice):
        check_system(system, _data())


def test_an_equation_for_an_unknown_column():
    system = MMM([Equation("serach", media=["tv"]), Equation("sales", media=["serach"])])
    with pytest.raises(UnknownColumnError, match=r"did you mean 'search'\?.*Correct the name"):
        check_system(system, _data())


def test_the_last_equation_must_explain_the_outcome():
    with pytest.raises(
        EquationError, match="Put the equation of 'sales' last, or read the data with outcome='search'"
    ):
        check_system(MMM([Equation("search", media=["tv"])]), _data())


@pytest.mark.parametrize(("name", "role"), [("price", "a control"), ("radio", "exogenous media")])
def test_an_explained_column_must_be_declared_a_mediator(name, role):
    system = MMM([Equation(name, media=["tv"]), Equation("sales", media=["tv"], linear=[name])])
    with pytest.raises(EquationError, match=f"declare as {role}. Declare it with its unit"):
        check_system(system, _data())


def test_a_control_cannot_act_as_media():
    with pytest.raises(EquationError, match=r"declare it as a control. List it under linear"):
        check_system(MMM([Equation("sales", media=["price"])]), _data())


@pytest.mark.parametrize("value", [5.0, 0.1])  # the standard deviation of many 0.1 is rounding, and not 0
def test_a_linear_term_must_vary(value):
    data = _data(_frame(radio=value))
    advice = f"'radio' under linear, but it is {value:g} in every period.* Leave 'radio' out of linear"
    with pytest.raises(ConstantColumnError, match=advice):
        check_system(MMM([Equation("sales", media=["tv"], linear=["radio"])]), data)
    assert check_system(MMM([Equation("sales", media=["tv", "radio"])]), data) is None


def test_media_must_be_above_zero_somewhere():
    rng = np.random.default_rng(3)
    frame = _frame(queries=-rng.uniform(1, 30, 156))
    advice = r"'queries' under media, but its values are never above 0 .* List it under linear"
    with pytest.raises(NeverSpentError, match=advice):
        check_system(MMM([Equation("sales", media=["queries"])]), _data(frame))
    assert check_system(MMM([Equation("sales", linear=["queries"])]), _data(frame)) is None
    frame.loc[5, "queries"] = 1.0
    assert check_system(MMM([Equation("sales", media=["queries"])]), _data(frame)) is None


def test_lognormal_needs_positive_values():
    frame = _frame()
    frame.loc[[4, 9], "search"] = 0.0
    system = _system(search={"likelihood": "lognormal"})
    advice = r"2 of its 156 values are 0 or less, the first on 2021-01-31 \(0\)\. Use normal or student_t"
    with pytest.raises(LikelihoodError, match=advice):
        check_system(system, _data(frame))
    assert check_system(_system(search={"likelihood": "censored_normal"}), _data(frame)) is None


def test_censored_normal_needs_values_that_are_not_negative():
    frame = _frame()
    frame.loc[7, "queries"] = -2.0
    system = MMM([Equation("queries", likelihood="censored_normal"), Equation("sales", media=["queries"])])
    with pytest.raises(
        LikelihoodError, match=r"1 of its 156 values are below 0.*\(-2\)\. Use normal or student_t"
    ):
        check_system(system, _data(frame))


def test_the_first_value_that_rules_a_likelihood_out_is_located_in_a_panel():
    one, two = _frame(), _frame()
    one.loc[9, "queries"], two.loc[4, "queries"] = -1.0, -2.0
    panel = pd.concat([one.assign(geo="north"), two.assign(geo="south")])
    system = MMM([Equation("queries", likelihood="lognormal"), Equation("sales", media=["queries"])])
    with pytest.raises(LikelihoodError, match=r"first on 2021-01-31 in 'south' \(-2\)\. Use normal or student_t"):
        check_system(system, _data(panel, geo="geo"))


@pytest.mark.parametrize(
    ("season", "advice"),
    [(Fourier(7, 1), "Leave this season out"), (Fourier(365.25, 27), "Use order 26 or less")],
)
def test_a_season_that_the_periods_cannot_show(season, advice):
    with pytest.raises(EquationError, match=advice):
        check_system(_system(seasonality=season), _data())
    assert check_system(_system(seasonality=Fourier(365.25, 26)), _data()) is None


@pytest.mark.parametrize("knot", ["2020-06-01", "2021-01-03", "2023-12-24", "2025-01-01"])
def test_a_knot_must_lie_inside_the_data(knot):
    with pytest.raises(EquationError, match=r"run from 2021-01-03 to 2023-12-24. Choose a date between these"):
        check_system(_system(trend=[knot]), _data())


def test_more_linear_terms_than_values():
    data = _data(_frame(9))
    system = MMM([Equation("sales", seasonality=Fourier(365.25, 4), linear=["price"])])
    with pytest.raises(EquationError, match=r"10 linear terms but only 9 values.*Use fewer harmonics"):
        check_system(system, data)
    assert check_system(MMM([Equation("sales", seasonality=Fourier(365.25, 3), linear=["price"])]), data) is None


def test_a_return_needs_money():
    system = MMM([Equation("sales", media=["queries"], priors={"roi": Prior("HalfNormal", sigma=1)})])
    with pytest.raises(PriorError, match=r"unit is 'count' and not money. Put the prior on its contribution"):
        check_system(system, _data())
    paid = MMM([Equation("sales", media=["tv", "search"], priors={"roi": Prior("HalfNormal", sigma=1)})])
    assert check_system(paid, _data()) is None


# ---------------------------------------------------------------- unwise


def _texts(system: MMM, data: MMMData, kind: type) -> list[str]:
    return [str(warning) for warning in system_warnings(system, data) if type(warning) is kind]


def test_a_sound_system_has_no_warnings():
    assert system_warnings(_system(), _data()) == []


@pytest.mark.filterwarnings("error")
def test_warnings_are_returned_and_not_emitted():
    found = system_warnings(_system(linear=[], trend=False), _data())
    assert [type(warning) for warning in found] == [BackdoorWarning, BackdoorWarning]


def test_a_missing_cause_of_the_mediator_may_be_a_back_door():
    (text,) = _texts(_system(media=["search"]), _data(), BackdoorWarning)
    assert text.startswith("'tv' acts on the mediator 'search' but is missing from the equation of 'sales'")
    assert "Add it to 'sales', unless you are sure that 'search' carries all of the effect" in text
    assert _texts(_system(media=["search"], linear=["tv", "price"]), _data(), BackdoorWarning) == []
    (text,) = _texts(_system(linear=[]), _data(), BackdoorWarning)
    assert text.startswith("'price' acts on")
    (text,) = _texts(_system(media=["search"], linear=[]), _data(), BackdoorWarning)
    assert text.startswith("'tv', 'price' act on the mediator 'search' but are missing")
    assert "Add them to 'sales'" in text


def _chain(*, queries: dict, search: dict, sales: dict) -> MMM:
    """queries -> search -> sales, and what else each is given."""
    return MMM(
        [
            Equation("queries", **queries),
            Equation("search", **({"media": ["queries"]} | search)),
            Equation("sales", **({"media": ["search"]} | sales)),
        ]
    )


def test_back_doors_are_looked_for_between_mediators_too():
    complete = {"media": ["tv", "queries"], "trend": True}
    sales = {"media": ["tv", "queries", "search"], "trend": True}
    assert (
        _texts(
            _chain(queries={"media": ["tv"], "trend": True}, search=complete, sales=sales),
            _data(),
            BackdoorWarning,
        )
        == []
    )
    found = _texts(
        _chain(queries={"media": ["tv"], "trend": True}, search={}, sales=sales), _data(), BackdoorWarning
    )
    assert len(found) == 3
    assert found[0].startswith("'tv' acts on the mediator 'queries' but is missing from the equation of 'search'")
    assert "Add it to 'search'" in found[0]
    assert found[1].startswith("trend is in the equation of 'queries' but not in that of 'search'")
    assert found[2].startswith("trend is in the equation of 'sales' but not in that of 'search'")


def test_a_mediator_that_acts_on_a_mediator_only_is_a_cause_like_any_other():
    (text,) = _texts(_chain(queries={}, search={}, sales={}), _data(), BackdoorWarning)
    assert text.startswith("'queries' acts on the mediator 'search' but is missing from the equation of 'sales'")
    assert "Add it to 'sales'" in text


def test_seasons_are_compared_by_their_periods():
    quarter = Fourier(91.3125, 1)
    (text,) = _texts(_system(search={"seasonality": [YEAR, quarter]}), _data(), BackdoorWarning)
    assert text.startswith("seasonality (91.3125 days) is in the equation of 'search' but not in that of 'sales'")
    assert "Put seasonality (91.3125 days) in both" in text
    one, other = _texts(_system(search={"seasonality": quarter}), _data(), BackdoorWarning)
    assert one.startswith("seasonality (91.3125 days) is in the equation of 'search' but")
    assert other.startswith("seasonality (365.25 days) is in the equation of 'sales' but")
    (text,) = _texts(_system(search={"seasonality": ()}, seasonality=[YEAR, quarter]), _data(), BackdoorWarning)
    assert text.startswith("seasonality (365.25 and 91.3125 days) is in the equation of 'sales' but")
    assert _texts(_system(search={"seasonality": Fourier(365.25, 1)}), _data(), BackdoorWarning) == []


def test_the_shipped_world_has_no_warnings():
    world = load_case("social_search")
    assert system_warnings(world.system, world.data) == []


@pytest.mark.parametrize(("argument", "word"), [("trend", "trend"), ("seasonality", "seasonality (365.25 days)")])
def test_trend_and_season_belong_in_both_equations(argument, word):
    nothing = {"trend": False, "seasonality": ()}[argument]
    (text,) = _texts(_system(**{argument: nothing}), _data(), BackdoorWarning)
    assert f"{word} is in the equation of 'search' but not in that of 'sales'" in text
    assert f"Put {word} in both" in text
    (text,) = _texts(_system(search={argument: nothing}), _data(), BackdoorWarning)
    assert f"{word} is in the equation of 'sales' but not in that of 'search'" in text


def test_few_periods_per_parameter_are_counted():
    # 'sales': 4 parameters for each of 2 channels, 7 linear terms, sigma = 16; 60 / 16 < 4 <= 64 / 16.
    (text,) = _texts(_system(search={"media": []}), _data(_frame(63)), FewPeriodsWarning)
    assert "'sales' has 16 parameters for 63 values, 3.9 each (fewer than 4)" in text
    assert "Drop terms, merge channels, or use informative priors" in text
    assert _texts(_system(search={"media": []}), _data(_frame(64)), FewPeriodsWarning) == []


def test_many_zeros_call_for_a_likelihood_that_has_them():
    frame = _frame()
    frame.loc[:51, "search"] = 0.0  # a third of the periods
    (text,) = _texts(_system(), _data(frame), ManyZerosWarning)
    assert "'search' is exactly zero in 33% of its periods" in text
    assert 'Use likelihood="censored_normal"' in text
    assert _texts(_system(search={"likelihood": "censored_normal"}), _data(frame), ManyZerosWarning) == []
    frame = _frame()
    frame.loc[:38, "search"] = 0.0  # exactly a quarter is not more than a quarter
    assert _texts(_system(), _data(frame), ManyZerosWarning) == []


def test_media_that_are_often_negative_enter_as_zero_often():
    frame = _frame()
    frame.loc[:51, "queries"] *= -1.0  # a third of the periods
    system = MMM([Equation("search", media=["queries"]), Equation("sales", media=["search", "queries"])])
    (text,) = _texts(system, _data(frame), ManyZerosWarning)
    assert (
        "'queries' acts as media and is negative in 33% of its periods (more than 25%), where it enters as 0"
        in text
    )
    assert "List it under linear" in text
    linear = MMM([Equation("search", linear=["queries"]), Equation("sales", media=["search"], linear=["queries"])])
    assert _texts(linear, _data(frame), ManyZerosWarning) == []
    frame = _frame()
    frame.loc[:38, "queries"] *= -1.0  # exactly a quarter is not more than a quarter
    assert _texts(system, _data(frame), ManyZerosWarning) == []


def test_default_priors_never_imply_too_large_a_media_share():
    for n in range(1, 21):
        frame = _frame()
        media = [f"c{i}" for i in range(n)]
        extra = pd.DataFrame({name: np.roll(frame["tv"], i) for i, name in enumerate(media)})
        data = _data(pd.concat([frame, extra], axis=1), media=media)
        assert _texts(MMM([Equation("sales", media=media)]), data, PriorWarning) == []


def test_wide_contributions_imply_too_large_a_media_share():
    system = _system(priors={"contribution": {"tv": Prior("HalfNormal", sigma=2.0)}})
    (text,) = _texts(system, _data(), PriorWarning)
    said = int(re.search(r"probability (\d+)%", text).group(1)) / 100
    rng, spend = np.random.default_rng(1), [_frame()[name].sum() for name in ("tv", "search")]
    other = contribution_scales(spend)[1] * np.abs(rng.standard_t(3, 200_000))
    total = 2.0 * np.abs(rng.standard_normal(200_000)) + other
    assert said == pytest.approx(np.mean(total > 1.0), abs=0.011)
    assert "Narrow the priors on contribution or roi" in text


def test_a_prior_on_return_is_converted_to_a_share_of_the_outcome():
    frame = _frame()
    share = frame["tv"].sum() / frame["sales"].sum()  # media share at a return of 1
    for limit, warned in ((0.9, False), (1.2, True)):
        # Uniform on [0, limit / share]: the share is uniform on [0, limit].
        prior = Prior("Uniform", lower=0.0, upper=limit / share)
        system = MMM([Equation("sales", media=["tv"], priors={"roi": prior})])
        texts = _texts(system, _data(frame), PriorWarning)
        assert len(texts) == warned
        if warned:
            assert re.search("with probability 1[67]%", texts[0])


def test_the_media_share_is_not_judged_on_the_log_scale():
    system = MMM(
        [
            Equation(
                "sales",
                media=["tv"],
                likelihood="lognormal",
                priors={"contribution": Prior("HalfNormal", sigma=5)},
            )
        ]
    )
    assert _texts(system, _data(), PriorWarning) == []


def test_an_always_on_channel_trades_with_the_intercept():
    rng = np.random.default_rng(1)
    (text,) = _texts(_system(), _data(_frame(tv=100 + rng.normal(0, 10, 156))), AlwaysOnWarning)
    assert text.startswith("'tv' is never zero and varies by only")
    assert "informative prior, from an experiment if there is one" in text
    assert _texts(_system(), _data(_frame(tv=100 + rng.normal(0, 30, 156).clip(-99))), AlwaysOnWarning) == []
    assert _texts(_system(), _data(_frame(radio=100 + rng.normal(0, 10, 156))), AlwaysOnWarning) == []


def test_an_always_on_channel_is_judged_within_geos():
    frame = _frame(tv=100 + np.random.default_rng(1).normal(0, 10, 156))
    panel = pd.concat([frame.assign(geo="a"), frame.assign(geo="b", tv=50 * frame["tv"])])
    assert len(_texts(_system(), _data(panel, geo="geo"), AlwaysOnWarning)) == 1


def test_warnings_of_the_data_are_passed_on_for_the_media_of_the_system_only():
    frame = _frame()
    frame["radio"] = 2 * frame["tv"]
    (text,) = _texts(_system(media=["tv", "radio", "search"]), _data(frame), CollinearityWarning)
    assert "'tv'" in text
    assert "'radio'" in text
    assert _texts(_system(), _data(frame), CollinearityWarning) == []
