"""The findings as plain sentences, computed from the tables: each with its interval, none saying more than that."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bayesmmm.estimands import EXTRAPOLATED
from bayesmmm.report.answers import Answers
from bayesmmm.report.geo_findings import make_geo_findings
from bayesmmm.report.sentences import (
    Finding,
    Tables,
    amount,
    doubt,
    lost,
    percents,
    plain,
    ranked,
    spent,
    unsettled,
)
from bayesmmm.report.tables import had, one, pick
from bayesmmm.text import counted, joined, number, percent, probability

#: A posterior interval at least so wide, in shares of the prior's, says that the data taught little.
LITTLE_LEARNT = 0.8
#: Interactions below this share of the joint effect are not worth a sentence.
_SMALL = 0.01


def make_findings(answers: Answers, tables: Tables) -> list[Finding]:
    """Return the findings in the order of the page."""
    makers = (
        *(_together, _channels, _returns, _per_thousand, _next_money, make_geo_findings),
        *(_mediators, _base, _uncertain, _extrapolated),
    )
    return [finding for make in makers for finding in make(answers, tables)]


# ---------------------------------------------------------------------------------------------------- all together
def _together(answers: Answers, tables: Tables) -> list[Finding]:
    topic, groups = "All channels together", tables["groups"]
    joint, count = one(groups, quantity="joint"), len(answers.channels)
    used = ("groups",)
    out = []
    if count > 1:
        text = f"Without the {counted(count, 'channel')} ({spent(joint, answers)}), {lost(joint, answers)}."
        if mediators := answers.fit.system.mediators:
            direct, indirect = (one(groups, quantity=f"joint_{name}") for name in ("direct", "indirect"))
            text = f"{text} {_ways(answers, direct, {joined(mediators): indirect})}"
        out.append(Finding(topic, text, used, main=True))
    if "share" in set(groups["quantity"]):
        row = one(groups, quantity="share")
        span = f"from {answers.start} to {answers.stop}"
        text = f"Of {answers.outcome} {span}, {percents(row, answers)} is owed to the channels"
        if row["lower"] < 0.0:
            text += "; the interval reaches below zero"
        out.append(Finding(topic, f"{text}. Carry-over of earlier spend is counted in.", used, main=True))
    if count > 1:
        out += [Finding(topic, text, used, main=True) for text in _joint_return(answers, groups)]
        out += [Finding(topic, text, used) for text in _interaction(answers, groups)]
    return out


def _ways(answers: Answers, direct: pd.Series, via: Mapping[str, pd.Series]) -> str:
    """Say how much of an effect came directly and how much through each mediator."""
    via = {name: row for name, row in via.items() if not _nothing(row)}
    if not via:
        return "All of it came directly."
    if _nothing(direct) and len(via) == 1:
        return f"All of it came through {next(iter(via))}."
    parts = [] if _nothing(direct) else [f"{amount(direct, answers)} came directly"]
    parts += [f"{amount(row, answers)} through {name}" for name, row in via.items()]
    return f"Of this, {joined(parts)}."


def _nothing(row: pd.Series) -> bool:
    return bool(row["lower"] == 0.0 and row["upper"] == 0.0)


def _joint_return(answers: Answers, groups: pd.DataFrame) -> list[str]:
    if "roi" not in set(groups["quantity"]):
        return []
    if answers.in_money:
        row = one(groups, quantity="roi")
        return [
            f"Together the channels returned {plain(row, answers)} per unit of money spent; the probability that they "
            f"returned more than they cost is {probability(row['p_above'])}."
        ]
    row = one(groups, quantity="cost")
    return [f"Through all channels together, {_one_more(answers)} cost {plain(row, answers)}{_if_gain(row)}."]


def _one_more(answers: Answers) -> str:
    return f"one more unit of {answers.outcome} ({answers.unit})"


def _if_gain(row: pd.Series) -> str:
    """Caution a cost that some draws do not have."""
    if row["p_gain"] >= 1.0:
        return ""
    return f"; the probability that there was no gain at all is {probability(1.0 - row['p_gain'])}"


def _interaction(answers: Answers, groups: pd.DataFrame) -> list[str]:
    row, joint = (one(groups, quantity=name) for name in ("interaction", "joint"))
    if abs(row["median"]) < _SMALL * abs(joint["median"]):
        return []
    return [
        "The effects of single channels do not add up to that of all: the effect of all together, less the sum "
        f"of the single ones, is {amount(row, answers)}."
    ]


# --------------------------------------------------------------------------------------------------------- channels
def _channels(answers: Answers, tables: Tables) -> list[Finding]:
    table = tables["effects"]
    totals = ranked(pick(table, kind="channel", quantity="total"))
    alone = len(totals) == 1
    there, out = dict(zip(totals["channel"], had(totals), strict=True)), []
    for _, row in totals.iterrows():
        name = row["channel"]
        if there[name] or answers.window == "outcome":
            of = pick(table, channel=name, kind="channel")
            via = {part["mediator"]: part for _, part in pick(of, quantity="via").iterrows()}
            ways = _ways(answers, one(of, quantity="direct"), via)
            text = f"Without {name} ({spent(row, answers)}), {lost(row, answers)}. {ways}"
        else:
            text = f"{name} had no spend in the window, so nothing can be said of its effect there."
        out.append(Finding("What each channel did", text, ("effects",), main=alone))
    return out


# ---------------------------------------------------------------------------------------------------------- returns
def _returns(answers: Answers, tables: Tables) -> list[Finding]:
    if not answers.bought:
        return []
    return _money_returns(answers, tables) if answers.in_money else _costs(answers, tables)


def _money_returns(answers: Answers, tables: Tables) -> list[Finding]:
    topic = "What each channel returned"
    table = ranked(pick(tables["roi"], kind="channel", quantity="roi"))
    table = table[table["median"].notna()]
    used = ("roi", *(["roi_net", "induced"] if "roi_net" in tables else []))
    out = []
    if len(table):
        out.append(Finding(topic, _sides(table, answers), ("roi",), main=True))
    for _, row in table.iterrows():
        text = f"{row['channel']} returned {plain(row, answers)} per unit of money spent: {_verdict(row)}{_weak(row)}."
        out.append(Finding(topic, text + _net(answers, tables, row["channel"]), used, main=len(table) == 1))
    return out


def _sides(table: pd.DataFrame, answers: Answers) -> str:
    """Say for which channels the interval of the return lies above 1, below 1, or holds it."""
    above, below = table["lower"] > 1.0, table["upper"] < 1.0
    sides = {"above": table.loc[above, "channel"], "below": table.loc[below, "channel"]}
    parts = [f"lies {side} 1 for {joined(names)}" for side, names in sides.items() if len(names)]
    held = table[~above & ~below]
    said = [f"The {percent(answers.ci_prob)} interval of the return {joined(parts)}."] if parts else []
    if len(held):
        first = "It" if parts else f"The {percent(answers.ci_prob)} interval of the return"
        which = ("it", "it") if len(held) == 1 else ("these", "they")
        chances = joined(probability(chance) for chance in held["p_above"])
        said.append(
            f"{first} holds 1 for {joined(held['channel'])}: whether {which[0]} returned more than {which[1]} "
            f"cost is open (probability {chances})."
        )
    return " ".join(said)


def _weak(row: pd.Series) -> str:
    """Say that a channel is not told apart from no effect: its probability rests on what was believed before."""
    note = doubt(row)
    return f". But it is {note}: the probability says little beyond what the prior said" if note else ""


def _verdict(row: pd.Series) -> str:
    chance = probability(row["p_above"])
    if row["lower"] > 1.0:
        return f"more than it cost, with a probability of {chance}"
    if row["upper"] < 1.0:
        return f"less than it cost; the probability of more is {chance}"
    return f"whether that is more than it cost is open, the probability is {chance}"


def _net(answers: Answers, tables: Tables, channel: str) -> str:
    """Say what is left of a return when the spend that the channel drew into paid mediators counts as its cost."""
    if "roi_net" not in tables:
        return ""
    drawn = pick(tables["induced"], channel=channel)
    drawn = drawn[[row["mediator"] in answers.paid and not _nothing(row) for _, row in drawn.iterrows()]]
    row = one(tables["roi_net"], channel=channel)
    if not len(drawn) or np.isnan(row["median"]):
        return ""
    words = joined(f"{plain(r, answers)} of spend into {r['mediator']}" for _, r in drawn.iterrows())
    return f" It drew {words}; with that counted as its cost too, it returned {plain(row, answers)}."


def _costs(answers: Answers, tables: Tables) -> list[Finding]:
    topic, used = f"What a unit of {answers.outcome} cost", ("cost", "roi")
    table = tables["cost"].sort_values("median", kind="stable")
    table = table[table["median"].notna()]
    best = pick(tables["roi"], kind="channel", quantity="roi")
    out = []
    if len(table) > 1 and best["p_best"].notna().any():
        row = best.loc[best["p_best"].idxmax()]
        text = (
            f"Most likely to have been the cheapest way to one more unit of {answers.outcome} ({answers.unit}) is "
            f"{row['channel']}, with a probability of {probability(row['p_best'])}"
        )
        text += f"{unsettled(row['p_best'], answers)}."
        out.append(Finding(topic, text, used, main=True))
    for _, row in table.iterrows():
        text = f"Through {row['channel']}, {_one_more(answers)} cost {plain(row, answers)}{_if_gain(row)}."
        out.append(Finding(topic, text, used, main=len(table) == 1))
    return out


def _per_thousand(answers: Answers, tables: Tables) -> list[Finding]:
    """Say what a thousand units of an exposure brought, and what they cost."""
    out = []
    for _, row in pick(tables["per_thousand"]).iterrows() if answers.exposures else ():
        if np.isnan(row["median"]):
            continue
        text = f"A thousand {row['counted_in']} of {row['channel']} brought {amount(row, answers)}"
        cost = row["cost_per_thousand"]
        known = f" and cost {number(cost)}" if cost > 0.0 else ", and nothing was paid for them in the window"
        text += "; what they cost is not in the data" if np.isnan(cost) else known
        out.append(Finding("What a thousand units brought and cost", f"{text}.", ("per_thousand",)))
    return out


# -------------------------------------------------------------------------------------------------- a little more
def _next_money(answers: Answers, tables: Tables) -> list[Finding]:
    topic, used = "Where a little more money would go furthest", ("marginal_roi",)
    if not answers.bought:
        return []
    table = ranked(pick(tables["marginal_roi"], kind="channel"))
    table = table[table["median"].notna()]
    idle = ~had(table)
    table, idle = table[~idle], table[idle]
    out = []
    if len(table) > 1:
        best = table.loc[table["p_best"].idxmax()]
        of = f"{counted(len(table), 'channel')}{' with spend' if len(idle) else ''}"
        text = (
            f"A little more money is most likely to go furthest in {best['channel']}: it has the highest marginal "
            f"return of the {of} with a probability of {probability(best['p_best'])}"
        )
        second = table[table["channel"] != best["channel"]].sort_values("p_best", ascending=False).iloc[0]
        if doubt := unsettled(best["p_best"], answers):
            text += f"{doubt} (next is {second['channel']}, with {probability(second['p_best'])})"
        out.append(Finding(topic, f"{text}.", used, main=True))
    for _, row in table.iterrows():
        brings = "brings back" if answers.in_money else "brings"
        text = (
            f"One more unit of money in {row['channel']}, spread over time as its spend was, {brings} "
            f"{amount(row, answers)}{_at_the_margin(row, answers)}."
        )
        out.append(Finding(topic, text, used, main=len(table) == 1))
    for _, row in idle.iterrows():
        text = (
            f"{row['channel']} had no spend in the window: were the spend of one typical period spread evenly over it, "
            f"each unit of that money would bring {amount(row, answers)}{_at_the_margin(row, answers)}."
        )
        out.append(Finding(topic, text, used))
    return out


def _at_the_margin(row: pd.Series, answers: Answers) -> str:
    if not answers.in_money:
        return ""
    chance, weak = probability(row["p_above"]), _weak(row)
    if row["lower"] > 1.0:
        return f", more than itself with a probability of {chance}{weak}"
    if row["upper"] < 1.0:
        return f", less than itself; the probability of more is {chance}{weak}"
    return f"; the probability that this is more than itself is {chance}{weak}"


# --------------------------------------------------------------------------------------------- mediators and base
def _mediators(answers: Answers, tables: Tables) -> list[Finding]:
    topic, out = "Mediators", []
    kinds = tables["decomposition_kinds"]
    for name in answers.fit.system.mediators:
        via, organic = (pick(kinds, kind=kind, mediator=name) for kind in ("via", "organic"))
        if len(via) and len(organic):
            driven, other = (amount(part.iloc[0], answers) for part in (via, organic))
            text = (
                f"In the accounting view, of what {name} added to {answers.outcome}, {driven} was driven by the "
                f"channels and {other} was not."
            )
            if organic["lower"].iloc[0] < 0.0:
                text += (
                    " A negative part means that the channels' share may exceed what the mediator added in all."
                )
            out.append(Finding(topic, text, ("decomposition_kinds",)))
    out += _two_views(answers, tables, topic)
    own = pick(tables["effects"], kind="mediator", quantity="total")
    for _, row in own.iterrows():
        text = f"Without {row['channel']} itself ({spent(row, answers)}), whatever drove it, {lost(row, answers)}."
        used = ["effects"]
        if answers.in_money and answers.bought and row["spend"] > 0.0:
            back = one(tables["roi"], channel=row["channel"], kind="mediator", quantity="roi")
            text += (
                f" It returned {plain(back, answers)} per unit of money spent on it; the probability of more than 1 is "
                f"{probability(back['p_above'])}."
            )
            used.append("roi")
        text += f" This overlaps with what the channels did through {row['channel']}: do not add the two."
        out.append(Finding(topic, text, tuple(used), main=True))
    return out


def _two_views(answers: Answers, tables: Tables, topic: str) -> list[Finding]:
    """Say where the accounting and what would be lost differ beyond doubt."""
    table = pick(tables["accounting"], effect="total", view="difference")
    sides = {"more": table[table["lower"] > 0.0], "less": table[table["upper"] < 0.0]}
    parts = [
        f"{side} than would have been lost without the channel for "
        f"{joined(f'{row.channel} by {amount(row, answers)}' for _, row in rows.iterrows())}"
        for side, rows in sides.items()
        if len(rows)
    ]
    if not parts:
        return []
    text = (
        f"The accounting view books {joined(parts)}. It shares the outcome out so that its parts add up; what "
        "would have been lost is what a decision on one channel turns on."
    )
    return [Finding(topic, text, ("accounting",))]


def _base(answers: Answers, tables: Tables) -> list[Finding]:
    common = answers.geos is not None and answers.outcome in answers.geos.period
    and_common = ", seasonality and period effects" if common else " and seasonality"
    part = percents(one(tables["decomposition_kinds"], kind="base"), answers, "share_")
    text = (
        f"In the accounting view, {part} of {answers.outcome} from {answers.start} to {answers.stop} is base: what the "
        f"intercept, trend{and_common} carry and no channel does."
    )
    return [Finding("What is not media", text, ("decomposition_kinds",))]


# ------------------------------------------------------------------------------------------------- what is not known
def _uncertain(answers: Answers, tables: Tables) -> list[Finding]:
    topic, out = "What remains uncertain", []
    totals = pick(tables["effects"], kind="channel", quantity="total")
    totals = totals[totals["median"] != 0.0]
    if len(totals) > 1:
        width = (totals["upper"] - totals["lower"]) / totals["median"].abs()
        row = totals.loc[width.idxmax()]
        text = (
            f"Least certain, for its size, is the effect of {row['channel']} on {answers.outcome}: "
            f"{amount(row, answers)}."
        )
        out.append(Finding(topic, text, ("effects",), main=True))
    known = tables["learnt"]
    little = known[known["width_ratio"] >= LITTLE_LEARNT]
    sizes = _little_about_size(known)
    if len(sizes):
        named = "; ".join(
            f"on {name}: {joined(rows['channel'])}" for name, rows in sizes.groupby("equation", sort=False)
        )
        text = (
            f"About the size of some effects the data say little beyond what was assumed before ({named}): the interval "
            f"of the contribution is at least {percent(LITTLE_LEARNT)} as wide as that of its prior."
        )
        out.append(Finding(topic, text, ("learnt",), main=True))
    shapes, of = little[little["parameter"] != "contribution"], known[known["parameter"] != "contribution"]
    if len(shapes):
        text = (
            f"Of the {counted(len(of), 'parameter')} of carry-over and saturation, {len(shapes)} "
            f"{'is' if len(shapes) == 1 else 'are'} hardly narrower than assumed before (interval at least "
            f"{percent(LITTLE_LEARNT)} as wide as that of the prior): there the priors say how long spend works and how "
            f"it saturates."
        )
        out.append(Finding(topic, text, ("learnt",)))
    return out


def _little_about_size(known: pd.DataFrame) -> pd.DataFrame:
    """Equations and channels about whose contribution little was learnt, in a panel in every geo that bought them."""
    sizes = known[(known["parameter"] == "contribution") & known["width_ratio"].notna()]
    least = sizes.groupby(["equation", "channel"], sort=False)["width_ratio"].min()
    return least[least >= LITTLE_LEARNT].reset_index()


def _extrapolated(answers: Answers, tables: Tables) -> list[Finding]:
    topic, used = "What is extrapolated", ("response_curves",)
    table = tables["response_curves"]
    beyond = table[table["extrapolated"]]
    last, what = table["factor"].max(), "spend or exposure" if answers.exposures else "spend"
    groups: dict[float, list[str]] = {}
    for name in answers.channels:
        first = beyond.loc[beyond["channel"] == name, "factor"]
        if len(first):
            groups.setdefault(float(first.min()), []).append(name)
    free = [name for name in answers.channels if not any(name in names for names in groups.values())]
    parts = [
        f"at {number(factor)} times the {what} and above for {joined(names)}"
        for factor, names in sorted(groups.items())
    ]
    if parts:
        text = (
            f"Response curves leave what was observed {joined(parts)}: there more than {percent(EXTRAPOLATED)} "
            f"of the {what} would fall into periods with more of it than was ever seen, and the curve rests on "
            "its assumed shape."
        )
        if free:
            text += (
                f" Those of {joined(free)} stay within what was observed up to {number(last)} times the {what}."
            )
    else:
        text = f"Up to {number(last)} times the {what} no response curve leaves what was observed."
    return [Finding(topic, text, used, main=True)]
