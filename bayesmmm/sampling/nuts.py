"""NUTS, on the compiled density by nutpie, or on the PyMC model by PyMC."""

import warnings
from collections.abc import Mapping

import xarray as xr

from bayesmmm.data import MMMData, Scales
from bayesmmm.density import nutpie_model, write_program
from bayesmmm.equations import MMM
from bayesmmm.errors import SamplingError

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
        raise _stopped(error) from error
    if trace["posterior"].sizes.get("draw", 0) < settings["draws"]:
        # nutpie answers Ctrl-C with the draws made so far, which nobody asked for.
        raise KeyboardInterrupt
    return trace


def _with_pymc(system: MMM, data: MMMData, scales: Scales, settings: Mapping, progress: bool) -> xr.DataTree:
    import pymc as pm

    from bayesmmm.model import build_model

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
        raise _stopped(error) from error


def _stopped(error: Exception) -> SamplingError:
    return SamplingError(
        f"the sampler stopped: {error}. Check the priors for extreme values (print(system)), or try another seed."
    )


SAMPLERS = {"nutpie": _with_nutpie, "pymc": _with_pymc}
