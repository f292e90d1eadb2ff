"""bayesmmm's part of `recovery.py`: the cases from the worlds of the package, the fits, the alarms.

Every case is fitted with the system that the world hands to an analyst, default priors, and judged by `audit` before
and `diagnose` after the fit.
"""

import json
import warnings

import child_recovery_cases as cases

SETTINGS = {"draws": 1000, "tune": 1000, "chains": 4}  # its defaults


def make(given) -> None:
    """Write the cases that are not there yet: what an analyst sees as a CSV, the truth as JSON."""
    import numpy as np

    from bayesmmm.simulate import WORLDS, broken_world

    given.cases.mkdir(parents=True, exist_ok=True)
    for name in WORLDS:
        for seed in range(1, given.seeds + 1):
            if (given.cases / f"{name}-{seed}.json").exists():
                continue
            world = broken_world(name, seed=seed)
            truth = {
                quantity: dict(zip(cases.CHANNELS, world.truth[quantity].values.tolist(), strict=True))
                for quantity in cases.QUANTITIES
            }
            frame = world.data.to_frame()
            frame[cases.TREND] = np.linspace(0.0, 1.0, len(frame))
            frame.to_csv(given.cases / f"{name}-{seed}.csv", index=False)
            season = bool(world.system.equation(cases.OUTCOME).seasonality)
            record = {"world": name, "seed": seed, "season": season, "broken": world.broken, "truth": truth}
            (given.cases / f"{name}-{seed}.json").write_text(json.dumps(record), encoding="utf-8")


def fitted(given, case):
    """Fit a case, or read its fit from an earlier run."""
    import bayesmmm as mm
    from bayesmmm.simulate import broken_world

    file = given.fits / f"{case.world}-{case.seed}.nc"
    world = broken_world(case.world, seed=case.seed)
    if file.exists():
        return world, mm.load(file)
    fit = mm.fit(world.system, world.data, seed=case.seed, progress=False, **SETTINGS)
    given.fits.mkdir(parents=True, exist_ok=True)
    fit.save(file)
    return world, fit


def estimates(given) -> None:
    """ROI and its indirect part, with the sampler's verdict."""
    import bayesmmm as mm

    def estimate(case) -> dict:
        _, fit = fitted(given, case)
        found = mm.effects(fit.accept_unconverged(), channels=cases.CHANNELS, groups={}, window="outcome")
        rows = {name: cases.intervals(found[name].values) for name in cases.QUANTITIES}
        convergence = fit.convergence
        return rows | {
            "max_rhat": float(convergence.rhat),
            "divergences": int(convergence.divergences),
        }

    cases.run(given, "bayesmmm", estimate)


def alarms(given) -> None:
    """Names of the checks of `audit` and `diagnose` that warn or fail."""
    from bayesmmm.diagnostics import audit, diagnose

    def raised(diagnosis) -> list[list[str]]:
        return [[check.group, check.name, check.verdict] for check in diagnosis.checks if check.raised]

    def judge(case) -> dict:
        world, fit = fitted(given, case)
        return {"audit": raised(audit(world.data, world.system)), "diagnose": raised(diagnose(fit))}

    cases.run(given, "alarms", judge)


def main() -> None:
    """Run one of the tasks."""

    def more(parser) -> None:
        from pathlib import Path

        parser.add_argument("task", choices=["make", "estimates", "alarms"])
        parser.add_argument("--seeds", type=int, default=1)
        parser.add_argument("--fits", type=Path)

    warnings.filterwarnings("ignore")
    given = cases.options(more=more)
    {"make": make, "estimates": estimates, "alarms": alarms}[given.task](given)


if __name__ == "__main__":
    main()
