"""Weak and harmful channels: what is said of them, over many simulated worlds.

``python -m benchmarks.signs nothing 40``, ``harm 10`` or ``snapchat 20``: how often the 90 % interval of each return on
spend holds the truth, how often the default says that the channel is not told apart from nothing, and the time that a
sign of its own takes. ``net 20``: an outcome that goes above and below zero, with default contributions, of which a fit
warns, and with the priors on ROI that the warning asks for.
"""

import sys
import time
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd

import bayesmmm as mm
from bayesmmm.simulate import World, simulate_world

#: Share of spend, half-life in days, half-saturation, slope and return of each channel; that of "display" is set.
CHANNELS = {
    "tv": (0.5, 14.0, 1.2, 1.1, 1.5),
    "search": (0.3, 3.0, 0.8, 0.9, 2.5),
    "radio": (0.15, 7.0, 1.0, 1.0, 1.0),
    "display": (0.05, 5.0, 1.0, 1.0, 0.0),
}
WEEKS, SALES, SPEND = 156, 1000.0, 100.0


def world(seed: int, returns: float = 0.0) -> World:
    """Three years of weeks in which display has a twentieth of the spend and this return."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"week": pd.date_range("2022-01-02", periods=WEEKS, freq="7D")})
    for name, (share, *_) in CHANNELS.items():
        on = rng.random(WEEKS) < 0.7
        frame[name] = on * rng.gamma(4.0, 1.0, WEEKS)
        frame[name] *= share * SPEND / frame[name].mean()
    frame["price"] = rng.normal(10.0, 1.0, WEEKS)
    frame["sales"] = SALES + np.arange(WEEKS) % 2  # a placeholder: its mean is the unit
    data = mm.MMMData.from_frame(frame, date="week", outcome="sales", media=list(CHANNELS), controls=["price"])
    size, wanted = float(data.scales().size["sales"][0]), np.array([v for *_, v in CHANNELS.values()])
    wanted[-1] = returns
    contribution = wanted * np.array([frame[name].mean() for name in CHANNELS]) / size
    shapes = np.array([own[1:4] for own in CHANNELS.values()]).T
    season = 0.05 * rng.standard_normal(2)
    linear = np.array([[1.0 - contribution.sum(), *season, -0.03]])
    parameters = dict(zip(("half_life", "half_saturation", "slope"), shapes[:, None], strict=True))
    parameters |= {"contribution": contribution[None, None], "coefficient": linear, "sigma": np.array([0.04])}
    return simulate_world(system("any"), data, parameters={"sales": parameters}, seed=seed)


def system(sign: str) -> mm.MMM:
    """One equation, in which display has this sign."""
    season = mm.Fourier(period=365.25, order=1)
    signs = {} if sign == "positive" else {"display": sign}
    return mm.MMM([mm.Equation("sales", media=list(CHANNELS), linear=["price"], seasonality=season, sign=signs)])


def fitted(model: mm.MMM, data: mm.MMMData, seed: int, draws: int = 500):
    """Fit of two chains, and the gradients and seconds that it took."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.process_time()
        fit = mm.fit(model, data, draws=draws, tune=draws, chains=2, cores=1, seed=seed, progress=False)
    stats = fit.tree["sample_stats"]
    return fit.accept_unconverged(), {
        "seconds": time.process_time() - start,
        "gradients": float(stats["n_steps"].sum()),
        "divergences": int(stats["diverging"].sum()),
    }


def said_weak(fit, channel: str) -> bool:
    """Whether the checks of a fit say that a channel is not told apart from nothing."""
    from bayesmmm.results.no_effect import weak_channels

    return bool(weak_channels(fit).set_index("channel").loc[channel, "weak"])


