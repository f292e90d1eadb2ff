"""The page, one file that needs nothing else: a part for the person who decides, and one for the analyst."""

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayesmmm.diagnostics import Diagnosis
from bayesmmm.equations import system_warnings
from bayesmmm.report import figures as drawn
from bayesmmm.report import prose
from bayesmmm.report.answers import Answers
from bayesmmm.report.experiments import experiments_html
from bayesmmm.report.figures import Figure
from bayesmmm.report.first_page import make_first_page
from bayesmmm.report.geo_answers import ROWS
from bayesmmm.report.others import terms_html
from bayesmmm.report.pieces import (
    cell,
    figures_html,
    folded,
    items,
    list_of,
    pairs,
    paragraph,
    picked,
    plain,
    table_html,
)
from bayesmmm.report.sentences import Finding, Tables, counted_words, doubt, paid_words
from bayesmmm.report.style import CSS
from bayesmmm.report.summary import summarise_for_decider
from bayesmmm.report.tables import had, one, pick
from bayesmmm.results.convergence import PREVIEW
from bayesmmm.text import joined, large_number, number, percent, probability

#: Findings of one topic that are shown at once.
_READ = 8
_SECTIONS = {
    "findings": "Findings",
    "numbers": "The numbers behind them",
    "figures": "Figures",
    "geos": "By geo",
    "method": "Method",
    "assumptions": "Assumptions",
    "data": "Data",
    "diagnostics": "Diagnostics",
    "limits": "Limits",
    "settings": "Settings and versions",
}


def make_page(
    answers: Answers,
    tables: Tables,
    findings: Sequence[Finding],
    figures: Sequence[Figure],
    folder: Path,
    title: str,
) -> str:
    """Return the page as HTML text; `folder` is where the figures were saved as SVG."""
    first = make_first_page(answers, summarise_for_decider(answers, tables), figures, folder)
    head = (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{CSS}\n</style>\n</head>\n<body>\n"
    )
    bodies = _bodies(answers, tables, findings, figures, folder)
    names = {key: name for key, name in _SECTIONS.items() if bodies[key]}
    links = "".join(f'<li><a href="#{key}">{plain(name)}</a></li>' for key, name in names.items())
    sections = "".join(
        f'<section id="{key}">\n<h2>{plain(name)}</h2>\n{bodies[key]}</section>\n' for key, name in names.items()
    )
    return (
        f"{head}<header>\n<h1>{plain(title)}</h1>\n{_lead(answers)}{_banner(answers)}</header>\n<main>\n"
        f'<section id="decision">\n{first}</section>\n<h2 class="part" id="analyst">For the analyst</h2>\n'
        f'<nav aria-label="Contents"><ul>{links}</ul></nav>\n{sections}</main>\n</body>\n</html>\n'
    )


def _bodies(
    answers: Answers, tables: Tables, findings: Sequence[Finding], figures: Sequence[Figure], folder: Path
) -> dict[str, str]:
    """The sections for the analyst; what is looked up, not read, is folded."""

    def shown(section: str) -> str:
        return figures_html(figures, section, folder)

    learnt = folded("What the data taught about each parameter", shown(drawn.LEARNT))
    return {
        "findings": _findings(answers, findings),
        "numbers": _numbers(answers, tables),
        "figures": shown(drawn.ANSWERS),
        "geos": _by_geo(answers, tables) + shown(drawn.GEOS),
        "method": shown(drawn.MODEL)
        + folded("How the numbers were made", list_of(prose.method(answers), "p"))
        + folded("Equations and priors", _equations(answers)),
        "assumptions": paragraph("The findings hold if these do:") + items(prose.assumptions(answers)),
        "data": _cautions(answers) + folded("The data by column and over time", _data(tables) + shown(drawn.DATA)),
        "diagnostics": _diagnostics(answers, tables) + folded("Figures of the fit", shown(drawn.CHECKS)) + learnt,
        "limits": items(prose.limits(answers)),
        "settings": folded("Of the report, the fit and the libraries", _settings(answers, tables)),
    }


