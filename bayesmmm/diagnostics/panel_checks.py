"""Checks of what the geos of a panel share: what one series alone cannot show."""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from bayesmmm import engine
from bayesmmm.data.scales import common_share
from bayesmmm.diagnostics.check import Check, check_against
from bayesmmm.diagnostics.period_checks import PanelMeans, free_periods
from bayesmmm.diagnostics.thresholds import COMMON_SOURCE, COMMON_SPREAD, Threshold
from bayesmmm.results import Fit

#: Draws that residuals are averaged over.
_DRAWS = 200
#: Arrays of the size of the data that an equation needs beside its media terms, and memory for so many draws at once.
_ARRAYS, _BYTES = 6, 200e6


def panel_checks(fit: Fit, *, seed: int) -> tuple[list[Check], dict[str, pd.DataFrame]]:
    """Check each equation of a panel for what its geos still have in common, and for what period effects leave of it.

    Table "common" (equation): share of the residual variance that is common to all geos in a period, what independent
    geos would have, and the bound. Table "periods" (equation, channel), of equations with random period effects: what a
    channel would bring more or less without their pull to zero, as `free_periods` has it.
    """
    checks, rows, free = [], {}, {}
    for name, means in panel_means(fit, seed=seed).items():
        known = np.isfinite(means.residual)
        share = common_share(means.residual)
        count = known.sum(axis=0)
        chance = float(np.mean(1.0 / count[count > 0]))
        # The mean of G independent residuals has 1 / G of their variance, estimated from T periods.
        bound = chance * (1.0 + COMMON_SPREAD * np.sqrt(2.0 / len(fit.data.dates)))
        rows[name] = {"share": share, "by_chance": chance, "bound": bound}
        checks.append(_common(fit, name, share, chance, float(bound)))
        equation = fit.system.equation(name)
        pulled = equation.panel is not None and equation.panel.periods == "random" and equation.media
        found = free_periods(fit, name, means) if pulled else None
        if found:
            checks.append(found[0])
            free[name] = found[1]
    tables = {"common": pd.DataFrame.from_dict(rows, orient="index").rename_axis("equation")}
    return checks, tables | ({"periods": pd.concat(free, names=["equation"])} if free else {})


def panel_means(fit: Fit, *, seed: int) -> dict[str, PanelMeans]:
    """Residuals and media terms of every equation, means over draws; what was not recorded is NaN."""
    sizes = fit.posterior.sizes
    draws = np.unique(np.linspace(0, sizes["chain"] * sizes["draw"] - 1, _DRAWS).astype(int))
    cells = fit.data.has_row.size * sum(len(e.media) + _ARRAYS for e in fit.system.equations)
    parameters = fit.parameters()
    sums: dict[tuple[str, str], np.ndarray] = {}
    design: Mapping[str, np.ndarray] = {}
    parts = math.ceil(8 * cells * len(draws) / _BYTES)
    for chosen in np.array_split(draws, min(parts, len(draws))):
        base = engine.history(fit.system, fit.scales, fit.data, parameters, chosen, seed=seed)
        design = base.design
        for name in fit.system.order:
            # Only what was recorded: before a geo starts and after it ends there is nothing to have in common.
            own = {(name, ""): np.where(fit.data.recorded(name), base.residual[name], np.nan)}
            for key, values in (own | {k: v for k, v in base.term.items() if k[0] == name}).items():
                sums[key] = sums.get(key, 0.0) + values.sum(axis=0)
    mean = {key: values / len(draws) for key, values in sums.items()}
    return {
        name: PanelMeans(mean[name, ""], {c: mean[name, c] for c in fit.system.equation(name).media}, design[name])
        for name in fit.system.order
    }


def _common(fit: Fit, name: str, share: float, chance: float, bound: float) -> Check:
    equation = fit.system.equation(name)
    finding = (
        f"{share:.1%} of the variance of the residuals of {name} is common to all geos in a period; geos that have "
        f"nothing in common would share {chance:.1%}."
    )
    meaning = (
        "what moves all geos at once looks like noise to every other check; where it moves spend as well, returns are "
        "wrong with narrow intervals"
    )
    remedies = (
        f"give periods an effect, as mm.Equation({name!r}, ..., panel=mm.Panel(periods='random'))",
        f"add what moved all geos to the controls of {name}",
    )
    if equation.has_period_effects:
        random = equation.panel is not None and equation.panel.omega is None
        wider = "let nothing draw period effects to zero, as "
        wider += f"mm.Equation({name!r}, ..., panel=mm.Panel(periods='fixed'))"
        remedies = (
            *((wider,) if random else ()),
            *remedies[1:],
            f"look at mm.predict(fit, by='geo')[{name!r}] for geos that move apart from the others",
        )
    return check_against(
        f"common:{name}", "fit", Threshold(bound, COMMON_SOURCE), share, finding, meaning, remedies
    )
