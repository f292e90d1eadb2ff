"""What the first pages say to the person who decides: sentences, cards, a recommendation, the titles of figures.

Every number is one of the tables of the report, of its plan, or of its answers; nothing else is computed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesmmm.optimize import Plan
from bayesmmm.report.answers import Answers
from bayesmmm.report.experiments import experiment_sentence
from bayesmmm.report.others import terms_sentence
from bayesmmm.report.recommendation import CHANGE
from bayesmmm.report.sentences import Tables, Words, ranked
from bayesmmm.report.tables import had, one, pick, rows
from bayesmmm.results.convergence import PREVIEW
from bayesmmm.text import brief, joined, number, percent, probability, rough_percent

#: Channels that a sentence names, at most.
_NAMED = 3
_OBJECTIVES = {"profit": "profit", "roi": "return"}
#: The verdict, and what it means for who decides.
_VERDICTS = {
    "failed": ("Do not use", "decide nothing by these numbers"),
    PREVIEW: ("Preview", "decide nothing by these numbers"),
    "fail": ("Not to be trusted yet", "move no money until the failed checks are answered"),
    "warn": ("Use with care", "move money in small steps that can be undone"),
    "ok": ("Sound", "decide by the ranges, not by single numbers"),
}
_DRAWS = {
    "converged": "draws converged",
    "doubtful": "draws are doubtful",
    "failed": "sampler failed",
    PREVIEW: "not sampled",
}


@dataclass(frozen=True)
class Card:
    """One number that is read at a glance."""

    label: str
    value: str
    below: str


@dataclass(frozen=True)
class Advice:
    """A recommended plan in words: its table by channel, its gain, what it rests on."""

    title: str
    gain: str
    rests: tuple[str, ...]
    table: tuple[tuple[str, str, str, str], ...]  # channel, now, then, change


@dataclass(frozen=True)
class Summary:
    """All that the first pages say."""

    sentences: tuple[str, ...]
    cards: tuple[Card, ...]
    advice: Advice | None
    no_advice: str
    titles: Mapping[str, str]  # of figures, by their name
    others: str  # what controls and events did; empty where that is little
    test: tuple[str, str]  # what to test next, as a title and a sentence; empty where that cannot be said


def summarise_for_decider(answers: Answers, tables: Tables) -> Summary:
    """Put what a decision turns on into a few words."""
    words = Words(answers)
    advice = None if answers.plan is None else _advice(answers, answers.plan, words)
    plan = f"There is no recommendation: {answers.no_plan}." if advice is None else advice.gain
    sentences = (_brought(answers, tables, words), _channels(answers, tables, words), plan)
    return Summary(
        tuple(filter(None, sentences)),
        tuple(_cards(answers, tables, words)),
        advice,
        answers.no_plan,
        {name: title for name, title in _titles(answers, tables, words).items() if title},
        terms_sentence(answers, tables),
        experiment_sentence(answers, tables, words),
    )


# ---------------------------------------------------------------------------------------------------------- sentences
def share_of_media(answers: Answers, tables: Tables) -> pd.Series | None:
    """Share of the outcome of the window that is owed to the channels; None where the outcome adds up to nothing."""
    groups = tables["groups"]
    return one(groups, quantity="share") if "share" in set(groups["quantity"]) else None


def total_return(tables: Tables) -> pd.Series | None:
    """Return of all channels together; None where one of them is not money."""
    groups = tables["groups"]
    return one(groups, quantity="roi") if "roi" in set(groups["quantity"]) else None


def _percents(row: pd.Series) -> str:
    return f"{rough_percent(row['lower']).removesuffix(' %')} to {rough_percent(row['upper'])}"


def _brought(answers: Answers, tables: Tables, words: Words) -> str:
    own = rows(answers.counted["joint"], answers).iloc[0]
    said = (
        f"Media brought {words.outcome(own['median'])} of {answers.outcome} from {answers.start} to {answers.stop}"
    )
    share = share_of_media(answers, tables)
    if share is not None:
        said += f", {rough_percent(share['median'])} of all of it ({percent(answers.ci_prob)}: {_percents(share)})"
    back = total_return(tables)
    if back is None:
        return f"{said}."
    each = f"{words.outcome(back['median'])} {words.between(back, words.of_outcome)}"
    if not answers.in_money:
        return f"{said}; each {words.one} spent brought {each}."
    chance = probability(back["p_above"])
    return f"{said}; each {words.one} spent brought back {each}, more than it cost with a probability of {chance}."


def _channels(answers: Answers, tables: Tables, words: Words) -> str:
    if not answers.bought:
        return ""
    table = ranked(pick(tables["roi"], kind="channel", quantity="roi"))
    table = table[table["median"].notna()]
    if len(table) < 2:
        return ""
    first, last = table.iloc[0], table.iloc[-1]
    said = (
        f"Per {words.one} spent, {first['channel']} brought most, {words.outcome(first['median'])}, and "
        f"{last['channel']} least, {words.outcome(last['median'])}"
    )
    if not first["p_best"] >= answers.ci_prob:
        said += f"; the order is not settled ({first['channel']} is first with {probability(first['p_best'])})"
    if not answers.in_money:
        return f"{said}."
    sure = table.loc[table["lower"] > 1.0, "channel"].tolist()
    return (
        f"{said}. {f'Surely earned back: {joined(sure)}' if sure else 'No channel surely earned its cost back'}."
    )


# -------------------------------------------------------------------------------------------------------------- cards
def _cards(answers: Answers, tables: Tables, words: Words) -> list[Card]:
    out = []
    share = share_of_media(answers, tables)
    if share is not None:
        out.append(Card(f"of {answers.outcome} from media", rough_percent(share["median"]), _percents(share)))
    back = total_return(tables)
    if back is not None:
        value = f"{words.outcome(back['median'])}"
        out.append(Card(f"back for each {words.one} spent", value, words.ends(back, words.of_outcome)))
    fit = one(tables["fit_quality"], equation=answers.outcome)
    missed = "" if np.isnan(fit["mape"]) else f"off by {rough_percent(fit['mape'])} on average (MAPE)"
    out.append(Card("fit to the past (R²)", number(fit["r2"], 2), missed))
    out.append(_verdict(answers))
    return out


def _verdict(answers: Answers) -> Card:
    """How far the model can be relied on, what that means for a decision, and what it is judged by."""
    checks, counts = answers.diagnosis, answers.diagnosis.counts
    verdict = answers.verdict if answers.verdict in _VERDICTS else checks.verdict
    if verdict == "ok" and answers.verdict != "converged":
        verdict = "warn"
    head, meaning = _VERDICTS.get(verdict, _VERDICTS["warn"])
    kind, word = ("fail", "failed") if counts["fail"] else ("warn", "warn")
    why = f"{_DRAWS.get(answers.verdict, answers.verdict)}; {counts[kind]} of {len(checks.checks)} checks {word}"
    return Card("verdict: how far to rely on it", head, f"{meaning} ({why})")


# -------------------------------------------------------------------------------------------------------------- advice
def _advice(answers: Answers, plan: Plan, words: Words) -> Advice:
    table = plan.table(answers.ci_prob)
    own = table[table["kind"] == "channel"]
    moved = own["new"] - own["current"]
    small = 0.01 * own["current"].sum()
    most = moved.loc[moved.abs().sort_values(ascending=False, kind="stable").index]
    up, down = (list(most.index[sign * most > small]) for sign in (1.0, -1.0))
    gain = rows(plan.answers["gain"], answers).iloc[0]
    unit = {"profit": words.currency, "roi": ""}.get(answers.objective, words.of_outcome)
    amount = f"{brief(gain['median'], unit)}{words.unit * (answers.objective == 'outcome')}"
    what = _OBJECTIVES.get(answers.objective, answers.outcome)
    span = f"{plan.attrs['start']} to {plan.attrs['stop']}"
    if (not up and not down) or not gain["median"] > 0.0:
        told = f"For {span}, no shift of money within the limits is worth making"
        if up or down:  # chosen on some draws, it does not gain on those that judge it
            told += f": the best one found, {_shift(up, down)}, brings {amount} {words.between(gain, unit)}"
        return Advice("Keep the current plan", f"{told}.", tuple(_rests(answers, plan, table)), ())
    told = (
        f"For {span}, {_shift(up, down)} is expected to bring {amount} more {what} {words.between(gain, unit)}; it "
        f"beats the current plan with a probability of {probability(plan.p_better)}."
    )
    lines = [
        (name, brief(row["current"]), brief(row["new"]), _change(row["current"], row["new"]))
        for name, row in table.iterrows()
    ]
    rests, shown = tuple(_rests(answers, plan, table)), tuple(map(_labelled, lines, table["kind"]))
    return Advice(f"Recommended plan, {span}", told, rests, shown)


def _labelled(line: tuple, kind: str) -> tuple[str, str, str, str]:
    name, now, then, change = line
    return f"{name.removesuffix(' (induced)')} (follows)" if kind == "induced" else str(name), now, then, change


def _shift(up: list[str], down: list[str]) -> str:
    if not down:
        return f"more money for {_some(up)}"
    if not up:
        return f"less money for {_some(down)}"
    return f"money from {_some(down)} to {_some(up)}"


def _some(names: list[str]) -> str:
    """Name channels, the first few of many: a table has all of them."""
    return joined(names if len(names) <= _NAMED else [*names[: _NAMED - 1], f"{len(names) - _NAMED + 1} more"])


def _change(now: float, then: float) -> str:
    if not now > 0.0:
        return "–"
    share = round(100.0 * (then / now - 1.0))
    return f"{share:+d} %".replace("-", "−").replace("+0 ", "0 ")


def _rests(answers: Answers, plan: Plan, table: pd.DataFrame) -> list[str]:
    """What a plan rests on, and what it does not know."""
    total = table[table["kind"] == "total"].iloc[0]
    out = [f"No channel moves by more than {percent(CHANGE)}."]
    if plan.answers.attrs["held_out"]:
        out.append("The gain is judged by draws that did not choose the plan.")
    if plan.attrs["controls"]:
        out.append(f"All else in the window: {plan.attrs['controls']}.")
    if total["extrapolated"] > 0.0:
        share = rough_percent(total["extrapolated"])
        out.append(
            f"{share} of the new spend lies in periods above the highest ever seen, where the curve is assumed."
        )
    weak = [name for name in plan.answers["channel"].values.tolist() if name in answers.weak]
    if weak:
        out.append(f"Not told apart from no effect: {joined(weak)}.")
    return out


# -------------------------------------------------------------------------------------------------------------- titles
def _titles(answers: Answers, tables: Tables, words: Words) -> dict[str, str]:
    return {
        "shares": _title_of_shares(answers),
        "response_curves": _title_of_curves(answers, tables, words),
        "by_month": _title_of_months(answers, words),
    }


def shares_of(answers: Answers) -> pd.DataFrame:
    """Median share of each bought channel in the spend and in what they bring together, as the figure draws them."""
    spend = answers.effects["spend"].sel(channel=answers.bought).to_series()
    total = answers.effects["total"].sel(channel=answers.bought)
    brought = (total / total.sum("channel")).median(("chain", "draw")).to_series()
    return pd.DataFrame({"spend": spend / spend.sum(), "effect": brought})


def _title_of_shares(answers: Answers) -> str:
    if len(answers.bought) < 2:
        return ""
    both = shares_of(answers)
    name = (both["effect"] - both["spend"]).abs().idxmax()
    spend, effect = (rough_percent(both.loc[name, column]) for column in ("spend", "effect"))
    return f"{name} takes {spend} of the spend and brings {effect} of the effect"


def _title_of_curves(answers: Answers, tables: Tables, words: Words) -> str:
    if not answers.bought:
        return ""
    table = pick(tables["marginal_roi"], kind="channel")
    table = ranked(table[table["median"].notna() & had(table)])
    if not len(table):
        return ""
    row = table.iloc[0]
    return f"The next {words.one} brings {words.outcome(row['median'])} in {row['channel']}" + (
        ", more than elsewhere" if len(table) > 1 else ""
    )


def media_by_month(answers: Answers) -> pd.Series:
    """Mean over draws of what channels brought per period, by month."""
    parts = answers.months
    media = parts["contribution"].isel(component=np.isin(parts["kind"].values, ["direct", "via"])).sum("component")
    return (media.mean(("chain", "draw")) / parts["periods"]).to_series()


def _title_of_months(answers: Answers, words: Words) -> str:
    media = media_by_month(answers)
    if len(media) < 2:
        return ""
    best, worst = media.idxmax(), media.idxmin()
    return (
        f"Media brought {words.outcome(media[worst])} a {answers.months.attrs['period']} in {worst:%b %Y} and "
        f"{words.outcome(media[best])} in {best:%b %Y}"
    )
