"""Finite in, finite out; sizes have bounds; errors blame the right one."""

import re

import numpy as np
import pandas as pd
import pytest

import bayesmmm as mm
from bayesmmm.data import next_dates
from bayesmmm.equations import MMM, Equation, Fourier, check_system
from bayesmmm.errors import (
    AnswerError,
    EquationError,
    PriorError,
    SamplingError,
    SettingError,
    TooFewPeriodsError,
    ValueRangeError,
)
from bayesmmm.inference.samplers import _stopped, blamed
from bayesmmm.priors import FAMILIES, Prior
from bayesmmm.simulate import broken_world, social_search
from bayesmmm.text import written
from bayesmmm.validate import check_count, is_number
from tests.made import case, case_fit, frame, made_data

SYSTEM = MMM([Equation("sales", media=["tv", "radio"], linear=["price"])])


def scaled(column, factor):
    table = frame(1)
    table[column] *= factor
    return made_data(SYSTEM, table)


def plan(fit, periods=4, **columns):
    known = {name: fit.data.columns[name][0, -periods:] for name in fit.system.exogenous}
    return pd.DataFrame(known | columns, index=next_dates(fit.data, periods))


# -------------------------------------------------------------------------------------------- finite in, finite out
@pytest.mark.parametrize("column", ["sales", "tv", "price"])
@pytest.mark.parametrize("factor", [1e154, 1e305, 1e-154, 1e-300])
def test_a_column_whose_squares_no_double_holds_is_refused_by_name(column, factor):
    with pytest.raises(
        ValueRangeError, match=rf"column '{column}' .* between 1e-50 and 1e\+50; give the column in another"
    ):
        scaled(column, factor)


@pytest.mark.parametrize("column", ["sales", "tv", "price"])
@pytest.mark.parametrize("factor", [1e40, 1e-40])
def test_columns_of_allowed_sizes_have_scales_that_can_be_squared(column, factor):
    scales = scaled(column, factor).scales()
    known = [*scales.size.values(), *scales.spend.values(), *scales.spread.values()]
    numbers = np.concatenate([np.atleast_1d(value) for value in known])
    assert np.isfinite(numbers**2).all()
    assert (numbers**2 > 0.0).all()


def test_the_remedy_for_a_column_out_of_range_works():
    with pytest.raises(ValueRangeError) as error:
        scaled("price", 1e154)
    divisor = float(re.search(r"divided by (\S+)$", str(error.value))[1])
    assert scaled("price", 1e154 / divisor).columns["price"].max() < 10.0


#: Arguments whose derived numbers overflow, underflow or divide by zero.
EXTREME = [
    ("LogNormal", {"mu": 800, "sigma": 1}),
    ("LogNormal", {"mu": -800, "sigma": 1}),
    ("LogNormal", {"mu": 0, "sigma": 1e3}),
    ("Gamma", {"mu": 1e308, "sigma": 1}),
    ("Gamma", {"mu": 1e50, "sigma": 1e-200}),
    ("InverseGamma", {"mu": 1, "sigma": 1e-200}),
    ("Beta", {"mu": 0.5, "sigma": 1e-320}),
    ("Beta", {"mu": 0.5, "sigma": 1e-160}),
    ("Normal", {"mu": 1e300, "sigma": 1}),
    ("Normal", {"mu": 0, "sigma": 1e300}),
    ("Normal", {"mu": 0, "tau": 1e-320}),
    ("Uniform", {"lower": -1e308, "upper": 1e308}),
    ("TruncatedNormal", {"mu": -1e10, "sigma": 1, "lower": 0}),
    ("ExGaussian", {"mu": 0, "sigma": 1e-300, "nu": 1e50}),
    ("LogitNormal", {"mu": 800, "sigma": 1}),
    ("Pareto", {"alpha": 1e-10, "m": 1}),
    ("HalfNormal", {"sigma": 1e-320}),
    ("HalfStudentT", {"nu": 1e-300, "sigma": 1}),
    ("Normal", {"mu": 10**400, "sigma": 1}),
]


@pytest.mark.parametrize(("family", "args"), EXTREME)
def test_a_prior_that_cannot_be_computed_with_is_refused_when_it_is_made(family, args):
    with pytest.raises(PriorError, match=family):
        Prior(family, **args)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_priors_of_random_arguments_are_refused_or_have_finite_quantiles_and_density(family):
    rng = np.random.default_rng(sorted(FAMILIES).index(family))
    spec, made = FAMILIES[family], 0
    for _ in range(60):
        form = spec.forms[rng.integers(len(spec.forms))]
        args = {name: float(10.0 ** rng.uniform(-320, 308)) for name in form}
        if rng.random() < 0.5:
            args = {name: float(10.0 ** rng.uniform(-3, 3)) for name in form}
        try:
            prior = Prior(family, **args)
        except PriorError:
            continue
        made += 1
        quantiles = prior.scipy().ppf([0.05, 0.5, 0.95])
        assert np.isfinite(quantiles).all()
        assert not np.isnan(prior.logpdf(prior.median))
        assert np.abs(quantiles).max() <= 1e50
    assert made


