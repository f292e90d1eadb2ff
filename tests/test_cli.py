"""The command line: what it refuses and how, what it writes, and that it never leaves half a result."""

import contextlib
import io
import json
import re
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pandas as pd
import pytest

import bayesmmm as mm
from bayesmmm import cli
from bayesmmm.cli import commands
from bayesmmm.cli.text import show_diagnosis
from bayesmmm.diagnostics.check import Check, Diagnosis
from bayesmmm.equations import read_toml
from bayesmmm.report import figures
from bayesmmm.results import Fit
from bayesmmm.simulate.datasets import FOLDER
from tests.fits import judge

SPEC = FOLDER / "social_search.toml"
DATA = FOLDER / "social_search.csv"
COMMANDS = [
    "demo",
    "prepare",
    "fit",
    "report",
    "optimize",
    "show",
    "simulate",
    "predict",
    "whatif",
    "evaluate",
    "compare",
    "serve",
    "mcp",
]
QUICK = ["--draws", "50", "--tune", "50", "--chains", "2"]


def refusal(argv, capsys):
    """The one line on stderr with which a command is refused."""
    try:
        status = cli.main([str(a) for a in argv])
    except SystemExit as stop:
        status = stop.code
    captured = capsys.readouterr()
    assert status == 2
    assert captured.err.startswith("bayesmmm: error: ")
    assert captured.err.count("\n") == 1
    return captured.err


# ------------------------------------------------------------------------------------------------- help and refusals
LIGHT = [["--help"], *([name, "--help"] for name in COMMANDS), ["--version"]]


