"""From the text of an option to its value, and options that several commands have.

Every refusal says what was written and what is allowed. Loads nothing heavy: help has to answer at once.
"""

import argparse
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from bayesmmm.text import CI_PROB, written

#: Stands for every channel in place of a name.
ALL = "ALL"

#: A side of a range: money, text in per cent of the current plan, or None for no limit.
Side = float | str | None
Range = tuple[Side, Side]

_RISKS = {"sd": "sd:0.5", "cvar": "cvar:0.1", "quantile": "quantile:0.1"}
_SPLITS = ("history", "equal")
_MODES = ("respond", "fixed", "decide")
_MONEY, _SIDES = "an amount of money above 0, as 250000", "in money or in per cent of the current plan"


# ------------------------------------------------------------------------------------------------------ shared options
#: A parser or a group of its options; argparse has no public name for what both are.
Options = argparse._ActionsContainer


def adding(group: Options, texts: Mapping[str, str]) -> Callable[..., None]:
    """Return what adds an option to a group by its name, with its text: metavar, and what reads it."""

    def add(
        name: str, metavar: str | None = None, read: Callable[[str], object] | None = None, **how: Any
    ) -> None:
        how |= {} if how.get("action") == "store_true" else {"metavar": metavar, "type": read}
        group.add_argument(f"--{name}", help=texts[name], **how)

    return add


def add_out(parser: Options, default: str | None = None) -> None:
    """Add the folder for the results; where no default is told it has to be given."""
    text = f"folder for the results, made if need be{f' ({default})' if default else ''}"
    parser.add_argument("--out", metavar="DIR", type=place, required=default is None, help=text)


def add_ci_prob(parser: Options, what: str = "intervals in tables and figures") -> None:
    """Add the probability of intervals."""
    text = f"probability of {what} (%(default)s)"
    parser.add_argument("--ci-prob", type=probability, default=CI_PROB, metavar="P", help=text)


# ------------------------------------------------------------------------------------------------------------- numbers
def _refuse(text: str, why: str) -> NoReturn:
    raise argparse.ArgumentTypeError(f"{written(text)} {why}")


def place(text: str) -> Path:
    """Read a path, which no empty text is: that would be the folder one is in."""
    if not text or "\0" in text:
        _refuse(text, "must be a path, as result")
    return Path(text)


def count(text: str) -> int:
    """Read a whole number of at least 1; how large it may be is said where it is used."""
    if not re.fullmatch(r"\d{1,18}", text) or int(text) < 1:
        _refuse(text, "must be a whole number of at least 1, and of 18 digits at most")
    return int(text)


def seed(text: str) -> int:
    """Read a whole number of at least 0."""
    if not re.fullmatch(r"\d{1,19}", text) or int(text) >= 2**63:
        _refuse(text, f"must be a whole number from 0 to {2**63 - 1}")
    return int(text)


def _reader(allowed: str, holds: Callable[[float], bool] = lambda value: True) -> Callable[[str], float]:
    """Return what reads a number for which a condition holds."""

    def read(text: str) -> float:
        value = _number(text)
        if value is None or not holds(value):
            _refuse(text, f"must {allowed}")
        return value

    return read


probability = _reader("lie between 0 and 1", lambda value: 0.0 < value < 1.0)
number = _reader("be a number, as 2.5")
money = _reader(f"be {_MONEY}", lambda value: value > 0.0)