# ------------------------------------------------------------------------------------------------------------ header
def _lead(answers: Answers) -> str:
    data = answers.fit.data
    unit = "money, in the currency of the data" if answers.in_money else answers.unit
    first, last = (f"{day:%Y-%m-%d}" for day in data.dates[[0, -1]])
    whole = (answers.start, answers.stop) == (first, last)
    about = "" if whole else f" This report is about {answers.start} to {answers.stop}."
    return paragraph(
        f"{answers.outcome} ({unit}){_of_geos(data.geos)}; {len(data.dates)} {data.frequency} periods from {first} to "
        f"{last}.{about}",
        "lead",
    )


def _of_geos(geos: Sequence[str]) -> str:
    return f" of {len(geos)} geos, in total where no geo is named" if len(geos) > 1 else ""


def _banner(answers: Answers) -> str:
    if answers.verdict == "converged":
        return ""
    what = {
        "failed": "The sampler failed: these draws do not represent the posterior. Do not use the numbers below.",
        PREVIEW: "A preview, not sampled: a Normal took the place of the posterior. Decide nothing by these numbers.",
    }.get(answers.verdict, "The sampler's verdict is doubtful: take the numbers below as provisional.")
    said = str(answers.fit.convergence).splitlines()[0]
    return f'<div class="banner" role="alert">\n{paragraph(what)}{paragraph(said)}</div>\n'


# ---------------------------------------------------------------------------------------------------------- findings
def _findings(answers: Answers, findings: Sequence[Finding]) -> str:
    lead = paragraph(
        f"Numbers are medians; ranges in brackets hold {percent(answers.ci_prob)} of the probability. "
        f"{counted_words(answers)}. All this holds as far as the assumptions below do."
    )
    topics: dict[str, list[str]] = {"In short": []}
    for finding in findings:
        topics.setdefault("In short" if finding.main else finding.topic, []).append(_finding(finding))
    return lead + "".join(_topic(topic, found) for topic, found in topics.items())


def _topic(topic: str, found: Sequence[str]) -> str:
    """The findings of a topic, the first of many to be read and the others to be opened; tables have all."""
    shown, rest = found[:_READ], found[_READ:]
    more = folded(f"{len(rest)} more of these", f"<ul>\n{''.join(rest)}</ul>\n") if rest else ""
    return f"<h3>{plain(topic)}</h3>\n<ul>\n{''.join(shown)}</ul>\n{more}"


def _finding(finding: Finding) -> str:
    source = f"tables: {', '.join(finding.tables)}"
    return f'<li>{plain(finding.text)} <span class="source">[{plain(source)}]</span></li>\n'


def _numbers(answers: Answers, tables: Tables) -> str:
    effects = tables["effects"]
    totals = effects[(effects["kind"] == "channel") & (effects["quantity"] == "total")]
    order = totals.sort_values("median", ascending=False)["channel"].tolist()
    out = [_effects_table(answers, tables, order)]
    if answers.bought:
        out.append(_returns_table(answers, tables, [name for name in order if name in answers.bought]))
    if answers.exposures:
        out.append(_thousand_table(answers, tables))
    out += [terms_html(answers, tables), _accounting_table(answers, tables, order)]
    out.append(experiments_html(answers, tables))
    out.append(folded("Every part of the accounting", _parts_table(answers, tables)))
    out.append(folded("How long spend is carried over", _memory_table(tables)))
    files = ", ".join(f"{name}.csv" for name in tables)
    out.append(paragraph(f"Every table is a file beside this page, in the folder tables: {files}.", "note"))
    return "".join(out)


