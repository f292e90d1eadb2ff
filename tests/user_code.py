"""What users type, for the type checker: it is not run. A line marked as ignored must be an error there."""

import arviz_stats
import pandas as pd
import xarray as xr

import bayesmmm as mm

social = ["facebook", "tiktok"]
data = mm.MMMData.from_csv(
    "weeks.csv",
    date="week",
    outcome="revenue",
    media=social,
    mediators={"google": "money"},
    controls=["promotion"],
)
season = mm.Fourier(period=365.25, order=2)
system = mm.MMM(
    [
        mm.Equation("google", media=social, seasonality=season, trend=True, likelihood="censored_normal"),
        mm.Equation(
            "revenue",
            media=[*social, "google"],
            linear=["promotion"],
            seasonality=[season],
            trend=["2023-07-02"],
            priors={"half_life": {"tiktok": mm.Prior("LogNormal", mu=1.1, sigma=0.5)}},
        ),
    ]
)
fit = mm.fit(system, data, draws=500, tune=500, chains=2, seed=1, progress=False)
print(fit.convergence.verdict, fit.summary(ci_prob=0.9), fit.coefficients("revenue"))
print(arviz_stats.summary(fit.tree))
fit.save("fit.nc")
fit = mm.load("fit.nc")

returns: xr.DataArray = mm.roi(fit, start="2024-01-07", stop="2024-12-22")
table: pd.DataFrame = mm.summarise(returns, ci_prob=0.9)
parts: xr.Dataset = mm.decompose(fit, freq="quarter")
more = mm.what_if(fit, scale={"tiktok": 1.3})
plan = mm.optimize_budget(fit, total=250_000, periods=13, bounds=("50%", "150%"), controls={"promotion": 0.0})
ahead = mm.predict(fit, plan.to_frame())
by_geo: xr.Dataset = mm.effects(fit, by="geo")
by_group: xr.DataArray = mm.roi(fit, by={"north": ["leeds", "york"]})
axes = mm.plots.roi(returns)
found = mm.diagnose(fit)
folds = mm.evaluate.cross_validate(system, data, folds=2)
scaled = mm.sensitivity.power_scaling(fit, returns)

# Mistakes that a checker must see.
mm.optimise_budget  # type: ignore[attr-defined]
mm.evaluate.crossvalidate  # type: ignore[attr-defined]
fit.sumary()  # type: ignore[attr-defined]
mm.Fourier(perod=7, order=1)  # type: ignore[call-arg]
mm.roi(fit, star="2024-01-07")  # type: ignore[call-arg]
mm.roi(fit, by=2)  # type: ignore[arg-type]
number: float = mm.roi(fit)  # type: ignore[assignment]
