"""The system of equations: order, edges, cycles; and what printing it says."""

import pickle
from itertools import pairwise

import numpy as np
import pytest

from bayesmmm.equations import MMM, Equation, Fourier
from bayesmmm.errors import CycleError, EquationError, UnknownTermError
from bayesmmm.priors import Prior

SEASON = Fourier(period=365.25, order=2)


def _mediated() -> MMM:
    return MMM(
        [
            Equation(
                "google",
                media=["facebook", "tiktok"],
                linear=["promo"],
                trend=True,
                likelihood="censored_normal",
            ),
            Equation(
                "revenue",
                media=["facebook", "tiktok", "google"],
                linear=["price", "promo"],
                seasonality=SEASON,
                trend=["2024-03-03"],
                priors={
                    "slope": {"google": Prior("LogNormal", mu=0, sigma=0.2)},
                    "retention": {"tiktok": Prior("Beta", alpha=2, beta=2)},
                },
            ),
        ]
    )


def _random_dag(rng: np.random.Generator) -> tuple[MMM, dict[str, set[str]]]:
    """Return a system whose equations stand in random order, and the causes of each that are equations."""
    count = int(rng.integers(1, 9))
    names = [f"m{i}" for i in range(count)]
    parents: dict[str, set[str]] = {name: set() for name in names}
    for i in range(count - 1):  # every series leads to a later one, so all reach the last
        for j in {int(rng.integers(i + 1, count)), *np.flatnonzero(rng.random(count) < 0.3).tolist()}:
            if j > i:
                parents[names[j]].add(names[i])
    equations = []
    for name in names:
        causes = sorted(parents[name])
        rng.shuffle(causes)
        cut = int(rng.integers(0, len(causes) + 1))
        equations.append(Equation(name, media=["tv", *causes[:cut]], linear=causes[cut:]))
    mixed = [equations[i] for i in rng.permutation(count - 1)]
    return MMM([*mixed, equations[-1]]), parents


@pytest.mark.parametrize("seed", range(40))
def test_order_puts_causes_before_effects_on_random_systems(seed):
    system, parents = _random_dag(np.random.default_rng(seed))
    place = {name: i for i, name in enumerate(system.order)}
    assert sorted(place) == sorted(parents)
    assert system.order[-1] == system.outcome == f"m{len(parents) - 1}"
    assert all(place[cause] < place[name] for name in parents for cause in parents[name])
    assert {(s, t) for s, t, _ in system.edges() if s != "tv"} == {(c, n) for n in parents for c in parents[n]}
    assert system.exogenous == ("tv",)
    assert system.mediators == system.order[:-1]


def test_parts_of_a_mediated_system():
    system = _mediated()
    assert system.outcome == "revenue"
    assert system.order == ("google", "revenue")
    assert system.mediators == ("google",)
    assert system.exogenous == ("facebook", "tiktok", "promo", "price")
    assert system.equation("google").likelihood == "censored_normal"
    assert ("google", "revenue", "media") in system.edges()
    assert ("promo", "google", "linear") in system.edges()
    assert len(system.edges()) == 8
    assert system == _mediated()
    assert hash(system) == hash(_mediated())
    assert pickle.loads(pickle.dumps(system)) == system


def test_one_equation_needs_no_list():
    equation = Equation("sales", media=["tv"])
    assert MMM(equation) == MMM([equation]) == MMM((equation,))


def test_equations_may_stand_in_any_order_but_the_outcome_is_last():
    a, b, c = Equation("a", media=["tv"]), Equation("b", media=["a"]), Equation("c", media=["b"])
    assert MMM([b, a, c]).order == ("a", "b", "c")
    with pytest.raises(EquationError, match="put the outcome last"):
        MMM([a, c, b])


def test_a_cycle_is_shown():
    equations = [Equation("a", media=["b"]), Equation("b", linear=["a"]), Equation("y", media=["a"])]
    with pytest.raises(CycleError, match=r"(a -> b -> a|b -> a -> b)\. Remove one of these causes"):
        MMM(equations)


def test_a_long_cycle_is_shown_in_causal_direction_and_without_its_followers():
    equations = [
        Equation("y", media=["d", "c"]),
        Equation("d", media=["c"]),
        Equation("c", media=["b"]),
        Equation("b", media=["a"]),
        Equation("a", media=["c"]),
        Equation("z", media=["y"]),
    ]
    with pytest.raises(CycleError) as caught:
        MMM(equations)
    shown = str(caught.value).split(": ")[1].split(". ")[0].split(" -> ")
    assert shown[0] == shown[-1]
    assert set(shown) == {"a", "b", "c"}
    causes = {equation.name: equation.media for equation in equations}
    assert all(cause in causes[effect] for cause, effect in pairwise(shown))


@pytest.mark.parametrize(
    ("equations", "advice"),
    [
        ([Equation("a"), Equation("a")], "Merge them into one equation"),
        ([Equation("a"), Equation("y", media=["tv"])], "List 'a' as a cause"),
        ([Equation("a.sigma"), Equation("a", media=["a.sigma"])], "Rename the column, for example to 'a_sigma'"),
        ([Equation("a"), Equation("a.x.y", media=["a"])], "variable of the equation 'a'.* for example to 'a_x_y'"),
        ([], "Give a list of Equation, the outcome last"),
        (["a"], "Give a list of Equation, the outcome last"),
        ("a", "Give a list of Equation, the outcome last"),
        (3, "Give a list of Equation, the outcome last"),
    ],
)
def test_equations_that_are_no_system(equations, advice):
    with pytest.raises(EquationError, match=advice):
        MMM(equations)


