"""How much an answer rests on priors, on one channel or geo, on pooling, or on a cause that nobody recorded.

`power_scaling` and, by default, `mediation_sensitivity` weigh the draws of a fit; the others fit again.
"""

from bayesmmm.sensitivity.confounder import confounder_sensitivity
from bayesmmm.sensitivity.leave_one_out import leave_one_channel_out
from bayesmmm.sensitivity.pooling import leave_one_geo_out, pooling_sensitivity
from bayesmmm.sensitivity.psense import power_scaled_budget, power_scaling
from bayesmmm.sensitivity.residual_correlation import mediation_sensitivity

__all__ = [
    "confounder_sensitivity",
    "leave_one_channel_out",
    "leave_one_geo_out",
    "mediation_sensitivity",
    "pooling_sensitivity",
    "power_scaled_budget",
    "power_scaling",
]
