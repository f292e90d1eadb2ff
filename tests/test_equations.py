"""Fourier seasons, equations, their parameters and the columns of the linear part."""

import datetime
import math
import pickle
import re
from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest

from bayesmmm.data import Scales
from bayesmmm.equations import LIKELIHOODS, Equation, Fourier, Parameter, design_matrix
from bayesmmm.errors import (
    EquationError,
    LikelihoodError,
    PriorError,
    PriorSupportError,
    UnknownColumnError,
    UnknownPriorError,
)
from bayesmmm.priors import Prior, contribution_scales, default_prior

WIDE = Prior("LogNormal", mu=0, sigma=1)

# ---------------------------------------------------------------- Fourier


def test_fourier_columns_follow_the_formula_term_by_term():
    dates = pd.DatetimeIndex(["1970-01-01", "1970-04-02 07:30", "2024-02-29"])
    season = Fourier(period=365.25, order=3)
    got = season.columns(dates)
    assert got.shape == (3, 6)
    for t, date in enumerate(dates):
        days = (date - pd.Timestamp("1970-01-01")).total_seconds() / 86400
        for k in range(1, 4):
            angle = 2 * math.pi * k * days / 365.25
            assert got[t, 2 * k - 2] == pytest.approx(math.sin(angle), abs=1e-10)
            assert got[t, 2 * k - 1] == pytest.approx(math.cos(angle), abs=1e-10)


def test_fourier_phase_belongs_to_the_calendar_and_not_to_the_first_row():
    season = Fourier(period=7, order=2)
    dates = pd.date_range("2023-03-01", periods=60, freq="D")
    assert np.array_equal(season.columns(dates)[20:], season.columns(dates[20:]))
    np.testing.assert_allclose(season.columns(dates)[7:], season.columns(dates)[:-7], atol=1e-11)


def test_fourier_labels_name_wave_harmonic_and_period():
    assert Fourier(7, 2).labels() == ("sin1@7", "cos1@7", "sin2@7", "cos2@7")
    assert Fourier(365.2425, 1).labels() == ("sin1@365.2425", "cos1@365.2425")
    assert Fourier(7, 2) == Fourier(7.0, np.int64(2))


@pytest.mark.parametrize("period", [0, -7, math.nan, math.inf, "365", True])
def test_fourier_refuses_a_period_that_is_no_length(period):
    with pytest.raises(EquationError, match="Give its length in days"):
        Fourier(period, 2)


@pytest.mark.parametrize("order", [0, 1.5, "2", True])
def test_fourier_refuses_an_order_that_is_no_count(order):
    with pytest.raises(EquationError, match="Give a whole number from 1 to 3"):
        Fourier(7, order)


# ---------------------------------------------------------------- the record


def _full(**changes):
    arguments = {
        "media": ["tv", "search"],
        "linear": ["price"],
        "seasonality": Fourier(365.25, 1),
        "trend": ["2024-03-03", "2024-09-01"],
    }
    return Equation("sales", **(arguments | changes))


def test_lists_become_tuples_and_equal_equations_hash_alike():
    one, two = _full(priors={"slope": {"tv": WIDE}}), _full(priors={"slope": {"tv": WIDE}})
    assert one.media == ("tv", "search")
    assert one.seasonality == (Fourier(365.25, 1),)
    assert one == two
    assert hash(one) == hash(two)
    assert one != _full()
    assert pickle.loads(pickle.dumps(one)) == one


def test_an_equation_does_not_keep_the_list_it_was_given():
    media, priors = ["tv"], {"slope": {"tv": WIDE}}
    equation = Equation("sales", media=media, priors=priors)
    media.append("radio")
    priors["slope"]["tv"] = Prior("LogNormal", mu=1, sigma=1)
    assert equation.media == ("tv",)
    assert equation.priors == {"slope": {"tv": WIDE}}
    with pytest.raises(FrozenInstanceError, match="media"):
        equation.media = ("radio",)


def test_terms_are_intercept_trend_knots_harmonics_linear():
    assert Equation("sales").terms() == ("intercept",)
    assert _full().terms() == (
        "intercept",
        "trend",
        "trend@2024-03-03",
        "trend@2024-09-01",
        "sin1@365.25",
        "cos1@365.25",
        "price",
    )


