"""PyMC-Marketing's part of `recovery.py`: the mediator as an ordinary channel, and the mediator left out.

The same carry-over and curve as elsewhere in this folder (geometric over 8 weeks, Hill), its default priors, nutpie.
Its model is built anew for every case; it is compiled once for each set of columns, since all of a case (spend, outcome,
controls, scales, days of the year) is data of the model. ROI is what a channel contributes over its spend; there is no
indirect part.
"""

import warnings

import child_recovery_cases as cases
import measure

LAGS, CHAINS, DRAWS, TUNE, TARGET = 8, 2, 500, 500, 0.9
METHODS = {  # name -> columns of media
    "PyMC-Marketing, search a channel": (*cases.CHANNELS, cases.MEDIATOR),
    "PyMC-Marketing, search left out": cases.CHANNELS,
}


class Programs:
    """Compiled models by set of columns and season."""

    def __init__(self) -> None:
        self.known: dict = {}

    def sample(self, case: cases.Case, media: tuple[str, ...]):
        """Posterior and statistics of a case, and the scale of its outcome."""
        import nutpie
        from pymc_marketing.mmm import MMM, GeometricAdstock, HillSaturation

        controls = [*cases.CONTROLS, cases.TREND]
        model = MMM(
            date_column=cases.DATE,
            target_column=cases.OUTCOME,
            channel_columns=list(media),
            control_columns=controls,
            adstock=GeometricAdstock(l_max=LAGS),
            saturation=HillSaturation(),
            yearly_seasonality=1 if case.season else None,
        )
        model.build_model(case.frame[[cases.DATE, *media, *controls]], case.frame[cases.OUTCOME])
        key = (media, case.season)
        if key not in self.known:
            self.known[key] = nutpie.compile_pymc_model(model.model)
        values = {variable.name: variable.get_value() for variable in model.model.data_vars}
        trace = nutpie.sample(
            self.known[key].with_data(**values),
            draws=DRAWS,
            tune=TUNE,
            chains=CHAINS,
            cores=measure.CORES,
            seed=case.seed,
            target_accept=TARGET,
            progress_bar=False,
        )
        return model, trace, float(values["target_scale"])


def main() -> None:
    """Estimate every case with both sets of columns."""
    from arviz_stats import rhat

    warnings.filterwarnings("ignore")
    given, programs = cases.options(more=lambda parser: parser.add_argument("--seeds", type=int)), Programs()

    def estimate(case: cases.Case, media: tuple[str, ...]) -> dict:
        model, trace, scale = programs.sample(case, media)
        contribution = trace["posterior"]["channel_contribution"].sum("date") * scale
        contribution = contribution.transpose("chain", "draw", "channel").sel(channel=list(cases.CHANNELS))
        free = [variable.name for variable in model.model.free_RVs]
        largest = rhat(trace["posterior"].to_dataset()[free])
        return {
            "roi": cases.intervals(contribution.values / case.spend.to_numpy()),
            "max_rhat": max(float(values.max(skipna=False)) for values in largest.data_vars.values()),
            "divergences": int(trace["sample_stats"]["diverging"].sum()),
        }

    for seed in range(1, given.seeds + 1):
        for name, media in METHODS.items():
            cases.run(given, name, lambda case, media=media: estimate(case, media), seed=seed)


if __name__ == "__main__":
    main()