def _effects_table(answers: Answers, tables: Tables, order: Sequence[str]) -> str:
    table = tables["effects"]
    mediators = list(answers.fit.system.mediators)
    rows = []
    for name in order:
        where: dict[str, Any] = {"channel": name, "kind": "channel"}
        total = one(table, **where, quantity="total")
        cells = [plain(name), plain(paid_words(total)), cell(total)]
        cells.append(picked(table, **where, quantity="direct"))
        cells += [picked(table, **where, quantity="via", mediator=m) for m in mediators]
        rows.append([*cells, picked(tables["shares"], 100.0, channel=name)])
    if len(order) > 1:
        groups = tables["groups"]
        names = ["joint", "joint_direct", *(["joint_indirect"] if len(mediators) == 1 else [])]
        cells = ["all together", large_number(one(groups, quantity="joint")["spend"])]
        cells += [picked(groups, quantity=name) for name in names]
        cells += ["&ndash;"] * (len(mediators) if len(mediators) > 1 else 0)
        rows.append([*cells, picked(groups, 100.0, quantity="share")])
    head = [
        "Channel",
        "Spend, and units" if answers.exposures else "Spend",
        f"Effect on {answers.outcome}",
        "Directly",
        *(f"Through {m}" for m in mediators),
    ]
    note = (
        f"Effects in {answers.unit}; below each median its {percent(answers.ci_prob)} interval. "
        f"{counted_words(answers)}. The share counts all spend up to the end of the window and its effect in the window."
    )
    return table_html("What would have been lost without each channel", [*head, "Share, %"], rows, note=note)


def _returns_table(answers: Answers, tables: Tables, order: Sequence[str]) -> str:
    rows = []
    for name in order:
        where = {"channel": name, "kind": "channel"}
        back, more = one(tables["roi"], **where, quantity="roi"), one(tables["marginal_roi"], **where)
        cost = _above(back) if answers.in_money else picked(tables["cost"], channel=name)
        net = [picked(tables["roi_net"], channel=name)] if "roi_net" in tables else []
        above = [_above(more)] if answers.in_money else []
        rows.append([plain(name), cell(back), cost, *net, cell(more), *above, probability(more["p_best"])])
    head = ["Channel", "Return", "P(above 1)" if answers.in_money else f"Cost per unit of {answers.outcome}"]
    head += ["Net return"] if "roi_net" in tables else []
    head += ["Marginal return", *(["P(above 1)"] if answers.in_money else []), "P(highest)"]
    unit = f"{answers.unit} per money" if not answers.in_money else "money back per unit of money"
    note = (
        f"Returns in {unit}. P is a probability; P(highest) that of the highest marginal return of all channels."
    )
    marginal = pick(tables["marginal_roi"], kind="channel")
    if idle := list(marginal[~had(marginal)]["channel"]):
        note += (
            f" Without spend in the window: {joined(idle)}; the marginal return there is that of one typical period's "
            f"spend, spread evenly over the window, and is not compared with the others."
        )
    if "roi_net" in tables:
        note += " The net return counts what a channel drew into paid mediators as its cost, too."
    return table_html("What the channels returned", head, rows, note=note)


def _above(row: pd.Series) -> str:
    """Probability of a return above 1, and what is to be known of a channel that is not told apart from no effect."""
    chance, note = probability(row["p_above"]), doubt(row)
    return f'{chance}<small class="why">{plain(note)}</small>' if note else chance


def _thousand_table(answers: Answers, tables: Tables) -> str:
    """What a thousand units of each exposure brought and cost, with its return beside them."""
    rows = []
    for _, row in tables["per_thousand"].iterrows():
        cost = "&ndash;" if np.isnan(row["cost_per_thousand"]) else number(row["cost_per_thousand"])
        rows.append([plain(row["channel"]), plain(row["counted_in"]), cell(row), cost, cell(row, 1.0, "roi_")])
    note = (
        f"Effects in {answers.unit}, cost in money, of the window; the return is the first over the second. A dash is a "
        f"channel of which it is not known what was paid."
    )
    head = ["Channel", "Counted in", f"Effect on {answers.outcome} of 1,000", "Cost of 1,000", "Return"]
    return table_html("What a thousand units brought and cost", head, rows, note=note, text=2)


def _accounting_table(answers: Answers, tables: Tables, order: Sequence[str]) -> str:
    table, views = tables["accounting"], ("accounting", "zero_out", "difference")
    rows = [[plain(c), *(picked(table, channel=c, effect="total", view=v) for v in views)] for c in order]
    note = (
        f"In {answers.unit}, on the outcome of {answers.start} to {answers.stop}, earlier spend counted in. The "
        "accounting splits the outcome into parts that add up; the other column is what would have been lost."
    )
    head = ["Channel", "Accounting", "Would have been lost", "Difference"]
    return table_html("Two ways to count", head, rows, note=note)