def test_knots_are_stored_as_iso_dates():
    knots = [pd.Timestamp("2024-03-03"), datetime.date(2024, 6, 2), "2024-09-01 00:00"]
    assert _full(trend=knots).trend == ("2024-03-03", "2024-06-02", "2024-09-01")
    assert _full(trend=True).knots == ()


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"media": "tv"}, r"Give a list of column names, as \['tv'\]"),
        ({"linear": [3]}, "Give column names as text"),
        ({"media": ["tv", "tv"]}, "List it once"),
        ({"linear": ["tv"]}, "Keep it in one of the two"),
        ({"media": ["sales"]}, "lists its own column as a cause. Take it out"),
        ({"linear": ["sales"]}, "lists its own column as a cause. Take it out"),
        ({"linear": ["trend"]}, "Rename the column"),
        ({"seasonality": [Fourier(7, 1), Fourier(7, 2)]}, "give each season a period of its own"),
        ({"seasonality": 365.25}, r"Give Fourier\(period=365.25, order=2\)"),
        ({"trend": "2024-03-03"}, "a list of ISO dates in rising order"),
        ({"trend": []}, "a list of ISO dates in rising order"),
        ({"trend": ["03/03/2024"]}, "a list of ISO dates in rising order"),
        ({"trend": ["2024-09-01", "2024-03-03"]}, "a list of ISO dates in rising order"),
        ({"trend": ["2024-03"]}, r"trend knot '2024-03'\. .*a list of ISO dates"),
        ({"trend": ["2024-03-03 12:00"]}, "in rising order, without time of day"),
        ({"trend": [pd.Timestamp("2024-03-03 12:00")]}, "in rising order, without time of day"),
        ({"trend": ["2024-03-03T00:00+02:00"]}, "in rising order, without time of day"),
        ({"trend": [pd.Timestamp("2024-03-03", tz="UTC")]}, "in rising order, without time of day"),
        ({"trend": ["3000-01-01"]}, "a list of ISO dates in rising order"),
        ({"trend": [20240303]}, "a list of ISO dates in rising order"),
        ({"max_lag": 0}, "Give a whole number of periods, 1 to 1000"),
        ({"max_lag": 2.0}, "Give a whole number of periods, 1 to 1000"),
    ],
)
def test_terms_that_contradict_each_other(changes, advice):
    with pytest.raises(EquationError, match=advice):
        _full(**changes)


def test_an_equation_needs_a_name():
    with pytest.raises(EquationError, match="Name the column that it explains"):
        Equation("")


def test_an_unknown_likelihood_lists_the_known_ones():
    with pytest.raises(LikelihoodError, match=r"did you mean 'student_t'\?.*Use one of: normal, student_t"):
        _full(likelihood="studentt")


# ---------------------------------------------------------------- parameters


def _by_name(equation: Equation) -> dict[str, Parameter]:
    return {parameter.name: parameter for parameter in equation.parameters()}


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_default_parameters(likelihood):
    blocks = _by_name(_full(likelihood=likelihood))
    usual = ["half_life", "half_saturation", "slope", "contribution", "coefficient", "sigma"]
    assert list(blocks) == usual + (["nu_minus_two"] if likelihood == "student_t" else [])
    scale = contribution_scales([1.0, 1.0])[0]
    for name in usual[:4]:
        assert blocks[name].labels == ("tv", "search")
        assert (
            blocks[name].priors == (default_prior(name, scale=scale, widths=LIKELIHOODS[likelihood].widths),) * 2
        )
    assert blocks["coefficient"].labels == _full().terms()
    kinds = ["intercept", "trend", "trend", "trend", "seasonality", "seasonality", "coefficient"]
    assert blocks["coefficient"].priors == tuple(
        default_prior(k, widths=LIKELIHOODS[likelihood].widths) for k in kinds
    )
    assert blocks["sigma"] == Parameter("sigma", (), (Prior("HalfStudentT", nu=3, sigma=1),))


def test_contribution_prior_depends_on_the_number_of_channels():
    for n in (1, 4, 9):
        equation = Equation("sales", media=[f"c{i}" for i in range(n)])
        scale = _by_name(equation)["contribution"].priors[0].args["sigma"]
        assert scale == pytest.approx(contribution_scales([1.0] * n)[0], rel=5e-3)


def test_an_equation_without_media_has_no_media_parameters():
    assert list(_by_name(Equation("sales", trend=True))) == ["coefficient", "sigma"]


def test_retention_and_roi_replace_half_life_and_contribution_by_channel():
    beta = Prior("Beta", alpha=2, beta=2)
    blocks = _by_name(_full(priors={"retention": {"search": beta}, "roi": {"tv": WIDE}}))
    assert (blocks["half_life"].labels, blocks["retention"].labels) == (("tv",), ("search",))
    assert (blocks["contribution"].labels, blocks["roi"].labels) == (("search",), ("tv",))
    assert blocks["retention"].priors == (beta,)
    assert blocks["roi"].priors == (WIDE,)
    everywhere = _by_name(_full(priors={"retention": beta, "roi": WIDE}))
    assert "half_life" not in everywhere
    assert "contribution" not in everywhere
    assert everywhere["retention"].priors == (beta, beta)


