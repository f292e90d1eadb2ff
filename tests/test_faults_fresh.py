"""Odd but harmless arguments: numbers and dates of other kinds, paths, flags, and one thing in the place of another."""

import warnings
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayesmmm as mm
from bayesmmm import cli
from bayesmmm.equations import read_toml
from bayesmmm.errors import (
    BayesMMMError,
    EquationError,
    ExportSettingError,
    FileFormatError,
    FitFileError,
    SamplingError,
    SettingError,
    SpecError,
    ValueRangeError,
    WritingError,
)
from bayesmmm.inference import fitting
from bayesmmm.priors import Prior
from bayesmmm.report import write_report
from bayesmmm.validate import check_count, is_number
from tests.fits import quiet
from tests.made import case, case_fit, frame

WINDOW = {"start": "2023-06-04", "stop": "2023-08-27"}


@pytest.fixture(scope="module")
def fit():
    return case_fit("one mediator")


# ------------------------------------------------------------------------------------------- series by their own dates
def test_a_series_goes_to_its_own_dates_whatever_these_are(fit):
    dates = fit.data.dates[22:35]
    spend = pd.Series(np.arange(13.0), dates)

    def change(values):
        return mm.what_if(fit, do={"tv": values}, **WINDOW)["sales.change"].values

    right = change(spend)
    in_order = [
        spend.to_numpy(),
        spend.set_axis(range(22, 35)),
        spend.set_axis(dates.strftime("%Y-%m-%d")),
        spend.set_axis([date.date() for date in dates]),
        xr.DataArray(spend.values, {"date": dates}, "date"),
        xr.DataArray(spend.values, dims="date"),
    ]
    for values in in_order:
        np.testing.assert_array_equal(change(values), right)
    refused = [values[::-1] for values in in_order[1:-1]]
    for values in [*refused, spend.set_axis(dates.to_period("W")), spend.set_axis(list("abcdefghijklm"))]:
        with pytest.raises(SettingError, match="other dates than the window"):
            change(values)


# -------------------------------------------------------------------------------------------------- numbers of few bits
@pytest.mark.parametrize("kind", [np.float16, np.float32, np.longdouble, Fraction])
def test_numbers_of_other_types_are_numbers(kind):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert is_number(kind(1))
        assert Prior("Normal", mu=kind(0), sigma=kind(1)).median == 0.0
    assert not is_number(10**400)
    assert not is_number(np.float32(np.inf))


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int16, np.int32, np.uint64])
def test_whole_numbers_of_few_bits_are_counts(kind):
    assert check_count(kind(100), "draws") == 100
    with pytest.raises(SettingError, match="from 2 to 50"):
        check_count(kind(100), "draws", least=2, most=50)
    with pytest.raises(SettingError, match="of at least 101"):
        check_count(kind(100), "draws", least=101)


def test_settings_of_a_fit_are_plain_numbers(monkeypatch):
    """Others would be found out when the fit is saved, after all of the sampling."""

    class Started(Exception):
        pass

    def start(system, data, scales, settings, progress):
        raise Started(settings)

    monkeypatch.setitem(fitting.SAMPLERS, "nutpie", start)
    settings = {"draws": np.int16(1000), "tune": np.int32(5), "chains": np.uint8(40), "seed": np.uint64(3)}
    with pytest.raises(Started) as started:
        quiet(mm.fit, *case("one mediator"), **settings, target_accept=Fraction(9, 10), collapse=np.True_)
    (kept,) = started.value.args
    assert {name: type(kept[name]) for name in settings} == dict.fromkeys(settings, int)
    assert kept["target_accept"] == 0.9
    assert type(kept["target_accept"]) is float
    assert kept["collapse"] is True


@pytest.mark.parametrize("setting", ["collapse", "progress"])
@pytest.mark.parametrize("value", ["no", None, 0])
def test_flags_are_true_or_false(setting, value):
    with pytest.raises(SamplingError, match=f"{setting}=.* must be True or False"):
        mm.fit(*case("one mediator"), **{setting: value})


def test_flags_of_answers_are_true_or_false(fit):
    for ask in (lambda: mm.roi(fit, net="no"), lambda: mm.predict(fit, noise="no")):
        with pytest.raises(SettingError, match="must be True or False"):
            ask()


@pytest.mark.parametrize("scales", [{}, "x", []])
def test_scales_of_another_kind_are_refused(scales):
    with pytest.raises(EquationError, match=r"must be Scales: start from data\.scales\(\)"):
        quiet(mm.fit, *case("one mediator"), scales=scales)


def test_a_column_of_integers_beyond_all_floats_is_refused_by_name():
    table = frame(1).assign(tv=[10**400] * 52)
    with pytest.raises(ValueRangeError, match="'tv'"):
        mm.MMMData.from_frame(table, date="date", outcome="sales", media=["tv"])


# ---------------------------------------------------------------------------------------------------------------- paths
@pytest.mark.parametrize("path", [None, 3, "", "a\0b", ["fit.nc"]])
def test_what_is_no_path_is_refused(path, fit):
    for use in (mm.load, fit.save):
        with pytest.raises(FitFileError, match=r"must be a path, as path='fit.nc'"):
            use(path)


def test_bytes_are_paths_too(fit, tmp_path):
    path = bytes(tmp_path / "fit.nc")
    fit.save(path)
    assert mm.load(path).data == fit.data


