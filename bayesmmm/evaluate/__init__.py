"""What needs refits: the same system fitted many times, to other periods, other data or under other assumptions."""

from bayesmmm.evaluate.calibration import Calibration, calibrate
from bayesmmm.evaluate.comparison import compare
from bayesmmm.evaluate.cross_validation import CrossValidation, cross_validate, hold_out
from bayesmmm.evaluate.ecdf_bands import path_probability, simultaneous_band, uniformity
from bayesmmm.evaluate.in_sample import in_sample
from bayesmmm.evaluate.prior_worlds import PriorWorlds
from bayesmmm.evaluate.recovery import Recovery, recover
from bayesmmm.evaluate.stability import drift
from bayesmmm.evaluate.true_world import true_fit

__all__ = [
    "Calibration",
    "CrossValidation",
    "PriorWorlds",
    "Recovery",
    "calibrate",
    "compare",
    "cross_validate",
    "drift",
    "hold_out",
    "in_sample",
    "path_probability",
    "recover",
    "simultaneous_band",
    "true_fit",
    "uniformity",
]
