"""Figures: what they show and where, read back from the artists; no pixels."""

import re
from itertools import combinations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.text import Annotation

from bayesmmm import plots
from bayesmmm.data import MMMData
from bayesmmm.equations import MMM, Equation, Fourier
from tests.figures import bars, dots, drawn, overlapping, tick_texts, tick_words

LONG = [
    "facebook_prospecting_video",
    "tiktok_in_feed",
    "instagram_reels_retargeting",
    "snapchat",
    "linear_television_national",
    "radio",
    "out_of_home_digital_billboards",
    "podcasts",
    "pinterest",
    "youtube_connected_tv_households",
    "influencers",
    "direct_mail_catalogue",
]


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def make_data(channels, *, geos=1):
    rng = np.random.default_rng(3)
    periods = 60
    dates = np.tile(pd.date_range("2023-01-01", periods=periods, freq="7D"), geos)
    frame = pd.DataFrame({"week": dates, "geo": np.repeat([f"geo {i}" for i in range(geos)], periods)})
    for name in [*channels, "google", "queries"]:
        frame[name] = rng.gamma(2.0, 3000.0, len(frame)) * (rng.random(len(frame)) < 0.6)
    frame["promotion"] = rng.random(len(frame))
    frame["revenue"] = rng.normal(2e5, 3e4, len(frame))
    return MMMData.from_frame(
        frame,
        date="week",
        outcome="revenue",
        media=channels,
        mediators={"google": "money", "queries": "searches"},
        controls=["promotion"],
        geo="geo" if geos > 1 else None,
    )


def make_system(channels):
    return MMM(
        [
            Equation("queries", media=channels[:2], linear=["promotion"]),
            Equation("google", media=channels, linear=["queries"], likelihood="censored_normal"),
            Equation(
                "revenue",
                media=[*channels, "google"],
                linear=["promotion"],
                seasonality=Fourier(period=365.25, order=1),
            ),
        ]
    )


def make_table(system):
    """Made-up medians and intervals under the names that a fit has."""
    rows = []
    for equation in system.equations:
        for parameter in equation.parameters():
            labels = [f"[{label}]" for label in parameter.labels] or [""]
            rows += [f"{equation.name}.{parameter.name}{label}" for label in labels]
    rng = np.random.default_rng(5)
    median = rng.uniform(1.0, 4.0, len(rows))
    table = pd.DataFrame({"median": median, "lower": 0.3 * median, "upper": 2.0 * median}, index=rows)
    table.attrs["ci_prob"] = 0.9
    return table


# --------------------------------------------------------------------------------------------------------- the helper
def test_the_overlap_check_sees_overlap():
    _, ax = plt.subplots()
    texts = [ax.text(0.5, 0.5, "one"), ax.text(0.51, 0.5, "two"), ax.text(0.5, 0.8, "three")]
    drawn(ax)
    assert overlapping(texts) == [("one", "two")]


# ------------------------------------------------------------------------------------------------------- causal graph
def graph_parts(ax):
    boxes = {t.get_text(): t for t in ax.texts if not isinstance(t, Annotation)}
    arrows = [t for t in ax.texts if isinstance(t, Annotation)]
    return boxes, arrows


def test_graph_groups_what_acts_alike_and_highlights_mediators():
    system = make_system(LONG[:3])
    ax = drawn(plots.causal_graph(system))
    boxes, arrows = graph_parts(ax)
    assert set(boxes) == {"\n".join(LONG[:2]), LONG[2], "promotion", "queries", "google", "revenue"}
    at = {text: box.get_window_extent() for text, box in boxes.items()}
    assert at[LONG[2]].x1 < at["queries"].x0 < at["google"].x0 < at["revenue"].x0
    edge = {text: to_hex(box.get_bbox_patch().get_edgecolor()) for text, box in boxes.items()}
    assert edge["google"] == edge["queries"] != edge["revenue"]
    assert [e for e in edge.values()].count(edge["google"]) == 2
    # A box of alike columns has one arrow for each equation; mediators have their own.
    kinds = [(a.xycoords.get_text(), a.anncoords.get_text(), a.arrow_patch.get_linestyle()) for a in arrows]
    pair, third = "\n".join(LONG[:2]), LONG[2]
    media = {(target, source) for target, source, style in kinds if style in ("-", "solid")}
    linear = {(target, source) for target, source, style in kinds if style not in ("-", "solid")}
    assert media == {
        *((target, pair) for target in ("queries", "google", "revenue")),
        ("google", third),
        ("revenue", third),
        ("revenue", "google"),
    }
    assert linear == {("queries", "promotion"), ("revenue", "promotion"), ("google", "queries")}
    assert len(kinds) == len(media) + len(linear)


