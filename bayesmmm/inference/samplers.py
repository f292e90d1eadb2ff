"""NUTS, on the compiled density by nutpie, or on the PyMC model by PyMC."""

import warnings
from collections.abc import Mapping

import numpy as np
import xarray as xr

from bayesmmm.data import MMMData, Scales
from bayesmmm.equations import MMM
from bayesmmm.errors import SamplingError
from bayesmmm.inference.nutpie_model import nutpie_model
from bayesmmm.inference.program import Program, write_program

_COMMON = ("draws", "tune", "chains", "cores", "target_accept")


def _with_nutpie(system: MMM, data: MMMData, scales: Scales, settings: Mapping, progress: bool) -> xr.DataTree:
    import nutpie

    program = write_program(system, data, scales, collapse=settings["collapse"])
    try:
        trace = nutpie.sample(
            nutpie_model(program),
            **{name: settings[name] for name in _COMMON},
            seed=settings["seed"],
            progress_bar=progress,
            save_warmup=False,
            # Mass matrix from the draws alone: gave half again as many effective draws as with gradients.
            adaptation="draw_diag",
        )
    except RuntimeError as error:
        raise _stopped(error, program) from error
    if trace["posterior"].sizes.get("draw", 0) < settings["draws"]:
        # nutpie answers Ctrl-C with the draws made so far, which nobody asked for.
        raise KeyboardInterrupt
    return trace


def _with_pymc(system: MMM, data: MMMData, scales: Scales, settings: Mapping, progress: bool) -> xr.DataTree:
    import pymc as pm

    from bayesmmm.inference.pymc_model import build_model

    model = build_model(system, data, scales=scales, collapse=settings["collapse"])
    try:
        with warnings.catch_warnings():
            # PyMC reports on convergence in its own words; the verdict of the fit is the one place for it.
            warnings.simplefilter("ignore", UserWarning)
            return pm.sample(
                model=model,
                **{name: settings[name] for name in _COMMON},
                random_seed=settings["seed"],
                progressbar=progress,
                nuts_sampler="pymc",
                compute_convergence_checks=False,
            )
    except RuntimeError as error:
        program = write_program(system, data, scales, collapse=settings["collapse"])
        raise _stopped(error, program) from error


def _stopped(error: Exception, program: Program) -> SamplingError:
    what = str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
    with np.errstate(all="ignore"):
        bad = ~(np.isfinite(program.start) & np.isfinite(program.log_density(program.start)[1]))
    names = [
        block.variable + (f" of {label!r}" if label else "")
        for block in program.blocks
        for label in block.labels or ("",)
    ]
    found = [name for name, is_bad in zip(names, bad, strict=True) if is_bad]
    if found and len(found) < len(names):
        advice = f"At its prior median {found[0]} lies so far out that it has no density: give it another prior."
    else:
        advice = "Check the priors for extreme values (print(system)), or try another seed."
    return SamplingError(f"the sampler stopped: {what}. {advice}")


SAMPLERS = {"nutpie": _with_nutpie, "pymc": _with_pymc}
