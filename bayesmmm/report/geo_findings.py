"""The findings about single geos of a panel, as plain sentences computed from the tables."""

import numpy as np
import pandas as pd

from bayesmmm.report.answers import Answers
from bayesmmm.report.sentences import Finding, Tables, percents, plain, ranked, unsettled
from bayesmmm.report.tables import had, one, pick
from bayesmmm.text import counted, joined, percent, probability

_TOPIC = "Where it worked"


def make_geo_findings(answers: Answers, tables: Tables) -> list[Finding]:
    """Return what is found about single geos; nothing of one series."""
    if answers.geos is None:
        return []
    return [*_returns(answers, tables), *_next_money(answers, tables), *_in_common(answers, tables)]


def _returns(answers: Answers, tables: Tables) -> list[Finding]:
    if "roi_by_geo" not in tables:
        return []
    out = []
    for channel in answers.bought:
        table = ranked(pick(tables["roi_by_geo"], channel=channel, quantity="roi"))
        table = table[table["median"].notna()]
        if len(table) > 1:
            text = f"{_ends(table, channel, answers)}{_earned(table, answers)}"
            out.append(Finding(_TOPIC, text, ("roi_by_geo",)))
        elif len(table):
            row = table.iloc[0]
            text = f"{channel} was bought in {row['geo']} only, where it returned {plain(row, answers)}."
            out.append(Finding(_TOPIC, text, ("roi_by_geo",)))
    return out


def _ends(table: pd.DataFrame, channel: str, answers: Answers) -> str:
    """Say where a channel returned most and least, no surer than the draws are."""
    first, last = table.iloc[0], table.iloc[-1]
    doubt = unsettled(first["p_best"], answers)
    return (
        f"Of the {counted(len(table), 'geo')} that bought {channel}, it returned most in {first['geo']}: "
        f"{plain(first, answers)} per unit of money spent; the probability that this is the highest is "
        f"{probability(first['p_best'])}{doubt}. It returned least in {last['geo']}: {plain(last, answers)}."
    )


def _earned(table: pd.DataFrame, answers: Answers) -> str:
    """Say in how many geos the interval of a return lies above 1, and where below."""
    if not answers.in_money:
        return ""
    above, below = int((table["lower"] > 1.0).sum()), table.loc[table["upper"] < 1.0, "geo"].tolist()
    said = f" The {percent(answers.ci_prob)} interval lies above 1 in {above} of {len(table)} geos"
    return f"{said}, and below 1 in {joined(below)}." if below else f"{said}, and below 1 in none."


def _next_money(answers: Answers, tables: Tables) -> list[Finding]:
    """Say in which geo and channel the next unit of money goes furthest: the highest of all pairs in most draws."""
    assert answers.geos is not None
    if answers.geos.marginal is None:
        return []
    draws = answers.geos.marginal.stack(pair=("geo", "channel"), sample=("chain", "draw"))
    draws = draws.transpose("pair", "sample")
    table = tables["marginal_roi_by_geo"]
    spent = set(table.loc[had(table), ["geo", "channel"]].itertuples(index=False, name=None))
    active = [pair in spent for pair in draws["pair"].values]  # elsewhere it is the return on a step
    draws = draws[np.isfinite(draws.values).all(axis=1) & active]
    if len(draws) < 2:
        return []
    share = np.bincount(draws.values.argmax(axis=0), minlength=len(draws)) / draws.sizes["sample"]
    geo, channel = draws["pair"].values[share.argmax()]
    row = one(tables["marginal_roi_by_geo"], geo=geo, channel=channel)
    chance = float(share.max())
    text = (
        f"Of the {len(draws)} pairs of channel and geo, one more unit of money is most likely to go furthest in "
        f"{channel} in {geo}, where it brings {plain(row, answers)}: the highest of all with a probability of "
        f"{probability(chance)}"
    )
    text += f"{unsettled(chance, answers)}."
    return [Finding(_TOPIC, text, ("marginal_roi_by_geo",), main=True)]


def _in_common(answers: Answers, tables: Tables) -> list[Finding]:
    """Say how far geos move together for reasons that no term explains."""
    assert answers.geos is not None
    out = []
    for name in answers.geos.period:
        row = one(tables["parameters"], parameter=f"{name}.omega")
        text = (
            f"What moves {name} in all geos at once and no term explains has a standard deviation of "
            f"{percents(row, answers)} of the mean of {name}; it is taken out before effects of media are told."
        )
        out.append(Finding("What is not media", text, ("parameters", "period_effects")))
    return out
