"""Numbers of eight small systems, to show that a change of the code changes no number.

`unchanged.npz` holds posterior draws of each system and everything that was answered on them, each variable as a few
numbers; `unchanged.json` holds hashes of all draws of the fits that they come from, the machine, and the commit of the
code. Code that is to leave every number as it is has to give the same again. Where it asks for answers in other words,
only the section on the interface of the package is adapted.

``python -m tests.unchanged COMMIT`` fits anew and writes both files: for code that is meant to give other numbers.
"""

import functools
import hashlib
import json
import math
import platform
import sys
import warnings
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

import bayesmmm as mm
from bayesmmm.data import MMMData
from bayesmmm.equations import MMM, Equation, Fourier
from bayesmmm.estimands import adstock_decay, residuals
from bayesmmm.inference import predictive_groups
from bayesmmm.priors import Prior
from bayesmmm.results import Fit, library_versions
from tests import made

FOLDER = Path(__file__).parent
KNOWN, NUMBERS = FOLDER / "unchanged.json", FOLDER / "unchanged.npz"

#: Largest difference allowed, as a share of the largest size of a variable. Another run on the same machine differs by
#: 1e-15; one thread for BLAS, or numba, NumPy and OpenBLAS told that this is another processor, leave 3e-14.
BOUND = 1e-12
#: Answers that start so, first match first, may differ by more. Power-scaling divides a difference by log2(1.01), which
#: left 2.4e-12. Solvers stop where the conditions of a maximum hold to 1e-5, and the last bits of the objective decide
#: by which steps: that left 1.3e-10 with one thread for BLAS, and 3e-7 on another processor with a decision per period.
WIDER = {
    "power scaling": 1e-11,
    "plan of fixed spend": BOUND,
    "plan of every period": 1e-6,
    "plan": 1e-9,
    "frontier": 1e-9,
}
#: The bound on what any plan gains is the least of many, each of which holds, and the search stops near the least: 1e-6.
LEAST_BOUND = 1e-5
#: Differences that may be nothing but rounding are held against the size of what they are differences of.
SIZE_OF = {"interaction": "total"}
#: Chains, draws and warm-up of the fits, and draws of each chain that are kept.
CHAINS, LENGTH, TUNE, KEPT = 2, 50, 100, 16
AHEAD = 8  # periods of a plan


# ------------------------------------------------------------------------------------------------------------ systems
YEAR, WEEK = Fourier(period=365.25, order=1), Fourier(period=7, order=1)
_RHO = Prior("Uniform", lower=-0.9, upper=0.9)
_QUERIES = Equation("queries", media=["tv", "social"], linear=["price"], trend=True)
_ROI = {
    "retention": {"tv": Prior("Beta", alpha=2.0, beta=2.0)},
    "roi": {"social": Prior("LogNormal", mu=0.0, sigma=0.5)},
}


def _sales(media, linear=("price",), **kwargs) -> Equation:
    return Equation("sales", media=media, linear=linear, **kwargs)


#: Name -> equations, and keyword arguments of `made.frame`.
SYSTEMS = {
    "normal": ([_sales(["tv", "social", "radio"], trend=True, seasonality=YEAR, priors=_ROI)], {}),
    "chain": (
        [
            _QUERIES,
            Equation("shop", media=["social", "queries"], linear=["price"], seasonality=YEAR),
            _sales(["tv", "queries", "shop"], trend=True),
        ],
        {},
    ),
    "two mediators": (
        [
            _QUERIES,
            Equation("visits", media=["tv", "radio"], likelihood="student_t"),
            _sales(["tv", "queries"], ["price", "visits"], likelihood="student_t"),
        ],
        {},
    ),
    "censored mediator": (
        [
            Equation("search", media=["social"], linear=["price"], likelihood="censored_normal"),
            _sales(["tv", "social", "search"], trend=True, seasonality=YEAR),
        ],
        {},
    ),
    "lognormal": (
        [
            Equation("queries", media=["tv", "social"], linear=["price"], likelihood="lognormal"),
            _sales(["tv", "queries"], seasonality=YEAR, likelihood="lognormal"),
        ],
        {},
    ),
    "censored outcome": (
        [
            Equation("search", media=["social"], likelihood="censored_normal"),
            Equation("deals", media=["tv", "radio", "search"], linear=["price"], likelihood="censored_normal"),
        ],
        {},
    ),
    "rho": (
        [
            Equation("shop", media=["tv", "social"], linear=["price"]),
            _sales(["tv", "social", "shop"], trend=True, rho={"shop": _RHO}),
        ],
        {},
    ),
    "max_lag": (
        [
            Equation("shop", media=["tv", "social"], seasonality=WEEK, max_lag=5, likelihood="student_t"),
            _sales(["tv", "shop"], ["price", "holiday"], trend=["2023-01-20"], seasonality=WEEK, max_lag=9),
        ],
        {"step": "1D"},
    ),
}
NAMES = tuple(SYSTEMS)
#: Checks that were added after the numbers were written.
LATER = ("consequences", "weak")


