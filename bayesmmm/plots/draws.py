"""Medians and intervals of parameters."""

import textwrap
from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from bayesmmm.equations.text import term_words
from bayesmmm.errors import SettingError
from bayesmmm.plots.axis import label_rows, log_axis
from bayesmmm.plots.layout import AUTO, Panels, Title, finish, listed, one, rows_axes, width_of
from bayesmmm.plots.parts import TRUTH, entry, intervals, legend_above, legend_on_top, truths
from bayesmmm.plots.reading import ci_label, inner_label
from bayesmmm.plots.sources import PARAMETERS, PRIOR_POSTERIOR
from bayesmmm.plots.style import BLUE, GREY, SMALL, TEXT
from bayesmmm.results import FACTORS, Fit, prior_and_posterior
from bayesmmm.text import joined, row_parts
from bayesmmm.validate import check_flag, refusal

_WORDS = {
    "half_life": "half-life",
    "half_saturation": "half-saturation",
    "median_half_life": "median half-life",
    "median_half_saturation": "median half-saturation",
    "median_slope": "median slope",
    "nu_minus_two": "nu - 2",
    "median_contribution": "median contribution",
}
#: Lines of a unit below a panel that its row has room for, and inches of one line more.
_UNIT_LINES, _LINE = 2, 0.16


def parameters(
    table: pd.DataFrame | Fit,
    *,
    truth: Mapping[str, float] | None = None,
    title: Title = AUTO,
    axes: Panels = None,
) -> np.ndarray:
    """Draw medians and intervals of parameters: one row of panels per equation, one panel per parameter.

    Parameters
    ----------
    table : pandas.DataFrame or Fit
        A fit (of a panel what its geos share), or what ``fit.summary()`` or `summarise` gives: rows named
        ``equation.parameter[label]``, columns median, lower, upper.
    truth : mapping of str to float, optional
        True values under the same names, drawn as diamonds. Names that the table lacks are left out.
    axes : sequence of Axes, optional
        One for each panel, in the order of the table. The intercepts have panels of their own.
    title : as for every figure, see `bayesmmm.plots`

    Returns
    -------
    array of Axes
        One for each ``equation.parameter``, in the order of the table, intercepts apart from other coefficients.

    Examples
    --------
    >>> axes = parameters(fit.summary(), truth={"revenue.half_life[facebook]": 10.0})  # doctest: +SKIP
    """
    table = PARAMETERS(table)
    blocks = _blocks(table)
    if not all("." in variable and rows for variable, rows in blocks.items()):
        PARAMETERS.refuse(table, "rows of the table are not named like parameters, as 'sales.half_life[tv]'")
    own = axes is None
    known = table.attrs.get("units", {})
    units = {
        v: textwrap.fill(known.get(row_parts(next(iter(rows)), known)[0], ""), 18) for v, rows in blocks.items()
    }
    axes = _parameter_grid(blocks, units) if axes is None else listed(axes, len(blocks))
    named = None
    for (variable, rows), ax in zip(blocks.items(), axes, strict=True):
        part = table.loc[list(rows)]
        intervals(ax, part, 0.0, BLUE, size=4.0)
        truths(ax, part, truth)
        label_rows(ax, [term_words(label) for label in rows.values()])
        equation, _, parameter = variable.rpartition(".")
        if parameter in FACTORS:
            log_axis(ax)
        elif part["lower"].min() < 0 < part["upper"].max():
            ax.axvline(0.0, color=GREY, linewidth=0.8, zorder=0)
        # The equation is named once per row: its name may be wider than a panel.
        word = _WORDS.get(parameter, parameter)
        ax.set_title(word if equation == named else f"{equation}\n{word}", fontsize=TEXT, loc="left")
        named = equation
        ax.set_xlabel(units[variable], fontsize=SMALL)
    entries = [entry(BLUE, f"median and {ci_label(table)} interval")] + ([TRUTH] if truth is not None else [])
    legend_on_top(axes[0], entries, own)
    equations = dict.fromkeys(variable.rpartition(".")[0] for variable in blocks)
    return finish(axes, own, title, f"Parameters of the equations of {joined(equations)}")


