"""What the spend of the channels can show at all: variation, pauses, overlap, range, and whether sales drove spend."""

import itertools

import numpy as np
import pandas as pd
from scipy import stats

from bayesmmm.diagnostics.advice import prior_on, prior_on_return, where
from bayesmmm.diagnostics.check import Check, check_against
from bayesmmm.diagnostics.plausibility import curve_range
from bayesmmm.diagnostics.prior_view import PriorView, left_over
from bayesmmm.diagnostics.thresholds import CURVE_RANGE, FEEDBACK, INFLATION, SHARED_PAUSES, SPEND_PERSISTENCE
from bayesmmm.equations import Equation

_EXPERIMENT = "run an experiment: pause or raise {0} in some weeks or regions, and fit again"
#: Own lags of spend that it is allowed to follow before sales are asked.
_LAGS = 2
TOGETHER = "all channels"


def media_checks(view: PriorView) -> tuple[list[Check], dict[str, pd.DataFrame]]:
    """Check the media columns, and what each equation can tell of them; tables as `audit` lists them."""
    channels, feedback = channel_table(view), feedback_table(view)
    overlap = overlap_table(view, channels)
    checks = [_persistence(view, channels), _overlap(view, overlap)]
    inflation, ranges = {}, {}
    for name in filter(view.media, view.system.order):
        inflation[name], ranges[name] = inflation_table(view, name), range_table(view, name)
        checks += [_inflated(view, name, inflation[name]), _range(view, name, ranges[name])]
    checks.append(_feedback(view, feedback))
    by_equation = {"vif": inflation, "range": ranges}
    tables = {key: pd.concat(parts, names=["equation"]) for key, parts in by_equation.items() if parts}
    made = [check for check in checks if check is not None]
    return made, {"channels": channels, "overlap": overlap, "feedback": feedback, **tables}


def _experiment(view: PriorView, equation: Equation, channel: str) -> str:
    return f"say what an experiment found, as {prior_on_return(equation, channel, view.data)}"


