"""What controls and events brought: their table, its place on the page, and a sentence for the first one."""

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm.report.answers import Answers
from bayesmmm.report.pieces import cell, picked, plain, table_html
from bayesmmm.report.sentences import Tables
from bayesmmm.report.tables import marked, one, pick, rows, without_rounding
from bayesmmm.text import joined, large_number, number, rough_percent

#: Rows on the page, of controls and events with the largest effects; the file holds all.
_ROWS = 20
#: On the first page: share of the outcome from which on one is named, and how many are.
_LEAST, _NAMED = 0.01, 3
_QUANTITIES = {
    "term_total": "total",
    "term_direct": "direct",
    "term_indirect": "indirect",
    "term_via": "via",
    "term_share": "share",
    "per_unit": "per_unit",
}


def make_terms_table(answers: Answers) -> dict[str, pd.DataFrame]:
    """Return what each control and event brought over the window, beside its reference: a row per quantity."""
    found = answers.effects
    if "term" not in found.coords:
        return {}
    mean = answers.quarters["mean"].sum("date")
    whole = {"share": xr.ones_like(mean)}
    tables = [
        rows(_cleaned(found[name], whole.get(quantity, mean)), answers, quantity=quantity)
        for name, quantity in _QUANTITIES.items()
        if name in found
    ]
    out = pd.concat(tables, ignore_index=True)
    if "mediator" in out:
        out["mediator"] = out["mediator"].fillna("")
    about = found[["term_kind", "reference"]].to_dataframe().join(found["units_away"].to_series())
    for name in ("units_away", "reference", "term_kind"):
        out.insert(1, name.removeprefix("term_"), out["term"].map(about[name]))
    return {"terms": marked(out.assign(window=answers.window, start=answers.start, stop=answers.stop), answers)}


def _cleaned(draws: xr.DataArray, whole: xr.DataArray) -> xr.DataArray:
    """Draws with 0 where there is nothing but rounding; a ratio of it to units is none."""
    return without_rounding(draws, whole).transpose("chain", "draw", ...).assign_attrs(draws.attrs)


def terms_html(answers: Answers, tables: Tables) -> str:
    """The table of the page, those with the largest effects first."""
    if "terms" not in tables:
        return ""
    table = tables["terms"]
    totals = pick(table, quantity="total")
    at_rest = totals.loc[~(totals["units_away"] > 0.0), "term"].tolist()
    totals = totals[totals["units_away"] > 0.0]
    totals = totals.loc[totals["median"].abs().sort_values(ascending=False, kind="stable").index]
    lines = []
    for _, row in totals.head(_ROWS).iterrows():
        term = row["term"]
        cells = [plain(term), number(row["reference"]), large_number(row["units_away"]), cell(row)]
        cells += [picked(table, 100.0, term=term, quantity="share"), picked(table, term=term, quantity="per_unit")]
        lines.append(cells)
    note = (
        f"Effects in {answers.unit}, through mediators too: what {answers.outcome} would have lost with the control at "
        f"the level that it is counted from, an event without its days. Per unit: of one unit on either side of it."
    )
    if at_rest:
        note += f" At that level in the whole window: {joined(at_rest)}."
    if len(totals) > _ROWS:
        note += f" The {_ROWS} largest of {len(totals)}; all are in terms.csv."
    head = [
        "Control or event",
        "Counted from",
        "Units away",
        f"Effect on {answers.outcome}",
        "Share, %",
        "Per unit",
    ]
    return table_html("What controls and events brought", head, lines, note=note) if lines else ""


def terms_sentence(answers: Answers, tables: Tables) -> str:
    """Name what beside media surely moved the outcome, the largest first; nothing where nothing did."""
    if "terms" not in tables:
        return ""
    shares = pick(tables["terms"], quantity="share")
    sure = (shares["lower"] > 0.0) | (shares["upper"] < 0.0)
    shares = shares[sure & np.isfinite(shares["median"]) & (shares["median"].abs() >= _LEAST)]
    shares = shares.loc[shares["median"].abs().sort_values(ascending=False, kind="stable").index].head(_NAMED)
    said = [
        f"{term} {'brought' if one(shares, term=term)['median'] > 0.0 else 'took'} {_percents(one(shares, term=term))}"
        for term in shares["term"]
    ]
    return f"Beside media, in shares of {answers.outcome}: {joined(said)}." if said else ""


def _percents(row: pd.Series) -> str:
    low, high = sorted(abs(row[end]) for end in ("lower", "upper"))
    return (
        f"{rough_percent(abs(row['median']))} ({rough_percent(low).removesuffix(' %')} to {rough_percent(high)})"
    )
