"""What is unwise about fitting equations to the geos of a panel."""

from collections.abc import Iterable

import numpy as np

from bayesmmm.data import MMMData
from bayesmmm.data.scales import common_share, deviations
from bayesmmm.equations.equation import Equation
from bayesmmm.equations.panel import MIN_GEOS
from bayesmmm.equations.system import MMM
from bayesmmm.errors import BayesMMMWarning, CommonSpendWarning, FewGeosWarning
from bayesmmm.text import percent, rough_percent

#: Share of the variation of a channel over time, from which on all geos that buy it have it in common.
COMMON_SPEND = 0.95


def panel_warnings(system: MMM, data: MMMData) -> list[BayesMMMWarning]:
    """Return what is unwise about geos: too few for period effects, or with spend that is one series in parts."""
    if len(data.geos) == 1:
        return []
    few = [w for name in system.order for w in _few_geos(system.equation(name), data)]
    return [*few, *(w for name in system.channels for w in _common_spend(name, system, data))]


def _few_geos(equation: Equation, data: MMMData) -> Iterable[BayesMMMWarning]:
    if equation.has_period_effects and len(data.geos) < MIN_GEOS:
        yield FewGeosWarning(
            f"equation {equation.name!r} has period effects for {len(data.geos)} geos (fewer than {MIN_GEOS}), which "
            f"are not told apart from what the geos do by themselves, so that they take effects of media with them. "
            f"Leave periods out of its Panel, or add geos."
        )


def _common_spend(name: str, system: MMM, data: MMMData) -> Iterable[BayesMMMWarning]:
    share = common_spend_share(name, data)
    if share is not None and share > COMMON_SPEND:
        periods = any(name in e.media and e.has_period_effects for e in system.equations)
        taken = ", and period effects take what they have in common" * periods
        yield CommonSpendWarning(
            f"{rough_percent(share)} of the variation of channel {name!r} is the same in all geos (more than "
            f"{percent(COMMON_SPEND)}), so that geos say nothing about it that their total does not{taken}. Add the "
            f"geos up to one national series, or give its contribution an informative prior."
        )


def common_spend_share(name: str, data: MMMData) -> float | None:
    """Share of the variation of a channel over time that the geos that buy it have in common; none of fewer than two."""
    within = deviations(data.known(name))
    within = within[(np.nan_to_num(within) != 0).any(axis=1)]
    return common_share(within) if len(within) > 1 else None