def row(made: World, signed: mm.MMM, plain: mm.MMM, channel: str, seed: int) -> dict:
    """What two fits to one world say: one with a sign, one with the defaults."""
    out: dict = {"seed": seed}
    for name, model in (("signed", signed), ("default", plain)):
        fit, cost = fitted(model, made.data, seed)
        roi = mm.roi(fit, window="outcome")
        low, high = roi.quantile([0.05, 0.95], ("chain", "draw")).values
        truth = made.truth.effects["roi"].sel(channel=roi["channel"]).values
        inside = (low <= truth) & (truth <= high)
        at = list(roi["channel"].values).index(channel)
        out |= {f"{name} {key}": value for key, value in cost.items()}
        out |= {f"{name} inside": bool(inside[at]), f"{name} others": float(np.delete(inside, at).mean())}
        out |= {f"{name} interval": f"{low[at]:.2f} to {high[at]:.2f}", f"{name} weak": said_weak(fit, channel)}
    return out


RETURNS = {"tv": 4.72, "social": 5.41}  # on average over the weeks


def net(seed: int) -> mm.MMMData:
    """Revenue less a constant that takes its mean near zero; two channels return these in money."""
    rng = np.random.default_rng([7, seed])
    frame = pd.DataFrame({"week": pd.date_range("2022-01-02", periods=WEEKS, freq="7D")})
    sales = rng.normal(0.0, 100.0, WEEKS) + 20.0
    for name, money in RETURNS.items():
        spend = 100.0 * rng.gamma(4.0, 0.25, WEEKS) * (rng.random(WEEKS) < 0.7)
        response = spend / (spend + 150.0)
        brought = money * spend.sum() * response / response.sum()
        frame[name], sales = spend, sales + brought - brought.mean()
    frame["sales"] = sales
    return mm.MMMData.from_frame(frame, date="week", outcome="sales", media=list(RETURNS), outcome_unit="money")


def study_net(seeds: int) -> pd.DataFrame:
    """Whether intervals of the returns hold the truth, by seed and prior."""
    rows = []
    for seed in range(seeds):
        data = net(seed)
        stated = {"roi": mm.Prior("LogNormal", mu=np.log(3.0), sigma=0.8)}
        for name, priors in (("default", {}), ("roi", stated)):
            model = mm.MMM([mm.Equation("sales", media=list(RETURNS), priors=priors)])
            fit, cost = fitted(model, data, seed)
            low, middle, high = mm.roi(fit, window="outcome").quantile([0.05, 0.5, 0.95], ("chain", "draw")).values
            truth = np.array(list(RETURNS.values()))
            inside = int(((low <= truth) & (truth <= high)).sum())
            rows.append(
                {"seed": seed, "prior": name, "inside": inside, "of": 2, "error": (middle / truth).mean() - 1}
                | cost
            )
    return pd.DataFrame(rows)


def study(kind: str, seeds: int) -> pd.DataFrame:
    """Rows of one study, a line each as it is done."""
    rows = []
    fitted(system("any"), world(0).data, seed=0, draws=10)  # what is imported and compiled is nobody's time
    for seed in range(seeds):
        if kind == "snapchat":
            from bayesmmm.simulate import social_search

            made, channel = social_search(seed=seed), "snapchat"
            plain = made.system
            signs = [e if channel not in e.media else replace(e, sign={channel: "any"}) for e in plain.equations]
            rows.append(row(made, mm.MMM(signs), plain, channel, seed))
        else:
            made = world(seed, 0.0 if kind == "nothing" else -2.0)
            rows.append(row(made, system("any"), system("positive"), "display", seed))
        print(rows[-1], flush=True)
    return pd.DataFrame(rows)


def main(kind: str = "nothing", seeds: str = "40") -> None:
    """Run a study and print what it found."""
    if kind == "net":
        print(
            study_net(int(seeds))
            .groupby("prior")[["inside", "of", "error", "divergences"]]
            .agg({"inside": "sum", "of": "sum", "error": "mean", "divergences": "sum"})
        )
        return
    found = study(kind, int(seeds))
    for name in ("signed", "default"):
        print(
            f"{name}: inside {found[f'{name} inside'].sum()} of {len(found)}, others "
            f"{found[f'{name} others'].mean():.0%}, said to be weak {found[f'{name} weak'].sum()}, divergences "
            f"{found[f'{name} divergences'].sum()}"
        )
    for cost in ("seconds", "gradients"):
        print(
            f"{cost} with a sign over without: {found[f'signed {cost}'].sum() / found[f'default {cost}'].sum():.2f}"
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