def test_priors_by_label_leave_the_other_labels_at_their_default():
    normal = Prior("Normal", mu=-1, sigma=0.2)
    equation = _full(
        priors={
            "slope": {"search": WIDE},
            "coefficient": {"price": normal},
            "trend": {"trend@2024-03-03": normal},
            "seasonality": Prior("Laplace", mu=0, b=1),
            "intercept": Prior("Cauchy", alpha=0, beta=1),
            "sigma": Prior("Exponential", lam=2),
        }
    )
    blocks = _by_name(equation)
    assert blocks["slope"].priors == (default_prior("slope"), WIDE)
    assert blocks["coefficient"].priors == (
        Prior("Cauchy", alpha=0, beta=1),
        default_prior("trend"),
        normal,
        default_prior("trend"),
        Prior("Laplace", mu=0, b=1),
        Prior("Laplace", mu=0, b=1),
        normal,
    )
    assert blocks["sigma"].priors == (Prior("Exponential", lam=2),)


@pytest.mark.parametrize(
    ("priors", "advice"),
    [
        ({"half_live": WIDE}, r"did you mean 'half_life'\?.*Use one of: half_life, retention"),
        ({"nu_minus_two": WIDE}, "It belongs to student_t only"),
        ({"slope": {"serch": WIDE}}, r"did you mean 'search'\?.*Use one of: tv, search"),
        ({"coefficient": {"tv": WIDE}}, "Use one of: price"),
        ({"trend": {"2024-03-03": WIDE}}, "Use one of: trend, trend@2024-03-03"),
        ({"sigma": {"tv": WIDE}}, "Give one Prior without labels"),
    ],
)
def test_unknown_parameters_and_labels_list_the_known_ones(priors, advice):
    with pytest.raises(UnknownPriorError, match=advice):
        _full(priors=priors)


@pytest.mark.parametrize(
    ("priors", "advice"),
    [
        ({"half_life": {"tv": WIDE}, "retention": {"tv": Prior("Beta", alpha=2, beta=2)}}, "Keep one of them"),
        ({"contribution": WIDE, "roi": {"tv": WIDE}}, r"Keep one of them; name channels"),
        ({"slope": 1.0}, "Give a Prior, or a mapping from label to Prior"),
        ({"slope": {"tv": 1.0}}, "Give a Prior"),
        ([WIDE], "Give a mapping such as"),
    ],
)
def test_priors_that_cannot_be_used(priors, advice):
    with pytest.raises(PriorError, match=advice):
        _full(priors=priors)


@pytest.mark.parametrize(
    ("likelihood", "reason"), [("lognormal", "log units"), ("censored_normal", "latent series")]
)
def test_a_return_has_no_meaning_where_a_contribution_is_not_a_share_of_the_series(likelihood, reason):
    advice = f"{reason}.* Put the prior on contribution, or use normal or student_t"
    with pytest.raises(PriorError, match=advice):
        _full(likelihood=likelihood, priors={"roi": {"tv": WIDE}})
    with pytest.raises(UnknownPriorError, match="Use one of: ") as caught:
        _full(likelihood=likelihood, priors={"rois": WIDE})
    assert "roi," not in str(caught.value).split("Use one of:")[1]
    for allowed in ("normal", "student_t"):
        assert _by_name(_full(likelihood=allowed, priors={"roi": WIDE}))["roi"].priors == (WIDE, WIDE)


NORMAL = Prior("Normal", mu=0, sigma=1)


@pytest.mark.parametrize(
    ("parameter", "prior", "advice"),
    [
        ("trend", NORMAL, "has a prior on trend but no trend: set trend=True or drop the prior"),
        ("trend", {"trend": NORMAL}, "has a prior on trend but no trend: set trend=True or drop the prior"),
        ("trend", {}, "has a prior on trend but no trend: set trend=True or drop the prior"),
        ("seasonality", NORMAL, "no seasonality: set seasonality=Fourier(period=365.25, order=2) or drop"),
        ("coefficient", NORMAL, "no linear terms: list columns in linear=[...] or drop the prior"),
        ("coefficient", {"price": NORMAL}, "no linear terms: list columns in linear=[...] or drop the prior"),
        *(
            (name, WIDE, "no media: list channels in media=[...] or drop")
            for name in ("half_life", "slope", "roi")
        ),
        ("retention", {"tv": WIDE}, "no media: list channels in media=[...] or drop the prior"),
    ],
)
def test_a_prior_on_what_an_equation_lacks_is_refused(parameter, prior, advice):
    with pytest.raises(UnknownPriorError, match=re.escape(advice)):
        Equation("sales", priors={parameter: prior})


