"""Answers of panels: by geo they are those of the national fit of each geo, in total they are sums over geos."""

import functools

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import special, stats

from bayesmmm import engine, errors, validate
from bayesmmm.engine import chunks
from bayesmmm.equations import design_matrix
from bayesmmm.estimands import (
    decompose,
    effects,
    marginal_roi,
    predict,
    residuals,
    response_curves,
    roi,
    row_bytes,
    what_if,
)
from tests import made, panel_fits
from tests.panel_fits import GEOS, NAMES, NEVER, WITHOUT, alone, of_geo, panel_fit, plan_of, reordered

BOUND = 1e-10
FITS = {name: panel_fit(name) for name in NAMES}
WINDOW = {"start": "2023-03-05", "stop": "2023-09-24"}


def _some_do(fit, geos):
    """Values of a channel of each geo in the window."""
    dates = fit.data.dates[(fit.data.dates >= WINDOW["start"]) & (fit.data.dates <= WINDOW["stop"])]
    each = {geo: np.linspace(1.0, 90.0 + 10.0 * GEOS.index(geo), len(dates)) for geo in GEOS[::-1]}
    return pd.DataFrame(each, index=dates)[list(geos) if len(geos) > 1 else geos[0]]


#: What is asked of a fit, `by` geo of a panel; the plan is passed on its own.
ASKED = {
    "effects": lambda fit, plan, **by: effects(fit, **by),
    "effects of a window": lambda fit, plan, **by: effects(fit, **WINDOW, **by),
    "effects on a window": lambda fit, plan, **by: effects(fit, window="outcome", groups={}, **WINDOW, **by),
    "effects of a plan": lambda fit, plan, **by: effects(
        fit, plan=plan, paths=2, groups={"two": ["tv", "tv"]}, **by
    ),
    "roi": lambda fit, plan, **by: roi(fit, **by),
    "roi net": lambda fit, plan, **by: roi(fit, net=True, window="outcome", **by),
    "marginal roi": lambda fit, plan, **by: marginal_roi(fit, **WINDOW, **by),
    "marginal roi of a plan": lambda fit, plan, **by: marginal_roi(fit, plan=plan, **by),
    "curves": lambda fit, plan, **by: response_curves(fit, factors=[0.5, 1.5], **WINDOW, **by),
    "curves of a plan": lambda fit, plan, **by: response_curves(fit, factors=[1.5], plan=plan, **by),
    "decompose": lambda fit, plan, **by: decompose(fit, **by),
    "decompose by month": lambda fit, plan, **by: decompose(fit, freq="month", **WINDOW, **by),
    "decompose the first": lambda fit, plan, **by: decompose(fit, fit.system.order[0], **by),
    "predict": lambda fit, plan, **by: predict(fit, **by),
    "predict with noise": lambda fit, plan, **by: predict(fit, noise=True, seed=4, **by),
    "predict a plan": lambda fit, plan, **by: predict(fit, plan, **by),
    "predict a plan with noise": lambda fit, plan, **by: predict(fit, plan, noise=True, seed=4, **by),
    "what if less": lambda fit, plan, **by: what_if(fit, scale={"tv": 0.5, "price": 1.1}, **WINDOW, **by),
    "what if other": lambda fit, plan, **by: what_if(fit, do={"tv": _some_do(fit, fit.data.geos)}, **WINDOW, **by),
    "what if one number": lambda fit, plan, **by: what_if(fit, do={"tv": 70.0}, **WINDOW, **by),
    "what if in a plan": lambda fit, plan, **by: what_if(fit, scale={"tv": 2.0}, plan=plan, **by),
    "residuals": lambda fit, plan, **by: residuals(fit, **by),
    "residuals of the first": lambda fit, plan, **by: residuals(fit, fit.system.order[0], **by),
}
#: Variables that are not sums over geos.
RATIOS = (
    "share",
    "term_share",
    "per_unit",
    "roi",
    "roi_direct",
    "roi_indirect",
    "roi_net",
    "cost",
    "extrapolated",
    "marginal_roi",
    "residual",
)

#: What a small difference is to be compared with.
DIFFERENCE_OF = {
    "interaction": "joint",
    "sales.change": "sales",
    "queries.change": "queries",
    "search.change": "search",
}


