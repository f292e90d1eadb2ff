"""Bayesian marketing-mix models as systems of structural equations.

A model is a short list of equations (`Equation`, `MMM`), each explaining one series of the data (`MMMData`): the
outcome, or a mediator that some channels stir up and that then moves the outcome. `fit` samples all equations
together with NUTS; a `Fit` is read with ArviZ, saved to one file and loaded without a compiler.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

__version__ = version("bayesmmm")

# Public name -> module that defines it. Modules are imported when a name is first used: reading a saved fit must not
# wait for PyMC, and importing the package must not wait for anything.
_HOME = {
    "Constraints": "optimize",
    "Equation": "equations",
    "Fourier": "equations",
    "Goal": "optimize",
    "MMM": "equations",
    "MMMData": "data",
    "Panel": "equations",
    "Prior": "priors",
    "Share": "optimize",
    "Solver": "optimize",
    "Window": "optimize",
    "add_predictive": "inference",
    "build_model": "inference.pymc_model",
    "compare_plans": "optimize",
    "complete_plan": "data",
    "decompose": "estimands",
    "diagnose": "diagnostics",
    "effects": "estimands",
    "fit": "inference",
    "frontier": "optimize",
    "holiday_events": "data",
    "load": "results",
    "load_case": "simulate.datasets",
    "marginal_roi": "estimands",
    "optimize_budget": "optimize",
    "predict": "estimands",
    "response_curves": "estimands",
    "roi": "estimands",
    "simulate_world": "simulate",
    "split_plan": "data",
    "summarise": "results",
    "what_if": "estimands",
}
_MODULES = ("baselines", "diagnostics", "errors", "evaluate", "plots", "prepare", "sensitivity")

__all__ = [*_HOME, *_MODULES]

# The same names for editors and type checkers, which do not run what follows; a test compares them.
if TYPE_CHECKING:
    from bayesmmm import baselines, diagnostics, errors, evaluate, plots, prepare, sensitivity
    from bayesmmm.data import MMMData, complete_plan, holiday_events, split_plan
    from bayesmmm.diagnostics import diagnose
    from bayesmmm.equations import MMM, Equation, Fourier, Panel
    from bayesmmm.estimands import decompose, effects, marginal_roi, predict, response_curves, roi, what_if
    from bayesmmm.inference import add_predictive, fit
    from bayesmmm.inference.pymc_model import build_model
    from bayesmmm.optimize import (
        Constraints,
        Goal,
        Share,
        Solver,
        Window,
        compare_plans,
        frontier,
        optimize_budget,
    )
    from bayesmmm.priors import Prior
    from bayesmmm.results import load, summarise
    from bayesmmm.simulate import simulate_world
    from bayesmmm.simulate.datasets import load_case
else:

    def __getattr__(name: str):
        if name in _HOME:
            value = getattr(import_module(f"bayesmmm.{_HOME[name]}"), name)
        elif name in _MODULES:
            value = import_module(f"bayesmmm.{name}")
        else:
            raise AttributeError(f"module 'bayesmmm' has no attribute {name!r}; it has {', '.join(__all__)}")
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted([*globals(), *__all__])