@pytest.mark.parametrize(
    "parameter", ["slope", "roi", "trend", "seasonality", "coefficient", "intercept", "sigma"]
)
def test_a_prior_on_no_label_is_refused(parameter):
    advice = f"an empty mapping as the prior on {parameter}, .*Give a Prior, or drop '{parameter}' from priors"
    with pytest.raises(UnknownPriorError, match=advice):
        _full(priors={parameter: {}})


def test_priors_on_the_bare_equation_apply():
    blocks = _by_name(Equation("sales", priors={"intercept": NORMAL, "sigma": WIDE}))
    assert blocks["coefficient"].priors == (NORMAL,)
    assert blocks["sigma"].priors == (WIDE,)


@pytest.mark.parametrize("parameter", ["half_life", "half_saturation", "slope", "sigma"])
def test_a_positive_parameter_refuses_a_prior_with_negative_values(parameter):
    with pytest.raises(
        PriorSupportError, match="Use LogNormal, Gamma, HalfNormal, or TruncatedNormal with lower=0"
    ):
        _full(priors={parameter: Prior("Normal", mu=1, sigma=0.1)})


def test_retention_refuses_a_prior_above_one():
    with pytest.raises(PriorSupportError, match=r"retention of 'tv'.*Use Beta, Kumaraswamy or LogitNormal"):
        _full(priors={"retention": {"tv": Prior("HalfNormal", sigma=0.2)}})


# ---------------------------------------------------------------- the linear part


def _scales(dates, columns):
    return Scales(
        size={},
        spend={},
        center={name: float(values.mean()) for name, values in columns.items()},
        spread={name: float(values.std()) for name, values in columns.items()},
        start=dates[0],
        end=dates[-1],
    )


def test_design_matrix_column_by_column():
    dates = pd.date_range("2024-01-07", periods=53, freq="7D")
    columns = {"price": np.random.default_rng(0).normal(5, 2, (2, 53))}
    equation = _full(trend=["2024-03-03"])
    design = design_matrix(equation, dates, columns, _scales(dates, columns), geos=2)
    assert design.shape == (2, 53, len(equation.terms()))
    assert design.dtype == np.float64
    day = np.arange(53) * 7.0
    expected = {
        "intercept": np.ones(53),
        "trend": day / 364,
        "trend@2024-03-03": np.maximum(0, day - 56) / 364,
        "sin1@365.25": Fourier(365.25, 1).columns(dates)[:, 0],
        "cos1@365.25": Fourier(365.25, 1).columns(dates)[:, 1],
    }
    for k, term in enumerate(equation.terms()[:-1]):
        np.testing.assert_allclose(design[:, :, k], np.broadcast_to(expected[term], (2, 53)), atol=1e-12)
    price = design[:, :, -1]
    assert price.mean() == pytest.approx(0, abs=1e-12)
    assert price.std() == pytest.approx(1)
    np.testing.assert_allclose(price * columns["price"].std() + columns["price"].mean(), columns["price"])


def test_design_matrix_of_future_periods_continues_the_fitted_one():
    dates = pd.date_range("2024-01-07", periods=80, freq="7D")
    columns = {"price": np.random.default_rng(0).normal(5, 2, (1, 80))}
    scales = _scales(dates[:60], {"price": columns["price"][:, :60]})
    equation = _full()
    whole = design_matrix(equation, dates, columns, scales)
    future = design_matrix(equation, dates[60:], {"price": columns["price"][:, 60:]}, scales)
    assert np.array_equal(whole[:, 60:], future)
    assert future[0, 0, 1] == pytest.approx(60 / 59)


def test_design_matrix_without_linear_columns_needs_none():
    dates = pd.date_range("2024-01-07", periods=9, freq="D")
    design = design_matrix(Equation("sales"), dates, {}, _scales(dates, {}), geos=3)
    assert np.array_equal(design, np.ones((3, 9, 1)))


def test_design_matrix_does_not_change_its_input():
    dates = pd.date_range("2024-01-07", periods=9, freq="D")
    columns = {"price": np.arange(9.0)[None]}
    before = columns["price"].copy()
    design = design_matrix(Equation("sales", linear=["price"]), dates, columns, _scales(dates, columns))
    design[:] = 0
    assert np.array_equal(columns["price"], before)


def test_design_matrix_names_the_column_that_is_missing():
    dates = pd.date_range("2024-01-07", periods=9, freq="D")
    columns = {"prices": np.arange(9.0)[None]}
    with pytest.raises(UnknownColumnError, match=r"did you mean 'prices'\?.*Declare it as a control"):
        design_matrix(Equation("sales", linear=["price"]), dates, columns, _scales(dates, columns))
    with pytest.raises(UnknownColumnError, match=r"missing from the scales.*Declare it as a control"):
        design_matrix(
            Equation("sales", linear=["price"]), dates, {"price": columns["prices"]}, _scales(dates, columns)
        )
