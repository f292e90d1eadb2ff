"""NUTS, on the compiled density by nutpie, or on the PyMC model by PyMC."""

import warnings
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from functools import partial

import numpy as np
import xarray as xr

from bayesmmm.data import MMMData, Scales
from bayesmmm.equations import MMM
from bayesmmm.errors import SamplingError
from bayesmmm.inference.coordinates import adapted, starting_point, whitened
from bayesmmm.inference.preview import with_preview
from bayesmmm.inference.process import one_blas_thread
from bayesmmm.inference.program import Program, write_program
from bayesmmm.priors import Prior
from bayesmmm.text import joined

_COMMON = ("draws", "tune", "chains", "cores", "target_accept")


def _with_nutpie(system: MMM, data: MMMData, scales: Scales, settings: Mapping, progress: bool) -> xr.DataTree:
    import nutpie

    program = write_program(system, data, scales, collapse=settings["collapse"])
    if len(data.geos) > 1 and np.isfinite(program.log_density(program.start)[0]):
        program = whitened(*adapted(program, len(data.geos)))
    # Whitening takes two small products of each gradient.
    alone = nullcontext() if program.whitening is None else one_blas_thread()
    try:
        with alone:
            trace = nutpie.sample(
                nutpie_model(program),
                **{name: settings[name] for name in _COMMON},
                seed=settings["seed"],
                progress_bar=progress,
                save_warmup=False,
                # Learned from the draws alone: half again as many effective draws as with gradients. A panel is
                # whitened already, and has many unknowns: a draw far out in one of them is not to spoil all steps.
                adaptation="draw_diag" if program.whitening is None else "diag",
            )
    except RuntimeError as error:
        raise _stopped(error, system, data, scales, settings["collapse"]) from error
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
        raise _stopped(error, system, data, scales, settings["collapse"]) from error


def nutpie_model(program: Program):
    """The compiled density as a model that nutpie samples."""
    from nutpie.compile_pymc import CompiledPyMCModel

    from bayesmmm.kernels.posterior import constrained_address, log_posterior_address

    names = [block.variable for block in program.blocks]
    shapes = [(len(block.labels),) if block.dim else () for block in program.blocks]
    ends = np.cumsum([len(block.labels) or 1 for block in program.blocks])
    slices = [slice(end - (len(b.labels) or 1), end) for end, b in zip(ends, program.blocks, strict=True)]
    size = len(program.start)
    return CompiledPyMCModel(
        dims={block.variable: (block.dim,) for block in program.blocks if block.dim},
        _coords={block.dim: list(block.labels) for block in program.blocks if block.dim},
        compiled_logp_func=log_posterior_address,
        compiled_expand_func=constrained_address,
        initial_point_func=partial(starting_point, program),
        shared_data={},
        shared_var_keys={},
        user_data=program.array,
        n_expanded=size,
        shape_info=(names, slices, shapes),
        logp_func=None,
        expand_func=None,
        _n_dim=size,
        _shapes=dict(zip(names, shapes, strict=True)),
        reparameterized_names=[],
    )


def _stopped(error: Exception, system: MMM, data: MMMData, scales: Scales, collapse: bool) -> SamplingError:
    what = str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
    named = blamed(system, data, scales, collapse=collapse)
    advice = "Check the priors for extreme values (print(system)), or try another seed."
    if named:
        advice = f"There is no place to start from with {joined(named)}. Give another prior, or leave it out."
    return SamplingError(f"the sampler stopped: {what}. {advice}")


def blamed(system: MMM, data: MMMData, scales: Scales, *, collapse: bool = True) -> list[str]:
    """Name the priors that leave the sampler no place to start from; none where that cannot be told.

    All given priors are taken away and put back one after another: the density depends on all of them together, so that
    looking at its derivatives would name those that come first.
    """
    given = [
        (equation.name, parameter, label, prior)
        for equation in system.equations
        for parameter, value in equation.priors.items()
        for label, prior in ([(None, value)] if isinstance(value, Prior) else value.items())
    ]
    kept: list[tuple] = []
    if not _starts(_with_priors(system, kept), data, scales, collapse):
        return []
    for each in given:
        if _starts(_with_priors(system, [*kept, each]), data, scales, collapse):
            kept.append(each)
    return [
        f"{prior!r} on {parameter} of {f'{label!r} in ' * (label is not None)}equation {equation!r}"
        for equation, parameter, label, prior in given
        if (equation, parameter, label, prior) not in kept
    ]


def _with_priors(system: MMM, given: list[tuple]) -> MMM:
    """Return the system with only these priors; others are the default ones."""
    priors: dict[str, dict] = {equation.name: {} for equation in system.equations}
    for name, parameter, label, prior in given:
        if label is None:
            priors[name][parameter] = prior
        else:
            priors[name].setdefault(parameter, {})[label] = prior
    return MMM([replace(equation, priors=priors[equation.name]) for equation in system.equations])


def _starts(system: MMM, data: MMMData, scales: Scales, collapse: bool) -> bool:
    """Whether the density and its gradient are numbers near the prior medians, where samplers start."""
    program, rng = write_program(system, data, scales, collapse=collapse), np.random.default_rng(0)
    with np.errstate(all="ignore"):
        tries = (
            program.log_density(program.start + rng.uniform(-1.0, 1.0, len(program.start))) for _ in range(20)
        )
        return any(np.isfinite(value) and np.isfinite(gradient).all() for value, gradient in tries)


NUTPIE, PYMC, PREVIEW = "nutpie", "pymc", "preview"
SAMPLERS = {NUTPIE: _with_nutpie, PYMC: _with_pymc, PREVIEW: with_preview}
