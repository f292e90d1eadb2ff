"""Names of columns are text: drawn, written to tables and pages as what they are."""

import inspect
import types
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.text import Text

from bayesmmm import errors, plots
from bayesmmm.cli import files as cli_files
from bayesmmm.data import MMMData
from bayesmmm.equations import MMM, Equation
from bayesmmm.files import write_csv
from bayesmmm.plots.layout import plain_texts
from bayesmmm.report import writing
from bayesmmm.report.tables import _parameters as parameters_table
from bayesmmm.text import LONGEST, row_parts
from tests import answers_made_up as answers
from tests import made
from tests.gallery import gallery

ODD = ["tv ($)", "$\\frac$", "a_b^2 & <i>$x$", "=1+1", "wide" * 65]
FIGURES = [name for name in plots.__all__ if name != "save"]


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def figures():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answers, "LONG", ODD)
        yield gallery(len(ODD), "sales ($, net of $)")


def texts_of(figure):
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_draws_names_as_they_are_and_keeps_its_size(figures, name):
    axes = figures[name]()
    figure = np.ravel(np.asarray(axes, dtype=object))[0].get_figure(root=True)
    figure.draw_without_rendering()  # what begins with a dollar would end here, were it mathematics
    for text in texts_of(figure):
        assert not text.get_parse_math() or "$" not in text.get_text()
        assert max(map(len, text.get_text().split())) <= 80
    assert figure.get_figwidth() < 20.0


def test_dollars_are_seen_where_names_are_drawn(figures):
    figure = figures["roi"]().get_figure(root=True)
    figure.draw_without_rendering()
    labels = [label.get_text() for ax in figure.axes for label in ax.get_yticklabels()]
    assert ODD[0] in labels
    assert ODD[1] in labels
    assert any(label.startswith("wide") and "…" in label and len(label) == LONGEST for label in labels)


def test_text_in_a_table_is_no_formula_and_numbers_stay_numbers(tmp_path):
    table = pd.DataFrame(
        {"=2+2": [-1.5, 2.0], "channel": ["=1+1", "tv"], "date": pd.to_datetime(["2024-01-07", "2024-01-14"])},
        index=pd.Index(["@home", "-"], name="name"),
    )
    write_csv(table, tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_text(encoding="utf-8").splitlines() == [
        "name,'=2+2,channel,date",
        "'@home,-1.5,'=1+1,2024-01-07",
        "-,2.0,tv,2024-01-14",
    ]
    write_csv(table, tmp_path / "bare.csv", index=False)
    assert (tmp_path / "bare.csv").read_text(encoding="utf-8").startswith("'=2+2,channel,date\n")


@pytest.mark.parametrize("module", [cli_files, writing])
def test_every_table_of_a_run_is_written_so(module):
    assert ".to_csv(" not in inspect.getsource(module)


def test_a_letter_without_a_sign_is_told_once():
    _, ax = plt.subplots()
    ax.set_title("\U00013080 tv")
    with pytest.warns(errors.GlyphWarning, match="the font of the figure has no sign for '\U00013080'") as told:
        plain_texts([ax])
    assert len(told) == 1
    ax.set_title("Zürich, Łódź, Ελλάδα: 5 € − 3")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plain_texts([ax])


@pytest.fixture(scope="module")
def in_brackets():
    """A fit whose names hold brackets, one of them half a pair, and whose chains stayed apart."""
    names = {"sales": "sales [€]", "tv": "tv [spots]", "social": "social [x", "radio": "radio [a].slope[b]"}
    system = MMM([Equation(names["sales"], media=[names[n] for n in ("tv", "social", "radio")])])
    table = made.frame().rename(columns=names)
    media = list(system.equations[0].media)
    data = MMMData.from_frame(table, date="date", outcome=names["sales"], media=media)
    fit = made.made_fit(system, data, verdict=None)
    posterior = fit.tree["posterior"].to_dataset().copy(deep=True)
    posterior["sales [€].half_life"][1] += 1000.0
    fit.tree["posterior"] = xr.DataTree(posterior)
    return fit


def test_brackets_in_names_are_told_from_those_of_labels(in_brackets):
    fit, table = in_brackets, in_brackets.summary()
    assert "sales [€].half_life[tv [spots]]" in table.index
    assert fit.convergence.modes.startswith("sales [€].half_life[")
    units = parameters_table(types.SimpleNamespace(parameters=table))
    assert units.loc[units["parameter"] == "sales [€].half_life[radio [a].slope[b]]", "unit"].tolist() == ["days"]
    for row, of in (("tv [spots]", "half_life"), ("radio [a].slope[b]", "slope")):
        assert row_parts(f"sales [€].{of}[{row}]") == (f"sales [€].{of}", row)
    drawn = [label.get_text() for ax in plots.parameters(table) for label in ax.get_yticklabels()]
    assert {"tv [spots]", "social [x", "radio [a].slope[b]"} <= set(drawn)


@pytest.mark.parametrize(
    ("row", "parts"),
    [
        ("roi[tv]", ("roi", "tv")),
        ("sales.half_life[tv [spots]]", ("sales.half_life", "tv [spots]")),
        ("sales [€].sigma", ("sales [€].sigma", "")),
        ("sales [€].contribution[north, tv]", ("sales [€].contribution", "north, tv")),
        ("plain", ("plain", "")),
        ("broken]", ("broken]", "")),
        ("", ("", "")),
    ],
)
def test_parts_of_a_row(row, parts):
    assert row_parts(row) == parts