def variables(answer):
    """Variables of an answer by name."""
    return dict(answer.data_vars) if hasattr(answer, "data_vars") else {answer.name: answer}


@functools.cache
def answer_of(name, asked, by=None):
    """Variables of an answer about a panel."""
    fit = FITS[name]
    return variables(ASKED[asked](fit, plan_of(fit), **({"by": by} if by else {})))


def assert_close(one, other, where, bound=BOUND, of=None):
    """Two variables agree, up to a share of the size of the first, or of what it is a small difference `of`."""
    sizes = (one if of is None else of).values
    size = np.abs(sizes[np.isfinite(sizes)]).max(initial=0.0)
    assert_allclose(other.values, one.values, rtol=bound, atol=bound * size, err_msg=str(where))


# ------------------------------------------------------------------------------------------------------ geo by geo
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("asked", ASKED)
def test_by_geo_is_the_national_answer_of_each_geo(name, asked):
    fit = FITS[name]
    whole, plan, compared = answer_of(name, asked, "geo"), plan_of(fit), 0
    for geo in GEOS:
        national = alone(fit, geo)
        own = variables(ASKED[asked](national, of_geo(plan, geo)[["date", *national.system.exogenous]]))
        assert own.keys() == whole.keys()
        for key, values in own.items():
            found = whole[key].sel(geo=geo)
            assert found.dims == values.dims, key
            # A channel that this geo never bought is in no national fit of it.
            for dim in ("channel", "component", "input"):
                if dim in values.dims:
                    left_out = set(found[dim].values) - set(values[dim].values)
                    assert {NEVER} >= {label.split(" via ")[0] for label in left_out}
                    found = found.sel({dim: values[dim].values})
            assert_close(values, found, (geo, key), of=own.get(DIFFERENCE_OF.get(key)))
            compared += values.size
    assert compared > 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("asked", ASKED)
def test_totals_are_sums_over_geos(name, asked):
    whole, total = answer_of(name, asked, "geo"), answer_of(name, asked)
    assert whole.keys() == total.keys()
    for key, values in total.items():
        assert "geo" in whole[key].dims
        assert "geo" not in values.dims
        assert whole[key].isel(geo=0).dims == values.dims
        if key not in RATIOS:
            assert_close(whole[key].sum("geo"), values, key, of=total.get(DIFFERENCE_OF.get(key)))


def test_ratios_are_made_of_sums_draw_by_draw():
    fit = FITS["mediated"]
    total, each = effects(fit), effects(fit, by="geo")
    money = {key: each[key].sum("geo") for key in ("total", "direct", "indirect", "spend")}
    assert_close(money["total"] / money["spend"], total["roi"], "roi")
    assert_close(money["direct"] / money["spend"], total["roi_direct"], "roi_direct")
    assert_close((money["spend"] / money["total"]).transpose(*total["cost"].dims), total["cost"], "cost")
    outcome = (each["total"] / each["share"]).sel(channel="tv").sum("geo")
    assert_close(money["total"] / outcome, total["share"], "share")
    # Neither the mean of the returns of geos, nor a ratio of means over draws.
    assert np.abs(each["roi"].mean("geo") / total["roi"] - 1.0).max() > 0.01
    of_means = money["total"].mean(("chain", "draw")) / money["spend"]
    assert np.abs(of_means / total["roi"] - 1.0).max() > 0.01
    slope, by_geo = marginal_roi(fit), marginal_roi(fit, by="geo")
    weighed = (by_geo.fillna(0.0) * each["spend"]).sum("geo") / money["spend"]
    assert_close(weighed.transpose(*slope.dims), slope, "marginal_roi")
    assert_close(roi(fit), total["roi"], "roi alone")


def test_roi_net_counts_what_all_geos_were_induced_to_spend():
    fit = FITS["censored"]
    total, each = effects(fit), effects(fit, by="geo")
    induced = each["induced"].sum(("geo", "mediator"))
    assert np.abs(induced).max() > 0.0
    net = each["total"].sum("geo") / (each["spend"].sum("geo") + induced)
    assert_close(net.where(total["spend"] > 0.0), total["roi_net"], "roi_net")


