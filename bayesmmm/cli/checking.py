"""The command `check`: every fault of a table, and what is unwise about it and its model where it has none."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayesmmm.cli import arguments
from bayesmmm.cli.commands import DONE, read_spec
from bayesmmm.cli.text import heading, show_warnings
from bayesmmm.errors import SpecError

if TYPE_CHECKING:
    from bayesmmm.data.faults import Faults

FAULTY = 4
ABOUT = """\
List every fault of a table at once: what is wrong and where, one way to mend it, and what `bayesmmm prepare` does about
it. With a system, roles are those of its [data] table; where the table has no fault the system is checked against it,
and what is unwise is said. Without one, the columns of days and of numbers are found, and what needs no role is checked.
Exits with 4 where there are faults.

example:
  bayesmmm check data.csv --spec system.toml
  bayesmmm check data.xlsx --date Week
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("data", metavar="DATA", type=Path, help="a CSV file, a workbook (.xlsx) or a Parquet file")
    parser.add_argument("--spec", metavar="SYSTEM.toml", type=Path, help="roles, equations and priors")
    group = parser.add_argument_group("without --spec")
    texts = {
        "date": "column of dates (found)",
        "geo": "column that names the geo; several may",
        "date-format": "format of dates, as %%d/%%m/%%Y",
    }
    add = arguments.adding(group, texts)
    add("date", "COLUMN")
    add("geo", "COLUMN", nargs="+", default=[])
    add("date-format", "FORMAT")
    parser.set_defaults(run=check)


def check(options: argparse.Namespace) -> int:
    """Print every fault of a table; where there is none, what is unwise."""
    found, ready = _with_spec(options) if options.spec else _without(options)
    print(found)
    if found:
        return FAULTY
    if ready is not None:
        data, system = ready
        from bayesmmm.diagnostics import audit
        from bayesmmm.equations import check_system

        check_system(system, data)
        print(f"\n{data!r}")
        show_warnings(system, data)
        heading("Audit")
        print(audit(data, system).advice)
    return DONE


def _with_spec(options: argparse.Namespace) -> "tuple[Faults, Any]":
    from bayesmmm.data import MMMData
    from bayesmmm.data.frames import all_faults

    if told := [name for name in ("date", "geo", "date_format") if getattr(options, name)]:
        raise SpecError(
            f"--{told[0].replace('_', '-')} goes without --spec: {options.spec} says the roles of columns"
        )
    system, columns = read_spec(options.spec, ", or leave --spec out")
    ready: list[Any] = []  # what `MMMData.check` looks through, kept: a large file is read once
    found = all_faults(
        lambda: ready.append((MMMData.from_file(options.data, **columns), system)), repr(str(options.data))
    )
    return found, None if found else ready[0]


def _without(options: argparse.Namespace) -> "tuple[Faults, None]":
    from bayesmmm.data.frames import faults_without_roles
    from bayesmmm.prepare.days import token

    def is_day(cell: str) -> bool:
        return token(cell) is not None

    given = {"date": options.date, "keys": options.geo, "date_format": options.date_format}
    return faults_without_roles(options.data, is_day=is_day, **given), None
