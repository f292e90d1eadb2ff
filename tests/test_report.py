"""The report: tables are the answers, the page stands alone, and failures leave no trace."""

import base64
import re
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest

import bayesmmm as mm
from bayesmmm.diagnostics import diagnose
from bayesmmm.errors import AnswerError, ConvergenceError, SettingError, WindowError
from bayesmmm.estimands import adstock_decay, decompose, effects, marginal_roi, response_curves, roi
from bayesmmm.report import compose, figures, write_report, writing
from tests.made import MMM, Equation, MMMData, case_fit, frame, made_fit
from tests.reports import csv, page_of, said, write

OVER = ("chain", "draw")


@pytest.fixture(scope="module")
def fit():
    """Two channels, one paid and censored mediator, revenue in money."""
    return case_fit("censored mediator", draws=20)


@pytest.fixture(scope="module")
def written(fit, tmp_path_factory):
    """Its report, with every figure drawn: the folder, the paths, and the report that was written."""
    folder = tmp_path_factory.mktemp("report") / "new" / "report"
    report = compose(fit, title="Sales & <media>")
    return folder, write(report, folder), report


@pytest.fixture(scope="module")
def report(written):
    return written[2]


@pytest.fixture(scope="module")
def other(fit):
    return compose(fit, ci_prob=0.5)


# ----------------------------------------------------------------------------------------------------------- diagnosis
def test_the_page_tells_what_diagnose_finds(fit, written):
    """Every check that was raised, with its remedies in order, and how many were not: those of `diagnose`, no others."""
    folder, _, _ = written
    found, page = diagnose(fit), page_of(folder).text
    assert found.raised
    table = csv(folder, "diagnosis").set_index("check")
    assert table["result"].to_dict() == {check.name: check.verdict for check in found.checks}
    np.testing.assert_allclose(table["value"], [check.value for check in found.checks], rtol=1e-9)
    at = 0
    for check in found.raised:
        head = f"{check.name} ({check.verdict}): {check.finding}"
        for text in (head, *check.remedies):
            at = page.index(" ".join(text.split()), at) + 1
    for check in found.checks:
        assert check.raised == (f"{check.name} ({check.verdict})" in page)
    assert f"Of {len(found.checks)} checks, " in page
    assert f"{sum(check.verdict == 'ok' for check in found.checks)} found nothing" in page


# --------------------------------------------------------------------------------------------------------------- files
def test_files(written):
    folder, paths, report = written
    assert paths[0] == folder / "index.html"
    assert {p for p in folder.rglob("*") if p.is_file()} == set(paths)
    assert {p.stem for p in paths if p.parent.name == "tables"} == set(report.tables)
    drawn = {figure.name for figure in report.figures}
    first = {figure.name for figure in report.figures if figure.section == figures.FIRST}
    assert {p.stem for p in paths if p.suffix == ".svg"} == drawn
    assert {p.stem for p in paths if p.suffix == ".png"} == first == {"shares", "by_month", "response_curves"}
    for path in paths:
        if path.suffix == ".png":
            assert path.read_bytes().startswith(b"\x89PNG")
        if path.suffix == ".svg":
            assert ET.parse(path).getroot().tag.endswith("svg")


@pytest.mark.parametrize(
    "name",
    [
        "effects",
        "roi",
        "roi_net",
        "marginal_roi",
        "cost",
        "shares",
        "induced",
        "groups",
        "decomposition_total",
        "decomposition_quarters",
        "accounting",
        "response_curves",
        "half_lives",
        "adstock_decay",
        "residual_autocorrelation",
        "predictive",
        "predictive_check",
        "fit_quality",
        "coefficients",
        "parameters",
        "learnt",
        "data",
        "convergence",
    ],
)
def test_tables_come_back_with_units_interval_and_verdict(name, written):
    folder, _, report = written
    table = csv(folder, name)
    expected = report.tables[name]
    assert list(table.columns) == list(expected.columns)
    for column in expected.select_dtypes("number"):
        np.testing.assert_array_equal(table[column].to_numpy(float), expected[column].to_numpy(float))
    assert set(table["verdict"]) == {"converged"}
    ends = any(column.endswith("lower") for column in table)
    assert (set(table["ci_prob"]) if "ci_prob" in table else None) == ({0.9} if ends else None)
    unitless = {"convergence", "residual_autocorrelation"}
    assert ("unit" in table) == (name not in unitless)
    if "median" in table and "lower" in table:
        known = table[table["median"].notna()]
        assert ((known["lower"] <= known["median"]) & (known["median"] <= known["upper"])).all()


# -------------------------------------------------------------------------------------------- tables are the answers
def rows_of(draws, ci_prob=0.9):
    return mm.summarise(draws, ci_prob)[["median", "lower", "upper", "mean", "sd"]].to_numpy()


