"""Arguments of another kind than is meant: the error says what is wrong, and what it says to write works."""

import re
from concurrent.futures import ThreadPoolExecutor

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.axes import Axes

import bayesmmm as mm
from bayesmmm.data import next_dates
from bayesmmm.equations import parse_toml
from bayesmmm.errors import (
    BayesMMMError,
    DataError,
    DateError,
    EquationError,
    PanelError,
    PriorError,
    RoleError,
    SamplingError,
    SettingError,
    SpecError,
    UnknownColumnError,
)
from bayesmmm.estimands import residuals
from bayesmmm.inference.many_fits import run
from bayesmmm.inference.pymc_model import build_model
from bayesmmm.optimize import Constraints, Solver
from bayesmmm.priors import Prior
from bayesmmm.results import autocorrelation
from bayesmmm.simulate import social_search, write_world
from bayesmmm.validate import as_floats
from tests.made import case, case_fit, frame

WINDOW = {"start": "2023-06-04", "stop": "2023-08-27"}
NO_LISTS = [
    None,
    3,
    True,
    b"tv",
    object(),
    {"tv": 1},
    {"tv", "radio"},
    "tv",
    (n for n in ["tv"]),
    np.array([["tv"]]),
]
LISTS = [["tv"], ("tv",), np.array(["tv"]), pd.Index(["tv"]), pd.Series(["tv"]), {"tv": 1}.keys()]


@pytest.fixture(scope="module")
def fit():
    return case_fit("one mediator")


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


# ----------------------------------------------------------------------------------------------------------------- lists
@pytest.mark.parametrize("names", NO_LISTS)
def test_what_is_no_list_of_names_is_refused_with_the_list_to_write(names, fit):
    table = frame(1)
    for error, ask in (
        (EquationError, lambda names: mm.Equation("sales", media=names)),
        (EquationError, lambda names: mm.Equation("sales", linear=names)),
        (RoleError, lambda names: mm.MMMData.from_frame(table, date="date", outcome="sales", media=names)),
        (SettingError, lambda names: mm.effects(fit, channels=names, **WINDOW)),
        (SettingError, lambda names: mm.roi(fit, channels=names, **WINDOW)),
        (SettingError, lambda names: Constraints(channels=names)),
    ):
        if names is None and error is SettingError:  # the default
            continue
        with pytest.raises(error) as raised:
            ask(names)
        assert "list" in str(raised.value)
        written = re.findall(r"\[(?:'\w+'(?:, )?)+\]", str(raised.value))[-1]
        ask([name for name in ("tv", "social") if f"'{name}'" in written] or ["tv"])


@pytest.mark.parametrize("names", LISTS)
def test_lists_of_other_libraries_are_lists(names, fit):
    assert mm.Equation("sales", media=names) == mm.Equation("sales", media=["tv"])
    right = mm.effects(fit, channels=["tv"], **WINDOW)
    xr.testing.assert_identical(mm.effects(fit, channels=names, **WINDOW), right)


@pytest.mark.parametrize(
    ("equations", "words"),
    [([], "no equation"), ((), "no equation"), ([None], "None"), (None, "None"), ({3: 4}, "3")],
)
def test_a_system_says_what_it_was_given(equations, words):
    with pytest.raises(EquationError, match=f"an MMM was given {words}. Give a list of Equation"):
        mm.MMM(equations)


# ------------------------------------------------------------------------------------------------------------------ data
@pytest.mark.parametrize(
    ("field", "error"), [("dates", DateError), ("geos", PanelError), ("columns", RoleError), ("unused", RoleError)]
)
@pytest.mark.parametrize("value", [None, 3, "x", {"x"}, b"x", object()])
def test_fields_of_data_of_another_kind(field, error, value, fit):
    data = fit.data
    given = {"dates": data.dates, "geos": data.geos, "columns": dict(data.columns), "unused": ()}
    roles = {"outcome": data.outcome, "media": data.media, "mediators": data.mediators, "controls": data.controls}
    assert mm.MMMData(**given, **roles) == data
    with pytest.raises(error, match=f"{field}=.* must be a"):
        mm.MMMData(**{**given, field: value}, **roles)


def test_mediators_of_another_kind_are_refused_with_units():
    for value in (3, True, object(), "queries", ["queries"]):
        with pytest.raises(RoleError, match=r'mediators=.* gives no units; .*write mediators=\{.*: "money"\}'):
            mm.MMMData.from_frame(frame(1), date="date", outcome="sales", media=["tv"], mediators=value)


