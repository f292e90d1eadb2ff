"""From a fit to a folder: everything is made beside and moved in at the end."""

import datetime
import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bayesmmm.report.answers import Answers, collect
from bayesmmm.report.figures import make_figures, save_figures
from bayesmmm.report.findings import Finding, make_findings
from bayesmmm.report.page import make_page
from bayesmmm.report.tables import make_tables
from bayesmmm.results import Fit

PAGE, TABLES, FIGURES = "index.html", "tables", "figures"


@dataclass(frozen=True)
class Report:
    """A report before it is drawn and written."""

    title: str
    answers: Answers
    tables: Mapping[str, pd.DataFrame]  # by the name of their file
    findings: tuple[Finding, ...]


def compose(fit: Fit, *, title: str | None = None, **settings: Any) -> Report:
    """Ask a fit everything and put the answers into tables and sentences; arguments as in `write_report`."""
    answers = collect(fit, **settings)
    tables = make_tables(answers)
    title = f"Marketing mix: {answers.outcome}" if title is None else title
    return Report(title, answers, tables, tuple(make_findings(answers, tables)))


def write(report: Report, folder: str | os.PathLike[str]) -> list[Path]:
    """Draw and write a report; files and errors as those of `write_report`."""

    def make(part: Path) -> None:
        for name in (TABLES, FIGURES):
            (part / name).mkdir()
        for name, table in report.tables.items():
            table.to_csv(part / TABLES / f"{name}.csv", index=False)
        figures = make_figures(report.answers)
        save_figures(figures, part / FIGURES)
        page = make_page(
            report.answers, report.tables, report.findings, figures, part / FIGURES, title=report.title
        )
        (part / PAGE).write_text(page, encoding="utf-8")

    return made_beside(Path(folder), make)


def made_beside(folder: Path, make: Callable[[Path], None]) -> list[Path]:
    """Let `make` write into a folder beside, then move what it wrote in: a failure leaves older files as they were."""
    folder.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=".part-", dir=folder))
    try:
        make(part)
        return _move_in(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def write_report(
    fit: Fit,
    folder: str | os.PathLike[str],
    *,
    title: str | None = None,
    start: str | datetime.date | None = None,
    stop: str | datetime.date | None = None,
    window: str = "spend",
    ci_prob: float = 0.9,
) -> list[Path]:
    """Write everything that a fit says about a window: one page to read, and the tables and figures behind it.

    ``index.html`` is one file that needs nothing else: findings as sentences with their intervals, figures, method,
    assumptions, data, diagnostics, limits. ``tables/`` holds every table as CSV, ``figures/`` every figure as PNG and
    SVG. All is made beside first, so that a failure leaves older files as they were.

    Parameters
    ----------
    fit : Fit
        Response curves use at most 1000 of its draws. Of ``fit.accept_unconverged()`` there is a report even if the
        sampler failed; the page and every table then say so.
    folder : str or path
        Made if need be. Files of the same names are replaced, others are left alone.
    title : str, optional
    start, stop : str or date, optional
        First and last period of the window, both included; by default the fitted periods.
    window : {"spend", "outcome"}
        What the effects count, as in `effects` of ``bayesmmm.estimands``.
    ci_prob : float in (0, 1)
        Probability of all intervals.

    Returns
    -------
    list of pathlib.Path
        The files, the page first.

    Raises
    ------
    ConvergenceError
        When the sampler failed.
    WindowError, DateError, SettingError
        For a window outside the data, impossible settings, or a system without channels.
    OSError
        When the folder cannot be written.

    Examples
    --------
    >>> paths = write_report(fit, "report", start="2024-01-07")  # doctest: +SKIP
    """
    report = compose(fit, title=title, start=start, stop=stop, window=window, ci_prob=ci_prob)
    return write(report, folder)


def _move_in(part: Path, folder: Path) -> list[Path]:
    """Move files into place; when one cannot be, those already moved make room for the older ones again."""
    names = sorted(path.relative_to(part) for path in part.rglob("*") if path.is_file())
    names.sort(key=lambda name: name != Path(PAGE))
    older = part / ".older"
    moved: list[Path] = []
    try:
        for name in names:
            target = folder / name
            target.parent.mkdir(exist_ok=True)
            if target.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
            if target.exists():
                (older / name).parent.mkdir(parents=True, exist_ok=True)
                os.replace(target, older / name)
            moved.append(name)
            os.replace(part / name, target)
    except BaseException:
        for name in moved:
            (folder / name).unlink(missing_ok=True)
            if (older / name).exists():
                os.replace(older / name, folder / name)
        raise
    return [folder / name for name in names]
