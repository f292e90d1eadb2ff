"""A test to run: a channel up or down for some time, the effect to be expected, and how well it has to be measured."""

import warnings

import numpy as np
import pandas as pd

from bayesmmm.errors import BayesMMMWarning
from bayesmmm.estimands import what_if
from bayesmmm.optimize.knowing import error_needed, width_ratio, worth_of_measuring
from bayesmmm.report.answers import Answers
from bayesmmm.report.next_test import Ranking, rank_tests
from bayesmmm.report.pieces import cell, plain, table_html
from bayesmmm.report.sentences import Tables, Words
from bayesmmm.report.tables import marked, one, pick
from bayesmmm.results.summaries import interval
from bayesmmm.text import counted, large_number, percent, rough_percent

#: Changes of the spend of a channel, and lengths in shares of the window of the plan, that are tried.
_CHANGES, _LENGTHS = (-0.3, 0.3, -0.5, 0.5, -1.0, 1.0), (1 / 3, 2 / 3, 1.0)
#: A test is worth its while from here on, as a share of what knowing the return would be worth.
ENOUGH = 0.5
#: Geos from which on a test runs in half of them, and draws that the effect of a test is worked out with.
_GEOS, _DRAWS = 4, 1000


def make_experiments_table(answers: Answers, ranking: Ranking | None) -> dict[str, pd.DataFrame]:
    """Return every test that was tried for the channels to test: a row per channel, change and length.

    ``change`` of the spend of the current plan and ``money`` it moves in so many ``periods``; the effect on the outcome
    in them (median, lower, upper); ``error_needed``, the largest standard error at which the test brings half of what
    knowing the return would, NaN where none does; ``error_expected`` by the past; ``width_ratio``, what is left of
    the interval of the return, and the ``worth`` of the test at that error. ``chosen`` is the one with the least money
    that is sharp enough, or where none is, the one that is worth most.
    """
    if ranking is None or not ranking.channels:
        return {}
    table = pd.concat([_tried(answers, ranking, name) for name in ranking.channels], ignore_index=True)
    table["enough"] = table["error_expected"] <= table["error_needed"]
    sharp = table.loc[table["enough"], "channel"]  # of the channels, the first that one test can tell
    of_it = pick(table, channel=sharp.iloc[0] if len(sharp) else ranking.channels[0])
    return {"tests": marked(table.assign(chosen=table.index == choose(of_it).name), answers)}


def experiment_sentence(answers: Answers, tables: Tables, words: Words) -> tuple[str, str]:
    """Return a title and the test to run next: what to expect, how sharp it has to be, and what it is worth."""
    ranking, title = rank_tests(answers), "What to test next"
    if ranking is None:
        return "", ""
    if "tests" not in tables:
        return title, "No test of a single channel would change this plan by much."
    row = one(tables["tests"], chosen=True)
    title, tried = f"{title}: {row['channel']}", f"{_changed(row)} for {_length(answers, row)}"
    needed, expected, worth = (words.outcome(row[name]) for name in ("error_needed", "error_expected", "worth"))
    if not row["enough"]:
        known = words.outcome(ranking.known[row["channel"]])
        return title, (
            f"Knowing its return would add {known} to this plan, but one test cannot tell it: to {tried} would be "
            f"measured with a standard error of {expected}{_at_most(row, needed)}. Test for longer, or repeat it."
        )
    sign = 1.0 if row["median"] > 0.0 else -1.0
    low, high = sorted((sign * row["lower"], sign * row["upper"]))
    span = words.between(pd.Series({"lower": low, "upper": high}), words.of_outcome)
    money = f"{words.money(abs(row['money']))} {'more' if row['change'] > 0.0 else 'less'}"
    return title, (
        f"{tried[:1].upper()}{tried[1:]}{_where(answers)} ({money}): {words.outcome(sign * row['median'])} "
        f"{'more' if sign > 0.0 else 'less'} {answers.outcome} is expected {span}. Worth its while up to a standard "
        f"error of {needed}; the past promises {expected}, which narrows the interval of the return by "
        f"{rough_percent(1.0 - row['width_ratio'])} and adds about {worth} to this plan."
    )


def _changed(row: pd.Series) -> str:
    """Say what is done to a channel: raise tv by 50 %."""
    if row["change"] == -1.0:
        return f"pause {row['channel']}"
    beyond = ", partly beyond what was ever spent," if row["extrapolated"] > 0.0 else ""
    return f"{'raise' if row['change'] > 0.0 else 'cut'} {row['channel']} by {percent(abs(row['change']))}{beyond}"


def _length(answers: Answers, row: pd.Series) -> str:
    return counted(int(row["periods"]), str(answers.months.attrs["period"]))


def _where(answers: Answers) -> str:
    return " in half of the geos, drawn at random" if in_half(answers) else ""


def _at_most(row: pd.Series, needed: str) -> str:
    return "" if np.isnan(row["error_needed"]) else f", where {needed} is needed"


