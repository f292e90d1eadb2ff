"""The audit of data: its numbers by other routes, data broken on purpose, and sound data that raise nothing."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats as st

from bayesmmm import errors
from bayesmmm.data import MMMData
from bayesmmm.diagnostics import audit
from bayesmmm.diagnostics.audit_equations import censored_regression
from bayesmmm.diagnostics.prior_view import evaluate
from bayesmmm.equations import MMM, Equation, Fourier, for_data, system_warnings
from bayesmmm.equations.checks import prior_media_share
from bayesmmm.priors import Prior
from bayesmmm.simulate.datasets import load_case
from bayesmmm.simulate.social import social_search
from tests import made

YEAR = Fourier(period=365.25, order=1)


def table(seed=0, periods=156) -> pd.DataFrame:
    """Two channels with pauses of their own, a mediator that tv moves, sales; nothing wrong with any of it."""
    rng = np.random.default_rng(seed)
    tv = rng.gamma(3.0, 30.0, periods) * (rng.random(periods) < 0.6)
    radio = rng.gamma(3.0, 20.0, periods) * (rng.random(periods) < 0.6)
    queries = 300.0 + 1.5 * tv + rng.normal(0, 80, periods)
    sales = 900.0 + tv + radio + 0.5 * queries + rng.normal(0, 60, periods)
    weeks = pd.date_range("2021-01-03", periods=periods, freq="7D")
    price = rng.normal(10, 1, periods)
    return pd.DataFrame(
        {"week": weeks, "tv": tv, "radio": radio, "queries": queries, "price": price, "sales": sales}
    )


def system(**outcome) -> MMM:
    outcome = {"media": ["tv", "radio", "queries"], "linear": ["price"], "seasonality": YEAR} | outcome
    return MMM(
        [Equation("queries", media=["tv"], linear=["price"], seasonality=YEAR), Equation("sales", **outcome)]
    )


def read(frame) -> MMMData:
    roles = {
        "outcome": "sales",
        "media": ["tv", "radio"],
        "mediators": {"queries": "queries"},
        "controls": ["price"],
    }
    return MMMData.from_frame(frame, date="week", **roles)


def raised(frame, mmm=None) -> set[str]:
    return {check.name for check in audit(read(frame), mmm or system()).raised}


# --------------------------------------------------------------------------------------------------------- sound data
def test_sound_data_raise_nothing():
    found = audit(read(table()), system())
    assert (found.subject, found.verdict, found.raised) == ("data", "ok", ())
    assert {check.group for check in found.checks} == {"data"}


@pytest.mark.slow
def test_false_alarms_are_rare():
    """Over sound data sets the share that raise anything stays near the 1 % of the test for feedback."""
    alarmed = [seed for seed in range(1, 151) if raised(table(seed))]
    assert len(alarmed) <= 6, alarmed


def test_the_ready_made_world_raises_only_that_its_search_hardly_follows_social():
    """In that draw the noise hides the answer of google: a regression on the true curves does not see it either."""
    world = load_case("social_search")
    found = audit(world.data, world.system)
    assert [(check.name, check.verdict) for check in found.raised] == [("mediator:google", "warn")], str(found)
    assert p_of_the_true_curves(world) > 0.2


def test_another_draw_of_the_ready_made_world_raises_nothing():
    world = social_search(seed=2)
    found = audit(world.data, world.system)
    assert found.verdict == "ok", str(found)
    assert p_of_the_true_curves(world) < 0.001


def p_of_the_true_curves(world):
    """P-value of the drivers of google at their true half-lives and curves, which are those of the truth exactly."""
    view, true = evaluate(world.data, world.system), world.truth.parameters
    stock = view.stocks("google", true["google.half_life"].values[None])[0]
    half, slope = (true[f"google.{name}"].values[:, None] for name in ("half_saturation", "slope"))
    curved = (stock**slope / (half**slope + stock**slope)).T
    parts = world.truth.components["google"].sel({"google.component": list(view.media("google"))}).values.T
    np.testing.assert_allclose(curved / curved.mean(axis=0), parts / parts.mean(axis=0), rtol=1e-9)
    target, design = view.inputs["google"].target[0], view.design("google")
    before, after = (censored_regression(target, part)[0] for part in (design, np.column_stack([design, curved])))
    return st.chi2.sf(2.0 * (after - before), curved.shape[1])


def test_the_same_data_give_the_same_audit():
    one, other = (audit(read(table()), system()).table() for _ in range(2))
    pd.testing.assert_frame_equal(one, other)


# ------------------------------------------------------------------------------------------------- data that are broken
def _together(frame):
    return frame.assign(radio=0.5 * frame["tv"] + np.random.default_rng(1).normal(1, 0.1, len(frame)).clip(0.0))


def _steady(frame):
    return frame.assign(tv=100.0 + np.random.default_rng(1).normal(0, 1, len(frame)))


def _slow(frame):
    wave = 1.5 + np.sin(np.arange(len(frame)) / 10.0) + np.random.default_rng(1).normal(0, 0.05, len(frame))
    return frame.assign(tv=60.0 * wave)


def _same_pauses(frame):
    rng = np.random.default_rng(1)
    return frame.assign(radio=(frame["tv"] > 0) * rng.gamma(3.0, 20.0, len(frame)))


def _unmoved(frame):
    return frame.assign(queries=300.0 + np.random.default_rng(1).normal(0, 40, len(frame)))


def _follows_sales(frame):
    surprise = (frame["sales"] - frame["sales"].mean()).shift(1, fill_value=0.0)
    return frame.assign(tv=(100.0 + 0.5 * surprise).clip(0.0))


def _hidden_demand(frame, *, own=40.0):
    """Spend follows demand, but for what is its own; so do sales."""
    rng = np.random.default_rng(1)
    demand = np.zeros(len(frame))
    for t in range(1, len(frame)):
        demand[t] = 0.9 * demand[t - 1] + rng.normal()
    tv = 100.0 + 30.0 * demand + own * rng.normal(size=len(frame))
    return frame.assign(tv=tv.clip(0.0), sales=frame["sales"] + 80.0 * demand)


def _spike(frame):
    return frame.assign(sales=frame["sales"].where(frame.index != 70, 20_000.0))


@pytest.mark.parametrize(
    ("breaking", "name"),
    [
        (_together, "pairs"),
        (_together, "collinearity:sales"),
        (_steady, "variation"),
        (_slow, "persistence"),
        (_same_pauses, "overlap"),
        (_unmoved, "mediator:queries"),
        (_follows_sales, "feedback"),
        (_hidden_demand, "feedback"),
        (_spike, "outliers"),
        (lambda frame: frame.iloc[:20], "periods:sales"),
        (lambda frame: frame.iloc[:60], "seasons:sales"),
        (lambda frame: frame.assign(sales=frame["sales"] * (frame.index % 2)), "zeros"),
    ],
)
def test_what_is_broken_is_named(breaking, name):
    found = audit(read(breaking(table())), system())
    check = found[name]
    assert check.raised, str(found)
    assert check.remedies
    assert check.source
    assert name not in raised(table())


def test_a_demand_that_spend_follows_exactly_leaves_no_trace():
    """Spend then stands for demand in every regression: the audit cannot see it, and does not say that it can."""
    found = audit(read(_hidden_demand(table(), own=0.0)), system())
    assert not found["feedback"].raised


@pytest.mark.parametrize(
    ("mmm", "name"),
    [
        (system(media=["radio", "queries"]), "backdoors"),
        (system(priors={"contribution": Prior("HalfNormal", sigma=2.0)}), "media_share:sales"),
        (system(priors={"half_saturation": Prior("LogNormal", mu=3.0, sigma=0.3)}), "range:sales"),
        (
            system(
                priors={"intercept": Prior("Normal", mu=30.0, sigma=0.1), "sigma": Prior("HalfNormal", sigma=0.1)}
            ),
            "prior_predictive:sales",
        ),
    ],
)
def test_what_priors_and_equations_rule_out_is_named(mmm, name):
    found = audit(read(table()), mmm)
    assert [check.name for check in found.raised] == [name], str(found)


def test_channels_that_are_the_same_have_no_bound_on_their_inflation():
    found = audit(read(table().assign(radio=lambda frame: 0.5 * frame["tv"])), system())
    assert found["collinearity:sales"].verdict == "fail"
    assert np.isinf(found["collinearity:sales"].value)
    assert "without bound" in found["collinearity:sales"].finding


def test_a_channel_that_never_varies():
    found = audit(read(table().assign(tv=5.0)), system())
    assert found["variation"].value == 2.0  # hardly varies, and never pauses
    assert np.isnan(found.tables["channels"].loc["tv", "persistence"])
    assert np.isnan(found.tables["feedback"].loc["tv", "p"])


# --------------------------------------------------------------------------------------------- numbers, by other routes
@pytest.fixture(scope="module")
def found():
    return audit(read(table()), system())


def test_numbers_of_the_channels(found):
    frame, channels = table(), found.tables["channels"]
    tv = frame["tv"]
    on = tv > 0
    assert list(channels.index) == ["tv", "radio", "queries"]
    row = channels.loc["tv"]
    assert row["variation"] == pytest.approx(tv.std(ddof=0) / tv.mean())
    assert row["active"] == pytest.approx(on.mean())
    assert row["starts"] == sum(
        len(run.split("1")) > 1 for run in "".join(on.map({True: "1", False: "0"})).split("0")
    )
    e = tv - tv.mean()
    assert row["persistence"] == pytest.approx((e * e.shift(1)).sum() / (e**2).sum())
    pair = found.tables["overlap"].loc[("tv", "radio")]
    other = frame["radio"] > 0
    assert pair["shared"] == pytest.approx((on & other).sum() / (on | other).sum())
    assert pair["pauses"] == pytest.approx(np.corrcoef(on, other)[0, 1])
    assert np.isnan(found.tables["overlap"].loc[("tv", "queries"), "pauses"])


def test_inflation_is_the_diagonal_of_the_inverse_correlation():
    """Without linear terms but the intercept, VIF is what textbooks call it; at lag 0, of spend itself."""
    frame = table().assign(radio=lambda f: 0.7 * f["tv"] + f["radio"])
    mmm = MMM(
        [Equation("sales", media=["tv", "radio"], priors={"half_life": Prior("LogNormal", mu=-5.0, sigma=0.01)})]
    )
    inflation = audit(read(frame), mmm).tables["vif"].loc["sales", "vif"]
    expected = np.diag(np.linalg.inv(np.corrcoef(frame["tv"], frame["radio"])))
    np.testing.assert_allclose(inflation, expected, rtol=1e-9)


def test_range_is_a_probability_of_the_prior():
    """Spend that acts at once: half-saturation beyond its largest value, or below its smallest, in closed form."""
    prior = Prior("LogNormal", mu=0.5, sigma=0.7)
    mmm = system(priors={"half_life": Prior("LogNormal", mu=-5.0, sigma=0.01), "half_saturation": prior})
    row = audit(read(table()), mmm).tables["range"].loc[("sales", "tv")]
    tv = table()["tv"] / table()["tv"].where(table()["tv"] > 0).mean()
    law = st.lognorm(0.7, scale=np.exp(0.5))
    assert row["highest"] == pytest.approx(tv.max(), rel=1e-6)
    assert row["above"] == pytest.approx(law.sf(tv.max()), abs=0.05)
    assert row["below"] == pytest.approx(law.cdf(tv[tv > 0].min()), abs=0.05)


def test_feedback_is_a_t_test_in_a_regression(found):
    """What all channels have in common, by the formula of a regression with every column written down."""
    frame = table()
    spend = frame[["tv", "radio"]].to_numpy()
    on = spend > 0
    logs = np.where(on, np.log(np.where(on, spend, 1.0)), np.nan)
    centred = np.nan_to_num(logs - np.nanmean(logs, axis=0))
    level = centred.sum(axis=1) / np.maximum(on.sum(axis=1), 1)
    seen = evaluate(read(frame), system())
    active = on.any(axis=1)
    columns = [
        seen.design("sales"),
        _lagged(seen.curved("sales")),
        _lagged(level),
        _lagged(active),
        _lagged(frame["sales"]),
    ]
    x = np.column_stack(columns)[1:][active[1:]]
    y = level[1:][active[1:]]
    b, *_ = np.linalg.lstsq(x, y)
    left = y - x @ b
    free = len(y) - np.linalg.matrix_rank(x)
    error = np.sqrt(left @ left / free * np.linalg.pinv(x.T @ x)[-1, -1])
    row = found.tables["feedback"].loc["all channels"]
    assert row["t"] == pytest.approx(b[-1] / error, rel=1e-6)
    assert row["p"] == pytest.approx(2 * st.t.sf(abs(row["t"]), free), rel=1e-9)


def _lagged(values):
    values = np.asarray(values, float).reshape(len(values), -1)
    return np.concatenate([np.zeros_like(values[:1]), values[:-1]])


def test_media_share_is_that_of_the_warning(found):
    """One definition: the check warns exactly where `system_warnings` does, by the same draws."""
    data = read(table())
    share = prior_media_share(for_data(system(), data).equation("sales"), data).sum(axis=1)
    assert found["media_share:sales"].value == (share > 1.0).mean()
    assert found.tables["media_share"].columns.tolist() == ["tv", "radio", "queries", "total"]
    parts = found.tables["media_share"]
    np.testing.assert_allclose(parts["total"], parts[["tv", "radio", "queries"]].sum(axis=1))


@pytest.mark.parametrize("sigma", [0.05, 0.3, 0.4, 1.0])
@pytest.mark.parametrize("periods", [24, 60, 156])
def test_checks_with_numbers_agree_with_the_warnings(sigma, periods):
    mmm = system(priors={"contribution": Prior("HalfNormal", sigma=sigma)})
    data = read(table(periods=periods))
    kinds = [type(warning) for warning in system_warnings(mmm, data)]
    found = audit(data, mmm)
    assert found["media_share:sales"].raised is (errors.PriorWarning in kinds)
    assert (found["periods:sales"].raised or found["periods:queries"].raised) is (
        errors.FewPeriodsWarning in kinds
    )


def test_a_mediator_that_moves_is_tested_as_in_a_textbook():
    """The F test of nested regressions, with one driver that acts at once: three half-lives that are the same."""
    prior = Prior("LogNormal", mu=-5.0, sigma=1e-6)
    same = {"half_life": prior, "half_saturation": Prior("LogNormal", mu=0.0, sigma=1e-6)}
    mmm = MMM(
        [
            Equation("queries", media=["radio"], priors=same | {"slope": Prior("LogNormal", mu=0.0, sigma=1e-6)}),
            Equation("sales", media=["tv", "queries"]),
        ]
    )
    frame = table()
    x = frame["radio"] / frame["radio"].where(frame["radio"] > 0).mean()
    fit = st.linregress(x / (1.0 + x), frame["queries"])
    row = audit(read(frame), mmm).tables["mediators"].loc["queries"]
    assert row["explained"] == pytest.approx(fit.rvalue**2, rel=1e-4)
    assert row["p"] == pytest.approx(min(3.0 * fit.pvalue, 1.0), rel=1e-3)


def test_unit_of_contributions_under_a_log_link():
    frame = table()
    mmm = MMM([Equation("sales", media=["tv", "radio"], likelihood="lognormal")])
    share = audit(read(frame), mmm).tables["media_share"]
    assert ((share >= 0) & (share < 1)).to_numpy().all()
    np.testing.assert_allclose(1 - share["total"], (1 - share["tv"]) * (1 - share["radio"]))


# ------------------------------------------------------------------------------------------------- censored regression
def test_a_censored_regression_finds_the_maximum_of_its_likelihood():
    rng = np.random.default_rng(2)
    x = np.column_stack([np.ones(300), rng.normal(size=(300, 2))])
    latent = x @ [0.2, 1.0, -0.5] + 0.8 * rng.normal(size=300)
    y = np.maximum(latent, 0.0)
    best, sd = censored_regression(y, x)
    assert sd == pytest.approx(0.8, abs=0.08)

    def value(b, s):
        mean = x @ b
        return np.where(y > 0, st.norm.logpdf(y, mean, s), st.norm.logcdf(0.0, mean, s)).sum()

    assert value(np.array([0.2, 1.0, -0.5]), 0.8) < best
    near = [value([0.2, 1.0, -0.5] + 0.05 * rng.normal(size=3), 0.8 + 0.02 * rng.normal()) for _ in range(200)]
    assert max(near) <= best + 1e-6
    # A plain regression of the same series is biased towards zero.
    plain, *_ = np.linalg.lstsq(x, y)
    assert plain[1] < 0.8


def test_without_zeros_it_is_a_plain_regression():
    rng = np.random.default_rng(3)
    x = np.column_stack([np.ones(50), rng.normal(size=50)])
    y = 10.0 + x @ [1.0, 0.5] + rng.normal(size=50)
    left = y - x @ np.linalg.lstsq(x, y)[0]
    best, sd = censored_regression(y, x)
    assert sd == pytest.approx(left.std(), rel=1e-6)
    assert best == pytest.approx(st.norm.logpdf(left, 0.0, left.std()).sum(), abs=1e-6)


# ----------------------------------------------------------------------------------------------------- any system at all
@pytest.mark.parametrize("name", made.NAMES[::3])
def test_systems_of_all_kinds_can_be_audited(name):
    mmm, data = made.case(name)
    found = audit(data, mmm)
    assert found["backdoors"].verdict in ("ok", "warn")
    assert all(np.isfinite(check.value) or check.verdict == "unknown" for check in found.checks)
    str(found).encode("ascii")
    assert set(found.tables["vif"].index.get_level_values("equation")) == {
        e.name for e in mmm.equations if e.media
    }


def test_the_series_are_labelled_by_role_and_unit(found):
    spend = found.tables["spend"]
    assert list(spend) == ["sales", "queries", "tv", "radio"]
    assert spend.attrs["role"] == {"sales": "outcome", "queries": "mediator", "tv": "channel", "radio": "channel"}
    assert spend.attrs["unit"]["queries"] == "queries"


# -------------------------------------------------------------------------------------------------------------- refusals
def test_arguments_the_wrong_way_round():
    with pytest.raises(errors.SettingError, match="audit got a MMM and a MMMData"):
        audit(system(), read(table()))


def test_a_system_of_other_columns_is_refused():
    with pytest.raises(errors.UnknownColumnError, match="'print'"):
        audit(read(table()), MMM([Equation("sales", media=["print"])]))