# ---------------------------------------------------------------------------------------------------------------- priors
def test_what_priors_are_asked_for():
    prior, rng = Prior("Normal", mu=0, sigma=1), np.random.default_rng(0)
    for odd in ("a", None, ["a"], {}, 1j, b"x", [None], [[1], [2, 3]], 10**400, np.datetime64("2020-01-01")):
        with pytest.raises(PriorError, match=r"the density of Normal\(mu=0, sigma=1\) is asked at .*Give numbers"):
            prior.logpdf(odd)
    assert prior.logpdf([0, 1.0]).shape == (2,)
    for size in ("x", -1, 1.5, (2, "x"), True, (-1,)):
        with pytest.raises(PriorError, match=r"size of draws is .* Give a whole number, or a tuple"):
            prior.draw(rng, size)
    with pytest.raises(BayesMMMError, match="ask for fewer"):
        prior.draw(rng, 10**12)
    for odd in (None, 3, "x", np.random):
        with pytest.raises(PriorError, match=r"Give a generator, as np\.random\.default_rng\(0\)"):
            prior.draw(odd)
    assert prior.draw(np.random.default_rng(0), (2, 3)).shape == (2, 3)


@pytest.mark.parametrize(
    "record", [None, 3, "x", [], {}, {3: 4}, [("family", "Normal")], {"family": "Normal", 3: 4}]
)
def test_what_is_no_record_of_a_prior(record):
    with pytest.raises(PriorError, match=r"names no family\. Add one, as in family = 'LogNormal'"):
        Prior.from_dict(record)
    assert Prior.from_dict({"family": "HalfNormal", "sigma": 1}) == Prior("HalfNormal", sigma=1)


# --------------------------------------------------------------------------------------------------- numbers and flags
@pytest.mark.parametrize("values", ["1", ["1"], [1.0, "2"], np.array(["1"]), [None], [1.0, None], b"1"])
def test_text_and_none_are_no_numbers(values):
    with pytest.raises(TypeError, match="is no number"):
        as_floats(values)
    np.testing.assert_array_equal(as_floats([1, 2.5]), [1, 2.5])


@pytest.mark.parametrize("totals", [["1000"], [True], [1000.0, True]])
def test_totals_are_amounts(totals, fit):
    with pytest.raises(SettingError, match=r"totals=.* must be amounts of money above 0, as totals="):
        mm.frontier(fit, totals=totals, **WINDOW)


@pytest.mark.parametrize("value", ["no", None, 0, 1.5])
def test_more_flags_are_true_or_false(value, fit):
    dataset = mm.decompose(fit, **WINDOW)
    summaries = [mm.summarise(fit.tree[group].dataset["sales.half_life"]) for group in ("prior", "posterior")]
    for error, ask in (
        (SamplingError, lambda: build_model(*case("one mediator"), collapse=value)),
        (SettingError, lambda: Solver(progress=value)),
        (SettingError, lambda: run(abs, [1], progress=value)),
        (SettingError, lambda: mm.plots.waterfall(dataset, from_zero=value)),
        (SettingError, lambda: mm.plots.prior_posterior(*summaries, log=value)),
    ):
        with pytest.raises(error, match="must be True or False"):
            ask()


@pytest.mark.parametrize("executor", [ThreadPoolExecutor, 3, "x", object()])
def test_an_executor_is_made_and_not_a_class(executor):
    with pytest.raises(SettingError, match=r"without `submit`; give a .* executor, as ProcessPoolExecutor\(4\)"):
        run(abs, [-1, 2], executor=executor, progress=False)
    with ThreadPoolExecutor(2) as made:
        assert dict(run(abs, [-1, 2], executor=made, progress=False).results) == {0: 1, 1: 2}


@pytest.mark.parametrize("label", [1, None, 1.5, "", ("a",)])
def test_names_of_groups_are_text(label, fit):
    with pytest.raises(SettingError, match="is the name of a group, which must be text"):
        mm.effects(fit, groups={label: ["tv"], "1": ["social"]}, **WINDOW)
    with pytest.raises(SettingError, match="is the name of a group, which must be text"):
        Constraints(groups={label: (["tv"], (0, 50))})
    for members in (3, "tv", [], {"tv": 1}):
        with pytest.raises(
            SettingError,
            match=r"groups\['a'\]=.* (has no channels; name some|must be channels and a range), as \(\['facebook'",
        ):
            Constraints(groups={"a": (members, (0, 50))})
    assert Constraints(groups={"1": (["tv"], (0, 50))}).groups
    assert mm.effects(fit, groups={"1": ["tv"]}, **WINDOW)["group"].values.tolist() == ["1"]