@pytest.fixture(scope="module")
def told():
    """What a program says that is asked all of this in turn: lines, status, and the modules loaded by then."""
    code = f"""
import contextlib, io, json, sys
from bayesmmm.cli import main
for argv in {LIGHT!r}:
    with contextlib.redirect_stdout(io.StringIO()) as said:
        try:
            main(argv)
        except SystemExit as stop:
            status = stop.code
    print(json.dumps([said.getvalue().splitlines(), status, sorted(sys.modules)]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("argv", LIGHT)
def test_help_and_version_load_nothing_heavy(argv, told):
    said, status, modules = told[LIGHT.index(argv)]
    assert status == 0
    assert {name.split(".")[0] for name in modules}.isdisjoint({"numpy", "pandas", "pymc", "numba", "matplotlib"})
    if argv == ["--version"]:
        assert said == [f"bayesmmm {mm.__version__}"]
    else:
        assert "example:" in said
        assert any(line.startswith("  bayesmmm ") for line in said)


def test_the_package_is_a_program():
    command = [sys.executable, "-m", "bayesmmm", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"bayesmmm {mm.__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_the_example_of_every_help_is_a_valid_command(command, capsys):
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    lines = capsys.readouterr().out.splitlines()
    examples = [line.split()[1:] for line in lines if line.startswith("  bayesmmm ")]
    assert examples
    for example in examples:
        options = cli._parser().parse_args(example)
        place = {"show": "folder", "serve": "fits", "mcp": "fits"}.get(command, "out")
        assert getattr(options, place)


@pytest.mark.parametrize(
    ("argv", "advice"),
    [
        ([], "the following arguments are required: COMMAND; see bayesmmm --help"),
        (["forecast"], "invalid choice: 'forecast'"),
        (["fit", DATA, "--out", "x"], "required: --spec; see bayesmmm fit --help"),
        (["fit", DATA, "--spec", SPEC], "required: --out; see bayesmmm fit --help"),
        (["demo", "--draws", "0"], "argument --draws: '0' must be a whole number of at least 1"),
        (["demo", "--draws", "1e3"], "'1e3' must be a whole number of at least 1"),
        (["demo", "--seed=-1"], "argument --seed: '-1' must be a whole number from 0 to"),
        (["simulate", "--seed", "1.5", "--out", "x"], "argument --seed: '1.5' must be a whole number from 0 to"),
        (["demo", "--target-accept", "90"], "argument --target-accept: '90' must lie between 0 and 1"),
        (["demo", "--ci-prob", "most"], "argument --ci-prob: 'most' must lie between 0 and 1"),
        (["demo", "--sampler", "stan"], "invalid choice: 'stan'"),
        (["simulate", "--world", "mars", "--out", "x"], "invalid choice: 'mars'"),
    ],
)
def test_bad_arguments_are_refused_in_one_line(argv, advice, capsys):
    assert advice in refusal(argv, capsys)


@pytest.mark.parametrize(
    ("spec", "advice"),
    [
        (None, "No such file or directory"),
        ("[[equation]\n", "not valid TOML"),
        ('[[equation]]\nname = "revenue"\nmedia = ["facebook"]\n', "has no [data] table"),
        (SPEC.read_text(encoding="utf-8").replace('date = "week"', 'date = "wek"'), "did you mean 'week'?"),
        (SPEC.read_text(encoding="utf-8").replace("likelihood =", "likelyhood ="), "did you mean 'likelihood'"),
        (SPEC.read_text(encoding="utf-8").replace('"censored_normal"', '"lognormal"'), "lognormal"),
    ],
    ids=["missing", "not TOML", "no data", "column", "key", "ruled out by the data"],
)
def test_a_bad_spec_is_refused_before_anything_is_made(spec, advice, tmp_path, capsys):
    path = tmp_path / "spec.toml"
    if spec is not None:
        path.write_text(spec, encoding="utf-8")
    out = tmp_path / "out"
    assert advice in refusal(["fit", DATA, "--spec", path, "--out", out], capsys)
    assert not out.exists()


def test_missing_data_are_refused(tmp_path, capsys):
    line = refusal(["fit", tmp_path / "none.csv", "--spec", SPEC, "--out", tmp_path / "out"], capsys)
    assert "none.csv" in line
    assert not (tmp_path / "out").exists()


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path, capsys):
    (tmp_path / "out").write_text("mine", encoding="utf-8")
    assert "File exists" in refusal(["fit", DATA, "--spec", SPEC, "--out", tmp_path / "out"], capsys)
    assert (tmp_path / "out").read_text(encoding="utf-8") == "mine"


# -------------------------------------------------------------------------------------------------------------- simulate
def test_simulate_reproduces_the_shipped_world(tmp_path, capsys):
    assert cli.main(["simulate", "--out", str(tmp_path / "world")]) == 0
    made = sorted(path.name for path in (tmp_path / "world").iterdir())
    assert made == ["social_search.csv", "social_search.json", "social_search.toml"]
    for name in made:
        assert (tmp_path / "world" / name).read_bytes() == (FOLDER / name).read_bytes()
    said = capsys.readouterr().out
    assert f"next: bayesmmm fit {tmp_path / 'world' / 'social_search.csv'} --spec" in said
    assert "facebook" in said


def test_another_seed_and_length_give_another_world(tmp_path):
    assert cli.main(["simulate", "--seed", "2", "--weeks", "60", "--out", str(tmp_path)]) == 0
    frame = pd.read_csv(tmp_path / "social_search.csv")
    shipped = pd.read_csv(DATA)
    assert len(frame) == 60
    assert not frame["facebook"].equals(shipped["facebook"][:60])


def test_a_world_that_cannot_be_simulated_is_refused(tmp_path, capsys):
    line = refusal(["simulate", "--weeks", "5", "--out", tmp_path / "world"], capsys)
    assert "52" in line
    assert not (tmp_path / "world").exists()


# ------------------------------------------------------------------------------------------------------------------ demo
@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo, run once with few draws: status, folder, output."""
    out = tmp_path_factory.mktemp("demo") / "results"
    said, failures = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(failures), warnings.catch_warnings():
        warnings.resetwarnings()  # as in a program of its own
        status = cli.main(["demo", "--out", str(out), *QUICK, "--no-progress"])
    return subprocess.CompletedProcess("demo", status, said.getvalue(), failures.getvalue()), out


