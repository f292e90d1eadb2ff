"""From a fit to a folder: everything is made beside and moved in at the end."""

import datetime
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bayesmmm.diagnostics import diagnose
from bayesmmm.errors import SettingError
from bayesmmm.files import RunFolder, digest, make_mark, run_folder, write_csv, writing
from bayesmmm.processes import Helper
from bayesmmm.progress import Tell, silent, telling
from bayesmmm.report.answers import STEPS, Answers, answer, estimate
from bayesmmm.report.experiments import make_experiments_table
from bayesmmm.report.figures import Figure, begin, figures_of_answers, figures_of_fit, named, save_figures
from bayesmmm.report.findings import Finding, make_findings
from bayesmmm.report.geo_tables import make_geo_tables
from bayesmmm.report.next_test import rank_tests
from bayesmmm.report.others import make_terms_table
from bayesmmm.report.page import make_page
from bayesmmm.report.recommendation import OBJECTIVES, Asked
from bayesmmm.report.tables import make_tables
from bayesmmm.results import Fit, check_fit
from bayesmmm.validate import check_choice, check_ci_prob, check_flag, check_path, refusal

PAGE, TABLES, FIGURES = "index.html", "tables", "figures"
_ASKED: Mapping[str, Any] = {"plan": None, "total": None, "objective": "outcome"}
#: Figures of a national report with two equations, and its page: steps that are told.
_FIGURES = 24


@dataclass(frozen=True)
class Report:
    """A report before it is drawn and written."""

    title: str
    answers: Answers
    tables: Mapping[str, pd.DataFrame]  # by the name of their file
    findings: tuple[Finding, ...]
    figures: list[Figure]
    mark: str  # what made it, which run, of which fit


def compose(
    fit: Fit,
    *,
    title: str | None = None,
    currency: str = "",
    tell: Tell = silent,
    helper: Helper | None = None,
    **settings: Any,
) -> Report:
    """Ask a fit everything and put the answers into tables and sentences; arguments as in `write_report`.

    A `helper` checks the fit and draws the figures while this process goes on.
    """
    helper = Helper() if helper is None else helper
    asked = Asked(*(settings.pop(name, default) for name, default in _ASKED.items()))
    diagnosis = helper.submit(diagnose, fit)
    figures = begin(figures_of_fit(fit, check_ci_prob(settings.get("ci_prob"))), helper)
    estimates = estimate(fit, tell=tell, **settings)
    figures = named([*begin(figures_of_answers(estimates), helper), *figures])
    answers = answer(estimates, asked, diagnosis, currency=currency, tell=tell)
    tables = make_tables(answers) | make_geo_tables(answers) | make_terms_table(answers)
    tables |= make_experiments_table(answers, rank_tests(answers))
    title = f"Marketing mix: {answers.outcome}" if title is None else title
    stamp = fit.stamp
    settings |= {"currency": currency} | {name: getattr(asked, name) for name in _ASKED}
    run = digest(stamp, title, sorted((name, str(value)) for name, value in settings.items()), fit.answering)
    mark = make_mark("report", run, stamp)
    return Report(title, answers, tables, tuple(make_findings(answers, tables)), figures, mark)


def write(report: Report, run: RunFolder, tell: Tell = silent) -> list[Path]:
    """Draw and write a report; files and errors as those of `write_report`."""

    def make(part: Path) -> None:
        for name in (TABLES, FIGURES):
            (part / name).mkdir()
        for name, table in report.tables.items():
            write_csv(table, part / TABLES / f"{name}.csv", index=False)
        figures = save_figures(report.figures, part / FIGURES, tell)
        tell("page")
        page = make_page(
            report.answers, report.tables, report.findings, figures, part / FIGURES, title=report.title
        )
        (part / PAGE).write_text(page, encoding="utf-8")

    paths = run.write(make, report.mark, last=[PAGE])
    return [paths[-1], *paths[:-1]]


def write_report(
    fit: Fit,
    folder: str | os.PathLike[str],
    *,
    title: str | None = None,
    start: str | datetime.date | None = None,
    stop: str | datetime.date | None = None,
    window: str = "spend",
    ci_prob: float | None = None,
    currency: str = "",
    plan: pd.DataFrame | None = None,
    total: float | tuple[float | None, float | None] | None = None,
    objective: str = "outcome",
    progress: bool = True,
) -> list[Path]:
    """Write everything that a fit says about a window: one page to read, and the tables and figures behind it.

    ``index.html`` is one file that needs nothing else. Its first part is for the person who decides: what was found in
    three sentences, a recommended plan, three figures. The part for the analyst has all findings with their intervals,
    figures, method, assumptions, data, diagnostics, limits. ``tables/`` holds every table as CSV, ``figures/`` every
    figure as SVG, and those of the first part as PNG, too. All is made beside first, so that a failure leaves older
    files as they were.

    The plan is that of `optimize_budget` for the next quarter at the current total, in which no channel moves by more
    than 30 %.

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
    ci_prob : float in (0, 1), optional
        Probability of all intervals; by default 0.9, or ArviZ's ``stats.ci_prob`` where it was set.
    currency : str
        Sign or code that stands before amounts of money in the first part, as "€".
    plan : DataFrame, optional
        Current plan of the window to plan, as in `Window`; by default the last quarter repeated.
    total : float or (low, high), optional
        Money of the recommended plan; by default what the current one costs.
    objective : {"outcome", "profit", "roi"}
        What it is for, as in `Goal`.
    progress : bool
        Show what is being done.

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
    BusyFolderError
        When another run is writing to the folder.
    WritingError
        When the folder cannot be written.

    Warns
    -----
    FigureWarning
        For a figure that cannot be drawn; the report goes without it.

    Examples
    --------
    >>> paths = write_report(fit, "report", start="2024-01-07")  # doctest: +SKIP
    """
    if not isinstance(title, str | None):
        raise refusal("title", title, "must be text")
    if not isinstance(currency, str):
        raise refusal("currency", currency, "must be text, as '€'")
    check_choice(objective, "objective", OBJECTIVES)
    check_flag(progress, "progress")
    check_fit(fit)
    path = check_path(folder, "folder", SettingError, "report")
    about: dict[str, Any] = {
        "start": start,
        "stop": stop,
        "window": window,
        "ci_prob": ci_prob,
        "currency": currency,
    }
    asked: dict[str, Any] = {"plan": plan, "total": total, "objective": objective}
    with writing(path), run_folder(path) as run, telling_report(progress, "effects") as tell:
        return write(compose(fit, title=title, tell=tell, **about, **asked), run, tell)


def telling_report(progress: bool, first: str) -> AbstractContextManager[Tell]:
    """Give what tells the steps of a report."""
    return telling(STEPS + _FIGURES, "report", progress, first)
