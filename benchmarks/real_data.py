"""Fit the real social/search set under three likelihoods of revenue, and say which one the data support.

Needs ``social_search_weekly.csv`` in the folder named by BAYESMMM_EXTERNAL_DATA::

    uv run python benchmarks/real_data.py --out real_data

Prints one row per likelihood: sampler verdict, seconds, leave-one-out density, and posterior predictive checks; writes
the table as JSON and the predictive figure as PNG into the output folder.
"""

import argparse
import json
import os
import warnings
from pathlib import Path

import numpy as np

import bayesmmm as mm
from bayesmmm.errors import BayesMMMWarning
from bayesmmm.results import Fit, predictive_check

SOCIAL = ["facebook_spend", "tiktok_spend", "instagram_spend", "snapchat_spend"]
CONTROLS = ["average_price", "promotions", "emails_send", "sms_send", "social_followers"]
LIKELIHOODS = ("normal", "student_t", "lognormal")


def real_data(folder: Path) -> mm.MMMData:
    """Load the weekly set, Google spend as mediator of the social channels."""
    return mm.MMMData.from_csv(
        folder / "social_search_weekly.csv",
        date="week",
        outcome="revenue",
        media=SOCIAL,
        mediators={"google_spend": "money"},
        controls=CONTROLS,
    )


def real_system(likelihood: str) -> mm.MMM:
    """Google answers to the social channels; revenue to these, to Google and to the controls."""
    common = {"linear": CONTROLS, "seasonality": mm.Fourier(period=365.25, order=2), "trend": True}
    return mm.MMM(
        [
            mm.Equation("google_spend", media=SOCIAL, likelihood="censored_normal", **common),
            mm.Equation("revenue", media=[*SOCIAL, "google_spend"], likelihood=likelihood, **common),
        ]
    )


def predictive_probabilities(fit: Fit) -> dict[str, float]:
    """Share of replicated series whose statistic exceeds the observed one, ties by half; near 0 or 1 is a misfit."""
    observed = fit.tree["observed_data"]["revenue"].values
    replicated = fit.tree["posterior_predictive"]["revenue"].values.reshape(-1, observed.size)
    statistics = {
        "minimum": lambda x: x.min(-1),
        "median": lambda x: np.median(x, -1),
        "upper decile": lambda x: np.quantile(x, 0.9, axis=-1),
        "maximum": lambda x: x.max(-1),
        "total": lambda x: x.sum(-1),
        "share below zero": lambda x: (x < 0).mean(-1),
    }
    return {
        name: float(np.mean((f(replicated) > f(observed)) + 0.5 * (f(replicated) == f(observed))))
        for name, f in statistics.items()
    }


def measure(likelihood: str, data: mm.MMMData, seed: int) -> tuple[dict, Fit]:
    """Fit with default settings and collect what is reported."""
    import arviz_stats

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BayesMMMWarning)
        fit = mm.fit(real_system(likelihood), data, seed=seed, progress=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        loo = arviz_stats.loo(fit.tree, var_name="revenue", pointwise=True)
    verdict = fit.convergence
    row = {
        "likelihood": likelihood,
        "verdict": verdict.verdict,
        "rhat": verdict.rhat,
        "ess_bulk": verdict.ess_bulk,
        "ess_tail": verdict.ess_tail,
        "divergences": verdict.divergences,
        "seconds": fit.settings["seconds"],
        "elpd_loo": float(loo.elpd),
        "elpd_se": float(loo.se),
        "pareto_k_over_0.7": int((loo.pareto_k > 0.7).sum()),
        "predictive": predictive_probabilities(fit),
    }
    return row, fit


def figure(fits: dict[str, Fit], path: Path) -> None:
    """Observed against replicated quantiles of revenue, one panel per likelihood."""
    import matplotlib.pyplot as plt

    canvas, axes = plt.subplots(1, len(fits), figsize=(4.6 * len(fits), 4.4), layout="constrained")
    for ax, (likelihood, fit) in zip(axes, fits.items(), strict=True):
        mm.plots.predictive_check(predictive_check(fit, "revenue", ci_prob=0.9), ax=ax)
        # Revenue runs from 1 to 398,454: linear below 100, logarithmic above.
        ax.set_xscale("symlog", linthresh=100.0)
        ax.set_yscale("symlog", linthresh=100.0)
        ax.set(title=f"revenue {likelihood}", xlim=(-30.0, 1e6), ylim=(-1e6, 1e8))
    canvas.savefig(path, dpi=150)
    plt.close(canvas)


def main() -> None:
    """Run the three fits."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("real_data"), help="output folder")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    folder = os.environ.get("BAYESMMM_EXTERNAL_DATA")
    if not folder:
        parser.error("set BAYESMMM_EXTERNAL_DATA to the folder that holds social_search_weekly.csv")
    options.out.mkdir(parents=True, exist_ok=True)
    data = real_data(Path(folder))
    rows, fits = [], {}
    for likelihood in LIKELIHOODS:
        row, fits[likelihood] = measure(likelihood, data, options.seed)
        rows.append(row)
        print(json.dumps(row, indent=1))
    (options.out / "real_data.json").write_text(json.dumps(rows, indent=1))
    figure(fits, options.out / "predictive_check.png")
    print(f"written: {options.out / 'real_data.json'}, {options.out / 'predictive_check.png'}")


if __name__ == "__main__":
    main()