def test_demo_says_what_it_found(demo):
    done, out = demo
    fit = mm.load(out / "fit.nc")
    failed = fit.convergence.verdict == "failed"
    assert done.returncode == (1 if failed else 0), done.stderr
    assert ("the sampler failed: the files are written" in done.stderr) == failed
    assert f"sampler verdict: {fit.convergence.verdict}" in done.stdout
    assert "of 56 true values lie inside their 90 % intervals (about 50 are to be expected)" in done.stdout
    heads = ["Data", "Model", "Cautions", "Sampling", "Result", "Posterior beside truth", "Diagnosis", "Files"]
    places = [done.stdout.index(f"\n{head}\n{'-' * len(head)}\n") for head in heads]
    assert places == sorted(places)
    assert f"fit = mm.load('{out / 'fit.nc'}')" in done.stdout


def test_demo_lays_effects_beside_the_truth_or_says_that_there_are_none(demo):
    done, out = demo
    fit = mm.load(out / "fit.nc")
    if fit.convergence.verdict == "failed":
        assert "\nTrue effects of each channel\n" in done.stdout
        assert "bayesmmm report" not in done.stdout
    else:
        assert "\nEffects of each channel, beside the truth\n" in done.stdout
        assert f"next: bayesmmm report {out / 'fit.nc'} --out report" in done.stdout


def test_demo_writes_and_names_every_file_and_nothing_else(demo):
    done, out = demo
    figures = [
        "causal_graph",
        "correlation",
        "data",
        "diagnosis",
        "parameters",
        *(f"predictive_{kind}{name}" for kind in ("", "check_") for name in ("google", "revenue")),
        *(
            f"prior_posterior_{name}_{parameter}"
            for name in ("google", "revenue")
            for parameter in ("contribution", "half_life", "half_saturation", "slope")
        ),
    ]
    expected = {"fit.nc", "summary.csv", "diagnosis.csv", "system.toml", *(f"{name}.png" for name in figures)}
    assert {path.name for path in out.iterdir()} == expected
    told = " ".join(done.stdout.split()).partition(f"written to {out}: ")[2]
    assert re.split(" next: | in Python: ", told)[0].split(", ") == sorted(expected)
    assert all((out / f"{name}.png").read_bytes().startswith(b"\x89PNG") for name in figures)


def test_demo_table_is_the_summary_beside_the_truth(demo):
    done, out = demo
    table = pd.read_csv(out / "summary.csv", index_col="parameter")
    fit = mm.load(out / "fit.nc")
    columns = ["median", "lower", "upper", "mean", "sd", "rhat", "ess_bulk", "ess_tail"]
    summary = fit.summary(0.9)
    pd.testing.assert_frame_equal(table[columns], pd.DataFrame(summary[columns]), check_names=False)
    truth = mm.load_case("social_search").truth.parameters
    assert table.loc["google.slope[tiktok]", "truth"] == float(
        truth["google.slope"].sel({"google.media": "tiktok"})
    )
    assert table.loc["revenue.sigma", "truth"] == float(truth["revenue.sigma"])
    inside = (table["lower"] <= table["truth"]) & (table["truth"] <= table["upper"])
    assert (table["inside"] == inside).all()
    assert f"{inside.sum()} of {len(table)} true values" in done.stdout
    assert set(table["ci_prob"]) == {0.9}
    assert read_toml(out / "system.toml")[0] == fit.system


@pytest.fixture(scope="module")
def drawn(demo):
    """The fit of the demo, read back, what the checks find in it, and its summary. Read them, do not change them."""
    fit = mm.load(demo[1] / "fit.nc")
    return fit, mm.diagnose(fit), fit.summary(0.9)