@pytest.mark.parametrize("value", [1e51, 10**400, -(10**60), float("inf"), float("nan"), True, "10", None])
def test_what_cannot_be_computed_with_is_no_number(value):
    assert not is_number(value)


@pytest.mark.parametrize(
    ("keywords", "named"),
    [
        ({"total": 1e300}, "total"),
        ({"total": 10**400}, "total"),
        ({"total": (1.0, 1e300), "objective": "roi"}, "total"),
        ({"total": 1e3, "bounds": {"tv": (0, 1e300)}}, "bounds['tv']"),
        ({"total": 1e3, "bounds": {"tv": ("0%", "1e308%")}}, "bounds['tv']"),
        ({"total": 1e3, "bounds": {"tv": ("0%", "inf%")}}, "bounds['tv']"),
        ({"total": 1e3, "period_bounds": {"tv": (0, 10**400)}}, "period_bounds['tv']"),
        ({"total": 1e3, "change": 1e308}, "change"),
        ({"total": 1e3, "minimum": {"tv": 1e300}}, "minimum['tv']"),
        ({"total": 1e3, "linear": [({"tv": 1e-300}, (None, 0))]}, "linear[0]"),
        ({"total": 1e3, "linear": [({"tv": 1e300}, (None, 0))]}, "linear[0]"),
        ({"total": 1e3, "risk": ("sd", 1e300)}, "risk"),
        ({"objective": "spend", "target": 1e300}, "target"),
        ({"objective": "profit", "margin": 1e300}, "margin"),
    ],
)
def test_a_budget_with_numbers_that_cannot_be_computed_with_names_them(keywords, named):
    with pytest.raises(SettingError, match=re.escape(named)):
        mm.optimize_budget(case_fit("no mediator"), periods=4, starts=0, **keywords)


@pytest.mark.parametrize("column", ["tv", "price"])
def test_a_plan_with_values_that_cannot_be_computed_with_names_the_column(column):
    fit = case_fit("no mediator")
    with pytest.raises(ValueRangeError, match=rf"'{column}' of the plan has 1e\+300 as its .* in another unit"):
        mm.predict(fit, plan(fit, **{column: 1e300}))
    with pytest.raises(ValueRangeError, match=f"do\\['{column}'\\] has 1e\\+300"):
        mm.what_if(fit, do={column: 1e300})


def test_an_answer_larger_than_any_number_is_refused():
    fit = case_fit("lognormal outcome")
    with pytest.raises(AnswerError, match="larger than any number, since terms of sales multiply"):
        mm.predict(fit, plan(fit, price=1e5))
    with pytest.raises(AnswerError, match="larger than any number"):
        mm.what_if(fit, do={"price": 1e5})
    assert np.isfinite(mm.predict(fit, plan(fit, price=11.0))["sales"].values).all()


# ------------------------------------------------------------------------------------------------- sizes have bounds
@pytest.mark.parametrize("size", [10**6, 10**9, 10**30, pytest.param(10**5000, id="5001 digits")])
def test_lags_and_harmonics_without_end_are_refused_at_once(size):
    with pytest.raises(EquationError, match=r"max_lag = .* 1 to 1000 .* or leave it out"):
        Equation("sales", media=["tv"], max_lag=size)
    with pytest.raises(EquationError, match=r"order of a Fourier season is .* from 1 to 182: .* Usual are 1 to 4"):
        Fourier(period=365.25, order=size)


def test_the_largest_lags_and_harmonics_are_allowed():
    assert Equation("sales", media=["tv"], max_lag=1000).max_lag == 1000
    assert len(Equation("sales", seasonality=Fourier(period=365.25, order=182)).terms()) == 365
    for period in (1.9, 1e300, 1e-300):
        with pytest.raises(EquationError, match="in days, from 2 to 36525"):
            Fourier(period=period, order=1)


@pytest.mark.parametrize("setting", ["draws", "tune", "chains", "cores"])
@pytest.mark.parametrize("size", [10**9, 10**12, 10**400])
def test_a_fit_of_endless_size_is_refused_before_sampling(setting, size):
    with pytest.raises(SamplingError, match=f"{setting}=.* must be a whole number from [14] to"):
        mm.fit(*case("one term"), **{setting: size})


