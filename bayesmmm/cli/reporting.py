"""The command `report`: a bar before what takes seconds to import, then the page with its tables and figures."""

import argparse
import sys

from bayesmmm.cli.commands import SAMPLER_FAILED, check_readable, ending, list_files, list_others, refused
from bayesmmm.cli.files import told_figures
from bayesmmm.cli.planning import current_plan
from bayesmmm.cli.text import heading, show_findings, wrap
from bayesmmm.files import run_folder
from bayesmmm.processes import helper
from bayesmmm.progress import telling

#: Steps that are told: loading, answers, figures, the page.
_STEPS = 34


def report(options: argparse.Namespace) -> int:
    """Write the report of a saved fit."""
    check_readable(options.fit)
    shown = not options.no_progress and sys.stderr.isatty()
    # Both before what takes seconds to import.
    with helper("bayesmmm.plots") as drawing, telling(_STEPS, "report", shown, "loading") as tell:
        from bayesmmm.report import compose, write
        from bayesmmm.results import load

        fit = load(options.fit)
        fit = fit if options.geo is None else fit.sel(geo=options.geo)
        print(wrap(str(fit.convergence).splitlines()[0]))
        if refused(fit, options, "reported", "them"):
            return SAMPLER_FAILED
        fit = fit.accept_unconverged()
        with run_folder(options.out) as run:
            names = ("title", "start", "stop", "window", "ci_prob", "currency", "total", "objective")
            settings = {name: getattr(options, name) for name in names}
            if options.plan is not None:
                settings["plan"] = current_plan(fit, options)
            tell("effects")
            thinned = fit if options.draws is None else fit.thin(options.draws)
            composed = compose(thinned, tell=tell, helper=drawing, **settings)
            with told_figures():
                paths = write(composed, run, tell)
    show_findings(composed.findings)
    heading("Files")
    list_files(options.out, paths)
    list_others(options.out, composed.mark)
    print(f"next: open {paths[0]} in a browser")
    return ending(fit, "do not use these numbers")