def test_demo_says_what_the_checks_raise_and_keeps_all_of_them(demo, drawn):
    done, out = demo
    _, found, _ = drawn
    table = pd.read_csv(out / "diagnosis.csv", index_col="check", keep_default_na=False)
    assert list(table.index) == [check.name for check in found.checks]
    assert list(table["verdict"]) == [check.verdict for check in found.checks]
    said = done.stdout.partition("\nDiagnosis\n")[2].partition("\nFiles\n")[0]
    assert f"diagnosis of the fit: {found.verdict} ({len(found.checks)} checks" in said
    assert found.raised  # 2 x 50 draws cannot pass
    for check in found.checks:
        assert (f"  {check.verdict} {check.name}: " in said) == (check in found.raised)


@pytest.mark.parametrize("groups", [(), ("data",), ("fit", "sampler")])
def test_a_diagnosis_is_shown_without_its_groups_whatever_checks_it_has(groups, capsys):
    checks = tuple(Check(f"{g} check", g, "ok", 1.0, 2.0, "1.0.", "here", "good") for g in groups)
    show_diagnosis(Diagnosis("fit", checks, {}))
    said = capsys.readouterr().out.splitlines()
    assert said[3].startswith(f"diagnosis of the fit: ok ({len(groups)} check")
    assert said[4:] == ["every check, with its number, bound and source: diagnosis.csv"]


# ------------------------------------------------------------------------------------------------- fit, without sampling
@pytest.fixture
def sampled(demo, drawn, monkeypatch):
    """Replace sampling, and what is worked out from draws, by those of the demo; collects the settings asked for."""
    import bayesmmm.diagnostics
    import bayesmmm.evaluate  # takes `fit` when it is first imported: that must be the real one, for other tests
    import bayesmmm.inference

    saved, diagnosis, table = drawn
    asked = []

    def fit(system, data, **settings):
        assert (system, data) == (saved.system, saved.data)
        asked.append(settings)
        return saved

    monkeypatch.setattr(bayesmmm.inference, "fit", fit)
    monkeypatch.setattr(bayesmmm.diagnostics, "diagnose", lambda fit: diagnosis)
    monkeypatch.setattr(Fit, "summary", lambda fit, ci_prob: table.copy())
    monkeypatch.setattr(Fit, "save", lambda fit, path: Path(shutil.copyfile(demo[1] / "fit.nc", path)))
    return asked


@pytest.fixture
def no_figures(monkeypatch):
    """Leave out the figures, which take most of the time once nothing is sampled."""
    monkeypatch.setattr(figures, "save_figure", lambda *_: True)


def fit_command(out):
    argv = ["fit", str(DATA), "--spec", str(SPEC), "--out", str(out), *QUICK]
    return [*argv, "--seed", "5", "--target-accept", "0.95"]


def test_fit_passes_on_what_was_asked_and_needs_no_truth(sampled, no_figures, tmp_path, capsys):
    status = cli.main(fit_command(tmp_path / "a" / "b"))
    assert status in (0, 1)
    (settings,) = sampled
    wanted = {"draws": 50, "tune": 50, "chains": 2, "seed": 5, "target_accept": 0.95, "sampler": "nutpie"}
    assert {name: settings[name] for name in wanted} == wanted
    assert settings["progress"] is False, "a bar is for terminals"
    table = pd.read_csv(tmp_path / "a" / "b" / "summary.csv")
    assert "truth" not in table
    assert "true values" not in capsys.readouterr().out