# --------------------------------------------------------------------------------------------------------------- figures
def figures(fit):
    effects, parameters = mm.effects(fit, **WINDOW), fit.summary()
    return {
        "effects": effects,
        "waterfall": mm.decompose(fit, **WINDOW),
        "roi": mm.roi(fit, **WINDOW),
        "causal_graph": fit.system,
        "correlation": fit.data,
        "response_curves": mm.response_curves(fit, **WINDOW),
        "parameters": parameters,
    }


def test_what_is_no_axes_is_refused(fit):
    for name, value in figures(fit).items():
        many = name in ("response_curves", "parameters")
        count = len(np.ravel(getattr(mm.plots, name)(value)))
        gone = plt.subplots()[1]
        gone.remove()
        for odd in (3, "x", {}, plt.figure(), Axes, gone):
            given = {"axes": [odd] * count} if many else {"ax": odd}
            with pytest.raises(
                SettingError, match=r"must be axes of a figure of matplotlib, as plt\.subplots\(\)\[1\]"
            ):
                getattr(mm.plots, name)(value, **given)
        if not many:
            ax = plt.subplots()[1]
            assert getattr(mm.plots, name)(value, ax=ax) is ax
        plt.close("all")


def test_tables_without_rows_are_refused_by_name(fit):
    for name, value in figures(fit).items():
        if isinstance(value, pd.DataFrame):
            empty = [value.iloc[:0]]
        elif isinstance(value, xr.Dataset | xr.DataArray):
            empty = [value.isel({dim: slice(0)}) for dim in value.dims if dim != "mediator"]
        else:
            continue
        for each in empty:
            with pytest.raises(
                SettingError, match=rf"plots\.{name} draws .* has no \w+\. Write plots\.{name}\(fit\)"
            ):
                getattr(mm.plots, name)(each)


@pytest.mark.parametrize("truth", ["roi[tv]", {"roi[tv]": "large"}, 3, {"roi[tv]": None}, {"roi[tv]": [1, 2]}])
def test_truths_are_numbers_by_name(truth, fit):
    with pytest.raises(SettingError, match=r"truth.* must be .*as .*\{'roi\[tv\]': 1.5\}"):
        mm.plots.parameters(fit.summary(), truth=truth)
    mm.plots.parameters(fit.summary(), truth={"roi[tv]": 1.5})


@pytest.mark.parametrize("largest", [1.5, "x", -1, None, True])
def test_the_number_of_bars_is_one(largest, fit):
    with pytest.raises(SettingError, match=r"largest=.* must be a whole number of at least 0, as largest=20"):
        mm.plots.waterfall(mm.decompose(fit, **WINDOW), largest=largest)


def test_tables_of_another_kind_are_refused_before_anything_is_drawn(fit):
    effects, parts = mm.effects(fit, **WINDOW), mm.decompose(fit, **WINDOW)
    curves, table = mm.response_curves(fit, **WINDOW), fit.summary()
    predicted = mm.predict(fit)["sales"]
    frame = pd.DataFrame([["a", "b"], ["c", "d"]], index=list("xy"), columns=list("xy"))
    for figure, value, words in (
        ("waterfall", parts.drop_vars("observed"), "has no 'observed'"),
        ("waterfall", parts.drop_vars("kind"), "has no 'kind'"),
        ("decomposition", effects, "has no 'contribution'"),
        ("response_curves", curves.drop_vars("spend"), "has no 'spend'"),
        ("roi", effects["share"], "has no 'roi'"),
        ("residual_distribution", predicted, "has no 'residual'"),
        ("residuals", predicted, "has no 'residual'"),
        ("parameters", table.astype(str), "has no numbers in 'median'"),
        ("parameters", table.reset_index(drop=True), "are not named like parameters"),
        ("correlation", frame, "does not hold numbers alone"),
    ):
        with pytest.raises(SettingError, match=rf"plots\.{figure} draws .*{words}"):
            getattr(mm.plots, figure)(value)
    for roi in (mm.roi(fit, **WINDOW), mm.roi(fit, net=True, **WINDOW), effects["roi_direct"]):
        mm.plots.roi(roi)


