"""From a system and data to a `Fit` by NUTS.

Everything after the sampler (collapsed coefficients, predictive draws, pointwise densities) is computed from the draws
by the engine.
"""

from bayesmmm.sampling.completing import PRIOR_DRAWS, draw_coordinates, predictive_groups
from bayesmmm.sampling.fitting import fit, give, heard

__all__ = ["PRIOR_DRAWS", "draw_coordinates", "fit", "give", "heard", "predictive_groups"]
