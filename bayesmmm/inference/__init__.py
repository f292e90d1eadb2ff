"""From a system and data to a `Fit` by NUTS: the one door to PyMC, PyTensor and nutpie.

`variables` and `program` say what the log posterior density of a system reads, `pymc_model` writes the same density as
a PyMC model, `samplers` draws. Everything after the sampler (collapsed coefficients, predictive draws, pointwise
densities) is computed from the draws by the engine. `run` works off many fits.
"""

from bayesmmm.inference.fitting import default_draws, fit, give
from bayesmmm.inference.groups import PRIOR_DRAWS, add_predictive, draw_coordinates, predictive_groups
from bayesmmm.inference.many_fits import Completed, SilentFit, fit_quietly, run, seeds
from bayesmmm.inference.panel import panel_plan
from bayesmmm.inference.program import Program, write_program
from bayesmmm.inference.variables import linear_plan, model_data