def test_residuals_in_total_are_standardised_sums():
    fit = FITS["mediated"]
    each, size = residuals(fit, "queries", by="geo"), fit.scales.size["queries"]
    weighed = sum(size[g] * each.sel(geo=geo) for g, geo in enumerate(GEOS)) / np.sqrt((size**2).sum())
    assert_close(weighed, residuals(fit, "queries"), "residual")


@pytest.mark.parametrize("asked", ASKED)
def test_geos_that_are_chosen_answer_for_themselves(asked):
    """One is a national fit of its own, which keeps the effects of periods; several are a panel."""
    fit, plan = FITS["mediated"], plan_of(FITS["mediated"])
    whole = answer_of("mediated", asked, "geo")
    for geo in GEOS:
        own = plan[plan["geo"] == geo].drop(columns="geo").reset_index(drop=True)
        for key, values in variables(ASKED[asked](fit.sel(geo=geo), own)).items():
            assert_close(whole[key].sel(geo=geo), values, (geo, key), of=whole.get(DIFFERENCE_OF.get(key)))
    some = ["west", "north"]
    total = variables(ASKED[asked](fit.sel(geo=some), plan[plan["geo"].isin(some)]))
    for key in set(total) - set(RATIOS):
        assert_close(whole[key].sel(geo=some).sum("geo"), total[key], key, of=total.get(DIFFERENCE_OF.get(key)))


# ----------------------------------------------------------------------------------------- a channel never bought
@pytest.mark.parametrize("name", ["mediated", "lognormal", "no mediator"])
def test_a_geo_that_never_buys_a_channel_gets_nothing_from_it(name):
    fit = FITS[name]
    each, total = effects(fit, by="geo"), effects(fit)
    silent = each.sel(geo=WITHOUT, channel=NEVER)
    assert silent["spend"] == 0.0
    for key in ("total", "direct", "indirect"):
        assert_array_equal(silent[key], 0.0)
    for key in ("roi", "roi_direct", "roi_net", "cost"):
        assert np.isnan(silent[key]).all()
        assert np.isfinite(total[key]).all()
    others = each.sel(geo=[geo for geo in GEOS if geo != WITHOUT], channel=NEVER)
    assert np.isfinite(others["roi"]).all()
    assert_close(others["total"].sum("geo") / others["spend"].sum("geo"), total["roi"].sel(channel=NEVER), "roi")
    assert np.isnan(marginal_roi(fit, by="geo").sel(geo=WITHOUT, channel=NEVER)).all()
    assert np.isfinite(marginal_roi(fit)).all()
    curves = response_curves(fit, factors=[0.5], by="geo").sel(geo=WITHOUT, channel=NEVER)
    assert_array_equal(curves["outcome"], 0.0)
    assert_array_equal(curves["extrapolated"], 0.0)
    assert_array_equal(decompose(fit, by="geo")["contribution"].sel(geo=WITHOUT, component=NEVER), 0.0)


def test_spending_where_a_channel_was_never_bought_is_refused():
    fit, plan = FITS["mediated"], plan_of(FITS["mediated"])
    bold = plan.assign(radio=5.0)
    message = rf"spends on {NEVER!r} in geo {WITHOUT!r}, where nothing was ever spent on it.*plan 0 there"
    for ask in (lambda: roi(fit, plan=bold), lambda: predict(fit, bold)):
        with pytest.raises(errors.PlanError, match=message):
            ask()
    assert np.isfinite(roi(fit, plan=bold.assign(radio=bold["radio"].where(bold["geo"] != WITHOUT, 0.0)))).all()
    with pytest.raises(
        errors.SettingError, match=rf"do\['radio'\] is above zero in geo {WITHOUT!r}.*give 0 for it"
    ):
        what_if(fit, do={"radio": 5.0})
    each = pd.DataFrame(5.0, index=fit.data.dates, columns=GEOS).assign(**{WITHOUT: 0.0})
    answer = what_if(fit, do={"radio": each}, by="geo")
    assert_array_equal(answer["sales.change"].sel(geo=WITHOUT), 0.0)
    assert (answer["sales.change"].sel(geo=["north", "west"]) != 0.0).any()


