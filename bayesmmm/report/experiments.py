"""A test to run: a channel up or down for some time, the effect to be expected, and how well it has to be measured."""

import warnings

import numpy as np
import pandas as pd

from bayesmmm.errors import BayesMMMWarning
from bayesmmm.estimands import what_if
from bayesmmm.optimize.knowing import error_for_width, width_ratio, worth_of_measuring
from bayesmmm.report.answers import Answers
from bayesmmm.report.next_test import Ranking, rank_tests
from bayesmmm.report.pieces import cell, plain, table_html
from bayesmmm.report.sentences import Tables, Words
from bayesmmm.report.tables import marked, pick
from bayesmmm.results.summaries import interval
from bayesmmm.text import counted, large_number, percent, rough_percent

#: Changes of the spend of a channel, and lengths in shares of the window of the plan, that are tried.
_CHANGES, _LENGTHS = (-0.3, 0.3, -0.5, 0.5, -1.0, 1.0), (1 / 3, 2 / 3, 1.0)
#: A test is sharp enough where it leaves so much of the interval of what it measures.
_SHARP = 0.5
#: Geos from which on a test runs in half of them, and draws that the effect of a test is worked out with.
_GEOS, _DRAWS = 4, 1000
_YEAR = 365.25


def make_experiments_table(answers: Answers, ranking: Ranking | None) -> dict[str, pd.DataFrame]:
    """Return every test that was tried for the channels to test: a row per channel, change and length.

    ``change`` of the spend of the current plan and ``money`` it moves in so many ``periods``; the effect on the outcome
    in them (median, lower, upper); ``cost``, what that money would have brought elsewhere less the mean effect.
    ``error_needed`` is the standard error that halves the interval of the effect, and of the return on that money;
    ``error_expected`` the one by the past, with ``width_ratio``, what it leaves of the interval. ``worth_needed`` and
    ``worth_expected`` are what a test of such an error adds to a year of plans. ``chosen`` is the test that gains most,
    ``enough`` whether the past says that it is sharp enough.
    """
    if ranking is None or not ranking.channels:
        return {}
    table = pd.concat([_tried(answers, ranking, name) for name in ranking.channels], ignore_index=True)
    table["enough"] = table["error_expected"] <= table["error_needed"]
    row = choose(table)
    return {"tests": marked(table.assign(chosen=table.index == (-1 if row is None else row.name)), answers)}


def choose(table: pd.DataFrame) -> pd.Series | None:
    """Return the test that gains most of those that are sharp enough, else of all, were they; None where none gains."""
    gains = _gains(table, "expected")
    if not (table["enough"] & (gains > 0.0)).any():
        gains = _gains(table, "needed")
        return table.loc[gains.idxmax()] if gains.max() > 0.0 else None
    return table.loc[gains.where(table["enough"]).idxmax()]


def _gains(table: pd.DataFrame, error: str) -> pd.Series:
    """What tests with the expected or the needed error are worth, less what they cost; what one earns does not count."""
    return table[f"worth_{error}"] - table["cost"].clip(lower=0.0)


def experiment_sentence(answers: Answers, tables: Tables, words: Words) -> tuple[str, str]:
    """Return a title and the test to run next: what to expect, how sharp it has to be, what it is worth and costs."""
    ranking, title = rank_tests(answers), "What to test next"
    if ranking is None:
        return "", ""
    if "tests" not in tables:
        return title, "No test of a single channel would change this plan by much."
    chosen = pick(tables["tests"], chosen=True)
    if not len(chosen):
        first = ranking.channels[0]
        return title, (
            f"Nothing: to know what the next {words.one} brings in {first}, which matters most, would add "
            f"{words.outcome(ranking.known[first])} to this plan at most, and no test is worth its cost."
        )
    row = chosen.iloc[0]
    sign = 1.0 if row["median"] > 0.0 else -1.0
    low, high = sorted((sign * row["lower"], sign * row["upper"]))
    span = words.between(pd.Series({"lower": low, "upper": high}), words.of_outcome)
    tried = f"{_changed(row)} for {_length(answers, row)}{_where(answers)}"
    money = f"{words.money(abs(row['money']))} {'more' if row['change'] > 0.0 else 'less'}"
    effect = f"{words.outcome(sign * row['median'])} {'more' if sign > 0.0 else 'less'} {answers.outcome}"
    said = (
        f"{tried[:1].upper()}{tried[1:]} ({money}): {effect} is expected {span}. A standard error of "
        f"{words.outcome(row['error_needed'])} halves its interval"
    )
    worth = words.outcome(row["worth_expected" if row["enough"] else "worth_needed"])
    pays = f"worth {worth} a year"
    pays += f", at a cost of {words.outcome(row['cost'])}" if row["cost"] > 0.0 else ""
    expected = words.outcome(row["error_expected"])
    if row["enough"]:
        return f"{title}: {row['channel']}", f"{said}; the past promises {expected}: {pays}."
    return f"{title}: {row['channel']}", f"{said}, {pays}. {_sharper(answers, expected)}"


