"""The figure of a diagnosis, read back from its artists."""

import numpy as np
import pandas as pd
import pytest

from bayesmmm import plots
from bayesmmm.data import MMMData
from bayesmmm.diagnostics import Check, Diagnosis, diagnose
from bayesmmm.equations import MMM, Equation
from tests import made
from tests.figures import drawn, inside, overlapping, tick_texts


def close(axes):
    import matplotlib.pyplot as plt

    plt.close(axes[0].figure.figure)


@pytest.fixture(scope="module")
def found():
    return diagnose(made.case_fit("one mediator", draws=30, verdict=None))


@pytest.fixture(scope="module")
def axes(found):
    out = plots.diagnosis(found)
    drawn(out[0])
    yield out
    close(out)


def test_every_check_has_a_mark_of_its_verdict(found, axes):
    marks = [line.get_marker() for line in axes[0].lines if line.get_marker() not in (None, "None", "")]
    assert len(marks) == len(found.checks)
    for verdict, mark in {"ok": "o", "warn": "^", "fail": "X", "unknown": "_"}.items():
        assert marks.count(mark) == sum(c.verdict == verdict for c in found.checks)
    assert axes[0].figure.figure.get_suptitle() == f"Diagnosis of the fit: {found.verdict}"
    columns = [t.get_text() for t in axes[0].get_xticklabels()]
    assert columns == ["whole fit", "queries", "sales"]


def test_numbers_stand_in_the_cells_of_their_checks(found, axes):
    rows = [t.get_text() for t in axes[0].get_yticklabels()]
    cells = {(round(t.get_position()[0] + 0.26), t.get_position()[1]): t.get_text() for t in axes[0].texts}
    rows = [row.partition(" (")[0] for row in rows]
    assert cells[0, rows.index("R-hat")] == f"{found['rhat'].value:.3f}"
    assert cells[2, rows.index("drift")].startswith("p ")
    assert cells[2, rows.index("confounding: queries")].startswith("p ")
    assert {"weak: tv", "weak: social"} <= {*rows}  # of channels, which are no columns


def test_contraction_is_written_into_the_map(found, axes):
    rows = [t.get_text() for t in axes[1].get_yticklabels()]
    columns = [t.get_text() for t in axes[1].get_xticklabels()]
    assert "tv in queries" in rows
    written = {t.get_position(): t.get_text() for t in axes[1].texts}
    value = found.tables["contraction"]["contraction"]["sales", "slope", "queries"]
    at = (columns.index("slope"), rows.index("queries in sales"))
    assert written[at] == f"{100 * value:.0f}".replace("-", "−")


def test_panels_of_an_equation_show_its_tables(found, axes):
    series, quantiles, residual, pareto = axes[-4:]
    np.testing.assert_array_equal(series.lines[0].get_ydata(), found.tables["series"].loc["sales", "observed"])
    assert [t.get_text() for t in quantiles.get_yticklabels()] == ["5 %", "25 %", "50 %", "75 %", "95 %", "max"]
    expected = found.tables["predictive"].loc["sales"].loc["quantile 0.05":"maximum", "observed"]
    np.testing.assert_array_equal(quantiles.lines[0].get_xdata(), expected)
    np.testing.assert_array_equal(residual.lines[-1].get_ydata(), found.tables["residuals"].loc["sales", "median"])
    np.testing.assert_array_equal(pareto.lines[0].get_ydata(), found.tables["loo"].loc["sales", "pareto_k"])


def legible(axes):
    for ax in axes:
        for axis in (ax.xaxis, ax.yaxis):
            texts = [t for t in tick_texts(axis) if t.get_text()]
            assert overlapping(texts) == []
            inside(ax, texts)
        assert overlapping(ax.texts) == []


def test_the_figure_is_legible(axes):
    legible(axes)


def test_twelve_channels_are_legible():
    rng = np.random.default_rng(0)
    names = [f"a_long_channel_{i}" for i in range(12)]
    table = pd.DataFrame({n: rng.gamma(2.0, 10.0, 80) for n in names})
    table["queries"] = 100.0 + table[names[0]] + rng.normal(0, 5, 80)
    table["sales"] = 1000.0 + table.sum(axis=1) + rng.normal(0, 30, 80)
    table["date"] = pd.date_range("2023-01-01", periods=80, freq="7D")
    units = {"queries": "queries"}
    data = MMMData.from_frame(table, date="date", outcome="sales", media=names, mediators=units)
    system = MMM([Equation("queries", media=names), Equation("sales", media=[*names, "queries"])])
    axes = plots.diagnosis(diagnose(made.made_fit(system, data, draws=20, verdict=None)))
    drawn(axes[0])
    legible(axes)
    close(axes)


def test_checks_alone_are_drawn_where_there_are_no_tables():
    check = Check("finite", "sampler", "fail", 1.0, 0.0, "bad.", "source", "meaning", ("fit again",))
    axes = plots.diagnosis(Diagnosis("fit", (check,), {}))
    assert len(axes) == 1
    assert [t.get_text() for t in axes[0].get_yticklabels()] == ["finite (at most 0)"]
    close(axes)
