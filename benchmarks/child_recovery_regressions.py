"""The regressions of `recovery.py`: least squares on carried-over spend, two-stage ridge with a plug-in mediator.

Both are those of `bayesmmm.baselines`, whose pages say what they do. They get the season (where the analyst's system has
one), trend and price, and judge the same periods. In the least squares spend is carried over with a half-life of a week
and not saturated.
"""

import child_recovery_cases as cases
import pandas as pd

import bayesmmm as mm

# Of the least squares: half of the pressure is left after a week.
RETENTION = 0.5
# Of the two-stage ridge.
REPLICATES = 300


def read(case: cases.Case) -> tuple[mm.MMMData, mm.MMM]:
    """The data of a case, and the linear terms that both regressions get."""
    data = mm.MMMData.from_frame(
        case.frame,
        date=cases.DATE,
        outcome=cases.OUTCOME,
        media=cases.CHANNELS,
        mediators={cases.MEDIATOR: "queries"},
        controls=cases.CONTROLS,
    )
    season = mm.Fourier(period=cases.YEAR, order=1) if case.season else ()
    terms = {"linear": list(cases.CONTROLS), "seasonality": season, "trend": True}
    system = mm.MMM(
        [
            mm.Equation(cases.MEDIATOR, media=cases.CHANNELS, **terms),
            mm.Equation(cases.OUTCOME, media=[*cases.CHANNELS, cases.MEDIATOR], **terms),
        ]
    )
    return data, system


def least_squares(case: cases.Case) -> dict:
    """Estimate total and indirect ROI from three regressions."""
    found = mm.baselines.least_squares(*read(case), retention=RETENTION, ci_prob=cases.PROBABILITY)
    return _labelled(found.effects)


def two_stage(case: cases.Case) -> dict:
    """Estimate total and indirect ROI through both stages."""
    settings = {"seed": case.seed, "replicates": REPLICATES, "ci_prob": cases.PROBABILITY}
    return _labelled(mm.baselines.two_stage_ridge(*read(case), **settings).effects)


def _labelled(effects: pd.DataFrame) -> dict[str, dict[str, list[float]]]:
    def row(quantity: str, channel: str) -> list[float]:
        return effects.loc[f"{quantity}[{channel}]", ["lower", "estimate", "upper"]].tolist()

    return {quantity: {c: row(quantity, c) for c in cases.CHANNELS} for quantity in cases.QUANTITIES}


if __name__ == "__main__":
    given = cases.options()
    cases.run(given, "least squares", least_squares)
    cases.run(given, "two-stage ridge", two_stage)