@functools.cache
def world(name: str) -> tuple[MMM, MMMData, pd.DataFrame]:
    """System, data, and a plan of the periods after them."""
    equations, options = SYSTEMS[name]
    system, periods = MMM(equations), 60
    table = made.frame(NAMES.index(name) + 100, periods=periods + AHEAD, **options)
    data = made.made_data(system, table.iloc[:periods], outcome_unit="money")
    return system, data, table.iloc[periods:].set_index("date")[list(system.exogenous)]


# ----------------------------------------------------------------------- the interface of the package, all in one place
def sampled(name: str) -> Fit:
    """A short fit of a system."""
    system, data, _ = world(name)
    settings = {"draws": LENGTH, "tune": TUNE, "chains": CHAINS, "cores": 1, "seed": 7, "progress": False}
    return mm.fit(system, data, **settings)


def rebuilt(name: str, groups: dict[str, xr.Dataset]) -> Fit:
    """Fit of draws that were kept; densities and replicates are computed from them."""
    system, data, _ = world(name)
    scales, settings = data.scales(), {"draws": KEPT, "chains": CHAINS, "seconds": {}}
    fit = Fit(data, system, scales, xr.DataTree.from_dict(groups), settings, library_versions())
    more = predictive_groups(system, fit.parameters(), data, scales, CHAINS, np.random.default_rng(1))
    observed = {n: ("date", data.columns[n][0]) for n in system.order}
    groups = {**groups, **more, "observed_data": xr.Dataset(observed, {"date": data.dates})}
    fit = Fit(data, system, scales, xr.DataTree.from_dict(groups), settings, library_versions())
    return fit.accept_unconverged()  # so few draws never converge


def answers(name: str, fit: Fit) -> dict[str, object]:
    """Every answer but plans, by name."""
    (system, data, plan), dates = world(name), fit.data.dates
    some, last = {"start": dates[20], "stop": dates[40]}, {"start": dates[-6]}
    tv = {"do": {"tv": np.linspace(10.0, 90.0, AHEAD)}, "scale": {"social": 0.5}, "plan": plan}
    out = {
        "summary": fit.summary(0.9),
        "density": fit.tree["log_likelihood"].to_dataset(),
        "replicates": fit.tree["posterior_predictive"].to_dataset(),
        "effects": mm.effects(fit, terms=()),
        "effects at the end": mm.effects(fit, terms=(), **last),
        "effects on a window": mm.effects(fit, terms=(), window="outcome", **some),
        "effects of a plan": mm.effects(fit, terms=(), plan=plan),
        "roi": mm.roi(fit, **some),
        "net roi": mm.roi(fit, net=True, **some),
        "marginal roi": mm.marginal_roi(fit, **some),
        "marginal roi of a plan": mm.marginal_roi(fit, plan=plan),
        "curves": mm.response_curves(fit, factors=[0.5, 1.5], **last),
        "curves of a plan": mm.response_curves(fit, factors=[0.5, 1.5], plan=plan),
        "fitted": mm.predict(fit),
        "fitted with noise": mm.predict(fit, noise=True),
        "predicted": mm.predict(fit, plan),
        "predicted with noise": mm.predict(fit, plan, noise=True),
        "what if": mm.what_if(fit, scale={"social": 1.3}, **some),
        "what if of a plan": mm.what_if(fit, **tv),
        "adstock": adstock_decay(fit, days=30.0),
        "power scaling": mm.sensitivity.power_scaling(fit),
        "diagnosis": mm.diagnose(fit),
        "audit": mm.diagnostics.audit(data, system),
    }
    for equation in system.order:
        out |= {
            f"decomposed {equation}": mm.decompose(fit, equation),
            f"residuals {equation}": residuals(fit, equation),
            f"coefficients {equation}": fit.coefficients(equation),
        }
    if name in ("chain", "lognormal"):
        asked = {"mediator": "queries", "rho": [-0.2, -0.1, 0.0, 0.1, 0.2]}
        out["mediation"] = mm.sensitivity.mediation_sensitivity(fit, ci_prob=0.89, **asked)
    if name in ("censored mediator", "rho"):
        held = {"do": {system.mediators[0]: np.linspace(5.0, 60.0, AHEAD)}}
        out["predicted with a mediator set"] = mm.predict(fit, plan, **held)
    return out


