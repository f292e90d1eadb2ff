"""Figures of sensitivity and of the audit: what they show and where, read back from the artists; no pixels."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesmmm import plots
from bayesmmm.data import MMMData
from bayesmmm.diagnostics import audit
from bayesmmm.equations import MMM, Equation
from tests.answers_made_up import LONG
from tests.figures import bars, dots, drawn, inside, legend_words, legible, tick_words

GREEK = "residual correlation of search and the outcome that is assumed"


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


# ------------------------------------------------------------------------------------------------ residual correlation
def sensitivity(channels=3, *, method="reweight", reach=0.2) -> xr.Dataset:
    """Indirect effects that fall with rho and vanish at 0.1 for the first channel; reliable up to `reach`."""
    rho = np.linspace(-0.4, 0.4, 9).round(3)
    names = LONG[:channels]
    scale = 1000.0 * (1.0 + np.arange(channels))
    slope = scale * (0.1 - rho[:, None] + 0.3 * (np.arange(channels) > 0))
    middle = {"indirect": slope, "direct": np.broadcast_to(scale * 0.8, slope.shape)}
    middle["total"] = middle["indirect"] + middle["direct"]
    width = np.array([-0.2, 0.0, 0.2])[None, :, None] * scale
    coords = {"rho": rho, "quantile": [0.1, 0.5, 0.9], "channel": names}
    attrs = {"unit": "money"}
    found = xr.Dataset(
        {part: (("rho", "quantile", "channel"), value[:, None] + width, attrs) for part, value in middle.items()},
        coords,
    )
    star = np.where(np.arange(channels) == 0, 0.1, np.nan)
    marks = {"mediator": "search", "ci_prob": 0.8, "method": method, "verdict": "converged", "window": "spend"}
    return found.assign(reliable=("rho", np.abs(rho) <= reach), rho_star=("channel", star)).assign_attrs(
        marks | {"start": "2022-01-02", "stop": "2024-12-22"}
    )


@pytest.mark.parametrize("channels", [1, 3, 12])
def test_effects_are_drawn_against_rho(channels):
    found = sensitivity(channels)
    axes = plots.mediation_sensitivity(found)
    assert [ax.get_title(loc="left") for ax in axes] == LONG[:channels]
    for i, ax in enumerate(axes):
        thick = [line for line in ax.lines if line.get_linewidth() == 1.6]
        for part, line in zip(("total", "direct", "indirect"), thick, strict=True):
            np.testing.assert_array_equal(line.get_xdata(), found["rho"])
            wanted = found[part].isel(channel=i, quantile=1).where(found["reliable"])
            np.testing.assert_allclose(line.get_ydata(), wanted)
        assert len(ax.lines) - len(thick) == (4 if np.isfinite(found["rho_star"][i]) else 3) - 1  # marks, no curve
        band = ax.collections[-1].get_paths()[0].vertices
        assert band[:, 0].min() == pytest.approx(-0.2)
        assert band[:, 1].max() == pytest.approx(
            float(found["indirect"].isel(channel=i, quantile=2).sel(rho=-0.2))
        )
    figure = drawn(axes[0]).figure
    for ax in axes:
        legible(ax)
    assert figure.get_supxlabel() == f"{GREEK}\nspend of 2022-01-02 to 2024-12-22, tail included"
    assert figure.get_supylabel() == "effect (money)"
    inside(axes[0], [figure._supxlabel, figure._supylabel, *figure.legends[0].get_texts()])
    assert "total, median and 80 % interval" in legend_words(axes[0])


def test_the_vanishing_point_is_marked_where_there_is_one():
    axes = plots.mediation_sensitivity(sensitivity(2))
    red = [[line for line in ax.lines if line.get_color() == "#D55E00"] for ax in axes]
    assert [len(lines) for lines in red] == [1, 0]
    assert red[0][0].get_xdata() == [0.1, 0.1]
    assert [text.get_text().strip() for text in axes[0].texts] == ["+0.10"]
    assert "indirect effect vanishes" in legend_words(axes[0])


@pytest.mark.parametrize(
    ("method", "words"), [("reweight", "weights too unequal"), ("refit", "sampler did not converge")]
)
def test_what_is_not_reliable_is_named(method, words):
    axes = plots.mediation_sensitivity(sensitivity(2, method=method))
    assert f"blank: not reliable, {words}" in legend_words(axes[0])
    every = plots.mediation_sensitivity(sensitivity(2, reach=1.0))
    assert not any("not reliable" in text for text in legend_words(every[0]))


def test_axes_of_others_can_be_drawn_on():
    _, given = plt.subplots(1, 2)
    axes = plots.mediation_sensitivity(sensitivity(2), axes=given)
    assert list(axes) == list(given)
    assert given[0].get_xlabel() == GREEK
    with pytest.raises(ValueError, match="give 2, or none"):
        plots.mediation_sensitivity(sensitivity(2), axes=given[:1])
    with pytest.raises(ValueError, match=r"what mm\.sensitivity\.mediation_sensitivity\(fit\) returns"):
        plots.mediation_sensitivity(xr.Dataset())


# ----------------------------------------------------------------------------------------------------- power-scaling
def scaled(rows=30) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    prior, data = rng.lognormal(-2.0, 1.0, rows), rng.lognormal(-2.0, 1.0, rows)
    verdict = np.where(prior < 0.05, "data decide", np.where(data < 0.05, "weak data", "prior-data conflict"))
    index = [f"revenue.half_saturation[{name}]" for name in (LONG * 3)[:rows]]
    table = pd.DataFrame({"prior": prior, "likelihood": data, "verdict": verdict}, index)
    table.iloc[3, :2] = np.nan
    table.iloc[3, 2] = "unknown"
    table.attrs = {"threshold": 0.05, "verdict": "converged"}
    return table


@pytest.mark.parametrize(("rows", "most"), [(5, 25), (30, 12)])
def test_the_most_prior_bound_stand_on_top(rows, most):
    table = scaled(rows)
    ax = plots.power_scaling(table, most=most)
    known = table[table["verdict"] != "unknown"].sort_values("prior", ascending=False)[:most]
    (prior,), (data,) = dots(ax, "o"), dots(ax, "s")
    np.testing.assert_allclose(prior[:, 0], known["prior"])
    np.testing.assert_allclose(data[:, 0], known["likelihood"])
    assert tick_words(drawn(ax).yaxis) == list(known.index)
    assert [text.get_text() for text in ax.texts] == list(known["verdict"])
    assert "0.05: it counts" in legend_words(ax)
    legible(ax)
    inside(ax, [ax.xaxis.label, *ax.get_legend().get_texts()])


def test_power_scaling_refuses_what_it_cannot_draw():
    with pytest.raises(ValueError, match=r"power_scaling\(fit\)"):
        plots.power_scaling(pd.DataFrame({"prior": [1.0]}))
    with pytest.raises(ValueError, match="nothing to draw"):
        plots.power_scaling(scaled().iloc[3:4])


def budget(channels=4) -> xr.Dataset:
    base = 1000.0 * (1.0 + np.arange(channels))
    spend = np.stack([0.8 * base, base, 1.3 * base])
    return xr.Dataset(
        {
            "spend": (("alpha", "channel"), spend),
            "moved": ("alpha", [0.2, 0.0, 0.1]),
            "noise": 0.03,
            "reliable": ("alpha", [True, True, True]),
        },
        {"alpha": [0.8, 1.0, 1.25], "channel": LONG[:channels]},
        {"component": "prior", "verdict": "converged"},
    )


@pytest.mark.parametrize("channels", [1, 12])
def test_budgets_under_other_priors_stand_in_a_row(channels):
    found = budget(channels)
    ax = plots.power_scaled_budget(found)
    for marker, alpha in (("<", 0.8), ("o", 1.0), (">", 1.25)):
        (points,) = dots(ax, marker)
        np.testing.assert_allclose(points[:, 0], found["spend"].sel(alpha=alpha))
    spans = bars(ax)
    np.testing.assert_allclose(spans[:, 0], found["spend"].sel(alpha=0.8))
    np.testing.assert_allclose(spans[:, 1], found["spend"].sel(alpha=1.25))
    assert legend_words(ax) == ["weaker prior (power 0.8)", "as fitted", "stronger prior (power 1.25)"]
    assert "up to 20 % of it goes elsewhere, by chance 3 %" in ax.get_xlabel().replace("\n", " ")
    legible(drawn(ax))
    inside(ax, [ax.xaxis.label, *ax.get_legend().get_texts()])


def test_weights_that_are_not_reliable_are_named_in_the_budget():
    found = budget().assign(reliable=("alpha", [False, True, True]))
    assert "weights not reliable" in legend_words(plots.power_scaled_budget(found))
    with pytest.raises(ValueError, match="has no 'alpha'"):
        plots.power_scaled_budget(found.isel(alpha=0))


# ------------------------------------------------------------------------------------------------------------- audit
def audited(channels):
    rng = np.random.default_rng(1)
    names = LONG[:channels]
    spend = rng.gamma(2.0, 50.0, (104, channels)) * (rng.random((104, channels)) < 0.6)
    frame = pd.DataFrame(spend, columns=names)
    frame["search"] = 50.0 + 0.2 * spend.sum(axis=1) + rng.normal(0, 5, 104)
    frame["sales"] = 900.0 + spend.sum(axis=1) + rng.normal(0, 50, 104)
    frame["week"] = pd.date_range("2022-01-02", periods=104, freq="7D")
    data = MMMData.from_frame(frame, date="week", outcome="sales", media=names, mediators={"search": "money"})
    system = MMM([Equation("search", media=names), Equation("sales", media=[*names, "search"])])
    return frame, audit(data, system)


@pytest.mark.parametrize("channels", [1, 12])
def test_the_audit_on_one_page(channels):
    frame, found = audited(channels)
    axes = plots.audit(found, ci_prob=0.8)
    top, strips, table, shares = axes
    np.testing.assert_allclose(top.lines[0].get_ydata(), frame["sales"])
    assert top.get_title(loc="left") == "sales (money)"
    names = LONG[:channels]
    assert tick_words(drawn(strips).yaxis) == ["search (mediator)", *names]
    shade = strips.collections[0].get_array().reshape(channels + 1, -1)
    np.testing.assert_allclose(shade[1], frame[names[0]] / frame[names[0]].max())
    assert len(table.texts) == (channels + 2) * (channels + 1) // 2
    share = found.tables["media_share"].to_numpy()
    lower, median, upper = np.quantile(share, [0.1, 0.5, 0.9], axis=0)
    np.testing.assert_allclose(bars(shares)[:, 0], lower)
    np.testing.assert_allclose(bars(shares)[:, 1], upper)
    np.testing.assert_allclose(np.concatenate(dots(shares, "o"))[:, 0], median[:-1])
    np.testing.assert_allclose(dots(shares, "D")[0][:, 0], median[-1:])
    assert tick_words(shares.yaxis) == [*names, "search", "total"]
    for ax in (top, strips, table, shares):
        legible(ax)
    inside(top, [ax._left_title for ax in axes] + [shares.xaxis.label])


def test_the_audit_figure_wants_an_audit():
    with pytest.raises(ValueError, match=r"audit\(data, system\)"):
        plots.audit(object())