# ----------------------------------------------------------------------------------------------------- decomposition
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("by", [None, "geo"])
def test_decompositions_add_up(name, by):
    fit = FITS[name]
    for equation in fit.system.order:
        parts = decompose(fit, equation, by=by)
        fitted = predict(fit, by=by)[equation]
        assert_close(fitted, parts["contribution"].sum("component"), equation, bound=1e-8)
        assert_close(fitted, parts["mean"], equation, bound=1e-8)
        observed = fit.data.columns[equation]
        assert_array_equal(parts["observed"], observed if by else observed.sum(axis=0))


def test_period_effects_are_a_part_of_their_own():
    fit = FITS["mediated"]
    parts, size = decompose(fit, by="geo"), fit.scales.size["sales"]
    labels = parts["component"].values.tolist()
    assert labels[:5] == ["intercept", "trend", "seasonality", "period effects", "price"]
    assert parts["kind"].sel(component="period effects") == "base"
    period = fit.posterior["sales.period"]
    for g, geo in enumerate(GEOS):
        found = parts["contribution"].sel(geo=geo, component="period effects")
        assert_close(size[g] * period, found, geo)
    assert "period effects" not in decompose(FITS["no period effects"])["component"]


# ------------------------------------------------------------------------------------------------------ slow oracle
class Slow:
    """One draw of a fit, geo by geo and period by period, over the history and then a plan."""

    def __init__(self, fit, chain, draw, plan=None):
        self.fit, self.chain, self.draw = fit, chain, draw
        self.fitted = len(fit.data.dates)
        dates = fit.data.dates if plan is None else fit.data.dates.append(pd.DatetimeIndex(plan["date"].unique()))
        self.dates = dates
        self.columns = {}
        for g, geo in enumerate(GEOS):
            for name, values in fit.data.columns.items():
                ahead = [] if plan is None or name not in plan else plan[plan["geo"] == geo][name].tolist()
                ahead = ahead or [np.nan] * (len(dates) - self.fitted)
                self.columns[name, g] = [*values[g].tolist(), *ahead]

    def value(self, variable, **labels):
        return float(self.fit.posterior[variable].isel(chain=self.chain, draw=self.draw).sel(labels).item())

    def term(self, equation, channel, g, x):
        """Media term over all dates, of amplitudes found in the history as it was."""
        media = {f"{equation}.media": channel}
        keep = 0.5 ** (1.0 / self.value(f"{equation}.half_life", **media))
        kappa, n = (self.value(f"{equation}.{p}", **media) for p in ("half_saturation", "slope"))
        unit = self.fit.scales.spend[channel][g]
        if np.isnan(unit):
            return [0.0] * len(x)
        gamma = self.value(f"{equation}.contribution", geo=GEOS[g], **media)

        def saturated(series):
            pressure, out = 0.0, []
            for spend in series:
                a = 0.0
                for _ in range(7):
                    pressure = (1.0 - keep) * max(spend, 0.0) / unit / 7.0 + keep * pressure
                    a += pressure
                out.append(a**n / (kappa**n + a**n) if a > 0.0 else 0.0)
            return out

        known = saturated(self.columns[channel, g][: self.fitted])
        return [gamma * h / (sum(known) / self.fitted) for h in saturated(x)]

    def latent(self, equation, g, columns):
        """Latent mean over all dates; period effects in the history only."""
        spec, scales = self.fit.system.equation(equation), self.fit.scales
        linear = {n: np.array([columns[n, g]]) for n in spec.linear}
        design = design_matrix(spec, self.dates, linear, scales)[0]
        b = [self.value(f"{equation}.coefficient", geo=GEOS[g], **{f"{equation}.term": t}) for t in spec.terms()]
        terms = [self.term(equation, c, g, columns[c, g]) for c in spec.media]
        out = []
        for t in range(len(self.dates)):
            mean = sum(b[k] * design[t, k] for k in range(len(b))) + sum(term[t] for term in terms)
            if t < self.fitted:
                mean += self.value(f"{equation}.period", date=self.fit.data.dates[t])
            out.append(mean)
        return out

    def noise(self, equation, g, kind, path, paths, seed):
        """Standard Normal noise of the periods of the plan."""
        i = self.fit.system.order.index(equation)
        geo = GEOS[g] if kind == "future" else "national"
        number = np.array([self.chain * self.fit.posterior.sizes["draw"] + self.draw])
        stream, periods = engine.random_stream_id(kind, i), len(self.dates) - self.fitted
        return special.ndtri(engine.uniforms(seed, stream, number, (geo,), periods, paths=paths)[path, 0])


