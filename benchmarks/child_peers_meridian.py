"""Meridian's half of `peers.py`: intervals, R-hat, a channel that was off, and held-out numbers."""

import child_peers
import peer_worlds

OFF, HELD, SHORT = 13, 13, 40


def _model(frame, **spec):
    from meridian.data.data_frame_input_data_builder import DataFrameInputDataBuilder
    from meridian.model.model import Meridian
    from meridian.model.spec import ModelSpec

    channels = ["tv", "radio"]
    table = frame.assign(time=frame["date"].dt.strftime("%Y-%m-%d"))
    builder = DataFrameInputDataBuilder(kpi_type="revenue")
    builder.with_kpi(table, kpi_col="sales", time_col="time")
    builder.with_media(
        table, media_cols=channels, media_spend_cols=channels, media_channels=channels, time_col="time"
    )
    model = Meridian(input_data=builder.build(), model_spec=ModelSpec(**spec))
    model.sample_posterior(n_chains=2, n_adapt=500, n_burnin=500, n_keep=500, seed=child_peers.SEED)
    return model


def _roi(model) -> dict:
    found = model.inference_data.posterior["roi_m"]
    return {str(c): child_peers.interval(found.sel(media_channel=c), 0.9) for c in found["media_channel"].values}


def intervals() -> dict:
    """Share of weeks in the interval of the expected outcome, and what the optimiser says of a channel that was off."""
    import numpy as np
    from meridian.analysis.analyzer import Analyzer
    from meridian.analysis.optimizer import BudgetOptimizer

    world = peer_worlds.two_channels(off=OFF)
    model = _model(world.frame)
    out = {"truth": world.truth, "roi": _roi(model)}
    data = Analyzer(model).expected_vs_actual_data(confidence_level=0.9)
    expected, actual = data["expected"].squeeze(), data["actual"].squeeze()
    low, high = expected.sel(metric="ci_lo"), expected.sel(metric="ci_hi")
    out["held"] = float(((low <= actual) & (actual <= high)).mean())
    start, stop = (str(world.frame["date"].iloc[i].date()) for i in (-OFF, -1))
    try:
        plan = (
            BudgetOptimizer(model)
            .optimize(
                start_date=start,
                end_date=stop,
                budget=2_000.0,
                pct_of_spend=[0.5, 0.5],
                spend_constraint_lower=0.8,
                spend_constraint_upper=0.8,
            )
            .optimized_data
        )
        names = plan["channel"].values
        out["spend"] = {str(c): float(plan["spend"].sel(channel=c)) for c in names}
        gained = plan["incremental_outcome"].sel(metric="mean")
        out["brought"] = {str(c): float(np.asarray(gained.sel(channel=c))) for c in names}
    except Exception as error:  # what it refuses is what is to be shown
        out["refused"] = f"{type(error).__name__}: {str(error)[:160]}"
    return out


def rhat() -> dict:
    """R-hat of draws that are given, by the function that `Analyzer.get_rhat` calls, and by ArviZ."""
    import arviz
    import numpy as np
    from meridian import backend

    draws = peer_worlds.shifted_draws()
    found = backend.mcmc.potential_scale_reduction({"x": backend.to_tensor(draws.T)})
    return {"meridian": float(np.asarray(found["x"])), "arviz": float(arviz.rhat(draws))}


def held_out() -> dict:
    """ROI with the sales of held-out weeks as they are, and multiplied by three."""
    import numpy as np

    world, out = peer_worlds.two_channels(SHORT), {}  # of few weeks, which leave something to the prior
    held = np.zeros(len(world.frame), bool)
    held[-HELD:] = True
    for factor in (1, 3):
        frame = world.frame.copy()
        frame.loc[held, "sales"] *= factor
        out[f"times {factor}"] = _roi(_model(frame, holdout_id=held))
    return out


if __name__ == "__main__":
    child_peers.run("google-meridian", {"intervals": intervals, "rhat": rhat, "held out": held_out})