def test_effects_and_returns_are_those_of_the_functions(fit, written):
    folder, *_ = written
    found = effects(fit)
    table = csv(folder, "effects").fillna({"mediator": ""})
    columns = ["median", "lower", "upper", "mean", "sd"]
    for name in ("total", "direct", "indirect", "via"):
        part = table[(table["quantity"] == name) & (table["kind"] == "channel")]
        np.testing.assert_allclose(part[columns], rows_of(found[name]))
        np.testing.assert_array_equal(part["spend"], found["spend"])
    own = effects(fit, channels=["search"], groups={})
    part = table[table["kind"] == "mediator"]
    assert part["channel"].tolist() == ["search"]
    np.testing.assert_allclose(part[columns], rows_of(own["total"]))
    for name, draws in {
        "roi": roi(fit),
        "roi_net": roi(fit, net=True),
        "marginal_roi": marginal_roi(fit),
        "cost": found["cost"],
        "shares": effects(fit, window="outcome")["share"],
        "induced": found["induced"],
    }.items():
        part = csv(folder, name)
        part = part[(part["kind"] == "channel") & (part["quantity"].isin([name, "share"]))]
        np.testing.assert_allclose(part[columns], rows_of(draws), err_msg=name)
        if name in ("roi", "roi_net", "marginal_roi"):
            np.testing.assert_allclose(part["p_above"], (draws > 1.0).mean(OVER))
    best = csv(folder, "marginal_roi").query("kind == 'channel'")["p_best"]
    draws = marginal_roi(fit).stack(s=OVER).transpose("channel", "s").values
    np.testing.assert_allclose(best, [(draws.argmax(0) == i).mean() for i in range(len(draws))])


def test_groups_are_joint_effects_per_draw(fit, written):
    folder, *_ = written
    table = csv(folder, "groups").set_index("quantity")
    found, spend = effects(fit), float(effects(fit)["spend"].sum())
    columns = ["median", "lower", "upper"]
    for name in ("joint", "joint_direct", "joint_indirect", "interaction"):
        np.testing.assert_allclose(table.loc[name, columns].astype(float), rows_of(found[name])[0, :3])
    np.testing.assert_allclose(table.loc["roi", columns].astype(float), rows_of(found["joint"] / spend)[0, :3])
    assert table.loc["roi", "p_above"] == float((found["joint"] > spend).mean())
    share = effects(fit, window="outcome")["joint"] / fit.data.columns["sales"].sum()
    np.testing.assert_allclose(table.loc["share", columns].astype(float), rows_of(share)[0, :3])


def test_decomposition_adds_up_and_the_two_views_differ_draw_by_draw(fit, written):
    folder, *_ = written
    parts = decompose(fit)
    total = csv(folder, "decomposition_total")
    assert total["component"].tolist() == parts["component"].values.tolist()
    size = float(parts["mean"].sum("date").mean())
    np.testing.assert_allclose(total["mean"], rows_of(parts["contribution"].sum("date"))[:, 3], atol=1e-9 * size)
    np.testing.assert_allclose(total["mean"].sum(), size)
    kinds = csv(folder, "decomposition_kinds")
    np.testing.assert_allclose(kinds["mean"].sum(), size)
    quarters = csv(folder, "decomposition_quarters")
    np.testing.assert_allclose(quarters["mean"].sum(), size)
    once = quarters[quarters["component"] == "intercept"]
    assert once["periods"].sum() == len(fit.data.dates)
    np.testing.assert_allclose(once["observed"].sum(), fit.data.columns["sales"].sum())
    table = csv(folder, "accounting")
    removed = effects(fit, window="outcome")["total"]
    booked = parts["contribution"].sum("date")
    for channel in removed["channel"].values:
        draws = booked[..., parts["channel"].values == channel].sum("component") - removed.sel(channel=channel)
        row = table.query("channel == @channel and effect == 'total' and view == 'difference'")
        np.testing.assert_allclose(
            row[["median", "lower", "upper"]].to_numpy()[0], rows_of(draws)[0, :3], atol=1e-9 * size
        )


def test_curves_and_memory(fit, written):
    folder, *_ = written
    curves, table = response_curves(fit), csv(folder, "response_curves")
    np.testing.assert_allclose(table["median"], curves["outcome"].median(OVER).values.ravel())
    np.testing.assert_allclose(table["spend"], curves["spend"].values.ravel())
    np.testing.assert_array_equal(table["extrapolated"], (curves["extrapolated"] > 0.05).values.ravel())
    decay, table = adstock_decay(fit), csv(folder, "adstock_decay")
    np.testing.assert_allclose(
        table.query("equation == 'search'")["upper"], decay["search"].quantile(0.95, OVER).values.ravel()
    )
    lives = csv(folder, "half_lives").query("equation == 'sales'")
    np.testing.assert_allclose(lives["median"], fit.posterior["sales.half_life"].median(OVER))
    assert lives["channel"].tolist() == fit.posterior["sales.media"].values.tolist()