@pytest.mark.parametrize(("chain", "draw"), [(0, 1), (1, 3)])
def test_fitted_series_and_zero_out_by_explicit_loops(chain, draw):
    fit = FITS["lognormal"]
    slow, sigma = Slow(fit, chain, draw), fit.posterior["sales.sigma"].values[chain, draw]
    fitted, found = predict(fit, by="geo"), effects(fit, channels=["tv", "social"], window="outcome", by="geo")
    total = effects(fit, channels=["tv", "social"], window="outcome")
    lost, spent = {"tv": [], "social": []}, {"tv": 0.0, "social": 0.0}
    for g, geo in enumerate(GEOS):
        at = {"chain": chain, "draw": draw, "geo": geo}
        size, of_queries = fit.scales.size["sales"][g], fit.scales.size["queries"][g]
        queries, sales = (slow.latent(n, g, slow.columns) for n in ("queries", "sales"))
        assert_allclose(fitted["queries"].sel(at), [of_queries * m for m in queries], rtol=1e-9)
        assert_allclose(fitted["sales"].sel(at), [size * np.exp(m + sigma**2 / 2) for m in sales], rtol=1e-9)
        for channel in lost:
            off = {**slow.columns, (channel, g): [0.0] * slow.fitted}
            seen = slow.columns["queries", g]
            off["queries", g] = [
                x + of_queries * (new - old)
                for x, new, old in zip(seen, slow.latent("queries", g, off), queries, strict=True)
            ]
            without = slow.latent("sales", g, off)
            seen = slow.columns["sales", g]
            gone = sum(y - y * np.exp(new - old) for y, new, old in zip(seen, without, sales, strict=True))
            assert_allclose(
                found["total"].sel(at, channel=channel) if False else found["total"].sel(channel=channel, **at),
                gone,
                rtol=1e-8,
            )
            lost[channel].append(gone)
            spent[channel] += sum(slow.columns[channel, g])
    for channel, parts in lost.items():
        value = total["roi"].sel(channel=channel, chain=chain, draw=draw)
        assert_allclose(value, sum(parts) / spent[channel], rtol=1e-8)


@pytest.mark.parametrize("name", ["mediated", "lognormal", "censored"])
def test_plans_by_explicit_loops_with_period_effects_to_come(name):
    fit, plan, (chain, draw), paths, seed = FITS[name], plan_of(FITS[name]), (1, 2), 3, 5
    slow, mediator = Slow(fit, chain, draw, plan), fit.system.mediators[0]
    mean = predict(fit, plan, paths=paths, seed=seed, by="geo")
    noisy = predict(fit, plan, noise=True, seed=seed, by="geo")
    spread = {n: [slow.value(f"{n}.{p}") for p in ("sigma", "omega")] for n in (mediator, "sales")}
    # Sd of what is not known of a period, and the series from its latent value or, in the mean, its latent mean.
    wide = {n: np.sqrt(sigma**2 + omega**2) for n, (sigma, omega) in spread.items()}
    series, averaged = {n: lambda x: x for n in spread}, {n: lambda m: m for n in spread}
    if name == "lognormal":
        series["sales"], averaged["sales"] = np.exp, lambda m: np.exp(m + wide["sales"] ** 2 / 2)
    if name == "censored":
        series[mediator] = lambda x: np.maximum(x, 0.0)
        normal = stats.norm(scale=wide[mediator])
        averaged[mediator] = lambda m: m * normal.cdf(m) + wide[mediator] ** 2 * normal.pdf(m)
    ahead = slice(slow.fitted, None)
    for g, geo in enumerate(GEOS):
        at = {"chain": chain, "draw": draw, "geo": geo}
        size = {n: fit.scales.size[n][g] for n in spread}
        center = np.array(slow.latent(mediator, g, slow.columns)[ahead])
        outcomes = []
        for path, many in [*((p, paths) for p in range(paths)), (0, 1)]:
            e, u = ({n: slow.noise(n, g, kind, path, many, seed) for n in spread} for kind in ("future", "period"))
            own = {n: spread[n][0] * e[n] + spread[n][1] * u[n] for n in spread}
            drawn = size[mediator] * series[mediator](center + own[mediator])
            columns = {**slow.columns, (mediator, g): [*slow.columns[mediator, g][: slow.fitted], *drawn]}
            latent = np.array(slow.latent("sales", g, columns)[ahead])
            if many == 1:
                sales = size["sales"] * series["sales"](latent + own["sales"])
                assert_allclose(noisy[mediator].sel(at), drawn, rtol=1e-9)
                assert_allclose(noisy["sales"].sel(at), sales, rtol=1e-9)
            else:
                outcomes.append(size["sales"] * averaged["sales"](latent))
        assert_allclose(mean[mediator].sel(at), size[mediator] * averaged[mediator](center), rtol=1e-9)
        assert_allclose(mean["sales"].sel(at), sum(outcomes) / paths, rtol=1e-9)


