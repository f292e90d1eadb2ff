"""Systems as TOML: an exact round trip, and errors that name the key and its place."""

from pathlib import Path

import numpy as np
import pytest

from bayesmmm.data import MMMData
from bayesmmm.equations import LIKELIHOODS, MMM, Equation, Fourier, read_toml
from bayesmmm.errors import EquationError, LikelihoodError, PriorError, SpecError, UnknownPriorError
from bayesmmm.priors import Prior

COLUMNS = {
    "date": "week",
    "outcome": "sales",
    "media": ["tv", "radio"],
    "mediators": {"search": "money"},
    "controls": ["price"],
    "outcome_unit": "orders",
}


def _random_equation(rng: np.random.Generator, name: str, media: list[str]) -> Equation:
    likelihood = str(rng.choice(list(LIKELIHOODS)))
    positive = Prior("LogNormal", mu=rng.normal(), sigma=rng.exponential())
    priors = {}
    if rng.random() < 0.5:
        priors["half_saturation"] = positive
    if rng.random() < 0.5:
        priors["retention"] = {str(rng.choice(media)): Prior("Beta", mu=rng.uniform(), nu=rng.exponential() + 0.1)}
    if rng.random() < 0.5 and likelihood in ("normal", "student_t"):
        priors["roi"] = {media[0]: Prior("TruncatedNormal", mu=rng.normal(), sigma=1, lower=0)}
    if rng.random() < 0.5:
        priors["coefficient"] = {"price": Prior("StudentT", nu=4, mu=0, sigma=rng.exponential())}
    if likelihood == "student_t":
        priors["nu_minus_two"] = positive
    knots = [
        f"20{y}-0{m}-1{d}"
        for y, m, d in zip(range(20, 23), rng.integers(1, 9, 3), rng.integers(0, 9, 3), strict=True)
    ]
    return Equation(
        name,
        media=media,
        linear=["price", 'has "quotes" and ünïcode'][: int(rng.integers(1, 3))],
        seasonality=[Fourier(365.25 + rng.random(), int(rng.integers(1, 4))), Fourier(7, 1)][
            : int(rng.integers(0, 3))
        ],
        trend=[False, True, knots][int(rng.integers(3))],
        likelihood=likelihood,
        max_lag=[None, int(rng.integers(1, 30))][int(rng.integers(2))],
        priors=priors,
    )


@pytest.mark.parametrize("seed", range(40))
def test_round_trip_is_exact_over_varied_systems(seed):
    rng = np.random.default_rng(seed)
    system = MMM(
        [_random_equation(rng, "search", ["tv"]), _random_equation(rng, "sales", ["tv", "radio", "search"])]
    )
    columns = COLUMNS if rng.random() < 0.5 else None
    again, again_columns = read_toml(system.to_toml(columns))
    assert again == system
    assert hash(again) == hash(system)
    assert again_columns == columns
    assert again.to_toml(again_columns) == system.to_toml(columns)


def test_a_file_is_read_like_its_text(tmp_path):
    system = MMM([Equation("sales", media=["tv"], trend=True)])
    path = tmp_path / "model.toml"
    path.write_text(system.to_toml(COLUMNS), encoding="utf-8")
    assert read_toml(path) == read_toml(str(path)) == (system, COLUMNS)


def test_the_data_table_holds_arguments_that_from_frame_takes():
    import pandas as pd

    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.uniform(1, 2, (20, 5)), columns=["sales", "tv", "radio", "search", "price"])
    frame["week"] = pd.date_range("2024-01-07", periods=20, freq="7D")
    _, columns = read_toml(MMM([Equation("sales", media=["tv"])]).to_toml(COLUMNS | {"geo": None}))
    data = MMMData.from_frame(frame, **columns)
    assert (data.outcome, data.media, dict(data.mediators)) == ("sales", ("tv", "radio"), {"search": "money"})


def test_a_hand_written_file():
    system, columns = read_toml(
        """
        [[equation]]
        name = "search"
        media = ["tv"]
        likelihood = "student_t"

        [[equation]]
        name = "sales"
        media = ["tv", "search"]
        trend = [2024-03-03, "2024-09-01"]
        max_lag = 13

        [[equation.seasonality]]
        period = 365.25
        order = 2

        [equation.priors.half_life]
        family = "LogNormal"
        mu = 1
        sigma = 0.5

        [equation.priors.roi.tv]
        family = "HalfNormal"
        sigma = 2.0
        """
    )
    assert columns is None
    assert system == MMM(
        [
            Equation("search", media=["tv"], likelihood="student_t"),
            Equation(
                "sales",
                media=["tv", "search"],
                trend=["2024-03-03", "2024-09-01"],
                max_lag=13,
                seasonality=Fourier(365.25, 2),
                priors={
                    "half_life": Prior("LogNormal", mu=1, sigma=0.5),
                    "roi": {"tv": Prior("HalfNormal", sigma=2)},
                },
            ),
        ]
    )