# ----------------------------------------------------------------------------------------------------- each channel
def channel_table(view: PriorView) -> pd.DataFrame:
    """Variation of every column that acts as media, over time."""
    rows = {}
    for name in view.system.media:
        x = np.maximum(view.data.columns[name][0], 0.0)
        on = x > 0.0
        rows[name] = {
            "mean": x.mean(),
            "variation": x.std() / x.mean(),
            "active": on.mean(),
            "starts": int((on[1:] & ~on[:-1]).sum() + on[0]),
            "persistence": _lagged(x),
            "largest": x.max() / x[on].mean(),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("channel")


def _lagged(x: np.ndarray) -> float:
    """Autocorrelation at lag 1; NaN of a constant."""
    e = x - x.mean()
    power = float(e @ e)
    return float(e[1:] @ e[:-1]) / power if power > 0.0 else np.nan


def _persistence(view: PriorView, channels: pd.DataFrame) -> Check | None:
    known = channels["persistence"].dropna()
    if known.empty:
        return None
    worst, value = str(known.idxmax()), float(known.max())
    high = [str(name) for name in known.index[known > SPEND_PERSISTENCE.warn]]
    known_as = f"say what is known, as {prior_on(where(view.system, worst), 'half_life', worst)}"
    return check_against(
        "persistence",
        "data",
        SPEND_PERSISTENCE,
        value,
        f"spend changes most slowly on {worst}: its autocorrelation from one period to the next is {value:.2f}.",
        f"how long {' and '.join(high) or worst} works cannot be told from how long it is on air: half-life and "
        f"contribution lean on their priors, and slow spend can pass for trend or season",
        (known_as, _EXPERIMENT.format(worst)),
    )


# ------------------------------------------------------------------------------------------------------ two channels
def overlap_table(view: PriorView, channels: pd.DataFrame) -> pd.DataFrame:
    """How often two channels are active together: ``both`` and ``either`` as shares of periods, ``shared`` their ratio.

    ``pauses`` is the correlation of on and off, NaN where one of the two never pauses.
    """
    on = {name: np.maximum(view.data.columns[name][0], 0.0) > 0.0 for name in channels.index}
    rows = []
    for one, other in itertools.combinations(channels.index, 2):
        a, b = on[one], on[other]
        both, either = (a & b).mean(), (a | b).mean()
        pause = np.nan if a.all() or b.all() else float(np.corrcoef(a, b)[0, 1])
        rows.append((one, other, both, either, both / either, pause))
    columns = ["one", "other", "both", "either", "shared", "pauses"]
    return pd.DataFrame(rows, columns=columns).set_index(["one", "other"])


def _overlap(view: PriorView, overlap: pd.DataFrame) -> Check | None:
    known = overlap["pauses"].dropna()
    if known.empty:
        return None
    one, other = known.idxmax()
    value, row = float(known.max()), overlap.loc[(one, other)]
    return check_against(
        "overlap",
        "data",
        SHARED_PAUSES,
        value,
        f"pauses most alike: {one} and {other}, on and off together with correlation {value:.2f}; both are active in "
        f"{100 * row['both']:.0f} % of periods, one of them in {100 * row['either']:.0f} %.",
        f"periods without {one} are periods without {other}: their effects are told apart by how much is spent only, "
        f"which the curves blur",
        (
            f"add {one} and {other} to one channel, and ask for their joint effect",
            f"stagger flights: pause {one} while {other} runs, then fit again",
            _experiment(view, where(view.system, one), one),
        ),
    )


# --------------------------------------------------------------------------------------------------- in an equation
def inflation_table(view: PriorView, name: str) -> pd.DataFrame:
    """Variance inflation 1 / (1 - R^2) of each adstocked channel, given the other terms of its equation."""
    stock, design = view.stock(name).T, view.design(name)
    rows = {}
    for c, channel in enumerate(view.media(name)):
        x = stock[:, c] - stock[:, c].mean()
        others = np.column_stack([design, np.delete(stock, c, axis=1)])
        left, size = left_over(x, others), float(x @ x)
        share = float(left @ left) / size if size > 0.0 else 0.0
        rows[channel] = {"vif": 1.0 / share if share > 1e-12 else np.inf, "explained": 1.0 - share}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("channel")


def _inflated(view: PriorView, name: str, table: pd.DataFrame) -> Check:
    worst, value = str(table["vif"].idxmax()), float(table["vif"].max())
    size = f"{value:.3g}" if np.isfinite(value) else "without bound"
    mediator = worst in view.system.mediators
    return check_against(
        f"collinearity:{name}",
        "data",
        INFLATION,
        value,
        f"the other terms of {name} explain {100 * table.loc[worst, 'explained']:.0f} % of the adstocked {worst} "
        f"(variance inflation {size}), more than of any other channel.",
        f"the effect of {worst} is told from that of the others by what little they do not share"
        + (": direct and indirect effects of its drivers are hard to tell apart" if mediator else ""),
        (
            f"drop linear terms of {name!r} that say the same, such as a high Fourier order or extra knots",
            f"add {worst} up with the channel that it moves with, as frame['sum'] = frame[{worst!r}] + frame['other']",
            _EXPERIMENT.format(worst),
            _experiment(view, view.system.equation(name), worst),
        ),
    )


def range_table(view: PriorView, name: str) -> pd.DataFrame:
    """Where the priors put the half-saturation beside the adstocked spend that was seen; see `curve_range`.

    ``highest`` is the largest adstocked spend at the median half-life, in multiples of mean spend.
    """
    prior = view.prior[name]
    table = curve_range(view.media(name), prior["half_saturation"], view.stocks(name, prior["half_life"]))
    return table.assign(highest=view.stock(name).max(axis=-1))


def _range(view: PriorView, name: str, table: pd.DataFrame) -> Check:
    worst = str(table["above"].idxmax())
    value = float(table.loc[worst, "above"])
    return check_against(
        f"range:{name}",
        "data",
        CURVE_RANGE,
        value,
        f"the prior puts the half-saturation of {worst} in {name} above all adstocked spend seen with probability "
        f"{value:.2f}; that spend reaches {table.loc[worst, 'highest']:.2f} times its mean.",
        f"only the lower end of the curve of {worst} can be seen in these data: where it saturates, and what more "
        f"spend would bring, will be what the prior says",
        (
            f"say where it saturates, as {prior_on(view.system.equation(name), 'half_saturation', worst)}",
            f"spend clearly more on {worst} in a test period, and fit again",
        ),
    )


# --------------------------------------------------------------------------------------------------------- feedback
def feedback_table(view: PriorView) -> pd.DataFrame:
    """Test whether the outcome of a period tells the spend of the next one.

    Spend of each channel is regressed on the linear terms of the outcome, on its media terms of the period before (at
    prior medians), on its own spend in the two periods before and that of the other channels in the one before; the test
    asks whether the outcome of the period before adds to that. "all channels" does the same with what budgets have in
    common: the mean, over channels that are on air, of the logarithm of spend less its own mean. ``t`` is the statistic,
    ``p`` two-sided; NaN where too few periods are left.
    """
    outcome = view.system.outcome
    design, target = view.design(outcome), view.inputs[outcome].target[0]
    names = view.system.channels
    spend = np.column_stack([view.data.columns[name][0] / view.data.columns[name].mean() for name in names])
    terms = view.curved(outcome) if view.media(outcome) else np.empty((len(target), 0))
    known = np.column_stack([design, _before(np.column_stack([terms, spend]), 1)])
    rows = {}
    for c, name in enumerate(names):
        basis = np.column_stack([known, _before(spend[:, c], 2)])
        rows[name] = _added_by(_before(target, 1)[:, 0], spend[:, c], basis, np.arange(len(target)) >= _LAGS)
    if len(names) > 1:
        level, on = _common_level(spend)
        basis = np.column_stack([design, _before(np.column_stack([terms, level, on]), 1)])
        rows[TOGETHER] = _added_by(_before(target, 1)[:, 0], level, basis, on & (np.arange(len(target)) >= 1))
    return pd.DataFrame.from_dict(rows, orient="index", columns=["t", "p"]).rename_axis("channel")


def _before(columns: np.ndarray, lag: int) -> np.ndarray:
    """Columns (T, C) of so many periods before; zeros where there are none."""
    wide = columns.reshape(len(columns), -1)
    return np.concatenate([np.zeros((lag, wide.shape[1])), wide[:-lag]])


def _common_level(spend: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean log spend (T,) of the channels on air, each less its own mean; and whether any is, with 0 where none is."""
    on = spend > 0.0
    logs = np.log(np.where(on, spend, 1.0))
    logs -= logs.sum(axis=0) / on.sum(axis=0)
    count = on.sum(axis=1)
    return np.where(on, logs, 0.0).sum(axis=1) / np.maximum(count, 1), count > 0


def _added_by(cause: np.ndarray, effect: np.ndarray, basis: np.ndarray, where: np.ndarray) -> dict[str, float]:
    """Test of one column beside a basis in a regression over some periods."""
    x, e = left_over(np.column_stack([effect, cause])[where], basis[where]).T
    free = int(where.sum() - np.linalg.matrix_rank(basis[where])) - 1
    sizes = float(x @ x), float(e @ e)
    if free < 1 or min(sizes) <= 1e-12:
        return {"t": np.nan, "p": np.nan}
    r = float(x @ e) / np.sqrt(sizes[0] * sizes[1])
    t = r * np.sqrt(free / max(1.0 - r**2, 1e-300))
    return {"t": t, "p": 2.0 * float(stats.t.sf(abs(t), free))}


def _feedback(view: PriorView, table: pd.DataFrame) -> Check | None:
    known = table["p"].dropna()
    if known.empty:
        return None
    worst, outcome = str(known.idxmin()), view.system.outcome
    value = min(float(known.min()) * len(known), 1.0)
    way = "up" if table.loc[worst, "t"] > 0.0 else "down"
    one = str(table.index[0]) if worst == TOGETHER else worst
    return check_against(
        "feedback",
        "data",
        FEEDBACK,
        value,
        f"after a period in which {outcome} was higher than its terms say, spend on {worst} goes {way} "
        f"(p = {value:.2g}, all tests counted).",
        f"budgets may follow sales, or both follow a demand, season or trend that is not in the equations: {worst} can "
        f"then be credited with sales that it did not bring, and no fit can tell",
        (
            "add what drives both as a control, as linear=['demand']: search interest, footfall, weather, prices",
            "add the season or trend that budgets follow, as seasonality=[mm.Fourier(period=365.25, order=2)]",
            "ask how budgets are set; use periods in which they were set by plan",
            _EXPERIMENT.format(one),
        ),
    )
