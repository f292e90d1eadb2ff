"""Numerical kernels: media response, its adjoints, and the likelihoods with their gradients.

This is the one place in which the equations of the package are computed. The PyTensor graph, the simulator,
the counterfactual engine and the optimiser all call these functions. They know arrays only: no labels, no
units, no priors. Time is always the last axis; ``geo`` is 1 for a national series.

Definitions, for one geo and one channel, with d the retention and S = d + ... + d**D::

    a_t     = (1 - S / D) * x_t + S * P_{t-1}                      adstock of D days, weights sum to one
    P_t     = d**D * P_{t-1} + (1 - d**D) / D * x_t                 pressure on its last day
    hill(a) = a**slope / (half_saturation**slope + a**slope)        0 where a <= 0, computed in logs
    A       = contribution / mean_t hill(a_t)                       amplitude, mean over the fitted periods
    media   = sum over channels of A * hill(a_t)

All functions are compiled by numba, kept on disk between processes, and release the global lock.
"""

from bayesmmm.kernels.adstock import adstock, adstock_transpose
from bayesmmm.kernels.draws import (
    SPEND_FLOOR,
    adstocks,
    amplitudes,
    aumann_shapley_shares,
    final_pressure,
    media_response,
)
from bayesmmm.kernels.hill import hill_curve
from bayesmmm.kernels.likelihood import collapsed_normal, explicit
from bayesmmm.kernels.media import media_basis, media_basis_vjp
from bayesmmm.kernels.order import order_statistics
from bayesmmm.kernels.philox import philox_uniforms