def _parts_table(answers: Answers, tables: Tables) -> str:
    rows, nothing = [], []
    for _, row in tables["decomposition_total"].iterrows():
        if row["lower"] == row["upper"] == 0.0:
            nothing.append(row["component"])
            continue
        rows.append([plain(row["component"]), cell(row), cell(row, 100.0, "share_")])
    note = (
        f"In {answers.unit}, summed over {answers.start} to {answers.stop}; by quarter in decomposition_quarters.csv. "
        f"{_references(answers)}"
    )
    if nothing:
        note += f" Over this window they add up to nothing for {joined(nothing)}."
    head = ["Part", "Contribution", "Share of the mean, %"]
    return table_html(f"Accounting: the parts of {answers.outcome}", head, rows, note=note)


def _references(answers: Answers) -> str:
    """Say which level each control is counted from."""
    levels = json.loads(answers.parts.attrs["reference"])
    return f"Controls count from {joined([f'{number(v)} of {n}' for n, v in levels.items()])}." if levels else ""


def _memory_table(tables: Tables) -> str:
    half_lives = tables["half_lives"]
    rows = [[plain(row["channel"]), plain(row["equation"]), cell(row)] for _, row in half_lives.iterrows()]
    return table_html(
        "Half-life of what is carried over, in days", ["Channel", "Acts on", "Half-life"], rows, text=2
    )


# ------------------------------------------------------------------------------------------------------------ geos
def _by_geo(answers: Answers, tables: Tables) -> str:
    """The returns or effects of every channel in every geo, and how well each geo is fitted."""
    if answers.geos is None:
        return ""
    left_out = answers.geos.left_out(ROWS, "the files {}_by_geo.csv")
    parts = [("effects", "total", answers.channels, f"Effect on {answers.outcome} by geo", answers.unit)]
    if answers.bought:
        unit = "money back per unit of money" if answers.in_money else f"{answers.unit} per money"
        parts = [("roi", "roi", answers.bought, "Return by geo", unit), *parts]
        if "marginal_roi_by_geo" in tables:
            parts.insert(1, ("marginal_roi", "marginal_roi", answers.bought, "Marginal return by geo", unit))
    out = []
    for name, quantity, channels, caption, unit in parts:
        table = pick(tables[f"{name}_by_geo"], quantity=quantity)
        table = table[had(table)]
        rows = [
            [plain(geo), *(picked(table, geo=geo, channel=channel) for channel in channels)]
            for geo in answers.geos.first(ROWS)
        ]
        note = f"In {unit}; a dash is a channel that the geo did not buy. {left_out.format(name)}".strip()
        out.append(table_html(caption, ["Geo", *channels], rows, note=note))
    return "".join(out)


def _fit_by_geo(answers: Answers, tables: Tables) -> str:
    if answers.geos is None:
        return ""
    rows = []
    for name in answers.fit.system.order:
        for geo in answers.geos.first(ROWS):
            row = one(tables["fit_by_geo"], equation=name, geo=geo)
            cells = [plain(name), plain(geo), number(row["r2"]), large_number(row["rmse"])]
            lags = f"{row['lags_outside_band']} of {row['lags']}"
            rows.append([*cells, f"{100.0 * row['coverage']:.1f} %", lags])
    head = ["Equation", "Geo", "R²", "RMSE", f"In the {percent(answers.ci_prob)} interval", "Lags off band"]
    note = answers.geos.left_out(ROWS, "the file fit_by_geo.csv")
    return table_html("How well each geo is fitted", head, rows, text=2, note=note)


# --------------------------------------------------------------------------------------------------- model and data
def _equations(answers: Answers) -> str:
    text = str(answers.fit.system).rpartition("\n\nNext:")[0]
    return f"<pre>{escape(text)}</pre>\n"


