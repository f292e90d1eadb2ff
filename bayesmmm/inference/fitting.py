"""From a system and data to a `Fit`: check, run NUTS, complete the posterior."""

import time
import warnings
from contextvars import ContextVar
from typing import Any, Literal

import numpy as np

from bayesmmm import engine
from bayesmmm.data import MMMData, Scales
from bayesmmm.equations import MMM, check_system, for_data, system_warnings
from bayesmmm.equations.panel import MIN_GEOS
from bayesmmm.errors import BayesMMMWarning, ConvergenceWarning, SamplingError
from bayesmmm.inference.groups import complete
from bayesmmm.inference.samplers import NUTPIE, PREVIEW, PYMC, SAMPLERS
from bayesmmm.processes import processors
from bayesmmm.results import GIVEN_SCALES, Fit, library_versions
from bayesmmm.validate import LARGEST_SEED, MOST, check_choice, check_count, check_flag, check_fraction

#: Largest set of draws with all that is worked out of them, in bytes.
LARGEST_FIT = 8e9
_TARGET, _TARGET_FEW = 0.9, 0.95
_DRAWS, _DRAWS_MANY, _MANY = 1000, 1500, 1000
#: List that the warnings of a fit are put into instead of being given. For fits in several threads: the filters of the
#: module `warnings` are shared by all threads, and any library may change them at any moment.
heard: ContextVar[list[BayesMMMWarning] | None] = ContextVar("heard", default=None)


def give(warning: BayesMMMWarning, *, stacklevel: int = 2) -> None:
    """Give a warning to whoever called the caller, or put it where `heard` says."""
    notices = heard.get()
    if notices is None:
        warnings.warn(warning, stacklevel=stacklevel + 1)
    else:
        notices.append(warning)


def fit(
    system: MMM,
    data: MMMData,
    *,
    draws: int | None = None,
    tune: int = 1000,
    chains: int = 4,
    cores: int | None = None,
    seed: int | None = None,
    target_accept: float | None = None,
    sampler: Literal["nutpie", "pymc"] = "nutpie",
    collapse: bool = True,
    scales: Scales | None = None,
    preview: bool = False,
    progress: bool = True,
) -> Fit:
    """Fit all equations of a system together by NUTS.

    The posterior of every parameter of ``v_t / s_v = W_t b + sum_c A_c hill(a_ct) + e_t``, equation by equation, with
    the observed mediator as an input of later equations. Linear coefficients of Normal and lognormal equations are
    integrated out while sampling and then drawn exactly from their conditional Normal distribution.

    Of a panel, other shapes of the response of each channel are looked for first: where geos say much, a step and a
    logarithm may both be modes, between which no chain finds its way. A chain whose climb from the prior ends in a mode
    that is lower by more than 10 in log density than the best one begins near that one; modes that are nearer to each
    other are left to the chains, and R-hat shows them.

    Parameters
    ----------
    system : MMM
        The structural equations.
    data : MMMData
        Observed series, T periods.
    draws : int, optional
        Draws kept per chain; by default 1000, and 1500 for panels with more than 1000 contributions of geos: of so many
        numbers the largest R-hat is higher by chance.
    tune, chains : int
        Warm-up steps per chain, chains.
    cores : int, optional
        Chains run at once; by default as many as there are processors.
    seed : int, optional
        The same seed, data, machine and versions give the same draws. Without it a seed is drawn and stored.
    target_accept : float in (0, 1), optional
        Acceptance rate that the step size is adapted to; by default 0.9, and 0.95 for panels of two
        or three geos, where what the geos of a channel share is hardly told from what they do not.
    sampler : {"nutpie", "pymc"}
        Implementation of NUTS: nutpie on the compiled density, or PyMC's own on the model of `build_model`, which it
        compiles first. The posterior is the same.
    collapse : bool
        See `build_model`.
    scales : Scales, optional
        Frozen scales instead of those of `data`, for simulation studies.
    preview : bool
        Do not sample: draw from a Normal near the mode, for a first look at a large panel. Everything that works on a
        fit works on it, and says "preview, not sampled"; `diagnose` fails it. Intervals may be off by half their width
        and more, and other modes are not seen. `tune`, `target_accept` and `sampler` then say nothing.
    progress : bool
        Show the sampler's progress bar.

    Returns
    -------
    Fit
        Its ``tree`` has the groups posterior, sample_stats, log_likelihood, log_prior, posterior_predictive, prior,
        prior_predictive, observed_data and constant_data; of a large panel those that would hold more than 10 million
        values, one for each draw, geo and period, are left out (`add_predictive` works them out for one geo). Series
        are in the units of the data,
        parameters in those of ``print(system)``.

    Raises
    ------
    EquationError, DataError, PriorError
        When system and data do not fit together.
    SamplingError
        For impossible settings, or when the sampler cannot start.

    Warns
    -----
    BayesMMMWarning
        One for each unwise feature of the data or the system.
    ConvergenceWarning
        When R-hat, effective sample size or divergences say that the draws are not to be trusted, and of a preview.

    References
    ----------
    Hoffman and Gelman (2014), The No-U-Turn Sampler, Journal of Machine Learning Research 15, 1593-1623.
    Jin et al. (2017), Bayesian methods for media mix modeling with carryover and shape effects, Google Research.

    Examples
    --------
    >>> import bayesmmm as mm
    >>> world = mm.load_case("social_search")
    >>> fit = mm.fit(world.system, world.data, seed=1, progress=False)  # doctest: +SKIP
    >>> print(fit.convergence)  # doctest: +SKIP
    """
    check_choice(sampler, "sampler", (NUTPIE, PYMC), error=SamplingError)
    if target_accept is None:
        target_accept = _TARGET_FEW if isinstance(data, MMMData) and 1 < len(data.geos) < MIN_GEOS else _TARGET
    if draws is None:
        draws = default_draws(system, data)
    settings_given = {"draws": draws, "tune": tune, "chains": chains, "cores": cores, "seed": seed}
    checked = _checked(**settings_given, target_accept=target_accept, collapse=collapse)
    progress = check_flag(progress, "progress", SamplingError)
    by = PREVIEW if check_flag(preview, "preview", SamplingError) else sampler
    engine.check_data(data)
    check_system(system, data)
    system = for_data(system, data)
    _check_memory(system, data, checked["draws"], checked["chains"])
    for warning in system_warnings(system, data):
        give(warning)
    given = {"scales": GIVEN_SCALES} if scales is not None and scales != data.scales() else {}
    scales = engine.checked_scales(system, data, scales)
    settings = {
        "draws": checked["draws"],
        "tune": checked["tune"],
        "chains": checked["chains"],
        "cores": checked.get("cores") or min(checked["chains"], processors()),
        "seed": checked["seed"] if "seed" in checked else int(np.random.default_rng().integers(2**31)),
        "target_accept": checked["target_accept"],
        "sampler": by,
        "collapse": checked["collapse"],
        **given,
    }
    start = time.perf_counter()
    trace = SAMPLERS[by](system, data, scales, settings, progress)
    seconds = {"sample": time.perf_counter() - start}
    start = time.perf_counter()
    tree = complete(trace, system, data, scales, settings)
    seconds["complete"] = time.perf_counter() - start
    result = Fit(
        data=data,
        system=system,
        scales=scales,
        tree=tree,
        settings=settings | {"seconds": seconds},
        versions=library_versions(),
    )
    if result.convergence.verdict != "converged":
        give(ConvergenceWarning(str(result.convergence)))
    return result


