"""Periods in which a geo has no row, and values that were not recorded: how series and means go on there."""

from collections.abc import Mapping

import numpy as np

from bayesmmm import kernels
from bayesmmm.engine.parameters import Parameters
from bayesmmm.engine.residuals import given_mediator
from bayesmmm.equations import Equation


def filled_series(column: np.ndarray, made: np.ndarray, before: np.ndarray | None) -> np.ndarray:
    """Return a series (1, G, T) with simulated values (R, G, T) where it was not recorded; 0 before a geo starts."""
    filled = column if before is None else np.where(before, 0.0, column)
    return np.where(np.isnan(filled), made, filled) if np.isnan(filled).any() else filled


def before_start(present: np.ndarray) -> np.ndarray:
    """Periods (G, T) before the first of each geo."""
    return np.cumsum(present, axis=1) == 0


def own_amplitudes(response: np.ndarray, contribution: np.ndarray, present: np.ndarray | None) -> np.ndarray:
    """Give responses (S, G, C, T) their amplitudes (S, G, C): means are over the periods of each geo."""
    if present is None or present.all():
        return kernels.amplitudes(response, np.ascontiguousarray(contribution))
    own = np.where(present[:, None], response, 0.0)
    share = present.mean(axis=1)[:, None]
    amplitude = kernels.amplitudes(np.ascontiguousarray(own), np.ascontiguousarray(contribution * share))
    response *= amplitude[..., None]
    return amplitude


def unobserved(
    equation: Equation, parameters: Parameters, residual: Mapping[str, np.ndarray], uniform: np.ndarray
) -> np.ndarray:
    """Residuals (S, G, T) of values that were not recorded, at given probabilities, given those of the mediator."""
    center, sigma = given_mediator(equation, parameters, residual)
    return center + equation.family.residual_at({**parameters[equation.name], "sigma": sigma}, uniform)
