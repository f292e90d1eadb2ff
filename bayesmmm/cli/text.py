"""What the commands print: headings, tables, cautions, a posterior beside the truth, findings."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bayesmmm.errors import BayesMMMWarning
from bayesmmm.text import percent, row_parts, wrapped

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path

    import pandas as pd
    import xarray as xr

    from bayesmmm.data import MMMData
    from bayesmmm.diagnostics import Diagnosis
    from bayesmmm.equations import MMM
    from bayesmmm.errors import BayesMMMError
    from bayesmmm.report import Finding
    from bayesmmm.results import Fit
    from bayesmmm.simulate import World

_WIDTH = 100
_EFFECTS = ("total", "direct", "indirect", "roi")


def heading(text: str) -> None:
    """Print a heading."""
    print(f"\n{text}\n{'-' * len(text)}")


def laid_out(frame: "pd.DataFrame", number: "Callable[[float], str]") -> str:
    """Return a table as text."""
    return frame.to_string(float_format=number, line_width=None, index_names=False)


def wrap(text: str) -> str:
    """Break a text into lines."""
    return "\n".join(wrapped(text, _WIDTH, indent=3))


def listing(cautions: Sequence[str]) -> str:
    """Return cautions as numbered lines."""
    return "\n".join(wrap(f"{number}. {caution}") for number, caution in enumerate(cautions, 1))


def show_written(folder: "Path", paths: Sequence["Path"]) -> None:
    """Print the files of a folder that were written."""
    heading("Files")
    print(wrap(f"written to {folder}: {', '.join(path.name for path in paths)}"))


def option_of(said: "BayesMMMError | BayesMMMWarning", options: "Namespace") -> str:
    """Return the option of a command that an error or a warning is about; empty where there is none."""
    name = said.argument or ""
    return f"--{'group' if name == 'groups' else name.replace('_', '-')}" if name in vars(options) else ""


@contextmanager
def collected_cautions(options: "Namespace") -> Iterator[list[str]]:
    """Collect warnings of the package as cautions, in our own words; others pass."""
    cautions: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", BayesMMMWarning)
        yield cautions
    for each in caught:
        if isinstance(each.message, BayesMMMWarning):
            here = f" (here: {option})" if (option := option_of(each.message, options)) else ""
            text = f"{each.message}{here} [{each.category.__name__}]"
            cautions += [] if text in cautions else [text]
        else:
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)


# ---------------------------------------------------------------------------------------------- data, model, parameters
def show_warnings(system: "MMM", data: "MMMData") -> None:
    """Print what is unwise about data and model."""
    from bayesmmm.equations import system_warnings

    heading("Cautions")
    cautions = [f"{warning} [{type(warning).__name__}]" for warning in system_warnings(system, data)]
    print(listing(cautions) or "none: nothing about these data and this model is unwise")


def compare(fit: "Fit", table: "pd.DataFrame", truth: Mapping[str, float], ci_prob: float) -> None:
    """Say how many true values lie inside their intervals, and which of those that all geos share do not."""
    shared = [str(n) for n, v in fit.posterior.items() if any(str(dim).endswith(".media") for dim in v.dims)]
    shared = [name for name in shared if "geo" not in fit.posterior[name].dims]
    beside = with_truth(table, truth)
    known = beside[beside["truth"].notna()]
    inside = known["inside"].astype(bool)
    heading("Posterior beside truth")
    print(
        f"{inside.sum()} of {len(known)} true values lie inside their {percent(ci_prob)} intervals "
        f"(about {ci_prob * len(known):.0f} are to be expected)"
    )
    variables = [str(name) for name in fit.posterior]
    rows = [row_parts(row, variables)[0] for row in known.index]
    count = inside.groupby(rows, sort=False).agg(["sum", "size"])
    count = count.rename(columns={"sum": "inside", "size": "of"}).rename_axis("parameter")
    print(laid_out(count, "{:.0f}".format))
    # What every geo or every period has of its own is in summary.csv.
    media = [row for row, name in zip(known.index, rows, strict=True) if name in shared]
    print("\nmedia parameters (* outside)")
    shown = known.loc[media, ["truth", "median", "lower", "upper"]].rename_axis("parameter")
    shown[" "] = ["" if ok else "*" for ok in inside[media]]
    print(laid_out(shown, "{:.3g}".format))


def with_truth(table: "pd.DataFrame", truth: Mapping) -> "pd.DataFrame":
    """Return a table of values with their truth, and whether their interval holds it."""
    out = table.assign(truth=[truth.get(row) for row in table.index])
    known = out["truth"].notna()
    inside = (out["lower"] <= out["truth"]) & (out["truth"] <= out["upper"])
    return out.assign(inside=inside.astype(object).where(known, None))


# -------------------------------------------------------------------------------------------------------------- effects
def effects_table(fit: "Fit", world: "World | None", ci_prob: float, by: str | None = None) -> "pd.DataFrame":
    """Lay out the effects of each channel, in total or by a key, beside the true ones in total and by geo.

    A row for each (geo,) channel and effect; what a geo has of a channel that it never buys is left out.
    """
    import pandas as pd

    from bayesmmm.estimands import effects
    from bayesmmm.results.summaries import interval

    # The convention of the truth of a world: what the outcome of the data owes to all spend.
    draws = effects(fit, groups={}, terms=(), window="outcome", by=by)
    labels = [*([] if by is None else [by]), "channel"]

    def rows(values: "xr.Dataset") -> "pd.Series":
        return values[list(_EFFECTS)].to_array("effect").transpose(*labels, "effect").to_series()

    table = pd.DataFrame({name: rows(part) for name, part in interval(draws[list(_EFFECTS)], ci_prob).items()})
    if world is not None and by in (None, "geo"):
        true = world.truth.effects if by is None else world.truth.effects_by_geo
        assert true is not None, "a panel has its truth by geo"
        table = with_truth(table, rows(true).to_dict())
    returns = table["median"].xs("roi", level="effect")
    table = table[~table.index.droplevel("effect").isin(returns.index[returns.isna()])]
    table.attrs["unit"] = draws.attrs["unit"]
    return table


def show_effects(fit: "Fit", table: "pd.DataFrame", ci_prob: float) -> None:
    """Print the effects of each channel, as `effects_table` lays them out."""
    if not len(table):
        return
    known, keys = "truth" in table, table.index.names[:-2]
    heading(f"Effects of each channel{''.join(f' by {key}' for key in keys)}{', beside the truth' * known}")
    names = [f"{effect}[{', '.join(map(str, place))}]" for *place, effect in table.index]
    shown = table.set_axis(names)
    if known:
        shown[" "] = ["" if ok else "*" for ok in shown.pop("inside")]
    print(laid_out(shown, "{:,.4g}".format))
    unit = table.attrs["unit"]
    meaning = f"total, direct, indirect: {fit.system.outcome} ({unit}) lost without the channel, in the data"
    outside = "; * truth outside" if known else ""
    print(wrap(f"{meaning}; roi: total over spend; medians and {percent(ci_prob)} intervals{outside}"))


def show_true_effects(world: "World") -> None:
    """Print the true effects of each channel of a world."""
    effects = world.truth.effects
    heading("True effects of each channel")
    names = ["spend", *_EFFECTS]
    print(laid_out(effects[names].to_dataframe()[names], "{:,.4g}".format))
    lost = f"total, direct, indirect: {world.system.outcome} lost without the channel, in the data"
    print(wrap(f"{lost}; roi: total over spend"))


# ------------------------------------------------------------------------------------------------- checks and findings
def show_diagnosis(diagnosis: "Diagnosis") -> None:
    """Print the verdict of all checks, and what to do about those that raise something."""
    heading("Diagnosis")
    print(diagnosis.advice)
    print("every check, with its number, bound and source: diagnosis.csv")


def show_findings(findings: Sequence["Finding"]) -> None:
    """Print the main findings under their topics."""
    topic = None
    for finding in findings:
        if not finding.main:
            continue
        if finding.topic != topic:
            topic = finding.topic
            heading(topic)
        print(wrap(f"- {finding.text}"))