def default_draws(system: MMM, data: MMMData) -> int:
    """Draws per chain where none are asked for; what is no system or no data is refused later."""
    if not isinstance(system, MMM) or not isinstance(data, MMMData) or len(data.geos) == 1:
        return _DRAWS
    columns = [[name for name in e.media if name in data.columns] for e in system.equations]
    return _DRAWS_MANY if sum(int(data.bought(names).sum()) for names in columns) > _MANY else _DRAWS


def _checked(*, target_accept: float, collapse: bool, **whole: int | None) -> dict[str, Any]:
    """Return settings of a sampler as numbers of Python, which a file can hold and no product overflows."""
    least = {"draws": 4, "tune": 1, "chains": 1, "cores": 1, "seed": 0}
    most = {"draws": MOST, "tune": MOST, "chains": 1000, "cores": 1000, "seed": LARGEST_SEED}
    counts = {
        name: check_count(value, name, least=least[name], most=most[name], error=SamplingError)
        for name, value in whole.items()
        if value is not None or name not in ("cores", "seed")
    }
    accept = check_fraction(target_accept, "target_accept", "as 0.9, the default", SamplingError)
    return counts | {"target_accept": accept, "collapse": check_flag(collapse, "collapse", SamplingError)}


def _check_memory(system: MMM, data: MMMData, draws: int, chains: int) -> None:
    """Refuse more draws than fit into memory."""
    # Log likelihood and replicates of every series, in the posterior, and as long for what makes them; of panels only
    # where they are few, and period effects.
    geos = len(data.geos)
    row = 8.0 * sum(
        (4 if geos == 1 else 1) * data.dates.size + geos * (len(equation.terms()) + 5 * len(equation.media))
        for equation in system.equations
    )
    if draws * chains * row > LARGEST_FIT:
        raise SamplingError(
            f"draws={draws} in each of chains={chains} would take {draws * chains * row / 1e9:.0f} GB of memory, more "
            f"than the {LARGEST_FIT / 1e9:.0f} GB that a fit may take; take at most "
            f"draws={int(LARGEST_FIT / chains / row)}; 1000 are enough for most",
            argument="draws",
            value=draws,
        )
