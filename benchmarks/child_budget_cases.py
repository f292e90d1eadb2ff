"""bayesmmm's own timing cases of `budget.py`: larger than what the other package is compared on.

What the draws are does not matter for the time: they come from the prior (`tests/made.py`), nothing is sampled.
"""

import json
import os
import resource
import statistics
import sys
import time
import warnings
from pathlib import Path

import child_budget_task as task
import measure

#: Name -> size of the system, draws that choose the plan, periods, flighting, and plans asked after the first.
CASES = {
    "5 channels, a mediator, 13 weeks flat": {
        **{"channels": 5, "mediator": True, "draws": 1000, "periods": 13, "flighting": "flat", "later": 5},
    },
    "12 channels, 52 weeks free": {
        **{"channels": 12, "mediator": False, "draws": 500, "periods": 52, "flighting": "free", "later": 1},
    },
    "12 channels, a mediator, 52 weeks free": {
        **{"channels": 12, "mediator": True, "draws": 500, "periods": 52, "flighting": "free", "later": 1},
    },
}
SHOWN = {
    **{"import": "import_s", "load": "load_s", "first plan": "plan_s", "later": "later_s"},
    **{"processor time of the first": "plan_cpu_s", "of a later": "later_cpu_s"},
}
CHAINS = 4


def make(case: dict, path: str) -> None:
    """Save a fit of three years of weeks, with as many draws again as choose the plan."""
    import numpy as np
    import pandas as pd

    import bayesmmm as mm

    sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))
    from made import made_fit

    rng = np.random.default_rng(0)
    weeks, channels = 156, [f"channel_{i}" for i in range(1, case["channels"] + 1)]
    spend = {c: rng.gamma(2.0, 100.0, weeks) * (rng.random(weeks) < 0.7) for c in channels}
    together = sum(spend.values())
    frame = pd.DataFrame({"week": pd.date_range("2022-01-03", periods=weeks, freq="7D"), **spend})
    frame["search"] = np.maximum(0.1 * together - 0.07 * together.mean() + rng.normal(0, 30, weeks), 0.0)
    frame["price"] = 10 + rng.normal(size=weeks)
    frame["sales"] = 10_000 + together + 3 * frame["search"] + rng.normal(0, 500, weeks)
    common = {"linear": ["price"], "seasonality": mm.Fourier(period=365.25, order=2), "trend": True}
    equations = [mm.Equation("sales", media=[*channels, *["search"] * case["mediator"]], **common)]
    if case["mediator"]:
        equations.insert(0, mm.Equation("search", media=channels, likelihood="censored_normal", **common))
    data = mm.MMMData.from_frame(
        frame,
        date="week",
        outcome="sales",
        media=channels,
        mediators={"search": "money"} if case["mediator"] else None,
        controls=["price"],
    )
    draws = 2 * case["draws"] // CHAINS
    made_fit(mm.MMM(equations), data, draws=draws, chains=CHAINS, verdict=None).save(path)


def timed(case: dict, path: str) -> dict:
    """Load, plan, and plan other totals."""
    start = time.perf_counter()
    import bayesmmm as mm

    optimize, load = mm.optimize_budget, mm.load  # names load when asked for: their imports belong to this clock
    import_s = time.perf_counter() - start
    fit, load_s, _ = task.clocked(load, path)
    channels = [name for name in fit.system.exogenous if name.startswith("channel_")]
    total = float(sum(fit.data.columns[c][0, -case["periods"] :].sum() for c in channels))

    def at(factor: float):
        return task.clocked(
            optimize,
            fit,
            total=factor * total,
            periods=case["periods"],
            controls={"price": 10.0},
            flighting=case["flighting"],
            draws=case["draws"],
        )

    plan, plan_s, plan_cpu_s = at(1.0)
    later = [at(1.0 + 0.1 * (i + 1))[1:] for i in range(case["later"])]
    solution = plan.solution
    return {
        "import_s": import_s,
        "load_s": load_s,
        "plan_s": plan_s,
        "plan_cpu_s": plan_cpu_s,
        "later_s": statistics.median(seconds for seconds, _ in later),
        "later_cpu_s": statistics.median(busy for _, busy in later),
        "objective": solution.objective,
        "starts": list(solution.starts),
        "kkt": solution.kkt,
        "evaluations": solution.evaluations,
        "draws": solution.draws,
        "held_out_draws": solution.held_out_draws,
        "status": solution.status,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    """``make NAME FILE`` or ``time NAME FILE``; the latter prints one JSON line."""
    what, name, path = sys.argv[1:]
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: measure.CORES])
    if what == "make":
        make(CASES[name], path)
        print(json.dumps({"made": path}))
    else:
        print(json.dumps(timed(CASES[name], path)))


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    main()
