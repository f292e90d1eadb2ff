"""What README and pages say, held against the code: their blocks run, their tables are those of the package."""

import inspect
import math
import re
import shutil
from pathlib import Path

import pytest

import bayesmmm as mm
from bayesmmm import errors
from bayesmmm.equations import LIKELIHOODS, check_system, read_toml
from bayesmmm.priors import Prior, contribution_scales, default_prior
from bayesmmm.results import Fit
from bayesmmm.simulate.datasets import FOLDER
from tests.messy_csv import write_messy

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
#: Pages in the order in which they are read: what one uses, one before it defines.
PAGES = (
    "model",
    "data",
    "command_line",
    "fits",
    "answers",
    "panels",
    "planning",
    "serving",
    "trust",
    "speed",
    "reference",
)
GUIDE = ROOT / "notebooks" / "guide"
TEXT = "\n".join([README, *((GUIDE / f"{name}.md").read_text(encoding="utf-8") for name in PAGES)])


def blocks(language):
    """Fenced blocks of one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)


def table(first):
    """Cells of the rows under the table header that starts with `first`."""
    lines = TEXT.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {first} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            return rows
        rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return rows


def in_code(cell):
    return re.findall(r"`([^`]+)`", cell)


# ------------------------------------------------------------------------------------------------------------- code
def test_commands_stand_verbatim():
    commands = "\n".join(blocks("bash")).splitlines()
    assert "pip install uv && uv run bayesmmm demo" in commands
    assert "pip install uv && uv run pytest" in commands
    assert "`uv run pytest -m slow`" in TEXT
    assert "BAYESMMM_EXTERNAL_DATA" in TEXT


def test_command_line_is_accepted():
    from bayesmmm import cli

    lines = [
        line.partition("#")[0].removeprefix("uv run ").split()
        for block in blocks("bash")
        for line in block.splitlines()
    ]
    ours = [words[1:] for words in lines if words and words[0] == "bayesmmm"]
    known = "fit report optimize check check prepare prepare simulate fit report optimize compare-plans"
    known += " predict whatif evaluate compare serve"
    assert [words[0] for words in ours] == known.split()
    for words in ours:
        cli._parser().parse_args(words)


@pytest.mark.filterwarnings("ignore::bayesmmm.errors.BayesMMMWarning")
@pytest.mark.filterwarnings("ignore:Estimated shape parameter of Pareto")
def test_python_blocks_run(tmp_path, monkeypatch, capsys, no_drawing):
    """In one session, with draws that answers accept."""

    def fit(system, data, *, seed, real=mm.fit, done=[]):  # noqa: B006
        """The first fit of the README is that of its example, and is made once."""
        draws = 300 if len(data.geos) == 1 else 600
        if (system, data) not in [asked for asked, _ in done]:
            made = real(system, data, seed=seed, draws=draws, tune=draws, chains=2, progress=False)
            done.append(((system, data), made))
        return next(made for asked, made in done if asked == (system, data))

    monkeypatch.setattr(mm, "fit", fit)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(FOLDER, tmp_path / "data")
    kept = write_messy(tmp_path / "messy.csv")
    space = {}
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), space)
    assert space["system"] == mm.load_case("social_search").system
    assert space["data"] == mm.load_case("social_search").data
    assert space["found"].subject == "fit"
    assert len(space["cv"].folds) == 2
    assert len(space["faults"]) == 0
    (messy,) = (block for block in blocks("python") if "messy.csv" in block)
    assert len(messy.splitlines()) <= 6
    for name, column in {"tv": "tv", "facebook": "facebook", "promotion": "promotion", "sales": "revenue"}.items():
        assert space["table"].frame[name].tolist() == kept[column].tolist()
    assert (tmp_path / "fit.nc").is_file()
    assert space["prepared"].to_csv() == "date,cost,impressions\n2026-03-02,1345.81,5632\n2026-03-09,53.32,805\n"
    printed = capsys.readouterr().out
    assert "sampler verdict" in printed
    assert "elpd_loo" in printed
    assert "revenue.coefficient_raw[sms]" in printed
    (plan,) = (block for block in blocks("text") if "spend now" in block)
    assert plan.splitlines()[0] in printed  # the columns that a plan has today


def test_toml_block_fits_the_shipped_data():
    (block,) = blocks("toml")
    system, columns = read_toml(block)
    data = mm.MMMData.from_csv(FOLDER / "social_search.csv", **columns)
    check_system(system, data)
    assert data == mm.load_case("social_search").data
    assert system.equation("google") == mm.load_case("social_search").system.equation("google")
    assert read_toml(system.to_toml(columns)) == (system, columns)


# ----------------------------------------------------------------------------------------------------------- tables
def test_api_table_is_the_public_names():
    named = [name for row in table("name") for name in in_code(row[0])]
    assert sorted(named) == sorted(mm.__all__)


def test_plots_of_the_api_table_are_all_plots():
    (row,) = (row for row in table("name") if row[0] == "`plots`")
    assert sorted([*in_code(row[1]), "save"]) == sorted(mm.plots.__all__)


@pytest.mark.parametrize(("name", "owner"), [("MMMData", mm.MMMData), ("fit", Fit)])
def test_members_of_the_api_table_exist(name, owner):
    (row,) = (row for row in table("name") if row[0] == f"`{name}`")
    known = {*dir(owner), *owner.__dataclass_fields__}
    assert set(in_code(row[1])) <= known


@pytest.mark.parametrize("n", [1, 5, 9])
def test_default_priors(n):
    """Every cell is evaluated and compared with the table in the code."""
    seen, records = [], list(LIKELIHOODS.values())
    for name, *cells in table("parameter"):
        (parameter,) = in_code(name)
        seen.append(parameter)
        usual = in_code(cells[0])[0]
        for cell, likelihoods in zip(cells, [records[:2], records[2:3], records[3:]], strict=True):
            if cell == "none":
                continue
            written = in_code(cell)[0] if cell != "same" else usual
            family, _, arguments = written.removesuffix(")").partition("(")
            known = {"log": math.log, "s": contribution_scales([1.0] * n)[0]}
            values = eval(f"dict({arguments})", known)
            if parameter == "contribution":
                values["sigma"] = float(f"{values['sigma']:.3g}")
            for record in likelihoods:
                assert default_prior(parameter, scale=known["s"], widths=record.widths) == Prior(family, **values)
    equation = mm.Equation("v", media=["a"], linear=["b"], trend=True, likelihood="student_t")
    words = {block.name for block in equation.parameters()} | {"intercept", "trend", "seasonality"}
    words |= {"event", "event_deviation"}
    assert set(seen) == words


def test_symbols_are_the_parameters():
    named = {name for row in table("word in code") for name in in_code(row[0])}
    equation = mm.Equation("v", media=["a"], likelihood="student_t")
    assert named == {block.name for block in equation.parameters()} | {"retention"}


def test_likelihoods():
    assert [in_code(row[0])[0] for row in table("likelihood")] == list(LIKELIHOODS)


def _leaves(base):
    classes = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, base)]
    return {c.__name__ for c in classes if not any(issubclass(d, c) and d is not c for d in classes)}


def test_every_error_and_warning_is_listed():
    listed = {name for row in table("refused with") for name in in_code(row[0])}
    assert listed == _leaves(errors.BayesMMMError) | {"SamplingError"}  # a base that is raised itself too
    assert {name for row in table("warning") for name in in_code(row[0])} == _leaves(errors.BayesMMMWarning)


def test_thresholds_of_the_warnings():
    from bayesmmm.data import COLLINEAR_CORRELATION, LOW_VARIATION, MIN_PERIODS, OUTLIER_ROBUST_SDS
    from bayesmmm.equations import checks, panel_warnings
    from bayesmmm.equations.panel import MIN_GEOS

    said = {in_code(name)[0]: text for name, text in table("warning")}
    assert f"above {COLLINEAR_CORRELATION} " in said["CollinearityWarning"]
    assert f"below {LOW_VARIATION:.0%}".replace("%", " %") in said["LowVariationWarning"]
    assert f"than {checks.ALWAYS_ON_VARIATION:.0%}".replace("%", " %") in said["AlwaysOnWarning"]
    assert f"than {OUTLIER_ROBUST_SDS:g} robust" in said["OutlierWarning"]
    assert f"than {checks.MAX_ZERO_SHARE:.0%}".replace("%", " %") in said["ManyZerosWarning"]
    assert f"than {checks.MIN_PERIODS_PER_PARAMETER:g} values" in said["FewPeriodsWarning"]
    assert f"than {checks.MAX_MEDIA_SHARE_PROBABILITY:.0%}".replace("%", " %") in said["PriorWarning"]
    assert f"fewer than {MIN_GEOS} geos" in said["FewGeosWarning"]
    assert f"than {panel_warnings.COMMON_SPEND:.0%}".replace("%", " %") in said["CommonSpendWarning"]
    assert f"fewer than {MIN_PERIODS} periods" in TEXT


def test_verdicts():
    from bayesmmm.results import convergence as c

    good, doubtful, _ = table("verdict")
    assert good == ["converged", f"at most {c.RHAT_GOOD}", f"at least {c.ESS_GOOD:.0f}", "none"]
    share = f"at most {100 * c.DIVERGENT_BAD:.0f} %"
    assert doubtful == ["doubtful", f"at most {c.RHAT_BAD}", f"at least {c.ESS_BAD:.0f}", share]


def test_groups_and_exit_statuses():
    from bayesmmm import cli
    from bayesmmm.inference import PRIOR_DRAWS
    from tests.test_inference_sampling import GROUPS

    assert {name for row in table("group of `fit.tree`") for name in in_code(row[0])} == GROUPS
    assert f"the same, {PRIOR_DRAWS} draws" in TEXT
    said = " ".join(TEXT.split())
    assert f"{cli.DONE} done, {cli.SAMPLER_FAILED} the sampler failed" in said
    assert f"{cli.BAD_INPUT} the input cannot be used" in said
    assert f"{cli.FAULTY} `check` found faults" in said
    assert f"{cli.INTERRUPTED} interrupted" in said
    assert f"hold {100 * cli.CI_PROB:.0f} % unless `ci_prob` says otherwise" in said


def test_layout_names_every_module():
    names = {path.stem for path in (ROOT / "bayesmmm").iterdir() if path.suffix == ".py" or path.is_dir()}
    names = {name for name in names if not name.startswith("_")} - {"py"}
    paragraph = next(p for p in TEXT.split("\n\n") if p.startswith("**Layout.**"))
    assert set(in_code(paragraph)) - {"bayesmmm"} == names


def test_links_lead_somewhere():
    for path in re.findall(r"`((?:data|notebooks|benchmarks)/[\w./]+)`", TEXT):
        assert (ROOT / path).is_file(), path
    for name in ("README.md", *(f"notebooks/guide/{page}.md" for page in PAGES)):
        here = ROOT / name
        for path, anchor in re.findall(r"\]\(([\w./]*)#?([\w-]*)\)", here.read_text(encoding="utf-8")):
            target = (here.parent / path) if path else here
            if target.name == "api.md":  # made where the pages are built
                continue
            assert target.is_file(), (name, path)
            if anchor:
                lines = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), flags=re.MULTILINE)
                assert anchor in {re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in lines}, anchor


def test_readme_is_short_and_begins_with_code_and_a_figure():
    lines = README.splitlines()
    assert len(lines) <= 350
    first = "\n".join(lines[:30])
    assert "```python" in first
    assert "![" in first
    code = next(iter(re.findall(r"^```python\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)))
    assert len(code.splitlines()) <= 12


def test_pages_are_all_listed():
    pages = {path.stem for path in GUIDE.glob("*.md")} - {"api", "index"}
    assert pages == {*PAGES, "start"}
    listed = (GUIDE / "index.md").read_text(encoding="utf-8").splitlines()
    assert pages <= set(listed)
    assert all(f"(notebooks/guide/{name}.md)" in README for name in PAGES)


def test_pictures_are_those_that_the_script_draws():
    script = (GUIDE / "pictures.py").read_text(encoding="utf-8")
    drawn = set(re.findall(r'yield "(\w+)"', script)) | set(re.findall(r'"(case_\w+)": ', script))
    assert {path.stem for path in (GUIDE / "pictures").glob("*.png")} == drawn
    assert set(re.findall(r"\(notebooks/guide/pictures/(\w+)\.png\)", README)) == drawn
    assert all(path.stat().st_size < 120_000 for path in (GUIDE / "pictures").iterdir())