def _data(tables: Tables) -> str:
    columns = {"mean": "Mean", "sd": "SD", "min": "Least", "median": "Median", "max": "Most", "total": "Total"}
    rows = []
    for _, row in tables["data"].iterrows():
        cells = [plain(row["column"]), plain(row["role"]), plain(row["unit"]) or "&ndash;"]
        cells += [large_number(row[name]) for name in columns]
        rows.append([*cells, f"{number(100.0 * row['zero_share'])} %"])
    head = ["Column", "Role", "Unit", *columns.values(), "Zeros"]
    return table_html("The data by column", head, rows, text=3)


def _cautions(answers: Answers) -> str:
    unwise = system_warnings(answers.fit.system, answers.fit.data)
    none = paragraph("No cautions: the checks of data and model before a fit found nothing unwise.")
    return "<h3>Cautions</h3>\n" + items(map(str, unwise)) if unwise else none


# ------------------------------------------------------------------------------------------------------- diagnostics
def _diagnostics(answers: Answers, tables: Tables) -> str:
    lines = str(answers.fit.convergence).splitlines()
    out = [paragraph(f"S{lines[0][1:]}."), items(line.strip() for line in lines[1:]) if lines[1:] else ""]
    rows = []
    for _, row in tables["fit_quality"].iterrows():
        cells = [plain(row["equation"]), plain(row["unit"]), number(row["r2"])]
        cells += [large_number(row["rmse"]), large_number(row["mae"]), f"{100.0 * row['coverage']:.1f} %"]
        rows.append([*cells, f"{row['lags_outside_band']} of {row['lags']}"])
    head = [
        "Equation",
        "Unit",
        "R²",
        "RMSE",
        "MAE",
        f"In the {percent(answers.ci_prob)} interval",
        "Lags off band",
    ]
    note = (
        "R², RMSE and MAE are those of the fitted mean, on the periods that were fitted. About "
        f"{percent(answers.ci_prob)} of the observed values should lie in their predictive interval, and about "
        f"{percent(1.0 - answers.ci_prob)} of the lags of the residual autocorrelation leave the band by chance."
    )
    out.append(table_html("How well the equations fit", head, rows, text=2, note=note))
    return "".join(out) + _fit_by_geo(answers, tables) + _checked(answers.diagnosis)


def _checked(diagnosis: Diagnosis) -> str:
    """Every check that was raised, with what it means and what to try; how many were not."""
    counts = diagnosis.counts
    words = {"ok": "found nothing", "warn": "warn", "fail": "failed", "unknown": "could not be made"}
    told = joined([f"{counts[verdict]} {words[verdict]}" for verdict in words if counts[verdict]])
    items = "".join(
        f"<li><b>{plain(check.name)} ({plain(check.verdict)})</b>: {plain(check.finding)} "
        f"{plain(check.meaning[:1].upper() + check.meaning[1:])}.\n<ol>\n{list_of(check.remedies, 'li')}</ol>\n</li>\n"
        for check in diagnosis.raised
    )
    silent = (
        "No check sees a cause of spend and sales that is not in the data. Thresholds and their sources are in the "
        "table diagnosis."
    )
    raised = f"<ul>\n{items}</ul>\n" if items else ""
    head = paragraph(f"Of {len(diagnosis.checks)} checks, {told}.")
    return f"<h3>What was checked</h3>\n{head}{raised}{paragraph(silent)}"


def _settings(answers: Answers, tables: Tables) -> str:
    fit = answers.fit
    used = answers.effects.sizes["chain"] * answers.effects.sizes["draw"]
    report = {
        "window": f"{answers.window}, {answers.start} to {answers.stop}",
        "interval": f"{percent(answers.ci_prob)}, equal-tailed",
        "draws used": f"{used:,} of {fit.posterior.sizes['chain'] * fit.posterior.sizes['draw']:,}; "
        f"{tables['response_curves']['draws'].iloc[0]:,} for response curves",
        "sampler verdict": answers.verdict,
    }
    plain = {name: value for name, value in fit.settings.items() if name != "seconds"}
    return (
        f"<h3>This report</h3>\n{pairs(report)}<h3>The fit</h3>\n{pairs(plain)}"
        f"<h3>Versions that made the draws</h3>\n{pairs(fit.versions)}"
    )