def test_what_acts_where():
    system = _mediated()
    assert system.equation("google").inputs == ("facebook", "tiktok", "promo")
    assert system.media == ("facebook", "tiktok", "google")
    assert system.channels == ("facebook", "tiktok")
    linear = MMM([Equation("search", media=["tv"]), Equation("sales", linear=["search", "price"])])
    assert linear.media == linear.channels == ("tv",)
    assert system.checked(None) == "revenue"
    assert system.checked("google") == "google"


def test_an_unknown_equation_lists_the_known_ones():
    with pytest.raises(UnknownTermError, match=r"did you mean 'google'\?.*Use one of: google, revenue"):
        _mediated().equation("gogle")


# ---------------------------------------------------------------- text


def test_printing_shows_every_equation_prior_and_unit():
    system = _mediated()
    text = repr(system)
    assert text == str(system)
    assert text.startswith("MMM with 2 equations for the outcome revenue, mediated by google")
    assert text.endswith("Next: fit = mm.fit(system, data, seed=1)")
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "google[t] / s = max(0, mu[t] + e[t]), e[t] ~ Normal(0, sigma)" in lines
    assert "revenue[t] / s = mu[t] + e[t], e[t] ~ Normal(0, sigma)" in lines
    assert "half_life LogNormal(mu=1.946, sigma=0.8) days; 90 % from 1.9 to 26" in lines
    assert (
        "retention of tiktok Beta(alpha=2, beta=2) share kept into the next period; 90 % from 0.14 to 0.86"
        in lines
    )
    assert (
        "trend Normal(mu=0, sigma=2) share of mean |google|, over the fitted periods; 90 % from -3.3 to 3.3"
        in lines
    )
    # Each parameter has one line per equation; only the label that differs has its own.
    assert sum(line.startswith("slope ") for line in lines) == 2
    assert "google LogNormal(mu=0, sigma=0.2) no unit; 90 % from 0.72 to 1.4" in lines
    assert not any(line.startswith("facebook LogNormal") for line in lines)


def test_every_prior_of_a_varied_system_is_printed():
    for likelihood in ("normal", "student_t", "lognormal"):
        equation = Equation(
            "sales", media=["tv"], seasonality=SEASON, trend=True, linear=["p"], likelihood=likelihood
        )
        text = str(MMM([equation]))
        for parameter in equation.parameters():
            for prior in parameter.priors:
                inside = ", ".join(f"{name}={value:.4g}" for name, value in prior.args.items())
                assert f"{prior.family}({inside})" in text
        assert ("log units, per period" in text) == (likelihood == "lognormal")
        assert ("nu = 2 + nu_minus_two" in text) == (likelihood == "student_t")
        (sigma,) = (line for line in text.splitlines() if line.strip().startswith("sigma "))
        assert ("scale of the t, not its sd" in sigma) == (likelihood == "student_t")


def test_no_term_of_an_equation_is_broken_over_two_lines():
    media = [f"channel_number_{i}" for i in range(30)]
    text = str(Equation("sales", media=media, linear=["a_rather_long_control"], seasonality=SEASON))
    lines = text.splitlines()
    assert all(any(f"A hill({name})" in line for line in lines) for name in media)
    assert any("season(365.25 days, order 2)" in line for line in lines)
    assert max(len(line) for line in lines) < 125


def test_text_explains_only_what_the_system_uses():
    bare = str(MMM([Equation("sales")]))
    for word in ("hill(x)", "z(x)", "adstock", "max_lag", "roi", "mediators"):
        assert word not in bare
    rich = str(
        MMM(
            [
                Equation("search", media=["tv"], max_lag=8),
                Equation(
                    "sales", media=["tv", "search"], linear=["price"], priors={"roi": Prior("HalfNormal", sigma=2)}
                ),
            ]
        )
    )
    for word in (
        "hill(x)",
        "z(x)",
        "adstock",
        "cut after 8 periods in search",
        "roi * mean spend / s",
        "mediators",
    ):
        assert word in rich


def test_the_graph_has_an_arrowhead_for_every_edge_and_no_other():
    for seed in range(20):
        system, _ = _random_dag(np.random.default_rng(seed))
        head, *rows = system.graph().split("\n\n")[0].splitlines()
        assert head.split() == list(system.order)
        ends = {name: head.index(f" {name}") + len(name) for name in system.order}
        drawn = {
            (row.split()[0], name)
            for row in rows
            for name, end in ends.items()
            if len(row) > end and row[end] == ">"
        }
        assert drawn == {(source, target) for source, target, _ in system.edges()}
        for source, target, kind in system.edges():
            row = next(row for row in rows if row.split()[0] == source)
            assert row[ends[target] - 1] == {"media": "=", "linear": "-"}[kind]


def test_the_graph_of_a_mediated_system():
    assert _mediated().graph() == "\n".join(
        [
            "             google   revenue",
            "facebook =========>=========>",
            "tiktok ===========>=========>",
            "promo ------------>--------->",
            "price ---------------------->",
            "google            o=========>",
            "",
            "=> media   -> linear   o own equation",
        ]
    )
    assert MMM([Equation("sales", trend=True)]).graph() == "nothing acts on sales but its own linear terms"


def test_ways_to_the_outcome_are_said_in_words():
    system = MMM(
        [
            Equation("buzz", media=["tv"]),
            Equation("search", media=["radio"], linear=["buzz"]),
            Equation("sales", media=["radio", "search"], linear=["price"]),
        ]
    )
    text = str(system)
    assert "\n  tv: through buzz, search\n" in text
    assert "\n  radio: directly and through search\n" in text
    assert "\n  price, search: directly\n" in text
    assert "\n  buzz: through search\n" in text
