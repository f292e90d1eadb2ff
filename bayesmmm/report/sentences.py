"""A finding, and the pieces that its sentences are made of: rows of tables written with their intervals."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from bayesmmm.data import MONEY
from bayesmmm.report.answers import Answers
from bayesmmm.text import brief, interval, large_number, percent

Tables = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Finding:
    """One finding: its topic, one or a few sentences, the tables that its numbers come from."""

    topic: str
    text: str
    tables: tuple[str, ...]
    main: bool = False  # whether it belongs into the short list that stands first


class Words:
    """Amounts in the currency of the reader, and of an outcome that is not money in its own unit."""

    def __init__(self, answers: Answers) -> None:
        self.currency, self.ci_prob = answers.currency, answers.ci_prob
        self.of_outcome = answers.currency if answers.in_money else ""
        self.unit = "" if answers.in_money else f" {answers.unit}"
        self.one = brief(1.0, self.currency).removesuffix(".0")

    def money(self, value: float) -> str:
        """Write an amount of money."""
        return brief(value, self.currency)

    def outcome(self, value: float) -> str:
        """Write an amount of the outcome."""
        return f"{brief(value, self.of_outcome)}{self.unit}"

    def between(self, row: pd.Series, currency: str) -> str:
        """Write the interval of a row in brackets."""
        return f"({percent(self.ci_prob)}: {self.ends(row, currency)})"

    def ends(self, row: pd.Series, currency: str) -> str:
        """Write the ends of an interval."""
        return f"{brief(row['lower'], currency)} to {brief(row['upper'], currency)}"


def ranked(table: pd.DataFrame) -> pd.DataFrame:
    """Order rows by their median, the highest first and those without one last."""
    return table.sort_values("median", ascending=False, kind="stable", na_position="last")


def amount(row: pd.Series, answers: Answers) -> str:
    """Write a row in units of the outcome."""
    unit = "" if answers.in_money else answers.unit
    return interval(row["median"], row["lower"], row["upper"], answers.ci_prob, unit)


def plain(row: pd.Series, answers: Answers) -> str:
    """Write a row without a unit."""
    return interval(row["median"], row["lower"], row["upper"], answers.ci_prob)


def doubt(row: pd.Series) -> str:
    """Return what is noted of a channel that is not told apart from no effect; nothing of another."""
    note = row.get("note", "")
    return note if isinstance(note, str) else ""  # no number, where tables with notes and without are one


def percents(row: pd.Series, answers: Answers, name: str = "") -> str:
    """Write shares, those of columns that begin with `name`, in percent."""
    median, lower, upper = (100.0 * row[f"{name}{end}"] for end in ("median", "lower", "upper"))
    return interval(median, lower, upper, answers.ci_prob, "%")


def lost(row: pd.Series, answers: Answers) -> str:
    """Say what would have happened to the outcome without something, no surer than the interval is."""
    said = f"{answers.outcome} would have been lower by {amount(row, answers)}"
    if row["lower"] > 0.0 or row["lower"] == row["upper"]:
        return said
    if row["upper"] < 0.0:
        turned = pd.Series({"median": -row["median"], "lower": -row["upper"], "upper": -row["lower"]})
        return f"{answers.outcome} would have been higher by {amount(turned, answers)}"
    return f"{said}; the interval reaches from a loss to a gain, so the direction is open"


def spent(row: pd.Series, answers: Answers) -> str:
    """Say what was spent on a channel."""
    place = "" if answers.window == "spend" else "in the window "
    return f"{'spend ' if row['spend_unit'] == MONEY else ''}{place}{paid_words(row)}"


def paid_words(row: pd.Series) -> str:
    """Write what was paid for a channel and, of an exposure, what was had: 12,300 for 3.2 million impressions."""
    counted = row.get("counted_in", "")
    units = f"{large_number(row['units'])} {counted}" if counted else ""
    if row["spend_unit"] != MONEY:
        return units
    return f"{large_number(row['spend'])} for {units}" if units else large_number(row["spend"])


def counted_words(answers: Answers) -> str:
    """Say which spend and which outcome the effects are about."""
    if answers.window == "spend":
        return (
            f"Effects are those of the spend from {answers.start} to {answers.stop}, in these periods and afterwards, "
            f"until it has faded"
        )
    return (
        f"Effects are those on {answers.outcome} from {answers.start} to {answers.stop}, of the spend in these periods "
        f"and before them"
    )


def unsettled(chance: float, answers: Answers) -> str:
    """Say that the order is not settled, unless the first is so with the probability of the intervals."""
    return "" if chance >= answers.ci_prob else ", so the order is not settled"
