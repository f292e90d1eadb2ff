"""What the channels did: decomposition, direct and mediated effects, ROI, response curves, carryover.

All answers come from the engine, under one window rule, per posterior draw; they are summarised last. `effects` and
what derives from it set spend to zero and let mediators answer; `decompose` is the accounting view of the same
equations, which adds up.
"""

from bayesmmm.estimands.curves import EXTRAPOLATED, adstock_decay, response_curves
from bayesmmm.estimands.decomposition import decompose
from bayesmmm.estimands.marginal import marginal_roi
from bayesmmm.estimands.windows import TAIL_WEIGHT
from bayesmmm.estimands.zero_out import effects, roi

__all__ = [
    "EXTRAPOLATED",
    "TAIL_WEIGHT",
    "adstock_decay",
    "decompose",
    "effects",
    "marginal_roi",
    "response_curves",
    "roi",
]