def _blocks(table: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Rows of each panel with their labels. The intercept stands apart: it would hide the other coefficients."""
    blocks: dict[str, dict[str, str]] = {}
    for row in table.index:
        variable, label = row_parts(str(row), table.attrs.get("units", ()))
        equation, _, parameter = variable.rpartition(".")
        if parameter == "coefficient" and label == "intercept":
            blocks.setdefault(f"{equation}.intercept", {})[row] = ""
        else:
            blocks.setdefault(variable, {})[row] = label
    return blocks


def _parameter_grid(blocks: Mapping[str, Mapping[str, str]], units: Mapping[str, str]) -> list[Axes]:
    """One row per equation, one column per parameter; a panel does not repeat the labels of its left neighbour."""
    split = [variable.rpartition(".")[::2] for variable in blocks]
    equations, names = (list(dict.fromkeys(part)) for part in zip(*split, strict=True))
    heights = [
        max(len(blocks[v]) for v, (e, _) in zip(blocks, split, strict=True) if e == row) for row in equations
    ]
    lines = [
        max(units[v].count("\n") + 1 for v, (e, _) in zip(blocks, split, strict=True) if e == row)
        for row in equations
    ]
    below = _LINE * sum(max(0, count - _UNIT_LINES) for count in lines)
    # Scalars get a narrower panel than lists of channels.
    widths = [
        0.7 if max(len(block) for v, block in blocks.items() if v.endswith(f".{n}")) == 1 else 1.0 for n in names
    ]
    margin = width_of(term_words(label) for block in blocks.values() for label in block.values())
    _, grid = plt.subplots(
        len(equations),
        len(names),
        figsize=(1.8 * sum(widths) + 1.7 * margin, sum(0.19 * h + 0.75 for h in heights) + 0.4 + below),
        height_ratios=[0.19 * h + 0.1 for h in heights],
        width_ratios=widths,
        squeeze=False,
        layout="constrained",
    )
    for ax in grid.ravel():
        ax.set_axis_off()
    axes = []
    before: tuple[str, list[str]] = ("", [])
    for block, (equation, name) in zip(blocks.values(), split, strict=True):
        ax = grid[equations.index(equation), names.index(name)]
        ax.set_axis_on()
        labels = (equation, list(block.values()))
        ax.tick_params(labelleft=labels != before)
        before = labels
        axes.append(ax)
    return axes


def prior_posterior(
    prior: pd.DataFrame | Fit,
    posterior: pd.DataFrame | str,
    *,
    truth: Mapping[str, float] | None = None,
    log: bool = False,
    title: Title = AUTO,
    ax: Axes | None = None,
) -> Axes:
    """Draw the prior interval above the posterior interval of each row: what the data taught.

    Parameters
    ----------
    prior, posterior : pandas.DataFrame
        As `summarise` gives them for one variable, with the same rows; or a fit and the name of a variable.
    truth : mapping of str to float, optional
        True values by row name.
    log : bool
        Logarithmic axis, for positive parameters.
    title, ax : as for every figure, see `bayesmmm.plots`

    Examples
    --------
    >>> ax = prior_posterior(fit, "revenue.half_life", log=True)  # doctest: +SKIP
    """
    if isinstance(prior, Fit) and isinstance(posterior, str):
        if posterior not in prior.posterior:
            text = f"the fit has no variable {posterior!r}; name one of: {', '.join(map(str, prior.posterior))}"
            raise SettingError(text, argument="posterior", value=posterior)
        prior, posterior = prior_and_posterior(prior, posterior)
    prior, posterior = PRIOR_POSTERIOR(prior), PRIOR_POSTERIOR(posterior)
    if list(prior.index) != list(posterior.index):
        raise SettingError(
            "prior and posterior must have the same rows; summarise the same variable of both groups"
        )
    labels, own = [term_words(inner_label(row)) for row in prior.index], ax is None
    ax = rows_axes(labels, 4.6, 1.1, 0.3) if ax is None else one(ax)
    intervals(ax, prior, -0.16, GREY, size=3.5, linewidth=1.2)
    intervals(ax, posterior, 0.16, BLUE, size=4.5, linewidth=2.6)
    truths(ax, posterior, truth, 0.16)
    label_rows(ax, labels)
    if check_flag(log, "log"):
        if min(prior["lower"].min(), posterior["lower"].min()) <= 0.0:
            raise refusal("log", log, "needs values above 0, and some are not; leave it out")
        log_axis(ax)
    ax.set_xlabel(posterior.attrs.get("unit", ""), fontsize=SMALL)
    share = ci_label(posterior)
    entries = [entry(GREY, f"prior, {share}", 1.2), entry(BLUE, f"posterior, {share}", 2.6)]
    entries += [TRUTH] if truth is not None else []
    legend_above(ax, entries, 3, left=True)
    equation, _, parameter = row_parts(str(prior.index[0]))[0].rpartition(".")
    name = f"{equation}: {_WORDS.get(parameter, parameter)}".removeprefix(": ")
    return finish([ax], own, title, f"{name}, before and after the data")[0]