def test_what_figures_are_asked_for(fit):
    dates = next_dates(fit.data, 2)
    predicted = mm.predict(fit, pd.DataFrame({"date": dates, "tv": 10.0, "social": 5.0, "price": 1.0}))
    for odd in ([1, 2], pd.Series([1.0, 2]), 3, "x"):
        with pytest.raises(
            SettingError, match=r"(?s)actual=.* must be MMMData, or a series with an index of dates"
        ):
            mm.plots.forecast(fit, predicted, actual=odd)
    mm.plots.forecast(fit, predicted, actual=pd.Series([1.0, 2.0], dates), periods=8)
    scaling = pd.DataFrame({"prior": [0.1], "likelihood": [0.2], "verdict": ["fine"]}, index=["roi[tv]"])
    for odd in (-1, 0, 2.5, "x"):
        with pytest.raises(SettingError, match=r"periods=.* as periods=52"):
            mm.plots.forecast(fit, predicted, periods=odd)
        with pytest.raises(SettingError, match=r"most=.* as most=25"):
            mm.plots.power_scaling(scaling, most=odd)
    with pytest.raises(SettingError, match="log=True needs values above 0, and some are not; leave it out"):
        mm.plots.prior_posterior(fit, "sales.coefficient", log=True)
    mm.plots.prior_posterior(fit, "sales.coefficient")
    mm.plots.prior_posterior(fit, "sales.half_life", log=True)


# ---------------------------------------------------------------------------------------------------------------- others
@pytest.mark.parametrize("linear", [1.0, True, "tv", {"tv": 1}, {1}])
def test_limits_that_are_weighed_are_listed(linear):
    with pytest.raises(
        SettingError, match=r"linear=.* must be a list of limits, as linear=\[\(\{'tv': 1\}, \(None, "
    ):
        Constraints(linear=linear)
    assert Constraints(linear=[({"tv": 1}, (None, 50_000))]).linear


def test_an_interval_of_draws_without_bound_has_no_bound():
    draws = xr.DataArray(np.r_[np.arange(7.0), [np.inf] * 4][None], dims=("chain", "draw"), name="cost")
    row = mm.summarise(draws, 0.8).loc["cost"]
    assert row[["median", "lower", "upper"]].tolist() == pytest.approx([5.0, 1.0, np.inf])
    row = mm.summarise(-draws, 0.8).loc["cost"]
    assert row[["median", "lower", "upper"]].tolist() == pytest.approx([-5.0, -np.inf, -1.0])
    between = mm.summarise(draws[:, 5:9], 0.5).loc["cost"]  # 5, 6, infinite, infinite
    assert between[["median", "lower", "upper"]].tolist() == [np.inf, 5.75, np.inf]
    assert mm.summarise(draws.where(draws > 0.0)).loc["cost", ["median", "lower", "upper"]].isna().all()


@pytest.mark.parametrize(("mean", "sd"), [([1, 2, 3], [-1, 1, 1]), (["a", "b"], [1, 1]), (None, None)])
def test_a_drift_is_of_numbers(mean, sd):
    with pytest.raises(SettingError, match=r"arrays of numbers, folds first|zero or more"):
        mm.evaluate.drift(mean, sd)


@pytest.mark.parametrize("source", [3, "x", lambda: 3, None])
def test_what_makes_no_worlds(source, fit):
    with pytest.raises(
        BayesMMMError, match="give MMMData, or a function that makes a World when called with seed="
    ):
        mm.evaluate.recover(fit.system, source)


def test_more_of_another_kind(fit, tmp_path):
    world = social_search(weeks=60)
    for error, words, ask in (
        (UnknownColumnError, "'x' is not in the data", lambda: fit.data.is_money("x")),
        (DataError, r"folder=None must be a path, as folder='worlds'", lambda: write_world(world, None, "x")),
        (DataError, "Give a World, as simulate_world returns it", lambda: write_world(3, tmp_path, "x")),
        (SpecError, "Give text, or a path to read_toml", lambda: parse_toml(b"x")),
        (SpecError, "have date = 3. Give a name or a list", lambda: fit.system.to_toml({"date": 3})),
        (
            SettingError,
            r"must be draws .* as estimands\.residuals\(fit\)",
            lambda: autocorrelation(mm.effects(fit)),
        ),
        (SettingError, r"must be draws .* as estimands\.residuals\(fit\)", lambda: autocorrelation(np.zeros(9))),
    ):
        with pytest.raises(error, match=words):
            ask()
    assert len(autocorrelation(residuals(fit), lags=3)) == 3