def test_quality_by_hand(fit, written):
    folder, *_ = written
    quality = csv(folder, "fit_quality").set_index("equation")
    mean = mm.predict(fit)["sales"].mean(OVER).values
    seen = fit.data.columns["sales"][0]
    assert quality.loc["sales", "r2"] == pytest.approx(
        1 - ((seen - mean) ** 2).sum() / ((seen - seen.mean()) ** 2).sum()
    )
    assert quality.loc["sales", "rmse"] == pytest.approx(np.sqrt(((seen - mean) ** 2).mean()))
    assert quality.loc["sales", "mape"] == pytest.approx(np.abs(1.0 - mean / seen).mean())
    assert quality.loc["sales", "mae"] == pytest.approx(np.abs(seen - mean).mean())
    low, high = fit.tree["posterior_predictive"]["sales"].quantile([0.05, 0.95], OVER).values
    assert quality.loc["sales", "coverage"] == pytest.approx(((low <= seen) & (seen <= high)).mean())
    table = csv(folder, "predictive").query("equation == 'sales'")
    np.testing.assert_allclose(table["fitted_mean"], mean)
    raw = csv(folder, "coefficients").query("equation == 'sales'")
    np.testing.assert_allclose(raw["median"], fit.coefficients("sales").median(OVER))
    assert raw.set_index("term").loc["price", "unit"] == "money per unit of price"


def test_what_the_data_taught_is_measured_against_the_prior(fit):
    tree = fit.tree.copy(deep=True)
    wide = tree["prior"].to_dataset()
    log = np.log(wide["sales.half_life"])
    wide["sales.half_life"] = np.exp(log.mean() + 2.0 * (log - log.mean()))
    wide["sales.contribution"] = 4.0 * wide["sales.contribution"]
    tree["prior"] = wide
    changed = type(fit)(fit.data, fit.system, fit.scales, tree, fit.settings, fit.versions)
    changed = changed.with_convergence(fit.convergence)
    table = compose(changed).tables["learnt"].set_index(["equation", "parameter"])
    np.testing.assert_allclose(table.loc[("sales", "half_life"), "width_ratio"], 0.5, rtol=0.01)
    np.testing.assert_allclose(table.loc[("sales", "contribution"), "width_ratio"], 0.25)
    np.testing.assert_allclose(table.loc[("search", "contribution"), "width_ratio"], 1.0)


# ---------------------------------------------------------------------------------------------------------------- page
def test_page_stands_alone(written):
    folder, *_ = written
    page = page_of(folder)
    assert page.faults == []
    assert page.tags.isdisjoint({"script", "link", "iframe", "object", "embed", "base", "form"})
    assert all(link.startswith(("#", "data:image/svg+xml;base64,")) for link in page.links)
    text = (folder / "index.html").read_text(encoding="utf-8")
    bare = re.sub(r"base64,[A-Za-z0-9+/=]+", "", text)
    assert not re.search(r"https?:|//|@import|url\(", bare)
    anchors = set(re.findall(r'id="([\w-]+)"', bare))
    assert {link[1:] for link in page.links if link.startswith("#")} <= anchors
    assert "Sales & <media>" in page.text
    assert "<media>" not in bare


def test_page_holds_every_figure_and_every_finding(written):
    folder, _, report = written
    page = page_of(folder)
    for figure in report.figures:
        drawn = base64.b64decode(page.images[figure.title].partition(",")[2])
        saved = (folder / "figures" / f"{figure.name}.svg").read_bytes()
        assert saved == drawn + f"<!-- {report.mark} -->\n".encode()
        assert figure.reading in page.text
    for finding in report.findings:
        assert finding.text in page.text
    for heading in ("Findings", "Method", "Assumptions", "Data", "Diagnostics", "Limits", "Settings and versions"):
        assert f" {heading} " in page.text
    assert f"sampler verdict {report.answers.verdict}" in page.text
    assert str(report.answers.fit.system).splitlines()[0] in page.text
    assert "The sampler" not in page.text, "no banner without need"


