"""A report with the help of a second process: the same answers and files, and what is told comes through."""

import pickle
import warnings
from dataclasses import asdict, replace
from functools import partial

import pandas as pd
import pytest
import xarray as xr
from numpy.testing import assert_equal

from bayesmmm import processes
from bayesmmm.errors import FigureWarning, GlyphWarning
from bayesmmm.report import compose, figures
from tests.made import case_fit


@pytest.fixture(scope="module")
def fit():
    return case_fit("one mediator", draws=20, verdict="converged")


@pytest.fixture(scope="module")
def report(fit):
    return compose(fit)


@pytest.fixture(scope="module")
def found():
    """A helper with a process, however many processors there are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(processes, "processors", lambda: 2)
        with processes.helper("bayesmmm.plots") as found:
            assert found.submit(abs, -1)() == 1
            yield found


def saved(drawn, folder):
    folder.mkdir()
    kept = figures.save_figures(drawn, folder)
    assert {path.stem for path in folder.iterdir()} == {figure.name for figure in kept}
    return kept, {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_second_process_changes_no_answer(fit, report, found):
    other = compose(fit, helper=found)
    assert other.mark == report.mark
    assert other.findings == report.findings
    # Some of their values are NaN.
    assert_equal(*([asdict(check) for check in each.answers.diagnosis.checks] for each in (other, report)))
    assert list(other.tables) == list(report.tables)
    for name, table in other.tables.items():
        pd.testing.assert_frame_equal(table, report.tables[name])


def test_a_second_process_draws_the_same_files(report, found, tmp_path):
    some = [figure for figure in report.figures if figure.kind in ("shares", "effects", "prior_posterior", "data")]
    kept, here = saved(some, tmp_path / "here")
    assert len(kept) == len(some) >= 4
    assert any(name.endswith(".png") for name in here)
    assert saved(figures.begin(some, found), tmp_path / "there")[1] == here


def test_every_figure_of_a_report_can_be_handed_over(report):
    """None of them is drawn here for want of a pickle."""
    for figure in report.figures:
        draw, how, suffixes = pickle.loads(pickle.dumps(figure.call))
        assert (draw, how.keywords["title"], suffixes) == (figures.draw_figure, None, figure.suffixes)


def test_a_figure_that_fails_there_is_told_and_left_out(report, found, tmp_path):
    first, second, *_ = report.figures
    broken = replace(first, draw=partial(first.draw.func, "shares", xr.Dataset()))
    with pytest.warns(
        FigureWarning, match=f"{first.name!r} could not be drawn .SettingError: .*all else is written"
    ):
        kept, files = saved(figures.begin([broken, second], found), tmp_path / "there")
    assert [figure.name for figure in kept] == [second.name]
    assert all(name.startswith(second.name) for name in files)


def test_what_is_told_while_drawing_there_is_told_here(report, found, tmp_path):
    (shares,) = (figure for figure in report.figures if figure.kind == "shares")
    effects = shares.draw.args[1]
    odd = effects.assign_coords(channel=["電", *map(str, effects["channel"].values[1:])])
    figure = replace(shares, draw=partial(shares.draw.func, "shares", odd))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        kept, _ = saved(figures.begin([figure], found), tmp_path / "there")
    assert kept
    assert [each.message.args[0].count("電") for each in told if each.category is GlyphWarning] == [2]