def _sharper(answers: Answers, expected: str) -> str:
    """Say what makes a test sharper than the past promises."""
    if in_half(answers):
        return f"The past promises only {expected}: test for longer, or in more geos."
    return f"Before and after promise only {expected}: run it in a random half of many regions."


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


def experiments_html(answers: Answers, tables: Tables) -> str:
    """The table of the page: for every channel to test and both directions the test that gains most, or costs least."""
    if "tests" not in tables:
        return ""
    table = tables["tests"]
    gains = _gains(table, "needed")
    best = gains.groupby([table["channel"], table["change"] > 0.0], sort=False).idxmax()
    lines = []
    for _, row in table.loc[best].iterrows():
        cells = [plain(f"{_changed(row)} for {_length(answers, row)}"), large_number(abs(row["money"])), cell(row)]
        cells += [large_number(row[name]) for name in ("cost", "error_needed", "worth_needed", "error_expected")]
        lines.append([*cells, rough_percent(1.0 - row["width_ratio"])])
    beside = "the other half of the geos" if in_half(answers) else "as many periods right before them"
    note = (
        f"Money and effect are those of the test itself{_where(answers)}, in {answers.unit}; errors are standard "
        f"errors. The cost is what that money would bring in all channels as they are, less the effect. The error by "
        f"the past is how far such periods and {beside} were apart, less what the model expects, when nothing was "
        f"tested: what goes wrong in a test comes on top. Effects and errors are taken as Normal, so that intervals "
        f"narrow as in a Normal update; the worth is what plans would gain by the finding, to first order, for a year. "
        f"Give the next fit what a test finds as a prior on the return. All that was tried is in tests.csv."
    )
    head = ["Test", "Money", f"Effect on {answers.outcome}", "Cost", "Error that halves it", "Its worth a year"]
    head += ["Error by the past", "Narrows by"]
    return table_html("What a test would tell", head, lines, note=note)


def in_half(answers: Answers) -> bool:
    """Whether a test runs in half of the geos, and not everywhere at once."""
    return len(answers.fit.data.geos) >= _GEOS


def _tried(answers: Answers, ranking: Ranking, channel: str) -> pd.DataFrame:
    """Every change and length for one channel."""
    assert answers.plan is not None, "what a ranking is made of"
    fit, plan = answers.fit.thin(max(_DRAWS, answers.fit.posterior.sizes["chain"])), answers.plan
    frame, part = plan.to_frame("current"), 0.5 if in_half(answers) else 1.0
    current = plan.current.sel(channel=channel)
    spend = np.cumsum(current.sum([dim for dim in current.dims if dim != "date"]).values)
    lengths, left = sorted({max(round(share * len(spend)), 1) for share in _LENGTHS}), _unexplained(answers)
    errors = {length: error_by_the_past(left, length) for length in lengths}
    elsewhere, years = _elsewhere(ranking), _YEAR / (len(spend) * answers.fit.data.days_per_period)
    out = []
    for change in _CHANGES:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BayesMMMWarning)  # said of the plan already
            found = what_if(fit, scale={channel: 1.0 + change}, plan=frame)
        moved = found[f"{answers.outcome}.change"].transpose("chain", "draw", "date").cumsum("date")
        returns = ranking.returns.sel(draw=moved["draw"]).transpose("chain", "draw", "channel").values
        returns = returns.reshape(-1, returns.shape[-1])
        for length in lengths:
            money = part * change * spend[length - 1]
            if money == 0.0:
                continue
            draws = part * moved.isel(date=length - 1)
            effect, error = draws.values.ravel(), errors[length]
            needed = error_for_width(effect, _SHARP)
            worth = [worth_of_measuring(returns, effect, s, ranking.room, ranking.room) for s in (needed, error)]
            out.append(
                {
                    "channel": channel,
                    "change": change,
                    "periods": length,
                    "money": money,
                    "unit": answers.unit,
                    **{name: float(value) for name, value in interval(draws, answers.ci_prob).items()},
                    "cost": elsewhere * money - effect.mean(),
                    "error_needed": needed,
                    "worth_needed": years * worth[0],
                    "error_expected": error,
                    "worth_expected": years * worth[1],
                    "width_ratio": width_ratio(effect, error),
                    "extrapolated": float(found["extrapolated"].sel(input=channel)),
                }
            )
    return pd.DataFrame(out)


def _elsewhere(ranking: Ranking) -> float:
    """Mean return of a unit of money that is spread over the channels of the plan as their money is."""
    mean = ranking.returns.mean(("chain", "draw")).values
    return float(mean @ ranking.room / ranking.room.sum())


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