def test_a_specification_may_begin_with_the_mark_that_windows_writes(tmp_path):
    path = tmp_path / "system.toml"
    path.write_bytes(b"\xef\xbb\xbf[[equation]]\r\nname = 'sales'\r\nmedia = ['tv']\r\n")
    assert read_toml(path)[0].outcome == "sales"


def test_columns_that_are_no_mapping_are_refused():
    with pytest.raises(SpecError, match="Give a mapping"):
        case("one mediator")[0].to_toml(["date"])


# ------------------------------------------------------------------------------------ one thing in the place of another
@pytest.mark.parametrize("other", [None, "fit.nc", "data", "system", "tree"])
def test_what_is_no_fit_is_refused_in_words(other, fit):
    thing = getattr(fit, other) if other in ("data", "system", "tree") else other
    for ask in (mm.roi, mm.marginal_roi, mm.effects, mm.decompose, mm.predict, mm.response_curves, mm.what_if):
        with pytest.raises(SettingError, match=r"must be a Fit, as mm\.fit\(system, data\) returns it"):
            ask(thing)
    for ask in (mm.optimize_budget, mm.frontier, mm.diagnose):
        with pytest.raises(SettingError, match="must be a Fit"):
            ask(thing)


def test_only_numbers_with_draws_are_summarised(fit):
    dims = ("chain", "draw")
    text, empty = np.array([["a", "b"]]), np.zeros((2, 0))
    for thing in (
        np.zeros((2, 3)),
        fit,
        None,
        fit.tree,
        xr.DataArray(text, dims=dims),
        xr.DataArray(empty, dims=dims),
    ):
        with pytest.raises(BayesMMMError, match=r"fit\.summary\(\)|mm\.roi\(fit\)"):
            mm.summarise(thing)
    shares = mm.summarise(xr.DataArray([[True, False, True, True]], dims=dims, name="better"))
    assert shares.loc["better", "mean"] == 0.75


# ------------------------------------------------------------------------------------------- figures, raw exports, --out
@pytest.mark.parametrize("title", [5, b"x", ["a"], True])
def test_a_title_is_text_or_none(title, fit):
    with pytest.raises(SettingError, match="must be text, or None for no title"):
        mm.plots.roi(mm.roi(fit, **WINDOW), title=title)


def test_a_figure_is_saved_where_the_path_says_or_refused(fit, tmp_path):
    axes = mm.plots.roi(mm.roi(fit, **WINDOW))
    for path in (None, 3, "", "a\0.png"):
        with pytest.raises(SettingError, match="must be a path"):
            mm.plots.save(axes, path)
    for path in ("figure", "figure.xyz"):
        with pytest.raises(SettingError, match=r"must end in one of .*\.png.*, as 'figure\.png'"):
            mm.plots.save(axes, tmp_path / path)
    for dpi in (0, -1, "x", 1e9, np.nan, True):
        with pytest.raises(SettingError, match=r"dpi=.* as dpi=150"):
            mm.plots.save(axes, tmp_path / "figure.png", dpi=dpi)
    for other in (None, "x", [], 3):
        with pytest.raises(SettingError, match=r"must be what a function of mm\.plots returned"):
            mm.plots.save(other, tmp_path / "figure.png")
    assert mm.plots.save(axes, bytes(tmp_path / "figure.PNG")).stat().st_size > 0


@pytest.mark.parametrize("files", [None, 3, "", "a\0b", b"", [None], {"google": 3}])
def test_files_of_raw_exports_are_paths(files):
    with pytest.raises(ExportSettingError, match="must be a path"):
        mm.prepare.tidy(files, columns={"cost": "Cost"})


def test_a_folder_is_no_raw_export(tmp_path):
    with pytest.raises(FileFormatError, match="cannot be read: Is a directory"):
        mm.prepare.tidy(tmp_path, columns={"cost": "Cost"})


def test_only_what_was_prepared_is_compared():
    days = pd.DataFrame({"Day": pd.date_range("2026-03-02", periods=3), "Cost": [1.0, 2, 3]})
    prepared = mm.prepare.tidy(days, columns={"cost": "Cost"})
    for pair in ((prepared, prepared.frame), (None, prepared)):
        with pytest.raises(
            ExportSettingError, match=r"must be Prepared, as mm\.prepare\.tidy\(\.\.\.\) returns it"
        ):
            mm.prepare.compare(*pair)


@pytest.mark.parametrize("out", ["", "a\0b"])
def test_out_is_a_path(out, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        cli.main(["simulate", "--out", out])
    assert "must be a path, as result" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_report_needs_a_fit_a_folder_and_a_title_of_text(fit, tmp_path):
    for arguments, words in [
        ((fit, None), "folder=None must be a path, as folder='report'"),
        ((fit, "a\0b"), "must be a path"),
        ((tmp_path, fit), "must be a Fit"),
        ((fit, tmp_path / "report", 3), "title=3 must be text"),
    ]:
        with pytest.raises(SettingError, match=words):
            write_report(*arguments[:2], **dict(zip(["title"], arguments[2:], strict=False)))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("place", ["/dev/null", "file", "x" * 300, "file/report"])
def test_a_report_or_figure_that_cannot_be_written_is_refused_by_its_place(place, fit, tmp_path):
    (tmp_path / "file").write_text("x")
    for write in (
        write_report,
        lambda _, path: mm.plots.save(mm.plots.roi(mm.roi(fit, **WINDOW)), path / "figure.png"),
    ):
        with pytest.raises(WritingError, match=r"cannot be written: .* Give a path in a folder that exists"):
            write(fit, tmp_path / place)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "x"
