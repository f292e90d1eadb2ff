"""Every likelihood record against SciPy and against itself; and that nothing else depends on the name of one."""

import ast
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import integrate, stats

from bayesmmm.equations import LIKELIHOODS, Equation, expected, log_likelihood, observe, to_latent
from bayesmmm.equations.likelihoods import CORRELATED, Likelihood
from bayesmmm.errors import LikelihoodError
from tests import worlds

PACKAGE = Path(__file__).parents[1] / "bayesmmm"
HOME = PACKAGE / "equations" / "likelihoods.py"
RECORDS = pytest.mark.parametrize("record", LIKELIHOODS.values(), ids=LIKELIHOODS)
LATENT = np.linspace(-2.5, 2.5, 40)[None, None]  # no point at zero, where a censored series bends
SIGMA, NU = 0.7, 5.0
PAR = {"sigma": np.array([SIGMA]), "nu_minus_two": np.array([NU - 2.0])}


def law(record: Likelihood):
    """Distribution of a residual, by SciPy."""
    return stats.t(NU, scale=SIGMA) if record.name == "student_t" else stats.norm(scale=SIGMA)


def slope_of(function, at: np.ndarray) -> np.ndarray:
    return (function(at + 1e-6) - function(at - 1e-6)) / 2e-6


def faults(record: Likelihood) -> list[str]:
    """What in a record contradicts the rest of it, or the distribution of its residuals."""
    distribution, found = law(record), []

    def hold(what: str, got, wanted, rtol: float = 1e-9, atol: float = 1e-12) -> None:
        if not np.allclose(got, wanted, rtol=rtol, atol=atol):
            found.append(what)

    share = record.inverse(LATENT)
    seen = LATENT > 0.0 if record.censored else np.full(LATENT.shape, True)
    hold("link", record.link(share[seen]), LATENT[seen])
    hold("supports", record.supports(share), True)

    reach = 30.0 * SIGMA
    means = [
        integrate.quad(
            lambda e, at=at: float(record.inverse(np.array(at + e))) * distribution.pdf(e),
            -reach,
            reach,
            points=[-at] if record.censored else None,
            limit=400,
        )[0]
        for at in LATENT.flat
    ]
    hold("mean", record.mean(LATENT, SIGMA).ravel(), means, 1e-6, 1e-6)
    slopes = slope_of(lambda at: record.mean(at, SIGMA), LATENT)
    step = np.resize([0.8, -0.5, 1e-12, 0.0], LATENT.shape)
    rise = record.mean(LATENT + step, SIGMA) - record.mean(LATENT, SIGMA)
    secant = record.mean_secant(LATENT, LATENT + step, SIGMA) + np.zeros(LATENT.shape)
    hold("mean_secant", secant * step, rise, 1e-9, 1e-11)
    flat = np.abs(step) < 1e-6
    hold("mean_secant where it is flat", secant[flat], slopes[flat], 1e-6, 1e-8)
    small = record.series_secant(share, np.full(LATENT.shape, 1e-9))
    rate = record.inverse(LATENT + 1e-30j).imag / 1e-30  # its derivative, without the error of a difference
    hold("series_secant", small, rate, 1e-8)
    if not record.censored:
        lost = share - record.inverse(LATENT - 0.4)
        hold("series_secant of much", 0.4 * record.series_secant(share, np.full(LATENT.shape, 0.4)), lost)

    uniform = np.linspace(0.001, 0.999, 40)[None, None]
    residual = record.residual_at(PAR, uniform)
    hold("residual_at", residual, distribution.ppf(uniform), 1e-7)
    hold("standardise", record.standardise(residual, PAR), stats.norm.ppf(uniform), 1e-7, 1e-9)
    known = record.residual(record.link(share)[0], LATENT, PAR, uniform)
    hold("residual", known[seen], 0.0)
    if record.censored:  # at that probability of what lies below the bound
        below = distribution.cdf(known[~seen]) / distribution.cdf(-LATENT[~seen])
        hold("residual of a censored period", below, uniform[~seen], 1e-7)
    drawn = record.draw_residual(PAR, (1, 1, 50_000), np.random.default_rng(1)).ravel()
    if stats.kstest(drawn, distribution.cdf).pvalue < 1e-3:
        found.append("draw_residual")

    size = np.array([[3.0]])
    for at in (-0.3, 0.6):

        def density(y: float, at: float = at) -> float:
            series, mean = np.array([[y]]), np.full((1, 1, 1), at)
            point = record.log_density(record.link(series / size), mean, PAR)
            return float(np.exp(point + record.log_jacobian(series, size)).item())

        low = 0.0 if record.excluded else -np.inf
        total = integrate.quad(density, low, np.inf, limit=400)[0] + (density(0.0) if record.censored else 0.0)
        hold("density", total, 1.0, 1e-6)
        # The density of the latent value is that of its residual.
        if seen.all():
            got = record.log_density(LATENT[0], np.full(LATENT.shape, at), PAR)
            hold("log_density", got, distribution.logpdf(LATENT - at))
    return found