def test_graph_legend_explains_only_what_is_drawn():
    full = plots.causal_graph(make_system(LONG[:3])).get_legend()
    assert [t.get_text() for t in full.get_texts()] == ["media: adstock, then Hill", "linear", "mediator"]
    plain = plots.causal_graph(MMM([Equation("sales", media=["tv"])])).get_legend()
    assert [t.get_text() for t in plain.get_texts()] == ["media: adstock, then Hill"]


@pytest.mark.parametrize("count", [1, 3, 12])
def test_graph_is_legible(count):
    ax = drawn(plots.causal_graph(make_system(LONG[:count])))
    boxes, arrows = graph_parts(ax)
    frames = {text: box.get_bbox_patch().get_window_extent() for text, box in boxes.items()}
    crossing = [(a, b) for (a, x), (b, y) in combinations(frames.items(), 2) if x.overlaps(y)]
    assert crossing == []
    whole = ax.figure.bbox
    assert all(
        whole.x0 <= f.x0 and f.x1 <= whole.x1 and whole.y0 <= f.y0 and f.y1 <= whole.y1 for f in frames.values()
    )
    for arrow in arrows:
        ends = {arrow.xycoords.get_text(), arrow.anncoords.get_text()}
        path = arrow.arrow_patch.get_transform().transform_path(arrow.arrow_patch.get_path())
        # Every arrow ends at the left edge of its target: this also shows that path and boxes share coordinates.
        end = frames[arrow.xycoords.get_text()]
        assert abs(path.vertices[:, 0].max() - end.x0) < 4.0
        hit = [t for t in ("google", "queries", "revenue") if t not in ends and path.intersects_bbox(frames[t])]
        assert hit == [], f"the arrow between {ends} runs through {hit}"


# --------------------------------------------------------------------------------------------------------------- data
def test_spend_shows_every_series_with_role_and_unit():
    data = make_data(LONG[:3])
    axes = plots.spend(data)
    assert [ax.get_title(loc="left") for ax in axes] == [
        "revenue (outcome, money)",
        "google (mediator, money)",
        "queries (mediator, searches)",
        *(f"{name} (channel, money)" for name in LONG[:3]),
    ]
    np.testing.assert_array_equal(axes[0].lines[0].get_ydata(), data.columns["revenue"][0])
    for name, ax in zip(["google", "queries", *LONG[:3]], axes[1:], strict=True):
        top = max(path.vertices[:, 1].max() for path in ax.collections[0].get_paths())
        assert top == data.columns[name].max()
        assert ax.get_ylim()[0] == 0.0


def test_spend_draws_one_line_per_geo():
    data = make_data(LONG[:2], geos=3)
    axes = plots.spend(data)
    assert [len(ax.lines) for ax in axes] == [3] * 5
    for line, series in zip(axes[-1].lines, data.columns[LONG[1]], strict=True):
        np.testing.assert_array_equal(line.get_ydata(), series)


def test_spend_is_legible_with_twelve_channels():
    axes = plots.spend(make_data(LONG))
    drawn(axes[0])
    titles = [ax._left_title for ax in axes]
    assert len(axes) == 15
    assert overlapping(titles) == []
    for ax in axes:
        assert overlapping(tick_texts(ax.xaxis)) == []
        assert overlapping(tick_texts(ax.yaxis)) == []


def test_given_axes_are_used_and_counted():
    data = make_data(LONG[:1])
    _, grid = plt.subplots(2, 2)
    assert list(plots.spend(data, axes=grid)) == list(grid.ravel())
    with pytest.raises(ValueError, match="give 4, or none"):
        plots.spend(data, axes=grid[0])


def test_correlation_numbers_the_lower_triangle():
    table = make_data(LONG).correlation()
    ax = drawn(plots.correlation(table))
    assert tick_words(ax.xaxis) == list(table.columns[:-1])
    assert tick_words(ax.yaxis) == list(table.index[1:])
    numbers = {tuple(np.rint(t.get_position()).astype(int)): t.get_text() for t in ax.texts}
    assert len(numbers) == 16 * 15 // 2
    for (column, row), text in numbers.items():
        assert float(text) == pytest.approx(table.iloc[row + 1, column], abs=0.0051)
        assert not re.search(r"^-?0\.\d", text)
    assert overlapping(ax.texts) == []
    assert overlapping(tick_texts(ax.xaxis)) == []


def test_correlation_of_a_constant_column_is_left_blank():
    table = pd.DataFrame(np.eye(3), index=list("abc"), columns=list("abc"))
    table.loc["b", "a"] = np.nan
    ax = plots.correlation(table)
    assert [t.get_text() for t in ax.texts] == [".00", ".00"]


