"""Simulating a world: parameters and residuals are drawn, the equations run, the truth is kept.

Uses the engine that also answers questions about a fit, so that a world and a fit share one definition.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bayesmmm import engine
from bayesmmm.data import MONEY, MMMData, Scales
from bayesmmm.data.checks import NATIONAL
from bayesmmm.equations import MMM, Equation, check_system, for_data, sign_of
from bayesmmm.errors import (
    ConstantColumnError,
    DataError,
    EquationError,
    NegativeSpendError,
    NeverSpentError,
    SamplingError,
)
from bayesmmm.simulate.truth import Truth, find_truth
from bayesmmm.validate import check_seed


@dataclass(frozen=True, eq=False, repr=False)
class World:
    """A simulated data set with everything that is true about it.

    Attributes
    ----------
    data : MMMData
        Given spend and controls, simulated mediators and outcome.
    system : MMM
        The equations that made the series.
    scales : Scales
        The generating scales. Those that the series imply, ``data.scales()``, differ; those of a panel are the ones to
        fit with, ``mm.fit(system, data, scales=world.scales)``, where its true parameters are to be found again.
    parameters : mapping
        Equation -> parameter -> array with one draw, on `scales`; what the engine takes.
    truth : Truth
        Parameters, parts of every series, effects.
    seed : int
    """

    data: MMMData
    system: MMM
    scales: Scales
    parameters: engine.Parameters
    truth: Truth
    seed: int

    def __repr__(self) -> str:
        data = self.data
        panel = len(data.geos) > 1
        return (
            f"World: {' -> '.join(self.system.order)}, {f'{len(data.geos)} geos, ' * panel}{len(data.dates)} "
            f"{data.frequency} periods from {data.dates[0]:%Y-%m-%d}, seed {self.seed}\n{self.truth}\n"
            f"Next: mm.fit(world.system, world.data, {'scales=world.scales, ' * panel}seed=1), then compare with "
            f"world.truth.parameters"
        )


def simulate_world(
    system: MMM,
    data: MMMData,
    *,
    parameters: engine.Parameters | None = None,
    scales: Scales | None = None,
    seed: int,
) -> World:
    """Simulate the endogenous series of a system, and keep what is true about them.

    Every equation runs in causal order with residuals drawn from its likelihood, correlated where an equation has a rho;
    the simulated mediator, not its mean, enters the next equation. Amplitudes follow from ``contribution``: the mean
    contribution of each channel over the periods of `data`, in shares of the size in `scales`. The geos of a panel
    share what its `Panel` says: with period effects among the parameters, these are added to all geos alike.

    Parameters
    ----------
    system : MMM
    data : MMMData
        National, or a panel. Dates, spend and controls are used as they are. The columns that the equations explain
        are placeholders: they must be valid data, but only their size matters, and only without `scales`.
    parameters : mapping, optional
        Equation -> parameter -> array with a leading axis of length 1: half_life (days), half_saturation (multiples
        of mean positive spend) and slope (1, channel); contribution (1, 1, channel); coefficient (1, term), sigma and
        nu_minus_two (1,), in shares of size; rho (1, 1) where it has a prior. On a panel contribution is
        (1, geo, channel), 0 where a geo never buys, coefficient (1, geo, term), and of curves what is pooled
        (1, geo, channel), too; beside them median_contribution and tau (1, channel) where contributions are pooled in
        part, tau_group with groups, and the like of curves, for the record, and omega (1,) and period (1, date) with
        period effects. Without parameters one draw from the prior.
    scales : Scales, optional
        Scales of the generating equations; by default those of `data`, placeholders included.
    seed : int
        The same seed and inputs give the same world.

    Returns
    -------
    World

    Raises
    ------
    PanelError
        When the system says how geos share it, and there is one.
    DateError
        When scales belong to other periods.
    DataError
        When a simulated series is not valid data, for example a mediator that never leaves zero.
    EquationError
        When the system does not fit the data, the parameters or the scales.
    SamplingError
        For an impossible seed.

    Examples
    --------
    >>> import numpy as np
    >>> from bayesmmm.data import MMMData
    >>> from bayesmmm.equations import MMM, Equation
    >>> import pandas as pd
    >>> frame = pd.DataFrame({
    ...     "week": pd.date_range("2024-01-07", periods=60, freq="7D"),
    ...     "sales": np.linspace(90.0, 110.0, 60),  # placeholder: its mean size sets the unit
    ...     "tv": np.tile([5.0, 8.0, 0.0, 0.0, 3.0], 12),
    ... })
    >>> data = MMMData.from_frame(frame, date="week", outcome="sales", media=["tv"])
    >>> world = simulate_world(MMM([Equation("sales", media=["tv"])]), data, seed=3)
    >>> bool(np.isclose(world.truth.components["sales"].sum(), world.data.columns["sales"].sum()))
    True
    """
    seed = check_seed(seed, SamplingError)
    engine.check_data(data)
    check_system(system, data)
    system = system.for_panel(data)
    scales = engine.checked_scales(system, data, scales)
    # A stream each, so that giving parameters leaves the residuals as they were.
    prior_stream, residual_stream = np.random.default_rng(seed).spawn(2)
    if parameters is None:
        parameters = engine.draw_prior(for_data(system, data), data, scales, draws=1, rng=prior_stream)
    else:
        parameters = _checked(system, parameters, data)
    shape = (1, len(data.geos), len(data.dates))
    residual = engine.joint_residuals(system, parameters, shape, residual_stream)
    return world_of(system, data, parameters, scales, residual, seed)


def world_of(
    system: MMM,
    data: MMMData,
    parameters: engine.Parameters,
    scales: Scales,
    residual: Mapping[str, np.ndarray],
    seed: int,
) -> World:
    """Run the equations with given residuals (1, G, T), in shares of size, and keep what is true."""
    with np.errstate(over="ignore"):  # an infinite series is refused below, by name
        run = engine.run(system, parameters, data, scales, residual=residual)
    simulated = _accepted(system, data, run, seed)
    return World(
        data=simulated,
        system=system,
        scales=scales,
        parameters=parameters,
        truth=find_truth(system, simulated, scales, parameters, residual, run),
        seed=seed,
    )


def tabled(
    equation: Equation,
    media: Mapping[str, Sequence[float]],
    linear: Mapping[str, float],
    sigma: float,
    *,
    factor: np.ndarray | float = 1.0,
) -> dict[str, np.ndarray]:
    """Parameters of an equation, as `simulate_world` takes them, from tables by channel and by term.

    A channel has half-life, half-saturation, slope and contribution; `factor` (C, 4) multiplies them.
    """
    half_life, half_saturation, slope, contribution = (
        np.array([media[name] for name in equation.media]) * factor
    ).T[:, None]
    curves = {"half_life": half_life, "half_saturation": half_saturation, "slope": slope}
    coefficient = np.array([[linear[term] for term in equation.terms()]])
    return {**curves, "contribution": contribution[None], "coefficient": coefficient, "sigma": np.array([sigma])}


def planned(
    dates: pd.DatetimeIndex,
    spend: Mapping[str, np.ndarray],
    controls: Mapping[str, np.ndarray],
    *,
    outcome: str,
    mediators: Mapping[str, str],
    geos: tuple[str, ...] = (NATIONAL,),
    outcome_unit: str = MONEY,
) -> MMMData:
    """Spend and controls, (T,) or (G, T), of a world to come; outcome and mediators are placeholders, never read."""
    placeholder = np.tile(np.linspace(1.0, 2.0, len(dates)), (len(geos), 1))
    columns = {**dict.fromkeys([outcome, *mediators], placeholder), **spend, **controls}
    return MMMData(
        dates=dates,
        geos=geos,
        columns={name: np.atleast_2d(values) for name, values in columns.items()},
        outcome=outcome,
        media=tuple(spend),
        mediators=mediators,
        controls=tuple(controls),
        outcome_unit=outcome_unit,
    )


def sized(
    data: MMMData, size: Mapping[str, float | np.ndarray], when_on: Mapping[str, float | np.ndarray]
) -> Scales:
    """Scales of a world to come: mean sizes of its series, and those of mediators in periods in which they are on.

    One number, or one for each geo.
    """
    base = data.scales()
    each, spend = ({name: np.atleast_1d(value) for name, value in part.items()} for part in (size, when_on))
    return replace(base, size=each, spend={**base.spend, **spend})


def _accepted(system: MMM, data: MMMData, run: engine.Baseline, seed: int) -> MMMData:
    try:
        data = data.replace_columns({name: run.columns[name][0] for name in system.order})
        check_system(system, data)
    except (DataError, EquationError) as error:
        if isinstance(error, NegativeSpendError):
            advice = 'Give that equation likelihood="censored_normal", or declare the column in another unit than money.'
        else:
            flat = isinstance(error, NeverSpentError | ConstantColumnError)
            parameters = "a higher intercept for that column" if flat else "smaller coefficients"
            advice = f"Take another seed, or give parameters with {parameters}."
        raise type(error)(f"the world of seed {seed} is not valid data. {advice} The reason: {error}") from error
    return data


def _shapes(equation: Equation, data: MMMData) -> dict[str, tuple[int, ...]]:
    """Parameters of an equation on some data, and their shapes."""
    n, k = len(equation.media), len(equation.terms())
    shapes: dict[str, tuple[int, ...]] = {name: (1, n) for name in ("half_life", "half_saturation", "slope")}
    shapes |= {"contribution": (1, len(data.geos), n), "coefficient": (1, len(data.geos), k)}
    if equation.panel is None:
        shapes["coefficient"] = (1, k)
    shapes |= dict.fromkeys(equation.family.scalars, (1,))
    if equation.panel and equation.media:
        shapes |= dict.fromkeys(equation.panel.pooled, (1, len(data.geos), n))
    shapes |= dict.fromkeys(engine.recorded(equation), (1, n))
    blocks = {block.name for block in equation.parameters()}
    if equation.has_period_effects:
        shapes |= {"omega": (1,), "period": (1, len(data.dates))}
    return shapes | ({"rho": (1, 1)} if "rho" in blocks else {})


def _checked(system: MMM, parameters: engine.Parameters, data: MMMData) -> dict[str, dict[str, np.ndarray]]:
    """Copies of given parameters; names, shapes and signs must be those of the equations."""
    _same_names(parameters, system.order, "parameters")
    out: dict[str, dict[str, np.ndarray]] = {}
    for name in system.order:
        equation = system.equation(name)
        shapes = _shapes(equation, data)
        _same_names(parameters[name], shapes, f"parameters[{name!r}]")
        out[name] = {}
        for parameter, shape in shapes.items():
            value = np.array(parameters[name][parameter], dtype=float)
            where = f"parameters[{name!r}][{parameter!r}]"
            if value.shape != shape:
                raise EquationError(
                    f"{where} has shape {value.shape}. Give it shape {shape}: one draw, then labels."
                )
            _check_values(parameter, value, where)
            if parameter == "contribution":
                _check_signs(equation, value, where)
            out[name][parameter] = value
        if equation.panel is not None:
            _check_silent(equation, out[name]["contribution"], data)
    return out


def _check_values(parameter: str, value: np.ndarray, where: str) -> None:
    # Boundaries: no contribution and a t with two degrees of freedom are worlds, a flat Hill curve is none.
    signed = parameter in ("coefficient", "period")
    signed = signed or parameter in ("contribution", "median_contribution")
    zero = parameter == "nu_minus_two"
    if parameter == "rho":
        if not (np.abs(value) < 1.0).all():
            raise EquationError(f"{where} holds {value.item()}. Give a correlation above -1 and below 1.")
    elif not np.isfinite(value).all() or not (signed or (value > 0).all() or (zero and (value >= 0).all())):
        bound = "finite" if signed else "0 or more, and finite" if zero else "above 0, and finite"
        raise EquationError(f"{where} holds {value.ravel().tolist()}. Give values that are {bound}.")


def _check_signs(equation: Equation, contribution: np.ndarray, where: str) -> None:
    """Refuse contributions (1, G, C) of another sign than that of their channels."""
    for c, channel in enumerate(equation.media):
        value, sign = contribution[0, :, c], sign_of(equation, channel)
        if (sign == "positive" and (value < 0).any()) or (sign == "negative" and (value > 0).any()):
            bound = "0 or more" if sign == "positive" else "0 or less"
            raise EquationError(
                f"{where} holds {value.tolist()} for {channel!r}, which is {sign}. Give values that are {bound}, and "
                f"finite, or write sign={{{channel!r}: 'any'}} in its equation."
            )


def _check_silent(equation: Equation, contribution: np.ndarray, data: MMMData) -> None:
    """Refuse a contribution (1, G, C) of a channel in a geo that never buys it: nothing there could bring it."""
    for c, channel in enumerate(equation.media):
        odd = (contribution[0, :, c] != 0) & ~data.bought([channel])[:, 0]
        if odd.any():
            g = int(np.argmax(odd))
            raise EquationError(
                f"parameters[{equation.name!r}]['contribution'] has {contribution[0, g, c]:g} for {channel!r} in "
                f"{data.geos[g]!r}, which never buys it. Give 0 there."
            )


def _same_names(given: Mapping, wanted, where: str) -> None:
    if set(given) != set(wanted):
        missing, extra = sorted(set(wanted) - set(given)), sorted(set(given) - set(wanted))
        found = [f"lacks {', '.join(missing)}"] if missing else []
        found += [f"has the unknown {', '.join(map(str, extra))}"] if extra else []
        raise EquationError(f"{where} {' and '.join(found)}. Give exactly: {', '.join(wanted)}.")
