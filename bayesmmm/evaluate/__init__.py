"""What needs refits: the same system fitted many times, to other periods, other data or under other assumptions.

`run` works off any list of tasks, in this process or on an executor, and keeps what is done when it is interrupted.
"""

from bayesmmm.evaluate.bands import path_probability, simultaneous_band, uniformity
from bayesmmm.evaluate.calibration import Calibration, calibrate
from bayesmmm.evaluate.comparison import compare
from bayesmmm.evaluate.confounding import confounder_sensitivity
from bayesmmm.evaluate.cross_validation import CrossValidation, cross_validate, hold_out
from bayesmmm.evaluate.leave_out import leave_one_channel_out
from bayesmmm.evaluate.mediation import mediation_sensitivity
from bayesmmm.evaluate.recovery import Recovery, recover
from bayesmmm.evaluate.running import Completed, Quiet, fit_quietly, run, seeds
from bayesmmm.evaluate.simulating import PriorWorlds
from bayesmmm.evaluate.stability import drift

__all__ = [
    "Calibration",
    "Completed",
    "CrossValidation",
    "PriorWorlds",
    "Quiet",
    "Recovery",
    "calibrate",
    "compare",
    "confounder_sensitivity",
    "cross_validate",
    "drift",
    "fit_quietly",
    "hold_out",
    "leave_one_channel_out",
    "mediation_sensitivity",
    "path_probability",
    "recover",
    "run",
    "seeds",
    "simultaneous_band",
    "uniformity",
]
