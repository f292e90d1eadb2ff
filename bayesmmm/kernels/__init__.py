"""Numerical kernels: media response, its adjoints, and the likelihoods with their gradients.

This is the one place in which the equations of the package are computed. The PyTensor graph, the simulator,
the counterfactual engine and the optimiser all call these functions. They know arrays only: no labels, no
units, no priors. Time is always the last axis; ``geo`` is 1 for a national series.

Definitions, for one geo and one channel::

    a_t     = (1 - retention) * x_t + retention * a_{t-1}          adstock, weights sum to one
    hill(a) = a**slope / (half_saturation**slope + a**slope)        0 where a <= 0, computed in logs
    A       = contribution / mean_t hill(a_t)                       amplitude, mean over the fitted periods
    media   = sum over channels of A * hill(a_t)

All functions are compiled by numba, kept on disk between processes, and release the global lock.
"""

from bayesmmm.kernels.draws import (
    SPEND_FLOOR,
    adstocks,
    amplitudes,
    aumann_shapley_shares,
    final_adstock,
    media_response,
)
from bayesmmm.kernels.hill import hill_curve
from bayesmmm.kernels.likelihood import collapsed_normal, explicit
from bayesmmm.kernels.media import adstock, media_basis, media_basis_vjp
