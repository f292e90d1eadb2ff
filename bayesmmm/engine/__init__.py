"""The only evaluator: a system, parameters and inputs give series, with or without an intervention.

Works on arrays shaped (draw, geo, channel, date). Parameters are plain arrays with a leading draw axis; `stack`
and `unstack` translate them from and to labelled data sets. The engine knows nothing of PyMC, of how the draws
were made, or of tables and plots.

Terms: *latent* is the right-hand side of an equation on its own scale (shares of mean size, or their log), with
`residual` added; *series* is what is observed, in the units of the column.
"""

from bayesmmm.engine.evaluate import (
    Run,
    amplitudes,
    kernel_lag,
    latent,
    log_likelihood,
    media_term,
    residual_draws,
    residuals,
    run,
)
from bayesmmm.engine.inputs import (
    Inputs,
    check_national,
    checked_scales,
    expected,
    inputs,
    observe,
    retention,
    to_latent,
)
from bayesmmm.engine.parameters import Parameters, canonical, draw_prior, rescale, spend_per_size, stack, unstack

__all__ = [
    "Inputs",
    "Parameters",
    "Run",
    "amplitudes",
    "canonical",
    "check_national",
    "checked_scales",
    "draw_prior",
    "expected",
    "inputs",
    "kernel_lag",
    "latent",
    "log_likelihood",
    "media_term",
    "observe",
    "rescale",
    "residual_draws",
    "residuals",
    "retention",
    "run",
    "spend_per_size",
    "stack",
    "to_latent",
    "unstack",
]