@RECORDS
def test_a_record_agrees_with_itself_and_with_the_law_of_its_residuals(record):
    assert faults(record) == []


@pytest.mark.parametrize(
    ("method", "wrong", "fault"),
    [
        ("mean_secant", lambda self, low, high, sigma: 0.9, "mean_secant"),
        ("mean", lambda self, latent, sigma: latent + 0.1, "mean"),
        ("link", lambda self, share: 2.0 * share, "link"),
        ("residual_at", lambda self, par, uniform: 1.1 * stats.norm.ppf(uniform, scale=SIGMA), "residual_at"),
        ("noise", lambda self, nu, shape, rng: 1.1 * rng.standard_normal(shape), "draw_residual"),
        ("log_jacobian", lambda self, series, size: np.zeros(series.shape), "density"),
    ],
)
def test_the_checker_sees_a_wrong_record(method, wrong, fault):
    kind = type("Wrong", (Likelihood,), {method: wrong})
    assert fault in faults(kind("wrong", "{v}", "", ""))


@RECORDS
def test_what_a_record_refuses_is_what_it_says(record):
    values = np.array([-1.0, 0.0, 1.0])
    allowed = {"": [True, True, True], "0 or less": [False, False, True], "below 0": [False, True, True]}
    assert_array_equal(record.supports(values), allowed[record.excluded])
    assert bool(record.instead) == bool(record.excluded)
    assert bool(record.contribution_is) == (not record.additive)
    assert "{v}[t]" in record.statement


def test_what_is_asked_of_records():
    kinds = {name: (r.additive, r.log_scale, r.censored, r.heavy_tailed) for name, r in LIKELIHOODS.items()}
    assert kinds == {
        "normal": (True, False, False, False),
        "student_t": (True, False, False, True),
        "lognormal": (False, True, False, False),
        "censored_normal": (False, False, True, False),
    }
    assert CORRELATED == ("normal", "lognormal")
    assert LIKELIHOODS["student_t"].scalars == ("sigma", "nu_minus_two")
    assert all(Equation("sales", likelihood=name).family is record for name, record in LIKELIHOODS.items())


@RECORDS
def test_units(record):
    data = worlds.data(20)
    scales, equation = data.scales(), Equation("sales", media=["tv"], likelihood=record.name)
    series = data.columns["sales"]
    assert (series > 0.0).all()
    latent = to_latent(equation, series, scales)
    assert_allclose(observe(equation, latent, scales), series, rtol=1e-12)
    twice = data.replace_columns({"sales": 2.0 * series})
    wide, mean, sigma = twice.scales(), latent[None], PAR["sigma"]
    # In units twice as small every number is twice as large, and densities are half as high.
    assert_allclose(
        expected(equation, mean, sigma, wide), 2.0 * expected(equation, mean, sigma, scales), rtol=1e-12
    )
    density = log_likelihood(equation, series, mean, PAR, scales)
    assert_allclose(log_likelihood(equation, 2.0 * series, mean, PAR, wide), density - np.log(2.0), rtol=1e-10)


@pytest.mark.parametrize("word", ["normale", "", None, ["normal"]])
def test_another_word_is_refused(word):
    with pytest.raises(LikelihoodError, match="Use one of: normal, student_t, lognormal, censored_normal"):
        Equation("sales", likelihood=word)


# ----------------------------------------------------------------------------------------------- names elsewhere
def comparisons(source: str) -> list[str]:
    """Where code depends on the name of a likelihood: comparisons, membership, match, keys and lists of names."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare):
            parts = [node.left, *node.comparators]
            by_name = [p for p in parts if isinstance(p, ast.Attribute) and p.attr == "likelihood"]
        elif isinstance(node, ast.Dict):
            parts, by_name = [key for key in node.keys if key is not None], []
        elif isinstance(node, ast.Tuple | ast.List | ast.Set):
            parts, by_name = node.elts, []
        elif isinstance(node, ast.MatchValue | ast.Subscript):
            parts, by_name = [node.value if isinstance(node, ast.MatchValue) else node.slice], []
        else:
            continue
        names = [p for p in parts if isinstance(p, ast.Constant) and p.value in LIKELIHOODS]
        found += [f"line {part.lineno}: {ast.unparse(part)}" for part in (*names, *by_name)]
    return found


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(PACKAGE.rglob("*.py")) if path != HOME],
    ids=lambda path: path.relative_to(PACKAGE).as_posix(),
)
def test_no_other_file_compares_the_name_of_a_likelihood(path):
    assert comparisons(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        'if equation.likelihood == "lognormal": ...',
        'kind in ("normal", "student_t")',
        '_WIDE = ["censored_normal"]',
        'codes = {"normal": 0}',
        'codes["student_t"]',
        'match kind:\n    case "lognormal": ...',
        "own.likelihood != other",
    ],
)
def test_the_search_sees_a_comparison(source):
    assert len(comparisons(source)) >= 1


def test_the_search_passes_over_other_uses():
    allowed = 'Equation("sales", likelihood="lognormal")\nweight = "bold" if raised else "normal"'
    assert comparisons(allowed) == []