# --------------------------------------------------------------------------------------------------------- parameters
def test_parameters_put_medians_and_intervals_where_they_are():
    table = make_table(make_system(LONG[:3]))
    axes = plots.parameters(table)
    drawn(axes[0])
    titles = [ax.get_title(loc="left") for ax in axes]
    assert titles[:7] == [
        "queries\nhalf-life",
        "half-saturation",
        "slope",
        "contribution",
        "intercept",
        "coefficient",
        "sigma",
    ]
    assert [t for t in titles if "\n" in t] == [f"{name}\nhalf-life" for name in ("queries", "google", "revenue")]
    ax = axes[7 + 3]  # contribution in the equation of google
    rows = [f"google.contribution[{name}]" for name in LONG[:3]]
    np.testing.assert_allclose(dots(ax)[0], np.column_stack([table.loc[rows, "median"], range(3)]))
    expected = np.column_stack([table.loc[rows, "lower"], table.loc[rows, "upper"], range(3)])
    np.testing.assert_allclose(bars(ax), expected)
    assert ax.get_ylim()[0] > ax.get_ylim()[1], "the first row stands on top"
    labels = [t.get_text() for t in axes[7].get_yticklabels()]
    assert labels == LONG[:3]
    assert [ax.get_xscale() for ax in axes[:4]] == ["log", "log", "log", "linear"]


def test_parameters_keep_the_intercept_apart():
    table = make_table(make_system(LONG[:1]))
    axes = plots.parameters(table)
    by_title = {(i, ax.get_title(loc="left")): ax for i, ax in enumerate(axes)}
    intercept, coefficient = by_title[4, "intercept"], by_title[5, "coefficient"]
    assert dots(intercept)[0].tolist() == [[table.loc["queries.coefficient[intercept]", "median"], 0.0]]
    assert [t.get_text() for t in coefficient.get_yticklabels()] == ["promotion"]


def test_parameters_mark_known_truths_only():
    table = make_table(make_system(LONG[:3]))
    truth = {f"google.slope[{LONG[1]}]": 1.7, "google.slope[not there]": 9.0}
    axes = plots.parameters(table, truth=truth)
    marked = {ax: dots(ax, "D") for ax in axes if dots(ax, "D")}
    assert [m[0].tolist() for m in marked.values()] == [[[1.7, 1.0]]]
    (legend,) = axes[0].figure.legends
    assert [t.get_text() for t in legend.get_texts()] == ["median and 90 % interval", "truth"]


def test_parameters_show_units():
    table = make_table(MMM([Equation("sales", media=["tv"])]))
    table.attrs["units"] = {"sales.half_life": "days", "sales.coefficient": "share of mean |sales|"}
    axes = plots.parameters(table)
    assert [ax.get_xlabel() for ax in axes] == ["days", "", "", "", "share of mean\n|sales|", ""]


def test_parameters_are_legible_with_twelve_channels():
    table = make_table(make_system(LONG))
    table.attrs["units"] = {str(row).partition("[")[0]: "share of mean |revenue|" for row in table.index}
    axes = plots.parameters(table)
    drawn(axes[0])
    assert len(axes) == 21
    assert overlapping([ax._left_title for ax in axes]) == []
    for ax in axes:
        assert overlapping(tick_texts(ax.xaxis)) == []
        assert overlapping(tick_texts(ax.yaxis)) == []
        assert len(tick_texts(ax.xaxis)) >= 2
    assert overlapping([ax.xaxis.label for ax in axes]) == []


def test_prior_lies_above_posterior():
    table = make_table(MMM([Equation("sales", media=LONG)])).filter(like="half_life", axis=0)
    table.attrs["ci_prob"] = 0.9
    posterior = table.assign(median=1.1 * table["median"])
    truth = {table.index[2]: 3.3}
    ax = drawn(plots.prior_posterior(table, posterior, truth=truth, log=True))
    before, after = dots(ax)
    np.testing.assert_allclose(before[:, 0], table["median"])
    np.testing.assert_allclose(after[:, 0], posterior["median"])
    screen = ax.transData.transform
    assert (screen(before)[:, 1] > screen(after)[:, 1]).all()
    assert dots(ax, "D")[0][0].tolist() == [3.3, after[2, 1]]
    assert ax.figure.get_suptitle() == "sales: half-life, before and after the data"
    assert ax.get_xscale() == "log"
    assert tick_words(ax.yaxis) == LONG
    assert overlapping(tick_texts(ax.yaxis)) == []
    words = [t.get_text() for t in ax.get_legend().get_texts()]
    assert words == ["prior, 90 %", "posterior, 90 %", "truth"]
    with pytest.raises(ValueError, match="summarise the same variable of both groups"):
        plots.prior_posterior(table, posterior.iloc[1:])


