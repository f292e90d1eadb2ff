"""Geo experiments of `peers.py`: 21 days of a lift of a fifth, in data that run 39 days longer."""

import importlib.util

import child_peers
import peer_worlds

TREATED = ("g00", "g01", "g02", "g03")


def _frames() -> dict:
    """All the data, and those that end with the experiment."""
    world = peer_worlds.experiment()
    return {"longer": world.frame, "ending": world.frame[world.frame["date"] <= world.truth["last"]]}


def causal_marketing() -> dict:
    """Relative lift with both dates of the experiment given."""
    from causal_marketing import Dataset, GeoLiftDesign

    truth, out = peer_worlds.experiment().truth, {}
    for name, frame in _frames().items():
        design = GeoLiftDesign(
            primary_metric="sales",
            treated=TREATED,
            runtime_weeks=3,
            estimator_parameters={"seed": child_peers.SEED},
        )
        dataset = Dataset(df=frame, unit_col="geo", time_col="date")
        table = design.analyze(dataset, truth["first"], truth["last"])
        table = table[0] if isinstance(table, tuple) else table
        row = table.iloc[0]
        out[name] = {"lift": row["point_estimate_relative"], "p": row["p_value"]}
    return out


def murray() -> dict:
    """Relative lift in per cent with both dates of the experiment given."""
    from Murray.post_analysis import run_geo_evaluation

    truth, out = peer_worlds.experiment().truth, {}
    dates = ["-".join(reversed(truth[key].split("-"))) for key in ("first", "last")]  # the day comes first
    for name, frame in _frames().items():
        data = frame.rename(columns={"geo": "location", "date": "time", "sales": "Y"}).reset_index(drop=True)
        found = run_geo_evaluation(data, *dates, list(TREATED), spend=1.0, n_permutations=2_000)
        out[name] = {"lift": found["percenge_lift"] / 100.0, "p": found["p_value"], "period": found["period"]}
    return out


if __name__ == "__main__":
    both = importlib.util.find_spec("Murray")
    child_peers.run("murray-geo" if both else "causal-marketing", {"causal": causal_marketing, "murray": murray})
