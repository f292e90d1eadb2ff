"""Series under the fitted equations: as they were, as they would have been, and as they may go on.

`predict` gives fitted or future series, `what_if` the change that other inputs make, `residuals` what the equations
leave unexplained. All three run the engine over posterior draws and return labelled draws.
"""

from bayesmmm.forecast.asking import (
    PATHS,
    Asked,
    Timeline,
    after,
    ask,
    check_mapping,
    check_paths,
    check_seed,
    check_size,
    is_money,
    row_bytes,
    timeline,
    unit_of,
)
from bayesmmm.forecast.predicting import predict, residuals
from bayesmmm.forecast.scenarios import what_if

__all__ = [
    "PATHS",
    "Asked",
    "Timeline",
    "after",
    "ask",
    "check_mapping",
    "check_paths",
    "check_seed",
    "check_size",
    "is_money",
    "predict",
    "residuals",
    "row_bytes",
    "timeline",
    "unit_of",
    "what_if",
]