# --------------------------------------------------------------------------------------------------------- predictions
def predictive_frame():
    dates = pd.date_range("2023-01-01", periods=30, freq="7D", name="date")
    base = np.linspace(1e5, 2e5, 30)
    table = pd.DataFrame(
        {"observed": base + 500.0, "median": base, "lower": base - 1e4, "upper": base + 2e4}, index=dates
    )
    table.attrs = {"equation": "revenue", "unit": "money", "ci_prob": 0.8}
    return table


def test_predictive_shows_band_median_and_observations():
    table = predictive_frame()
    ax = drawn(plots.predictive(table))
    line, points = ax.lines
    np.testing.assert_array_equal(line.get_ydata(), table["median"])
    np.testing.assert_array_equal(points.get_ydata(), table["observed"])
    heights = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (table["lower"].min(), table["upper"].max())
    assert ax.get_ylabel() == "revenue (money)"
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["80 % interval", "median", "observed"]
    assert "150k" in tick_words(ax.yaxis) or "160k" in tick_words(ax.yaxis)


def test_predictive_of_a_panel_asks_for_one_geo():
    table = pd.concat({"north": predictive_frame()}, names=["geo"])
    with pytest.raises(ValueError, match=r"take one geo: table\.loc\[geo\]"):
        plots.predictive(table)


def test_predictive_check_lays_quantiles_on_the_diagonal():
    level = (np.arange(20) + 0.5) / 20
    table = pd.DataFrame({"observed": 100 * level, "median": 90 * level}, index=level)
    table = table.assign(lower=0.8 * table["median"], upper=1.3 * table["median"])
    share = {"observed": 0.25, "median": 0.2, "lower": 0.1, "upper": 0.31}
    table.attrs = {"equation": "google", "unit": "money", "ci_prob": 0.9, "zero_share": share}
    ax = plots.predictive_check(table)
    np.testing.assert_allclose(dots(ax)[0], table[["observed", "median"]])
    spans = np.array([segment for segment in ax.collections[0].get_segments()])
    np.testing.assert_allclose(spans[:, :, 1], table[["lower", "upper"]])
    diagonal = np.column_stack(ax.lines[0].get_data())
    np.testing.assert_array_equal(diagonal[:, 0], diagonal[:, 1])
    assert [t.get_text() for t in ax.texts] == ["zeros: 25 % observed,\n10 to 31 % replicated"]
    assert ax.get_xlabel() == "observed quantiles of google (money)"
    table.attrs["zero_share"] = dict.fromkeys(share, 0.0)
    assert list(plots.predictive_check(table).texts) == []


# ------------------------------------------------------------------------------------------------------------ manners
def every_figure():
    system, data = make_system(LONG[:2]), make_data(LONG[:2])
    table = make_table(MMM([Equation("sales", media=["tv"])])).iloc[:1]
    yield lambda ax: plots.causal_graph(system, ax=ax)
    yield lambda ax: plots.correlation(data.correlation(), ax=ax)
    yield lambda ax: plots.prior_posterior(table, table, ax=ax)
    yield lambda ax: plots.parameters(table, axes=[ax])[0]
    yield lambda ax: plots.predictive(predictive_frame(), ax=ax)
    yield lambda ax: plots.predictive_check(predictive_frame(), ax=ax)


def test_every_figure_draws_on_the_axes_it_is_given():
    for draw in every_figure():
        _, ax = plt.subplots()
        before = set(plt.get_fignums())
        assert draw(ax) is ax
        assert set(plt.get_fignums()) == before
        drawn(ax)


def test_no_figure_touches_the_global_style():
    before = dict(mpl.rcParams)
    for draw in every_figure():
        draw(plt.figure().add_subplot())
    plots.spend(make_data(LONG[:2]))
    plots.parameters(make_table(make_system(LONG[:2])))
    assert dict(mpl.rcParams) == before


def test_save_writes_the_whole_figure_and_closes_it(tmp_path):
    axes = plots.spend(make_data(LONG[:2]))
    number = axes[0].figure.number
    path = plots.save(axes, tmp_path / "data.png", dpi=60)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert not plt.fignum_exists(number)
    vector = plots.save(plots.causal_graph(make_system(LONG[:2])), tmp_path / "graph.svg")
    assert "<svg" in vector.read_text(encoding="utf-8")