def test_a_channel_may_be_called_family():
    equation = Equation("sales", media=["family"], priors={"slope": {"family": Prior("HalfNormal", sigma=1)}})
    assert read_toml(MMM([equation]).to_toml())[0] == MMM([equation])


BASE = '[[equation]]\nname = "sales"\nmedia = ["tv"]\n'


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        (
            "[equations]\n" + BASE,
            r"top level of the text has the unknown key 'equations' \(did you mean 'equation'\?\)",
        ),
        (
            BASE + "medai = 1\n",
            r"equation 1 \('sales'\) has the unknown key 'medai' \(did you mean 'media'\?\).*Use: name",
        ),
        (
            BASE + "seasonality = [{perid = 7, order = 1}]\n",
            r"'perid' \(did you mean 'period'\?\). Use: period, order",
        ),
        (BASE + "seasonality = [{period = 7}]\n", r"no key 'order'. Give period \(in days\) and order"),
        (BASE + "seasonality = 7\n", r"Start each season with \[\[equation.seasonality\]\]"),
        (BASE + "seasonality = [7]\n", "Make it a table"),
        (BASE + "priors = 7\n", "Make it a table"),
        (BASE + "[equation.priors]\nslope = 7\n", "prior on slope of equation 1.*Make it a table"),
        (BASE + "[equation.priors.slope]\nmu = 7\n", "prior on slope of equation 1.*for 'mu'.*Make it a table"),
        (BASE + "[equation.priors.slope.tv]\nmu = 7\n", "for 'tv' names no family. Add a line"),
        ('[[equation]]\nmedia = ["tv"]\n', "equation 1 has no key 'name'. Add the column that it explains"),
        ("[equation]\nname = 'sales'\n", r"Add one that starts with the line \[\[equation\]\]"),
        ("[data]\ndate = 'week'\n", r"Add one that starts with the line \[\[equation\]\]"),
        (BASE + "trend = yes\n", r"not valid TOML: .*line 4.*Mend that line"),
        (
            "[data]\ndat = 'week'\n" + BASE,
            r"\[data\] has the unknown key 'dat' \(did you mean 'date'\?\). Use: date",
        ),
        ("[data]\ndate = 'week'\n" + BASE, r"no key 'outcome'. Add it: outcome = "),
        ("[data]\ndate = 'w'\noutcome = 's'\n" + BASE, r"no key 'media'. Add it: media = "),
        ("[data]\ndate = 1\noutcome = 's'\nmedia = []\n" + BASE, "Give one text in quotes"),
        ("[data]\ndate = 'w'\noutcome = 's'\nmedia = 'tv'\n" + BASE, "Give a list of column names in quotes"),
        ("[data]\ndate = 'w'\noutcome = 's'\nmedia = []\nmediators = ['a']\n" + BASE, "Make it a table"),
        ("[data]\ndate = 'w'\noutcome = 's'\nmedia = []\nmediators = {a = 1}\n" + BASE, "Write lines like google"),
        ("data = 1\n" + BASE, r"\[data\] is 1. Make it a table"),
    ],
)
def test_a_text_that_is_no_system(text, advice):
    with pytest.raises(SpecError, match=advice):
        read_toml(text)


@pytest.mark.parametrize(
    ("extra", "error", "advice"),
    [
        ("likelihood = 'gauss'\n", LikelihoodError, "Use one of: normal"),
        ("linear = ['tv']\n", EquationError, "Keep it in one of the two"),
        ("trend = 'yes'\n", EquationError, "a list of ISO dates"),
        ("[equation.priors.slope]\nfamily = 'Norml'\nmu = 0\n", UnknownPriorError, "did you mean 'Normal'"),
        ("[equation.priors.slope]\nfamily = 'LogNormal'\nmu = 0\n", PriorError, r"Write LogNormal\(mu, sigma\)"),
    ],
)
def test_a_system_that_is_invalid_says_so_in_the_words_of_the_equation(extra, error, advice):
    with pytest.raises(error, match=advice):
        read_toml(BASE + extra)


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(SpecError, match="Give the path of a TOML file"):
        read_toml(tmp_path / "none.toml")
    with pytest.raises(SpecError, match="Give the path of a TOML file"):
        read_toml(str(tmp_path))
    Path(tmp_path / "latin.toml").write_bytes(b"# caf\xe9\n")
    with pytest.raises(SpecError, match=r"it is not UTF-8 text. Give the path of a TOML file"):
        read_toml(tmp_path / "latin.toml")


def test_unknown_data_columns_are_refused_when_writing():
    with pytest.raises(SpecError, match=r"did you mean 'outcome'\?.*Use: date, outcome"):
        MMM([Equation("sales")]).to_toml({"outcom": "sales"})