@pytest.mark.parametrize("truth", [True, False])
def test_effects_are_told_after_sampling(truth, sampled, no_figures, tmp_path, monkeypatch, capsys):
    from bayesmmm.estimands import effects
    from bayesmmm.results import Convergence

    judge(monkeypatch, Convergence("doubtful", 1.03, 150.0, 140.0, 0, 100, 2, "google.sigma"))
    argv = ["demo", "--out", str(tmp_path), *QUICK] if truth else fit_command(tmp_path)
    assert cli.main(argv) == 0
    said = capsys.readouterr().out
    part = said.partition("\nEffects of each channel")[2].partition("\nDiagnosis\n")[0]
    assert part.startswith(", beside the truth\n") == truth
    found = effects(mm.load(tmp_path / "fit.nc"), window="outcome")
    lines = {line.split()[0]: line.split()[1:] for line in part.splitlines() if "[" in line}
    assert len(lines) == 4 * 4
    for name in ("total", "direct", "indirect", "roi"):
        draws = found[name].sel(channel="tiktok")
        shown = [float(x.replace(",", "")) for x in lines[f"{name}[tiktok]"][:3]]
        assert shown == pytest.approx([float(draws.quantile(p)) for p in (0.5, 0.05, 0.95)], rel=1e-3)
        if truth:
            true = float(mm.load_case("social_search").truth.effects[name].sel(channel="tiktok"))
            assert float(lines[f"{name}[tiktok]"][3].replace(",", "")) == pytest.approx(true, rel=1e-3)
            assert (lines[f"{name}[tiktok]"][4:] == ["*"]) != (shown[1] <= true <= shown[2])
    assert f"next: bayesmmm report {tmp_path / 'fit.nc'} --out report" in said
    assert "True effects" not in said


def test_a_failed_sampler_is_status_1_with_the_files_written(sampled, no_figures, tmp_path, monkeypatch, capsys):
    from bayesmmm.results import Convergence

    for verdict, status in (("failed", 1), ("doubtful", 0), ("converged", 0)):
        judged = Convergence(verdict, 1.2, 50.0, 40.0, 3, 100, 2, "revenue.slope[google]")
        judge(monkeypatch, judged)
        assert cli.main(fit_command(tmp_path / verdict)) == status
        assert (tmp_path / verdict / "fit.nc").is_file()
        assert ("do not use these numbers" in capsys.readouterr().err) == (verdict == "failed")