def plans(name: str, fit: Fit) -> dict[str, object]:
    """Plans by name; all but that of fixed spend come from a solver."""
    system, _, plan = world(name)
    best = functools.partial(mm.optimize_budget, fit, starts=1)
    channels = [n for n in system.exogenous if n in made.MEDIA]
    spend = {channel: 0.7 * float(plan[channel].sum()) + 50.0 for channel in channels}
    total = float(f"{1.2 * sum(spend.values()):.3g}")
    out = {
        "plan of fixed spend": best(
            plan=plan, total=(0.0, None), bounds={c: (money, money) for c, money in spend.items()}
        ),
        "plan": best(plan=plan, total=total, change=0.5),
    }
    reached = out["plan"].answers["outcome"].mean(("chain", "draw"))
    target = float(f"{reached.mean('plan'):.3g}")
    out["plan for a target"] = best(plan=plan, objective="spend", target=target, change=0.9)
    out["plan against risk"] = best(plan=plan, total=total, risk=("cvar", 0.25), change=0.5)
    out["frontier"] = mm.frontier(fit, plan=plan, totals=[0.6 * total, total], starts=1)
    if name == "normal":
        dates = fit.data.dates
        free = {"start": dates[10], "stop": dates[34], "flighting": "free", "total": 4000.0}
        out["plan of every period"] = best(**free, period_bounds=(0.0, "300%"))
    if name in ("censored mediator", "rho"):
        for mode in ("decide", "fixed"):
            out[f"plan, mediators {mode}"] = best(plan=plan, total=total, mediators=mode, change=0.5)
    return out


def raw(answer: object) -> dict[str, object]:
    """Arrays of an answer by name of the variable, and the labels of text that they have."""
    if isinstance(answer, xr.DataArray):
        return raw(answer.to_dataset(name=answer.name or "value"))
    if isinstance(answer, xr.Dataset):
        answer = answer.drop_dims("input", errors="ignore")  # the mark of extrapolation came after the numbers
        variables = {**answer.data_vars, **{n: c for n, c in answer.coords.items() if c.dtype.kind == "f"}}
        labels = [",".join(map(str, c.values)) for c in answer.coords.values() if c.dtype.kind in "OUT"]
        return {**{str(n): v.values for n, v in variables.items()}, "": " ".join(labels)}
    if isinstance(answer, pd.DataFrame):
        numbers = answer.select_dtypes(["number", "bool"])
        return {**{str(n): column.values for n, column in numbers.items()}, "": ",".join(map(str, answer.index))}
    if isinstance(answer, mm.diagnostics.Diagnosis):
        checks = [c for c in answer.checks if c.name.partition(":")[0] not in LATER]
        found = {c.name: np.array([c.value]) for c in checks}
        found["thresholds"] = np.array([c.threshold for c in checks])
        return {**found, "": f"{answer.verdict}: {','.join(c.verdict for c in checks)}"}
    solution = answer.solution
    return {
        "spend": answer.spend.values,
        "current": answer.current.values,
        "gains": np.array([solution.objective, solution.held_out]),
        "bound": np.array([solution.bound], float),
        "bandwidth": np.array([solution.bandwidth], float),
        "multiplier": np.array([solution.multiplier]),
        "net_marginal": solution.net_marginal.values,
        **raw(answer.answers),
    }