def test_period_effects_to_come_are_those_of_all_geos():
    """What geos have in common makes their total vary more than independent noise would."""
    fit = panel_fit("no mediator", draws=1000)
    posterior = fit.posterior
    posterior["sales.omega"] = posterior["sales.omega"] * 0.0 + 0.3
    posterior["sales.sigma"] = posterior["sales.sigma"] * 0.0 + 0.1
    fit = panel_fits.fit_with(fit.system, fit.data, fit.scales, posterior)
    plan = plan_of(fit, periods=2)
    mean = predict(fit, plan, by="geo")["sales"]
    noise = (predict(fit, plan, noise=True, by="geo")["sales"] - mean).stack(n=("chain", "draw", "date"))
    size = fit.scales.size["sales"]
    assert_allclose(noise.std("n"), size * np.hypot(0.1, 0.3), rtol=0.05)
    assert_allclose(noise.sum("geo").std(), np.hypot(0.3 * size.sum(), 0.1 * np.sqrt((size**2).sum())), rtol=0.05)
    correlation = np.corrcoef(noise.values)
    assert_allclose(correlation[np.triu_indices(3, 1)], 0.9, atol=0.03)


# -------------------------------------------------------------------------------------------------- orders and chunks
@pytest.mark.parametrize("name", ["mediated", "censored"])
@pytest.mark.parametrize("asked", ASKED)
def test_the_order_of_geos_changes_nothing(name, asked):
    fit = FITS[name]
    other = reordered(fit, ("west", "north", "south"))
    for by in (None, "geo"):
        one = answer_of(name, asked, by)
        two = variables(ASKED[asked](other, plan_of(fit), **({"by": by} if by else {})))
        for key, values in one.items():
            found = two[key]
            assert not by or found["geo"].values.tolist() == ["west", "north", "south"]
            found = found.sel(geo=list(GEOS)) if by else found
            assert_close(values, found, key, bound=1e-11, of=one.get(DIFFERENCE_OF.get(key)))


def test_memory_counts_geos_and_chunks_change_nothing(monkeypatch):
    fit = FITS["mediated"]
    assert row_bytes(fit, 10) == len(GEOS) * row_bytes(alone(fit, "north"), 10)
    plan, before = plan_of(fit), {asked: answer_of("mediated", asked) for asked in ASKED}
    monkeypatch.setattr(chunks, "CHUNK_BYTES", 2.0 * row_bytes(fit, 1))
    for asked, ask in ASKED.items():
        for key, values in variables(ask(fit, plan)).items():
            of = before[asked].get(DIFFERENCE_OF.get(key))
            assert_close(before[asked][key], values, (asked, key), bound=1e-12, of=of)