def _number(text: str) -> float | None:
    """Return the finite number that a text is, written as 250000, 250_000 or 2.5e5; None where it is none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


# -------------------------------------------------------------------------------------------------- what plans are given
def total(text: str) -> float | Range:
    """Read the money of a window: an amount, or LOW:HIGH with an empty side for no limit."""
    if ":" not in text and (_number(text) or 0.0) > 0.0:
        return float(text)
    ends = _range(text, text)
    if ends is None or "%" in text or not any(ends):
        _refuse(text, f"must be {_MONEY}, or a range LOW:HIGH, as 200000:300000, :300000 or 200000:")
    return ends


def risk(text: str) -> str | tuple[str, float]:
    """Read an attitude to risk: mean, sd:W, cvar:P or quantile:P."""
    kind, colon, size = text.partition(":")
    level = _number(size)
    if kind == "mean" and not colon:
        return "mean"
    if kind not in _RISKS or level is None:
        _refuse(text, f"must be mean, {', '.join(list(_RISKS.values())[:-1])} or {_RISKS['quantile']}")
    if not 0.0 < level < (math.inf if kind == "sd" else 1.0):
        allowed = "above 0" if kind == "sd" else "between 0 and 1"
        raise argparse.ArgumentTypeError(f"{text!r}: the number of {kind} must be {allowed}, as {_RISKS[kind]}")
    return kind, level


def held(text: str) -> str | float:
    """Read how a target is reached: mean, median, or a probability."""
    value = _number(text)
    if text in ("mean", "median"):
        return text
    if value is None or not 0.0 < value < 1.0:
        _refuse(text, "must be mean, median or a probability between 0 and 1, as 0.8")
    return value


def bounds(text: str) -> tuple[str, Range]:
    """Read NAME=LOW:HIGH, sides in money or per cent of the current plan, an empty side for no limit."""
    name, _, sides = text.rpartition("=")  # from the right, as a name may hold anything
    ends = _range(text, sides)
    if not name or ends is None:
        examples = f"tv=10000:50000, tv=80%:120% or tv=:50000; {ALL}=80%:120% holds for every channel"
        _refuse(text, f"must be NAME=LOW:HIGH {_SIDES}, as {examples}")
    return name, ends


def group(text: str) -> tuple[str, tuple[list[str], Range]]:
    """Read NAME=CHANNEL+CHANNEL:LOW:HIGH, sides as in `bounds`."""
    name, _, rest = text.partition("=")
    members, *sides = rest.rsplit(":", 2)
    ends, channels = _range(text, ":".join(sides)), members.split("+")
    if not name or ends is None or not all(channels):
        _refuse(text, f"must be NAME=CHANNEL+CHANNEL:LOW:HIGH {_SIDES}, as social=facebook+tiktok:0:50000")
    return name, (channels, ends)


def _range(text: str, sides: str) -> Range | None:
    """Read LOW:HIGH; None where that is not what it is."""
    ends: list[Side] = []
    for side in sides.split(":"):
        size = _number(side.removesuffix("%"))
        if side and (size is None or size < 0.0):
            return None
        ends.append(None if not side else f"{size:.17g}%" if side.endswith("%") else size)
    if len(ends) != 2 or ends == [None, None]:
        return None
    low, high = ends
    if type(low) is type(high) and float(str(low).rstrip("%")) > float(str(high).rstrip("%")):
        _refuse(text, "has its low side above its high side; swap the two")
    return low, high


def change(text: str) -> tuple[str, float]:
    """Read the largest change of a channel, as 0.3, 30% or NAME=0.3."""
    name, _, share = text.rpartition("=")
    percent = share.endswith("%")
    value = _number(share.removesuffix("%"))
    if value is None or value <= 0.0 or text.startswith("="):
        whom = "for every channel or for one, as tv=0.3"
        _refuse(text, f"must be a share of the current plan above 0, as 0.3 or 30%, {whom}")
    return name or ALL, value / 100.0 if percent else value


def named_file(text: str) -> tuple[str, Path]:
    """Read NAME=FILE."""
    name, _, path = text.partition("=")
    if not name.strip() or not path or "\0" in path:
        _refuse(text, "must be NAME=FILE, as best=plan/plan.csv")
    return name, Path(path)


def minimum(text: str) -> tuple[str, float]:
    """Read NAME=MONEY."""
    name, _, size = text.rpartition("=")
    value = _number(size)
    if not name or value is None or value <= 0.0:
        _refuse(text, "must be NAME=MONEY with money above 0, as tv=20000")
    return name, value


def split(text: str) -> tuple[str, float | None]:
    """Read how a plan in total is divided: history, equal, or GEO=WEIGHT."""
    name, _, weight = text.rpartition("=")
    value = _number(weight)
    if text in _SPLITS:
        return text, None
    if not name or value is None or value < 0.0:
        _refuse(text, f"must be {' or '.join(_SPLITS)}, or GEO=WEIGHT with a weight of at least 0, as north=3.1")
    return name, value


def control(text: str) -> tuple[str, float | list[float]]:
    """Read NAME=VALUE, or NAME=VALUE,VALUE,... with a value for each period."""
    name, _, written = text.rpartition("=")
    parts = [_number(part) for part in written.split(",")]
    values = [value for value in parts if value is not None]
    if not name or len(values) < len(parts):
        each = "NAME=VALUE,VALUE,... with a value for each period, as promotion=0 or promotion=0,0,1"
        _refuse(text, f"must be NAME=VALUE, or {each}")
    return name, values[0] if len(values) == 1 else values


def factor(text: str) -> tuple[str, float]:
    """Read NAME=FACTOR."""
    name, _, size = text.rpartition("=")
    value = _number(size)
    if not name or value is None or value < 0.0:
        _refuse(text, "must be NAME=FACTOR with a factor of at least 0, as tv=1.3, or tv=0 to switch it off")
    return name, value


def mediator(text: str) -> tuple[str, str]:
    """Read how mediators behave: one word for all, or NAME=word."""
    name, _, mode = text.rpartition("=")
    if mode not in _MODES or text.startswith("="):
        words = f"{', '.join(_MODES[:-1])} or {_MODES[-1]}"
        _refuse(text, f"must be {words} for all mediators, or NAME=one of these")
    return name or ALL, mode
