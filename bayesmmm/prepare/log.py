"""The record of a preparation: every step with its rows and amounts before and after, and the arguments to do it again.

Knows numbers and sentences only. `Log.balance` shows that what went in is what came out, up to what a step says it
took out or put in.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd

from bayesmmm.errors import ExportSettingError
from bayesmmm.files import write_files, writing
from bayesmmm.text import written
from bayesmmm.validate import check_path

_VERSION = 1
CENT = 0.005


@dataclass(frozen=True)
class Step:
    """One step of a preparation.

    Parameters
    ----------
    name : str
        What kind of step.
    file : str
        The file that it was done to; "all" once files are joined.
    text : str
        What was done, in words.
    rows_before, rows_after : int
        Number of rows.
    before, after : dict
        Sum of every column of numbers.
    change : dict
        What the step itself says that it added to a sum; equal to after minus before.
    details : tuple of str
        Rows, days and amounts behind it.
    """

    name: str
    file: str
    text: str
    rows_before: int
    rows_after: int
    before: Mapping[str, float] = field(default_factory=dict)
    after: Mapping[str, float] = field(default_factory=dict)
    change: Mapping[str, float] = field(default_factory=dict)
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class Log:
    """What was done, in order, and what it takes to do it again.

    Parameters
    ----------
    arguments : dict
        Arguments of `tidy`, without the files.
    files : dict
        Name and path of every file.
    decided : dict
        For every file what its cells showed: decimal marks, order of day and month.
    steps : tuple of Step
        The steps.
    """

    arguments: Mapping[str, Any]
    files: Mapping[str, str]
    decided: Mapping[str, Any]
    steps: tuple[Step, ...]

    def __getitem__(self, name: str) -> tuple[Step, ...]:
        """Return the steps of one name."""
        return tuple(step for step in self.steps if step.name == name)

    def balance(self) -> pd.DataFrame:
        """Return the sum of every column: in, what each kind of step added or took, out, and what nobody explains.

        Returns
        -------
        pandas.DataFrame
            One row per column; the last column, ``unexplained``, is zero to the cent.
        """
        rows: dict[str, dict[str, float]] = {}
        for step in self["amounts"]:
            for name, amount in step.after.items():
                row = rows.setdefault(name, {"in": 0.0})
                row["in"] += amount
        for step in self.steps:
            for name, amount in step.change.items():
                rows[name][step.name] = rows[name].get(step.name, 0.0) + amount
        for name, amount in self.steps[-1].after.items() if self.steps else ():
            rows[name]["out"] = amount
        table = pd.DataFrame.from_dict(rows, orient="index").fillna(0.0)
        table = table[[*(name for name in table.columns if name != "out"), "out"]] if rows else table
        found = table["out"] - table.drop(columns="out").sum(axis=1) if rows else []
        return table.assign(unexplained=found).rename_axis("column")

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return the log as JSON, and write it to a file where one is given."""
        text = json.dumps({"bayesmmm_log": _VERSION, **asdict(self)}, indent=1, ensure_ascii=False) + "\n"
        if path is not None:
            write_text((path, text))
        return text

    @classmethod
    def from_json(cls, source: str | os.PathLike[str]) -> "Log":
        """Read a log that `to_json` wrote, from its file.

        Raises
        ------
        ExportSettingError
            The file is no such log.
        """
        path = check_path(source, "log", ExportSettingError, "tidy.log.json")
        try:
            read = json.loads(path.read_text(encoding="utf-8"))
            if (version := read.pop("bayesmmm_log")) != _VERSION:
                raise ValueError(f"it has version {written(version)}, and {_VERSION} can be read")
            steps = tuple(Step(**{**step, "details": tuple(step["details"])}) for step in read.pop("steps"))
            log = cls(**read, steps=steps)
            if not all(isinstance(part, dict) for part in (log.arguments, log.files, log.decided)):
                raise TypeError("arguments, files and decided must be mappings")
            str(log)  # which looks at every part of the steps
        except OSError as error:
            text = f"the log {str(path)!r} cannot be read: {error.strerror}; give the path of a file that you may read"
            raise ExportSettingError(text) from error
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise ExportSettingError(
                f"{str(path)!r} is not a log of a preparation ({error}); Log.to_json writes one, and so does "
                f"`bayesmmm prepare`"
            ) from error
        return log

    def __str__(self) -> str:
        lines = []
        for number, step in enumerate(self.steps, 1):
            rows = f"{step.rows_before:,} rows"
            rows += f" -> {step.rows_after:,}" if step.rows_after != step.rows_before else ""
            lines.append(f"{number:>2} {step.name:<9} {step.file}: {step.text} ({rows})")
            lines += [f"             {name} {_signed(amount)}" for name, amount in step.change.items() if amount]
            lines += [f"             {detail}" for detail in step.details]
        table = self.balance()
        if len(table):
            shown = table.map(lambda value: f"{value if abs(value) >= CENT else 0.0:,.2f}")
            lines += ["", shown.to_string()]
        return "\n".join(lines)


def write_text(*texts: tuple[str | os.PathLike[str], str]) -> None:
    """Write texts to paths: all of them, or none."""
    paths = {check_path(path, "path", ExportSettingError, "tidy.csv"): text for path, text in texts}
    with writing(*paths):
        # Half of a pair of surrogates, which JSON and names of columns may hold, is written as JSON writes it.
        write_files({path: text.encode("utf-8", "backslashreplace") for path, text in paths.items()})


def _signed(amount: float) -> str:
    return f"{amount:+,.2f}"