def test_geos_count_in_the_size_of_an_answer(monkeypatch):
    fit = FITS["no mediator"]  # 8 draws, 3 geos, 3 channels, 52 periods
    monkeypatch.setattr(validate, "LARGEST", 40_000.0)
    assert decompose(fit)["contribution"].shape == (2, 4, 8, 52)
    with pytest.raises(errors.AnswerSizeError, match=r"8 x 3 x 8 x 52.*fit\.thin\(1000\), or pass freq='month'"):
        decompose(fit, by="geo")
    assert decompose(fit.thin(2), by="geo", freq="month").sizes["geo"] == 3
    monkeypatch.setattr(validate, "LARGEST", 8.0 * 9 * 8 * 4)
    assert effects(fit, terms=()).sizes["channel"] == 3
    with pytest.raises(errors.AnswerSizeError, match=r"the effects would .*9 x 8 x 3 x 4.*fit\.thin\(1000\)"):
        effects(fit, terms=(), by="geo")
    for ask in (predict, residuals, lambda fit, by: what_if(fit, scale={"tv": 0.5}, by=by)):
        monkeypatch.setattr(validate, "LARGEST", 8.0 * 2 * 8 * 52)
        assert ask(fit, by=None).sizes["date"] == 52
        monkeypatch.setattr(validate, "LARGEST", 8.0 * 3 * 8 * 52 - 1.0)
        with pytest.raises(errors.AnswerSizeError, match="8 x 3 x 52"):
            ask(fit, by="geo")
    monkeypatch.setattr(validate, "LARGEST", 8.0 * 8 * 3 * 23)
    with pytest.raises(errors.AnswerSizeError, match="8 x 3 x 3 x 23"):
        response_curves(fit, by="geo")


# ---------------------------------------------------------------------------------------------------------- refusals
def test_by_geo_is_for_panels():
    national = made.case_fit("one mediator")
    plan = None
    for asked in ("effects", "roi", "marginal roi", "curves", "decompose", "predict", "what if less", "residuals"):
        with pytest.raises(
            errors.SettingError, match=r"by='geo' tells the geos of a panel apart.* 'national'; leave by out"
        ):
            ASKED[asked](national, plan, by="geo")
        assert variables(ASKED[asked](national, plan))
    for wrong in ("region", True, ["geo"]):
        with pytest.raises(errors.SettingError, match=r"must be one of geo, or groups of geos .* for the total"):
            roi(FITS["mediated"], by=wrong)


def test_values_to_set_on_a_panel_are_one_number_or_a_table():
    fit = FITS["mediated"]
    dates = fit.data.dates
    for wrong in (np.ones(len(dates)), pd.Series(1.0, index=dates), [1.0], "1", True):
        with pytest.raises(errors.SettingError, match=r"one number for all 3 geos and 52 periods .* or a table"):
            what_if(fit, do={"tv": wrong})
    series = pd.Series(40.0, index=dates)
    table = pd.DataFrame({geo: series for geo in fit.data.geos}, index=dates)
    for same in (table, dict.fromkeys(fit.data.geos, 40.0), {geo: table[geo].tolist() for geo in fit.data.geos}):
        assert_close(what_if(fit, do={"tv": 40.0})["sales"], what_if(fit, do={"tv": same})["sales"], "the remedy")
    with pytest.raises(
        errors.SettingError, match=r"has the columns north, south, .* each of the geos north, south, west"
    ):
        what_if(fit, do={"tv": table.drop(columns="west")})
    with pytest.raises(errors.SettingError, match="with other dates than the window"):
        what_if(fit, do={"tv": table.iloc[::-1]})
    with pytest.raises(errors.MissingValueError, match="missing or infinite"):
        what_if(fit, do={"tv": table.assign(west=np.nan)})
    with pytest.raises(errors.NegativeSpendError, match="negative"):
        what_if(fit, do={"tv": -1.0})


def test_mediators_are_set_over_a_plan_by_geo():
    fit, plan = FITS["mediated"], plan_of(FITS["mediated"])
    dates = pd.DatetimeIndex(plan["date"].unique())
    table = pd.DataFrame({geo: 100.0 + 10.0 * g for g, geo in enumerate(GEOS)}, index=dates)
    found = predict(fit, plan, do={"queries": table}, by="geo")
    for geo in GEOS:
        assert_allclose(found["queries"].sel(geo=geo), table[geo].iloc[0], rtol=1e-12)
        national = alone(fit, geo)
        own = of_geo(plan, geo)[["date", *national.system.exogenous]]
        assert_close(predict(national, own, do={"queries": table[geo]})["sales"], found["sales"].sel(geo=geo), geo)
