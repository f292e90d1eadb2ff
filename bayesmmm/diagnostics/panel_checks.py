"""Checks of what the geos of a panel share: what one series alone cannot show."""

import numpy as np
import pandas as pd

from bayesmmm import engine
from bayesmmm.data.scales import common_share
from bayesmmm.diagnostics.check import Check, check_against
from bayesmmm.diagnostics.thresholds import COMMON_SOURCE, COMMON_SPREAD, Threshold
from bayesmmm.results import Fit

#: Draws that residuals are averaged over.
_DRAWS = 200


def panel_checks(fit: Fit, *, seed: int) -> tuple[list[Check], dict[str, pd.DataFrame]]:
    """Check each equation of a panel for what its geos still have in common.

    Table "common" (equation): share of the residual variance that is common to all geos in a period, what independent
    geos would have, and the bound.
    """
    sizes = fit.posterior.sizes
    draws = np.unique(np.linspace(0, sizes["chain"] * sizes["draw"] - 1, _DRAWS).astype(int))
    base = engine.history(fit.system, fit.scales, fit.data, fit.parameters(), draws, seed=seed)
    checks, rows = [], {}
    for name in fit.system.order:
        # Only what was recorded: before a geo starts and after it ends there is nothing to have in common.
        known = fit.data.recorded(name)
        share = common_share(np.where(known, base.residual[name].mean(axis=0), np.nan))
        count = known.sum(axis=0)
        chance = float(np.mean(1.0 / count[count > 0]))
        # The mean of G independent residuals has 1 / G of their variance, estimated from T periods.
        bound = chance * (1.0 + COMMON_SPREAD * np.sqrt(2.0 / len(fit.data.dates)))
        rows[name] = {"share": share, "by_chance": chance, "bound": bound}
        checks.append(_common(fit, name, share, chance, float(bound)))
    return checks, {"common": pd.DataFrame.from_dict(rows, orient="index").rename_axis("equation")}


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