# ------------------------------------------------------------------------------------------------- settings, the gate
def test_window_draws_and_interval_are_passed_on(fit):
    window = {"start": "2023-04-02", "stop": "2023-09-24", "window": "outcome"}
    report = compose(fit.thin(10), **window, ci_prob=0.5)
    found = effects(fit.thin(10), **window)
    table = report.tables["effects"].query("quantity == 'total' and kind == 'channel'")
    np.testing.assert_allclose(table[["median", "lower", "upper"]], rows_of(found["total"], 0.5)[:, :3])
    assert set(table["start"]) == {"2023-04-02"}
    assert set(report.tables["decomposition_total"]["stop"]) == {"2023-09-24"}
    assert set(report.tables["accounting"]["window"]) == {"outcome"}
    assert "(50 %: " in said(report)
    assert "2023-04-02 to 2023-09-24" in said(report)
    parts = decompose(fit.thin(10), start="2023-04-02", stop="2023-09-24")["contribution"].sum("date")
    np.testing.assert_allclose(report.tables["decomposition_total"]["median"], rows_of(parts)[:, 0], atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "error", "advice"),
    [
        ({"start": "1999-01-01"}, WindowError, "fitted periods"),
        ({"window": "tail"}, SettingError, "'spend' is the default"),
        ({"ci_prob": 90}, ValueError, "must lie between 0 and 1"),
        ({"currency": 1}, SettingError, "must be text, as '€'"),
        ({"objective": "spend"}, SettingError, "outcome.*profit.*roi"),
        ({"objective": "roi"}, SettingError, "needs a range of money"),
        ({"progress": "yes"}, SettingError, "progress"),
    ],
)
def test_bad_settings_are_refused_before_anything_is_made(settings, error, advice, fit, tmp_path):
    with pytest.raises(error, match=advice):
        write_report(fit, tmp_path / "out", **settings)
    assert not (tmp_path / "out").exists()


def test_a_failed_sampler_is_refused_or_marked_everywhere(tmp_path, no_drawing):
    fit = case_fit("one mediator", draws=10, verdict="failed")
    with pytest.raises(ConvergenceError, match=r"ask fit\.accept_unconverged\(\)"):
        write_report(fit, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    paths = write_report(fit.accept_unconverged(), tmp_path)
    page = page_of(tmp_path)
    assert (
        "The sampler failed: these draws do not represent the posterior. Do not use the numbers below."
        in page.text
    )
    assert page.text.index("The sampler failed") < page.text.index("Findings Numbers are")
    for path in paths:
        if path.suffix == ".csv":
            assert set(pd.read_csv(path)["verdict"]) == {"failed"}


def test_a_doubtful_sampler_is_told_on_top(tmp_path, no_drawing):
    write_report(case_fit("one mediator", draws=10, verdict="doubtful"), tmp_path)
    page = page_of(tmp_path)
    assert page.text.index("verdict is doubtful: take the numbers below as provisional") < page.text.index(
        "Numbers are"
    )


# ------------------------------------------------------------------------------------------------------------ failures
def whole(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_failure_while_drawing_leaves_older_files(report, other, tmp_path, monkeypatch, no_drawing):
    write(report, tmp_path)
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    before = whole(tmp_path)

    def full(found, folder, tell):
        (folder / "effects.svg").write_text("half", encoding="utf-8")
        raise OSError(28, "No space left on device", "effects.svg")

    monkeypatch.setattr(writing, "save_figures", full)
    with pytest.raises(OSError, match="No space left"):
        write(other, tmp_path)
    assert whole(tmp_path) == before


def test_a_failure_while_moving_puts_older_files_back(report, other, tmp_path, no_drawing):
    write(report, tmp_path)
    (tmp_path / "tables" / "roi.csv").unlink()
    (tmp_path / "tables" / "roi.csv").mkdir()
    (tmp_path / "tables" / "data.csv").unlink()
    before = whole(tmp_path)
    with pytest.raises(FileExistsError, match="Is a directory"):
        write(other, tmp_path)
    assert whole(tmp_path) == before
    assert not list(tmp_path.glob(".part-*"))


def test_a_second_report_replaces_the_first(report, other, tmp_path, no_drawing):
    write(report, tmp_path)
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    write(other, tmp_path)
    assert set(csv(tmp_path, "roi")["ci_prob"]) == {0.5}
    assert "ranges in brackets hold 50 %" in page_of(tmp_path).text
    assert (tmp_path / "mine.txt").read_text(encoding="utf-8") == "mine"


def test_the_same_fit_gives_the_same_tables(report, fit):
    """Nothing is drawn at random, and nothing of the fit is touched."""
    for name, table in compose(fit).tables.items():
        pd.testing.assert_frame_equal(table, report.tables[name])


def test_a_system_without_channels_is_refused(tmp_path):
    data = MMMData.from_frame(frame(1), date="date", outcome="sales", media=["tv"], controls=["price"])
    fit = made_fit(MMM([Equation("sales", linear=["price"])]), data, draws=4)
    with pytest.raises(AnswerError, match="no channel to ask about; list columns under media in an equation"):
        write_report(fit, tmp_path / "out")
    assert not (tmp_path / "out").exists()