def test_a_disk_that_is_full_while_drawing_loses_no_sampling(sampled, tmp_path, monkeypatch, capsys):
    from bayesmmm import plots

    (tmp_path / "parameters.png").write_text("old", encoding="utf-8")

    def full(*_, **__):
        raise OSError(28, "No space left on device", "predictive.png")

    monkeypatch.setattr(plots, "predictive", full)
    assert cli.main(fit_command(tmp_path)) == 2
    said = capsys.readouterr().err.splitlines()
    assert said == [
        f"bayesmmm: stopped after sampling; written to {tmp_path}: {', '.join(KEPT)}",
        "bayesmmm: error: predictive.png: No space left on device",
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fit.nc", "parameters.png", *KEPT[1:]]
    assert (tmp_path / "parameters.png").read_text(encoding="utf-8") == "old"


def test_a_file_that_cannot_be_replaced_is_refused_before_sampling(sampled, tmp_path, capsys):
    (tmp_path / "summary.csv").write_text("old", encoding="utf-8")
    (tmp_path / "diagnosis.csv").mkdir()
    assert "diagnosis.csv: Is a directory" in refusal(fit_command(tmp_path), capsys)
    assert sampled == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["diagnosis.csv", "summary.csv"]
    assert (tmp_path / "summary.csv").read_text(encoding="utf-8") == "old"


def test_ctrl_c_ends_in_one_line_without_files(tmp_path, monkeypatch, capsys):
    import bayesmmm.inference

    def fit(system, data, **settings):
        raise KeyboardInterrupt

    monkeypatch.setattr(bayesmmm.inference, "fit", fit)
    assert cli.main(fit_command(tmp_path)) == 130
    assert capsys.readouterr().err == "bayesmmm: interrupted; no file is half written\n"
    assert list(tmp_path.iterdir()) == []


KEPT = ["fit.nc", "summary.csv", "system.toml"]


@pytest.mark.parametrize("where", ["bayesmmm.diagnostics.diagnose", "bayesmmm.plots.diagnosis"])
@pytest.mark.parametrize("problem", [ValueError("a fault"), OSError(28, "No space left"), KeyboardInterrupt()])
def test_what_goes_wrong_in_the_checks_loses_no_sampling(problem, where, sampled, tmp_path, monkeypatch, capsys):
    def stop(*_):
        raise problem

    monkeypatch.setattr(where, stop)
    monkeypatch.setattr(commands, "draw", lambda *_: None)
    (tmp_path / "diagnosis.csv").write_text("old", encoding="utf-8")
    figure = where == "bayesmmm.plots.diagnosis" and isinstance(problem, ValueError)
    if figure:  # is left out, and nothing else is
        assert cli.main(fit_command(tmp_path)) in (0, 1)
        said = capsys.readouterr().err.splitlines()
        assert "the figure 'diagnosis' could not be drawn (ValueError: a fault); all else is written" in said[0]
        assert sorted(path.name for path in tmp_path.iterdir()) == ["diagnosis.csv", *KEPT]
        return
    status = {ValueError: cli.FAULT, OSError: cli.BAD_INPUT, KeyboardInterrupt: cli.INTERRUPTED}[type(problem)]
    assert cli.main(fit_command(tmp_path)) == status
    how = "interrupted" if isinstance(problem, KeyboardInterrupt) else "stopped"
    first, *rest = capsys.readouterr().err.splitlines()
    assert first == f"bayesmmm: {how} after sampling; written to {tmp_path}: {', '.join(KEPT)}"
    if isinstance(problem, ValueError):
        assert rest[0] == "Traceback (most recent call last):"
        assert rest[-1].startswith("bayesmmm: a fault of the program: ValueError: a fault; please report it")
    else:
        assert rest == (["bayesmmm: error: No space left"] if isinstance(problem, OSError) else [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["diagnosis.csv", *KEPT]
    assert (tmp_path / "diagnosis.csv").read_text(encoding="utf-8") == "old"
    assert mm.load(tmp_path / "fit.nc").settings["seed"] is not None


def test_an_interruption_after_the_checks_names_their_files_too(
    sampled, no_figures, tmp_path, monkeypatch, capsys
):
    def stop(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.commands, "show_diagnosis", stop)
    assert cli.main(fit_command(tmp_path)) == 130
    assert capsys.readouterr().err.endswith(f"written to {tmp_path}: {', '.join(['diagnosis.csv', *KEPT])}\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["diagnosis.csv", *KEPT]


def test_cautions_are_sentences_not_tracebacks(sampled, no_figures, tmp_path, monkeypatch, capsys):
    from bayesmmm import equations
    from bayesmmm.errors import AlwaysOnWarning

    monkeypatch.setattr(equations, "system_warnings", lambda system, data: [AlwaysOnWarning("tv never pauses.")])
    cli.main(fit_command(tmp_path))
    assert "1. tv never pauses. [AlwaysOnWarning]" in capsys.readouterr().out


# ---------------------------------------------------------------------------------------------------------------- report
@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A fit that an honest judge accepts: its draws are independent."""
    from tests.made import case_fit

    path = tmp_path_factory.mktemp("fit") / "fit.nc"
    case_fit("censored mediator", draws=300, chains=4, verdict=None).save(path)
    assert mm.load(path).convergence.verdict == "converged"
    return path


@pytest.fixture(scope="module")
def loaded(saved):
    return mm.load(saved)


@pytest.fixture
def read_once(saved, loaded, monkeypatch):
    """Read the fit once for all commands, and other files as ever."""
    import bayesmmm.results

    real = bayesmmm.results.load
    monkeypatch.setattr(bayesmmm.results, "load", lambda path: loaded if str(path) == str(saved) else real(path))


def test_report_writes_and_tells_without_pymc(saved, tmp_path):
    from bayesmmm.report import compose

    argv = ["report", str(saved), "--out", str(tmp_path / "a" / "report"), "--start", "2023-04-02"]
    argv += ["--draws", "40", "--title", "Spring", "--ci-prob", "0.8"]
    code = f"""
import sys
from bayesmmm.cli import main
from bayesmmm.report import figures, writing

def save(drawings, folder, tell, real=figures.save_figures):
    real(drawings[:1], folder, tell)  # drawing all of them takes most of the time
    for drawing in drawings[1:]:
        for suffix in figures.SUFFIXES:
            (folder / (drawing.name + suffix)).write_text("<svg/>")
    return drawings

writing.save_figures = save
status = main({argv!r})
print(sorted({{name.split(".")[0] for name in sys.modules}} & {{"pymc", "pytensor", "nutpie"}}))
sys.exit(status)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    *said, last = done.stdout.splitlines()
    assert last == "[]"
    words = " ".join(" ".join(said).split())
    expected = compose(mm.load(saved).thin(40), start="2023-04-02", ci_prob=0.8)
    told = [finding for finding in expected.findings if finding.main]
    assert told
    assert all(f"- {finding.text}" in words for finding in told)
    assert not any(finding.text in words for finding in expected.findings if not finding.main)
    made = {path.relative_to(tmp_path / "a" / "report").as_posix() for path in (tmp_path / "a").rglob("*.*")}
    assert {"index.html", "tables/roi.csv", "figures/shares.png", "figures/shares.svg", "figures/roi.svg"} <= made
    assert all(Path(name).stem in words for name in made)
    assert "- figures/, .png and .svg: shares" in words
    assert "- figures/, .svg: " in words
    assert "- tables/, .csv: " in words
    assert f"next: open {tmp_path / 'a' / 'report' / 'index.html'} in a browser" in said
    text = (tmp_path / "a" / "report" / "index.html").read_text(encoding="utf-8")
    assert "<h1>Spring</h1>" in text
    assert pd.read_csv(tmp_path / "a" / "report" / "tables" / "roi.csv")["ci_prob"].unique() == [0.8]


@pytest.mark.parametrize(
    ("argv", "advice"),
    [
        (["none.nc"], "none.nc"),
        (["FIT"], "the following arguments are required: --out; see bayesmmm report --help"),
        (["FIT", "--out", "OUT", "--start", "1999-01-01"], "fitted periods"),
        (["FIT", "--out", "OUT", "--start", "spring"], "spring"),
        (["FIT", "--out", "OUT", "--window", "tail"], "invalid choice: 'tail'"),
        (["FIT", "--out", "OUT", "--draws", "1"], "one draw per chain"),
        (["FIT", "--out", "OUT", "--ci-prob", "90"], "argument --ci-prob: '90' must lie between 0 and 1"),
        (["CSV", "--out", "OUT"], "social_search.csv"),
    ],
)
def test_a_report_that_cannot_be_made_is_refused_in_one_line(argv, advice, saved, read_once, tmp_path, capsys):
    names = {"FIT": saved, "OUT": tmp_path / "out", "CSV": DATA}
    given = [names.get(word, word) for word in argv]
    given += ["--out", tmp_path / "out"] if argv == ["none.nc"] else []
    assert advice in refusal(["report", *given], capsys)
    assert not (tmp_path / "out").exists()


def test_a_report_of_a_failed_sampler(saved, read_once, tmp_path, monkeypatch, capsys, no_drawing):
    from bayesmmm.results import Convergence

    judge(monkeypatch, Convergence("failed", 1.2, 50.0, 40.0, 3, 100, 2, "sales.slope[tv]"))
    command = ["report", str(saved), "--out", str(tmp_path / "out"), "--draws", "40"]
    assert cli.main(command) == 1
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert "nothing is reported; fit again, or pass --allow-unconverged" in captured.err
    assert "sampler verdict: failed (R-hat 1.200" in captured.out
    assert not (tmp_path / "out").exists()
    assert cli.main([*command, "--allow-unconverged"]) == 1
    assert "do not use these numbers" in capsys.readouterr().err
    assert "The sampler failed" in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    judge(monkeypatch, Convergence("doubtful", 1.03, 150.0, 140.0, 0, 100, 2, "sales.slope[tv]"))
    assert cli.main(command) == 0