def experiments_html(answers: Answers, tables: Tables) -> str:
    """The table of the page: for every channel to test and both directions, the test to run, and what it would tell."""
    if "tests" not in tables:
        return ""
    table = tables["tests"]
    lines = []
    for channel in table["channel"].unique():
        for sign in (1.0, -1.0):
            own = pick(table, channel=channel)
            row = choose(own[np.sign(own["change"]) == sign])
            needed = "&ndash;" if np.isnan(row["error_needed"]) else large_number(row["error_needed"])
            cells = [
                plain(f"{_changed(row)} for {_length(answers, row)}"),
                large_number(abs(row["money"])),
                cell(row),
            ]
            cells += [needed, large_number(row["error_expected"]), rough_percent(1.0 - row["width_ratio"])]
            lines.append([*map(str, cells), large_number(row["worth"])])
    beside = "the other half of the geos" if in_half(answers) else "as many periods right before them"
    note = (
        f"Money and effect are those of the test itself{_where(answers)}, in {answers.unit}; errors are standard errors."
        f" A test is worth its while where it adds {percent(ENOUGH)} of what knowing the return would. The error by the "
        f"past is how far such periods and {beside} were apart, less what the model expects, when nothing was tested: "
        f"what goes wrong in a test comes on top. Effects and errors are taken as Normal, and the interval of the return"
        f" narrows as in a Normal update. Give the next fit what a test finds as a prior on the return. All that was "
        f"tried is in tests.csv."
    )
    head = ["Test", "Money moved", f"Effect on {answers.outcome}", "Error needed", "Error by the past"]
    return table_html(
        "What a test would tell", [*head, "Interval narrower by", "Worth to the plan"], lines, note=note
    )


def in_half(answers: Answers) -> bool:
    """Whether a test runs in half of the geos, and not everywhere at once."""
    return len(answers.fit.data.geos) >= _GEOS


def _tried(answers: Answers, ranking: Ranking, channel: str) -> pd.DataFrame:
    """Every change and length for one channel, one of them chosen."""
    assert answers.plan is not None, "what a ranking is made of"
    fit, plan = answers.fit.thin(max(_DRAWS, answers.fit.posterior.sizes["chain"])), answers.plan
    frame, part = plan.to_frame("current"), 0.5 if in_half(answers) else 1.0
    current = plan.current.sel(channel=channel)
    spend = np.cumsum(current.sum([dim for dim in current.dims if dim != "date"]).values)
    lengths, left = sorted({max(round(share * len(spend)), 1) for share in _LENGTHS}), _unexplained(answers)
    errors = {length: error_by_the_past(left, length) for length in lengths}
    out = []
    for change in _CHANGES:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BayesMMMWarning)  # said of the plan already
            found = what_if(fit, scale={channel: 1.0 + change}, plan=frame)
        moved = found[f"{answers.outcome}.change"].transpose("chain", "draw", "date").cumsum("date")
        returns = ranking.returns.sel(draw=moved["draw"]).transpose("chain", "draw", "channel").values
        returns = returns.reshape(-1, returns.shape[-1])
        own = returns[:, ranking.returns["channel"].values.tolist().index(channel)]
        for length in lengths:
            if not spend[length - 1] > 0.0:
                continue
            draws = part * moved.isel(date=length - 1)
            effect, error = draws.values.ravel(), errors[length]
            about = (ranking.room, ranking.room)
            needed = error_needed(returns, effect, ENOUGH * ranking.known[channel], *about)
            out.append(
                {
                    "channel": channel,
                    "change": change,
                    "periods": length,
                    "money": part * change * spend[length - 1],
                    "unit": answers.unit,
                    **{name: float(value) for name, value in interval(draws, answers.ci_prob).items()},
                    "error_needed": np.nan if needed is None else needed,
                    "error_expected": error,
                    "width_ratio": width_ratio(own, effect, error),
                    "worth": worth_of_measuring(returns, effect, error, *about),
                    "extrapolated": float(found["extrapolated"].sel(input=channel)),
                }
            )
    return pd.DataFrame(out)


def choose(table: pd.DataFrame) -> pd.Series:
    """Return the test with the least money that is sharp enough; where none is, the one that is worth most."""
    enough = table[table["enough"]]
    if len(enough):
        return enough.assign(size=enough["money"].abs()).sort_values(["size", "periods"], kind="stable").iloc[0]
    return table.sort_values("worth", ascending=False, kind="stable").iloc[0]


def error_by_the_past(left: np.ndarray, length: int) -> float:
    """Return the standard error with which an effect on so many periods can be measured, by what the past was like.

    Periods of the test are held against as many right before them, both less what the model expects of them; of a panel
    the half of the geos with the test against the other half. So far apart they were in the past, when nothing was
    tested: the root of the mean square over all such pairs, or what independent residuals would give, if that is more.

    Parameters
    ----------
    left : numpy.ndarray
        (G, T), observed less expected, NaN where nothing was observed; of one series, or of the geos to be halved.
    length : int
        Periods of the test.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0.0, 3.0, (1, 4000))
    >>> round(error_by_the_past(noise, 8))  # 3 sqrt(2 * 8)
    12
    """
    geos, span = len(left), min(length, left.shape[1] // 2)
    if geos > 1:  # halves drawn at random, in which what all geos have in common is the same
        left = np.sqrt(geos / (geos - 1)) * (left - np.nanmean(left, axis=0))
    sums = np.cumsum(np.pad(left, [(0, 0), (1, 0)]), axis=1)
    within = sums[:, span:] - sums[:, :-span]
    apart = (length / span * (within[:, span:] - within[:, :-span]) ** 2).sum(axis=0)
    apart = apart[np.isfinite(apart)]
    alone = 2.0 * length * np.nanvar(left, axis=1).sum()
    return float(np.sqrt(max(apart.mean() if len(apart) else 0.0, alone)))


def _unexplained(answers: Answers) -> np.ndarray:
    """What the model leaves of the outcome (G, T): of geos where a test runs in half of them, else in total."""
    data, outcome = answers.fit.data, answers.outcome
    if answers.geos is None:
        return data.columns[outcome] - answers.fitted[outcome].mean(("chain", "draw")).values
    left = np.where(data.has_row, data.columns[outcome] - answers.geos.fitted[outcome], np.nan)
    return left if in_half(answers) else left.sum(axis=0, keepdims=True)