# ------------------------------------------------------------------------------------------------------ compact numbers
def compact(values: np.ndarray) -> list[float]:
    """Up to four values as they are; of more their mean, projection, least and largest, and how many are not finite.

    The projection is the inner product with fixed weights between 0.5 and 1 in size: it moves with any one value.
    """
    flat = np.asarray(values, float).ravel()
    if flat.size <= 4:
        return [float(v) for v in flat]
    weight = np.random.default_rng(flat.size).uniform(-1.0, 1.0, flat.size)
    weight = np.where(weight < 0.0, weight / 2.0 - 0.5, weight / 2.0 + 0.5)
    finite = np.isfinite(flat)
    good = np.where(finite, flat, 0.0)
    ends = [float(good[finite].min()), float(good[finite].max())] if finite.any() else [0.0, 0.0]
    # Sums that are rounded once depend on no order.
    return [math.fsum(good) / flat.size, math.fsum(good * weight), *ends, float((~finite).sum())]


def numbers_of(name: str, groups: dict[str, xr.Dataset]) -> dict[str, dict[str, object]]:
    """Everything that is answered on draws that were kept: answer -> variable -> numbers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = rebuilt(name, groups)
        found = {**answers(name, fit), **plans(name, fit)}
    return {
        key: {n: v if isinstance(v, str) else compact(v) for n, v in raw(answer).items()}
        for key, answer in found.items()
    }


def differences(stored: dict, found: dict) -> list[str]:
    """What differs between two answers to all questions, a line each."""
    out = []
    for answer in {**stored, **found}:
        if answer not in stored or answer not in found:
            out.append(f"{answer} is {'missing' if answer in stored else 'new'}")
            continue
        one, other = stored[answer], found[answer]
        for variable in {**one, **other}:
            what = f"{answer}: {variable or 'labels'}"
            if variable not in one or variable not in other:
                out.append(f"{what} is {'missing' if variable in one else 'new'}")
            elif isinstance(one[variable], str) or len(one[variable]) != len(other[variable]):
                out += (
                    [] if one[variable] == other[variable] else [f"{what}: {one[variable]} is {other[variable]}"]
                )
            else:
                size = size_of(one[SIZE_OF.get(variable, variable)])
                gap = _gap(one[variable], other[variable])
                if gap > bound_of(answer, variable) * size:
                    numbers = f"{one[variable]} is {other[variable]}"
                    out.append(f"{what}: {numbers}, apart by {gap:.1e} at a size of {size:.1e}")
    return out


def bound_of(answer: str, variable: str) -> float:
    """Largest difference that a variable may have, as a share of its size."""
    if variable == "bound":
        return LEAST_BOUND
    return next((bound for start, bound in WIDER.items() if answer.startswith(start)), BOUND)


def size_of(numbers: list[float]) -> float:
    """Largest absolute value of a variable, from its compact numbers."""
    ends = np.abs(numbers[2:4] if len(numbers) > 4 else numbers)
    return float(ends[np.isfinite(ends)].max(initial=0.0))


def _gap(one: list[float], other: list[float]) -> float:
    """Largest difference of compact numbers; infinite where one is no number and the other is, or counts differ."""
    a, b = np.array(one), np.array(other)
    if (np.isfinite(a) != np.isfinite(b)).any() or (len(a) > 4 and a[4] != b[4]):
        return np.inf
    gaps = np.where((a == b) | np.isnan(a) & np.isnan(b), 0.0, np.abs(np.nan_to_num(a) - np.nan_to_num(b)))
    return float(gaps.max(initial=0.0))


# --------------------------------------------------------------------------------------------------- draws and machine
def digests(fit: Fit) -> dict[str, str]:
    """Hash of every number of each group of a fit, but for the times that a sampler records."""
    out = {}
    for group in ("posterior", "log_likelihood", "log_prior", "posterior_predictive", "prior", "prior_predictive"):
        digest = hashlib.sha256()
        for name, values in sorted(fit.tree[group].to_dataset().data_vars.items()):
            digest.update(f"{name} {values.dims} {values.shape} ".encode())
            digest.update(np.ascontiguousarray(values.values, float).tobytes())
        out[group] = digest.hexdigest()
    return out


def machine() -> dict[str, str]:
    """What draws depend on to the last bit."""
    libraries = ("numba", "llvmlite", "numpy", "scipy", "nutpie")
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    cpu = {
        key: next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "unknown")
        for key in ("model name", "cpu family", "model\t", "flags")
    }
    cpu["flags"] = hashlib.sha256(cpu["flags"].encode()).hexdigest()[:16]
    system = {"libc": " ".join(platform.libc_ver()), "python": platform.python_version()}
    known = {key.strip(): value for key, value in cpu.items()}
    return known | system | {name: metadata.version(name) for name in libraries}


def kept(fit: Fit) -> dict[str, xr.Dataset]:
    """Draws of a fit that are evenly spaced, with their prior densities and what diagnosing them needs."""
    at = np.linspace(0, LENGTH - 1, KEPT).round().astype(int)
    groups = {
        name: fit.tree[name].to_dataset().isel(draw=at) for name in ("posterior", "log_prior", "sample_stats")
    }
    groups["sample_stats"] = groups["sample_stats"][["diverging", "energy"]]
    return {
        name: group.drop_attrs().astype(float).assign_coords(draw=np.arange(KEPT))
        for name, group in groups.items()
    }


# -------------------------------------------------------------------------------------------------------------- files
def read() -> tuple[dict, dict[str, dict[str, xr.Dataset]], dict[str, dict]]:
    """What is known of the fits, the draws that were kept of them, and the answers to these, by system."""
    known = json.loads(KNOWN.read_text(encoding="utf-8"))
    with np.load(NUMBERS) as file:
        index = json.loads(file["index"].tobytes().decode())
        draws, numbers = _in_turn(file["draws"]), _in_turn(file["numbers"])
    groups: dict[str, dict] = {}
    for name, group, variable, dims, shape in index["draws"]:
        values = draws(math.prod(shape)).reshape(shape)
        groups.setdefault(name, {}).setdefault(group, {})[variable] = (dims, values)
    labelled = {
        name: {group: _labelled(name, variables) for group, variables in found.items()}
        for name, found in groups.items()
    }
    answers: dict[str, dict] = {}
    for name, answer, variables in index["answers"]:
        found = {n: v if isinstance(v, str) else numbers(v).tolist() for n, v in variables.items()}
        answers.setdefault(name, {})[answer] = found
    return known, labelled, answers


def _in_turn(values: np.ndarray):
    """Function that returns the next so many of some values."""
    at = iter(values)
    return lambda count: np.array([next(at) for _ in range(count)])


def _labelled(name: str, variables: dict[str, tuple]) -> xr.Dataset:
    labels = {"chain": np.arange(CHAINS), "draw": np.arange(KEPT)}
    for equation in world(name)[0].equations:
        own = {"media": list(equation.media), "term": list(equation.terms()), "mediator": [*equation.rho]}
        labels |= {f"{equation.name}.{dim}": values for dim, values in own.items()}
    used = dict.fromkeys(dim for dims, _ in variables.values() for dim in dims)
    return xr.Dataset(variables, {dim: labels[dim] for dim in used})


def say(line: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{line}\n")


def write(commit: str) -> None:
    """Fit all systems, keep some draws, answer everything on them, and write both files."""
    known = {"code": commit, "machine": machine(), "draws": {}}
    index, draws, numbers = {"draws": [], "answers": []}, [], []
    for name in NAMES:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit = sampled(name)
        known["draws"][name], groups = digests(fit), kept(fit)
        for group, values in groups.items():
            for variable, array in values.transpose("chain", "draw", ...).data_vars.items():
                index["draws"].append([name, group, variable, array.dims, array.shape])
                draws.append(array.values.ravel().astype(float))
        found = numbers_of(name, groups)
        for answer, variables in found.items():
            lengths = {n: v if isinstance(v, str) else len(v) for n, v in variables.items()}
            index["answers"].append([name, answer, lengths])
            numbers += [number for v in variables.values() if not isinstance(v, str) for number in v]
        say(f"{name}: {len(found)} answers, {sum(map(len, found.values()))} variables")
    text = np.frombuffer(json.dumps(index).encode(), np.uint8)
    np.savez_compressed(NUMBERS, index=text, draws=np.concatenate(draws), numbers=np.array(numbers))
    KNOWN.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    say(f"{NUMBERS.name}: {sum(map(len, draws))} draws, {len(numbers)} numbers, {NUMBERS.stat().st_size:,} bytes")
    say(f"{KNOWN.name}: code {commit}, machine {known['machine']}")


if __name__ == "__main__":
    write(sys.argv[1] if len(sys.argv) > 1 else "unnamed")
