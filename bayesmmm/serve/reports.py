"""The report of a fit as one page."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from bayesmmm.serve.answers import Answers
from bayesmmm.serve.hearing import heard
from bayesmmm.serve.questions import Report


def report_page(answers: Answers, question: Report, tell: Callable[[str], object]) -> str:
    """Write the report to a folder that is thrown away, and return its page, which needs nothing else."""
    from bayesmmm.report import write_report  # figures: only who asks for them waits for matplotlib

    _, fit = answers.fit_of(question)
    settings = {name: getattr(question, name) for name in ("title", "start", "stop", "window", "ci_prob")}
    tell("tables and figures")
    with tempfile.TemporaryDirectory() as folder, heard():
        return write_report(fit, Path(folder) / "report", progress=False, **settings)[0].read_text(
            encoding="utf-8"
        )
