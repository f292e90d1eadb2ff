"""Shared helpers of the tests that sample."""

import warnings

import numpy as np

from bayesmmm import engine
from bayesmmm.errors import BayesMMMWarning
from bayesmmm.results import Fit


def quiet(call, *args, **kwargs):
    """Call without this package's warnings: tests fit small data on purpose."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BayesMMMWarning)
        return call(*args, **kwargs)


def judge(monkeypatch, verdict):
    """Have every fit judged so, whatever its draws and whatever its file says."""
    monkeypatch.setattr(Fit, "convergence", property(lambda fit: verdict))


def monte_carlo_z(one, other):
    """Difference of the posterior means of two fits over its Monte Carlo error, for every value of every variable."""
    import arviz_stats

    out = {}
    for name in one.posterior:
        a, b = one.posterior[name], other.posterior[name]
        b = b.sel({dim: a[dim] for dim in a.dims if dim not in ("chain", "draw")})
        error = np.hypot(arviz_stats.mcse(a, method="mean"), arviz_stats.mcse(b, method="mean"))
        out[name] = np.abs((a.mean(("chain", "draw")) - b.mean(("chain", "draw"))) / error).values
    return out


def zero_out(fit, channel, *, hold=None):
    """Mean contribution per period of a channel to the outcome, per draw: residuals kept, mediators respond.

    A mediator named in `hold` stays at what was observed.
    """
    rng = np.random.default_rng(0)
    par, data, system = fit.parameters(), fit.data, fit.system
    residual, amplitude = {}, {}
    for name in system.order:
        equation = system.equation(name)
        seen = engine.inputs(equation, data, fit.scales)
        _, amplitude[name] = engine.media_term(equation, seen.media, par[name], data.calendar)
        mean = engine.latent_mean(equation, seen, par[name], data.calendar)
        residual[name] = equation.family.residual(seen.target, mean, par[name], rng.random(mean.shape))
    without = engine.run(
        system,
        par,
        data,
        fit.scales,
        residual=residual,
        amplitude=amplitude,
        do={channel: np.zeros_like(data.columns[channel])} | ({hold: data.columns[hold]} if hold else {}),
    )
    return (data.columns[system.outcome] - without.columns[system.outcome]).mean(axis=(1, 2))