def test_more_draws_than_memory_holds_say_how_many_fit_in():
    with pytest.raises(SamplingError, match="GB of memory, more than the 8 GB") as error:
        mm.fit(*case("one term"), draws=1_000_000, chains=100)
    fits = int(re.search(r"at most draws=(\d+)", str(error.value))[1])
    assert 1000 < fits < 1_000_000


@pytest.mark.parametrize("world", [social_search, lambda **k: broken_world("clean", **k)])
def test_weeks_have_bounds(world):
    with pytest.raises(SettingError, match="weeks=1000000000 must be at most 5200"):
        world(seed=1, weeks=10**9)
    with pytest.raises(TooFewPeriodsError, match="weeks=51"):
        world(seed=1, weeks=51)


@pytest.mark.parametrize("paths", [10**5, 10**30])
def test_paths_have_bounds(paths):
    fit = case_fit("one mediator")
    for ask in (mm.roi, lambda f, **k: mm.optimize_budget(f, total=1e3, periods=4, **k)):
        with pytest.raises(SettingError, match=r"paths=.* from 1 to 10000, as paths=4"):
            ask(fit, paths=paths)


def test_counts_and_messages_have_bounds():
    with pytest.raises(SettingError, match="starts=1000001 must be a whole number from 1 to 1000000"):
        check_count(1_000_001, "starts")
    assert written(10**5000) == "(a number of thousands of digits)"
    assert len(written("x" * 10**6)) < 250


# ----------------------------------------------------------------------------------------- errors blame the right one
#: Parameter of a prior per channel or not -> families of extreme priors, by the logarithm of their median.
PARAMETERS = ("half_life", "half_saturation", "slope", "contribution", "roi", "sigma", "intercept", "coefficient")


def culprit(rng, most):
    """Draw a parameter, a label and a prior far out on it; a few others are harmless."""
    parameter = str(rng.choice(PARAMETERS))
    far = float(rng.uniform(*most))
    prior = Prior("LogNormal", mu=far, sigma=0.1)
    label = str(rng.choice(["tv", "radio"]))
    given = {"slope": Prior("LogNormal", mu=0, sigma=0.3), "sigma": Prior("HalfNormal", sigma=0.5)}
    if parameter in ("sigma", "intercept"):
        return parameter, None, prior, given | {parameter: prior}
    label = "price" if parameter == "coefficient" else label
    given.pop(parameter, None)
    return parameter, label, prior, given | {parameter: {label: prior}}


@pytest.mark.parametrize("seed", range(40))
def test_an_extreme_prior_is_refused_by_its_own_name(seed):
    parameter, label, prior, priors = culprit(np.random.default_rng(seed), (60.0, 110.0))
    with pytest.raises(PriorError) as error:
        check_system(
            MMM([Equation("sales", media=["tv", "radio"], linear=["price"], priors=priors)]), scaled("tv", 1.0)
        )
    assert re.search(rf"{re.escape(repr(prior))} on (the )?{parameter}\b", str(error.value))
    assert label is None or repr(label) in str(error.value)


@pytest.mark.parametrize("seed", range(40))
def test_the_sampler_blames_the_prior_that_leaves_no_place_to_start_from(seed, monkeypatch):
    monkeypatch.setattr("bayesmmm.priors.prior.LARGEST_SHARE", np.inf)
    monkeypatch.setattr("bayesmmm.priors.prior.LARGEST_NUMBER", 1e306)
    rng = np.random.default_rng(seed)
    parameter, label, prior, priors = culprit(rng, (420.0, 700.0))
    system = MMM([Equation("sales", media=["tv", "radio"], linear=["price"], priors=priors)])
    data = scaled("tv", 1.0)
    named = blamed(system, data, data.scales())
    where = f"{f'{label!r} in ' * (label is not None)}equation 'sales'"
    assert named in ([], [f"{prior!r} on {parameter} of {where}"])
    if parameter in ("sigma", "contribution", "roi", "coefficient"):
        assert named
        error = _stopped(RuntimeError("All initialization points failed"), system, data, data.scales(), True)
        assert str(error).endswith(f"no place to start from with {named[0]}. Give another prior, or leave it out.")


def test_nobody_is_blamed_where_sampling_can_start():
    data = scaled("tv", 1.0)
    system = MMM([Equation("sales", media=["tv", "radio"], priors={"sigma": Prior("HalfNormal", sigma=1.0)})])
    assert blamed(system, data, data.scales()) == []
