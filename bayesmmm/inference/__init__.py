"""From a system and data to a `Fit` by NUTS: the one door to PyMC, PyTensor and nutpie.

`variables` and `program` say what the log posterior density of a system reads, `pymc_model` writes the same density as
a PyMC model, `samplers` draws. Everything after the sampler (collapsed coefficients, predictive draws, pointwise
densities) is computed from the draws by the engine. `run` works off many fits.
"""

from bayesmmm.inference.fitting import fit, give, heard
from bayesmmm.inference.groups import PRIOR_DRAWS, draw_coordinates, predictive_groups
from bayesmmm.inference.many_fits import Completed, SilentFit, fit_quietly, run, seeds
from bayesmmm.inference.panel import PanelPlan, panel_plan
from bayesmmm.inference.program import Program, write_program
from bayesmmm.inference.samplers import nutpie_model
from bayesmmm.inference.variables import (
    Block,
    LinearPlan,
    blocks,
    collapses,
    is_collapsed,
    linear_plan,
    model_data,
    normal_terms,
    softplus_scale,
)

__all__ = [
    "PRIOR_DRAWS",
    "Block",
    "Completed",
    "LinearPlan",
    "PanelPlan",
    "Program",
    "SilentFit",
    "blocks",
    "collapses",
    "draw_coordinates",
    "fit",
    "fit_quietly",
    "give",
    "heard",
    "is_collapsed",
    "linear_plan",
    "model_data",
    "normal_terms",
    "nutpie_model",
    "panel_plan",
    "predictive_groups",
    "run",
    "seeds",
    "softplus_scale",
    "write_program",
]
