"""Figures of budgets: what they show and where, read back from the artists; no pixels."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib import dates as mdates
from matplotlib.colors import to_hex

from bayesmmm import plots
from bayesmmm.plots.style import BLUE, ORANGE
from bayesmmm.validate import check_ci_prob
from tests import answers_made_up as answers
from tests import plans_made_up as made
from tests.answers_made_up import LONG
from tests.figures import (
    bars,
    dots,
    drawn,
    inside,
    legend_words,
    legible,
    overlapping,
    quantiles,
    tick_texts,
    tick_words,
)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def texts_of(ax):
    """Everything written on and around some axes."""
    found = [
        ax.xaxis.label,
        ax.yaxis.label,
        ax._left_title,
        ax._right_title,
        *ax.texts,
        *ax.get_legend().get_texts(),
    ]
    return [t for t in [*found, *tick_texts(ax.xaxis), *tick_texts(ax.yaxis)] if t.get_text()]


# --------------------------------------------------------------------------------------------------------- the budget
@pytest.fixture(scope="module")
def many():
    return made.plan(12, bound=False)


def rows_of(ax, table):
    return table.loc[[text.get_text() for text in ax.get_yticklabels()]]


def test_budget_lays_the_plans_side_by_side(many):
    axes = plots.budget(many, ci_prob=0.8)
    ax = drawn(axes[0])
    table = rows_of(ax, many.table(0.8))
    assert len(table) == 13
    assert table.index[-1] == "google (induced)"
    assert table["new"].iloc[:-1].is_monotonic_decreasing
    current, new, unseen = (np.array([bar.get_width() for bar in ax.patches[i : i + 13]]) for i in (0, 13, 26))
    np.testing.assert_allclose(current, table["current"])
    np.testing.assert_allclose(new, table["new"])
    np.testing.assert_allclose(unseen, (table["extrapolated"] * table["new"]).fillna(0.0))
    assert [bar.get_hatch() for bar in ax.patches[25:27]] == [None, "////"]
    # The hatched part is the end of the bar.
    first = ax.patches[26 + int(np.argmax(unseen))]
    assert first.get_x() + first.get_width() == pytest.approx(new[np.argmax(unseen)])
    induced = table.loc["google (induced)"]
    np.testing.assert_allclose(bars(ax), [[induced["new_lower"], induced["new_upper"], 12.18]])
    assert [text.get_text() for text in ax.texts[:2]] == [
        f"{100 * c:+.0f} %".replace("-", "−") for c in table["change"][:2]
    ]
    assert ax.get_xlabel() == "spend of 2023-12-31 to 2024-03-24 (money)"
    assert legend_words(ax) == [
        "current plan, times 1.08",
        "new plan",
        "in periods above the highest spend seen",
        "80 % interval of induced spend",
    ]


def test_budget_hatches_what_the_current_plan_spends_beyond_the_observed_too():
    plan = made.plan(3, ())
    plan.answers["extrapolated"][0, 1] = 0.2
    ax = plots.budget(plan)[0]
    table = rows_of(ax, plan.table())
    hatched = [bar for bar in ax.patches if bar.get_hatch()]
    expected = [table["current"] * table["extrapolated_current"], table["new"] * table["extrapolated"]]
    np.testing.assert_allclose([bar.get_width() for bar in hatched], np.concatenate(expected))
    assert sum(bar.get_width() > 0.0 for bar in hatched) == 2


def test_budget_shows_returns_beside_the_next_unit(many):
    left, ax, _ = plots.budget(many, ci_prob=0.8)
    table = rows_of(drawn(left), many.table(0.8))
    current, new = dots(ax)
    np.testing.assert_allclose(current[:, 0], table["roi_current"])
    np.testing.assert_allclose(new[:, 0], table["roi_new"])
    np.testing.assert_allclose(new[:, 1] - current[:, 1], 0.36)
    (extra,) = dots(ax, "D")
    np.testing.assert_allclose(extra[:, 0], table["marginal"])
    # Rows without a return have no interval.
    shown = [s[:, 0] for c in ax.collections for s in c.get_segments() if len(s)]
    ends = [table[[f"roi_{which}_lower", f"roi_{which}_upper"]].dropna() for which in made.PLANS]
    assert [len(part) for part in ends] == [12, 11]
    np.testing.assert_allclose(shown, np.concatenate(ends))
    assert any(line.get_xdata()[0] == 1.0 and line.get_linestyle() == "--" for line in ax.lines)
    assert ax.get_xlabel() == "return on spend (money per money)"
    assert legend_words(ax) == [
        "ROI, current plan, 80 % interval",
        "ROI, new plan, 80 % interval",
        "next unit of money",
        "spend is earned back",
    ]


def test_budget_tells_the_uplift():
    plan = made.plan()
    ax = drawn(plots.budget(plan, ci_prob=0.8)[2])
    middle, low, high = quantiles(plan.answers["uplift"].values, 0.8)
    np.testing.assert_allclose(dots(ax)[0], [[middle, 0.0]])
    np.testing.assert_allclose(bars(ax), [[low, high, 0.0]])
    now, then = (float(plan.answers["outcome"].sel(plan=which).median()) / 1e6 for which in made.PLANS)
    title = f"revenue: {float(f'{now:.3g}'):g}M now, {float(f'{then:.3g}'):g}M then; better in "
    assert ax.get_title(loc="left") == f"{title}{100 * plan.p_better:.0f} % of draws"
    assert ax.get_xlabel() == "gained over the current plan, median and 80 % interval (money)"
    assert tick_words(ax.yaxis) == ["uplift"]


def test_gain_has_a_row_of_its_own_where_it_is_in_the_same_unit():
    plan = made.plan(margin=0.4)
    ax = plots.budget(plan)[2]
    assert tick_words(ax.yaxis) == ["uplift", "gain in the objective"]
    expected = [plan.answers[name].median() for name in ("uplift", "gain")]
    np.testing.assert_allclose(dots(ax)[0][:, 0], expected)
    other = plots.budget(made.plan(margin=0.4, unit="sign-ups"))[2]
    assert tick_words(other.yaxis) == ["uplift"]
    assert other.get_xlabel().endswith("(sign-ups)")


@pytest.mark.parametrize("channels", [1, 3, 12])
def test_budget_is_legible(channels):
    axes = plots.budget(made.plan(channels, ("google", "bing"), margin=0.4, verdict="doubtful"))
    drawn(axes[0])
    texts = [*texts_of(axes[0]), axes[2]._left_title, axes[2].xaxis.label]
    texts += [t for t in texts_of(axes[1]) if t not in tick_texts(axes[1].yaxis)]
    texts += [t for axis in (axes[2].xaxis, axes[2].yaxis) for t in tick_texts(axis)]
    assert overlapping(texts) == []
    inside(axes[0], texts)
    assert legend_words(axes[1])[-1] == "sampler verdict: doubtful"
    # The change stands on the axes, right of the bars and of the interval.
    assert axes[0].texts[0].get_window_extent().x1 <= axes[0].get_window_extent().x1


def test_budget_of_what_was_seen_without_mediators_says_no_more_than_that():
    plan = made.plan(3, (), unit="sign-ups")
    plan.answers["extrapolated"][:] = 0.0
    plan.current.attrs["factor"] = 1.0
    axes = plots.budget(plan)
    assert legend_words(axes[0]) == ["current plan", "new plan"]
    assert "spend is earned back" not in legend_words(axes[1])
    assert axes[1].get_xlabel() == "return on spend (sign-ups per money)"


def test_returns_far_apart_have_a_logarithmic_axis():
    plan = made.plan(4)
    factor = np.array([30.0, 1.0, 1.0, 1.0])
    plan.answers["roi"][:] = plan.answers["roi"].values * factor
    ax = drawn(plots.budget(plan)[1])
    assert ax.get_xscale() == "log"
    assert ax.get_xlabel().endswith(", log scale")
    legible(ax)


def test_budget_draws_on_axes_that_are_given():
    _, given = plt.subplots(3, 1)
    axes = plots.budget(made.plan(), axes=given)
    assert all(a is b for a, b in zip(axes, given, strict=True))
    assert tick_words(axes[1].yaxis)
    with pytest.raises(ValueError, match="axes has 2 axes and 3 panels are drawn; give 3, or none"):
        plots.budget(made.plan(), axes=given[:2])


@pytest.mark.parametrize("figure", [plots.budget, plots.allocation])
def test_a_plan_is_wanted(figure):
    with pytest.raises(ValueError, match=r"what mm\.optimize_budget\(fit\) returns, but a Dataset was given"):
        figure(answers.effects(3))


# ----------------------------------------------------------------------------------------------------- spend over time
def test_allocation_shows_both_plans_over_time():
    plan = made.plan(3, flighting="free", periods=52)
    axes = plots.allocation(plan)
    assert [ax.get_title(loc="left") for ax in axes] == LONG[:3]
    for c, ax in enumerate(axes):
        current, new = (patch.get_data() for patch in ax.patches)
        np.testing.assert_allclose(current.values, plan.current[c])
        np.testing.assert_allclose(new.values, plan.spend[c])
        np.testing.assert_allclose(new.edges[:-1], mdates.date2num(plan.spend["date"].values))
        np.testing.assert_allclose(np.diff(new.edges), 7.0)
        assert [patch.get_fill() for patch in ax.patches] == [True, False]
        assert ax.get_ylim()[0] == 0.0
        assert ax.get_ylim()[1] > max(current.values.max(), new.values.max())
    spent = [float(part[0].sum()) for part in (plan.current, plan.spend)]
    words = [f"{float(f'{value:.3g}') / 1e3:g}k" for value in spent]
    assert axes[0].get_title(loc="right") == f"{words[0]} now, {words[1]} then, 35 % unseen"
    assert axes[1].get_title(loc="right").endswith(" then")
    assert axes[0].figure._supylabel.get_text() == "spend per period (money)"
    assert legend_words(axes[0]) == ["current plan", "new plan", "unseen: in periods above the highest spend seen"]


@pytest.mark.parametrize(("channels", "periods"), [(1, 13), (3, 13), (7, 1), (12, 52)])
def test_allocation_is_legible(channels, periods):
    plan = made.plan(channels, flighting="free", periods=periods)
    axes = plots.allocation(plan)
    assert len(axes) == channels
    drawn(axes[0])
    titles = [title for ax in axes for title in (ax._left_title, ax._right_title)]
    assert overlapping(titles) == []
    figure = axes[0].figure
    words = [*titles, figure._supylabel, *figure.legends[0].get_texts()]
    words += [t for ax in axes for axis in (ax.xaxis, ax.yaxis) for t in tick_texts(axis)]
    assert overlapping(words) == []
    inside(axes[0], words)
    below = [tick_words(ax.xaxis) for ax in axes if tick_words(ax.xaxis)]
    assert len(below) == (1 if channels < 6 else 2)
    if periods == 1:
        assert below[0] == ["2023-12-31"]
        assert axes[0].patches[0].get_data().values == pytest.approx(plan.current.values[0])


def test_allocation_draws_on_axes_that_are_given():
    _, given = plt.subplots(1, 3)
    plan = made.plan(3, verdict="doubtful")
    axes = plots.allocation(plan, axes=given)
    assert [ax.get_ylabel() for ax in axes] == ["spend per period (money)"] * 3
    assert legend_words(axes[0])[-1] == "sampler verdict: doubtful"
    with pytest.raises(ValueError, match="axes has 3 axes and 2 panels are drawn"):
        plots.allocation(made.plan(2), axes=given)


# -------------------------------------------------------------------------------------------------------- the frontier
def lines(ax, colour):
    """Lines through solved totals in a colour, with their style."""
    return [
        (line.get_xydata(), line.get_linestyle())
        for line in ax.lines
        if to_hex(line.get_color()) == colour.lower()
    ]


def test_frontier_draws_outcome_and_returns_against_the_total():
    dataset = made.frontier()
    axes = plots.frontier(dataset, ci_prob=0.8)
    total = dataset["total"].values
    last = int(np.flatnonzero(dataset["extrapolated"].values[:, 0] > made.THRESHOLD)[0]) - 1
    for ax, name in zip(axes, ("outcome", "roi"), strict=True):
        middle, low, high = quantiles(dataset[name].values, 0.8)
        (seen, solid), (unseen, dashes) = lines(drawn(ax), BLUE)
        np.testing.assert_allclose(seen, np.column_stack([total, middle])[: last + 1])
        np.testing.assert_allclose(unseen, np.column_stack([total, middle])[last:])
        assert (solid, dashes) == ("-", "--")
        corners = ax.collections[0].get_paths()[0].vertices
        ends = [np.sort(corners[corners[:, 0] == x, 1])[[0, -1]] for x in total]
        np.testing.assert_allclose(ends, np.column_stack([low, high]))
    (seen, _), (unseen, _) = lines(axes[1], ORANGE)
    np.testing.assert_allclose(np.concatenate([seen[:-1], unseen])[:, 1], dataset["marginal"])
    assert axes[0].get_ylabel() == "revenue (money)"
    assert axes[1].get_ylabel() == "return (money per money)"
    for ax in axes:
        assert ax.get_xlabel() == "total spend of 2023-12-31 to 2024-03-24,\ninduced spend included (money)"
    assert legend_words(axes[0]) == [
        "best plan of each total, median",
        "80 % interval",
        "current plan",
        "over 5 % beyond what was ever spent",
    ]
    assert legend_words(axes[1]) == [
        "return on all spend, median",
        "80 % interval",
        "next unit of money",
        "current plan",
        "spend is earned back",
    ]


def test_frontier_marks_the_current_plan():
    dataset = made.frontier()
    axes = plots.frontier(dataset)
    now = dataset.attrs["current_total"]
    draws = dataset["current_outcome"], dataset["current_lift"] / dataset["current_cost"]
    for ax, values in zip(axes, draws, strict=True):
        middle, low, high = quantiles(values.values, check_ci_prob(None))
        (mark,) = dots(ax, "D")
        np.testing.assert_allclose(mark, [[now, middle]])
        (interval,) = ax.collections[1].get_segments()
        np.testing.assert_allclose(interval, [[now, low], [now, high]])


@pytest.mark.parametrize("channels", [3, 12])
def test_frontier_is_legible_and_says_what_is_doubtful(channels):
    axes = plots.frontier(made.frontier(channels, unit="sign-ups", unseen=False, verdict="doubtful"))
    drawn(axes[0])
    texts = [text for ax in axes for text in texts_of(ax)]
    assert overlapping(texts) == []
    inside(axes[0], texts)
    assert len(lines(axes[0], BLUE)) == 1
    assert "over 5 % beyond what was ever spent" not in legend_words(axes[0])
    assert legend_words(axes[1])[-2:] == ["current plan", "sampler verdict: doubtful"]


def test_a_frontier_beyond_all_that_was_seen_is_dashed_throughout():
    dataset = made.frontier()
    dataset["extrapolated"][:] = 1.0
    ax = plots.frontier(dataset)[0]
    found = [(points, style) for points, style in lines(ax, BLUE) if len(points)]
    assert len(found) == 1
    assert len(found[0][0]) == dataset.sizes["total"]
    assert found[0][1] == "--"


def test_frontier_refuses_another_data_set():
    with pytest.raises(
        ValueError, match=r"no variable 'outcome' in .*give the data set that frontier\(fit\) returns"
    ):
        plots.frontier(answers.effects(3))
    with pytest.raises(ValueError, match=r"'current_outcome'.*give the data set that frontier\(fit\) returns"):
        plots.frontier(made.frontier().drop_vars("current_outcome"))
