"""Folders of results: a fit survives its figures, files of a run carry its mark, two runs are never mixed unmarked."""

import io
import os
import signal
import subprocess
import sys
import textwrap
import threading
import zlib

import numpy as np
import pandas as pd
import pytest
from matplotlib import image
from matplotlib import pyplot as plt

import bayesmmm as mm
from bayesmmm import cli, files
from bayesmmm.data import MMMData
from bayesmmm.equations import MMM, Equation
from bayesmmm.errors import BusyFolderError, FigureWarning, RoleError
from bayesmmm.files import RUN_COLUMN, run_folder
from bayesmmm.report import write_report
from tests.made import case_fit, made_fit

ONE, OTHER = (files.make_mark("fit", letter * 12, "f" * 12) for letter in "ab")


# ------------------------------------------------------------------------------ a fit does not share the fate of figures
def named(mediator, channel):
    """A spec and data with these names."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"date": pd.date_range("2023-01-01", periods=52, freq="7D")})
    frame[channel] = rng.gamma(2.0, 50.0, 52)
    frame[mediator] = 20 + 0.2 * frame[channel] + rng.gamma(2.0, 8.0, 52)
    frame["sales"] = 900 + frame[channel] + frame[mediator] + rng.normal(0.0, 60.0, 52)
    system = MMM([Equation(mediator, media=[channel]), Equation("sales", media=[channel, mediator])])
    roles = {"date": "date", "outcome": "sales", "media": [channel], "mediators": {mediator: "money"}}
    return system, frame, roles


@pytest.fixture
def fit_without_sampling(tmp_path, monkeypatch):
    """Run the command `fit` with draws from the prior, and without most figures; returns its status and folder."""
    import bayesmmm.evaluate  # takes `fit` when it is first imported: that must be the real one, for other tests
    import bayesmmm.inference

    monkeypatch.setattr(
        bayesmmm.inference, "fit", lambda system, data, **_: made_fit(system, data, draws=20, verdict=None)
    )

    def run(system, frame, roles, *options):
        frame.to_csv(tmp_path / "data.csv", index=False)
        (tmp_path / "spec.toml").write_text(system.to_toml(roles), encoding="utf-8")
        out = tmp_path / "out"
        argv = ["fit", tmp_path / "data.csv", "--spec", tmp_path / "spec.toml", "--out", out, *options]
        return cli.main([str(word) for word in argv]), out

    return run


def touch(_, path):
    """Save four points in the place of a figure."""
    plt.close("all")
    if path.suffix == ".svg":
        path.write_text("<svg/>", encoding="utf-8")
    else:
        image.imsave(path, np.zeros((2, 2)), cmap="gray")


def lay_out(axes, path):
    """The same, after every text of the figure was read and put in its place."""
    figure = np.ravel(np.asarray(axes, dtype=object))[0].get_figure(root=True)
    figure.get_layout_engine().execute(figure)
    touch(axes, path)


@pytest.mark.parametrize(
    ("mediator", "channel"), [("search", r"$\frac$"), ("a" * 260, "tv"), ("ü" * 150, "tv")], ids=str
)
def test_names_of_any_kind_lose_no_fit(mediator, channel, fit_without_sampling, monkeypatch, capsys):
    monkeypatch.setattr(mm.plots, "save", lay_out if "$" in channel else touch)  # drawing takes most of the time
    status, out = fit_without_sampling(*named(mediator, channel))
    assert status in (cli.DONE, cli.SAMPLER_FAILED), capsys.readouterr().err
    assert mm.load(out / "fit.nc").system.channels == (channel,)
    assert {"summary.csv", "system.toml", "diagnosis.csv"} <= {path.name for path in out.iterdir()}
    assert all(len(os.fsencode(path.name)) < 255 for path in out.iterdir())


@pytest.mark.parametrize("name", [".", ".."])
def test_names_that_are_ways_to_a_folder_are_refused_before_sampling(name):
    _, frame, roles = named("search", "tv")
    with pytest.raises(RoleError, match="rename it, for example to 'column"):
        MMMData.from_frame(frame.rename(columns={"search": name}), **(roles | {"mediators": {name: "money"}}))


def test_a_figure_that_fails_is_a_warning_that_names_it(fit_without_sampling, monkeypatch, capsys):
    def fail(*_, **__):
        raise ValueError("no such glyph\nin this font")

    monkeypatch.setattr(mm.plots, "predictive", fail)
    monkeypatch.setattr(mm.plots, "save", touch)
    status, out = fit_without_sampling(*named("search", "tv"))
    assert status in (cli.DONE, cli.SAMPLER_FAILED)
    said = capsys.readouterr().err
    for name in ("predictive_search", "predictive_sales"):
        assert f"warning: the figure {name!r} could not be drawn (ValueError: no such glyph in this font)" in said
        assert not (out / f"{name}.png").exists()
    assert (out / "predictive_check_sales.png").is_file()


def test_a_report_goes_without_a_figure_that_fails(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise ValueError("no such glyph")

    monkeypatch.setattr(mm.plots, "roi", fail)
    monkeypatch.setattr(mm.plots, "save", touch)
    with pytest.warns(FigureWarning, match="the figure 'roi' could not be drawn"):
        write_report(case_fit("one mediator", draws=4), tmp_path)
    assert not list(tmp_path.rglob("roi.png"))
    assert 'id="figure-effects"' in (tmp_path / "index.html").read_text(encoding="utf-8")
    assert 'id="figure-roi"' not in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_ctrl_c_while_drawing_loses_no_sampling(fit_without_sampling, monkeypatch, capsys):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(mm.plots, "spend", interrupt)
    status, out = fit_without_sampling(*named("search", "tv"))
    assert status == cli.INTERRUPTED
    assert sorted(path.name for path in out.iterdir()) == ["fit.nc", "summary.csv", "system.toml"]
    assert f"interrupted after sampling; written to {out}: fit.nc, summary.csv" in capsys.readouterr().err
    mm.load(out / "fit.nc")


def test_ctrl_c_while_a_fit_is_saved_waits_until_it_is(fit_without_sampling, monkeypatch, capsys):
    flush = files.flush

    def interrupt(path):
        os.kill(os.getpid(), signal.SIGINT)
        flush(path)

    monkeypatch.setattr(files, "flush", interrupt)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # shells ignore it in the background
    try:
        status, out = fit_without_sampling(*named("search", "tv"))
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert status == cli.INTERRUPTED
    assert [path.name for path in out.iterdir()] == ["fit.nc"]
    assert "written to" in capsys.readouterr().err


# ----------------------------------------------------------------------------------------------------------------- marks
def content(letter):
    """Files of every kind that a run writes, with a letter in them."""
    axes = io.BytesIO()
    image.imsave(axes, np.full((2, 2), 0.5 if letter == "a" else 0.25), format="png", cmap="gray")
    return {
        "page.html": f"<html>{letter}</html>".encode(),
        "plan.txt": f"{letter}\n".encode(),
        "system.toml": f'name = "{letter}"\n'.encode(),
        "tables/t.csv": f'x,name\n1,"{letter}, ""b""\nline two"\n2,\n'.encode(),
        "figures/f.png": axes.getvalue(),
        "figures/f.svg": f"<svg>{letter}</svg>\n".encode(),
    }


def write(folder, letter, mark, *, last=()):
    def make(part):
        for name, content_ in content(letter).items():
            (part / name).parent.mkdir(exist_ok=True)
            (part / name).write_bytes(content_)

    with run_folder(folder) as run:
        return run.write(make, mark, last=last)


def test_files_of_every_kind_carry_the_mark_and_stay_what_they_are(tmp_path):
    paths = write(tmp_path, "a", ONE, last=["page.html"])
    assert paths[-1] == tmp_path / "page.html"
    assert {files.read_mark(path) for path in paths} == {("fit", "a" * 12, "f" * 12)}
    table = pd.read_csv(tmp_path / "tables" / "t.csv", keep_default_na=False)
    assert table["name"].tolist() == ['a, "b"\nline two', ""]
    assert table[RUN_COLUMN].tolist() == [ONE, ONE]
    png = tmp_path / "figures" / "f.png"
    assert image.imread(png).shape == (2, 2, 4)
    body = png.read_bytes()
    at = body.index(b"tEXt")
    length = int.from_bytes(body[at - 4 : at], "big")
    assert zlib.crc32(body[at : at + 4 + length]) == int.from_bytes(body[at + 4 + length : at + 8 + length], "big")
    assert read_toml_name(tmp_path / "system.toml") == "a"


def read_toml_name(path):
    import tomllib

    return tomllib.loads(path.read_text(encoding="utf-8"))["name"]


def test_the_same_run_gives_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        write(tmp_path / name, "a", ONE)
    one, two = (
        {p.relative_to(tmp_path / n): p.read_bytes() for p in (tmp_path / n).rglob("*.*")} for n in ("one", "two")
    )
    assert one == two


# ------------------------------------------------------------------------------------------- kills, leftovers, overlaps
#: One program, since each takes seconds to start: copies of it run, and are killed as they replace a file.
_KILLED = """
import os, sys
from pathlib import Path
from tests.test_faults_runs import OTHER, write
for at in map(int, sys.argv[2:]):
    child = os.fork()
    if child == 0:
        seen = 0
        def hook(event, args):
            global seen
            if event == "os.rename" and ".part-" in str(args[0]):
                seen += 1
                if seen == at:
                    os.kill(os.getpid(), 9)
        sys.addaudithook(hook)
        write(Path(sys.argv[1]) / str(at), "b", OTHER)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
RENAMES = [1, 2, 4, 6]


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """Folders of a run, by the number of the file at whose replacing another run on it was killed."""
    folder = tmp_path_factory.mktemp("killed")
    for at in RENAMES:
        (folder / str(at)).mkdir()
        write(folder / str(at), "a", ONE)
    command = [sys.executable, "-c", _KILLED, str(folder), *map(str, RENAMES)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout.split() == ["-9"] * len(RENAMES), done.stderr
    return {at: folder / str(at) for at in RENAMES}


@pytest.mark.parametrize("at", RENAMES)
def test_a_kill_at_any_rename_loses_and_mixes_nothing_unmarked(at, killed, capsys):
    folder = killed[at]
    found = {name: (folder / name).read_bytes() for name in content("a")}
    marks = {name: files.read_mark(folder / name)[1][0] for name in found}
    assert list(marks.values()).count("b") == at - 1
    assert all(marks[name].encode() in body for name, body in found.items() if not name.endswith("png"))
    assert cli.main(["show", str(folder)]) == (cli.DONE if at == 1 else cli.MIXED)
    said = capsys.readouterr().out
    assert "a run was killed here; what it left behind goes with the next run" in said
    assert ("files of several runs" in said) == (at > 1)
    write(folder, "b", OTHER)
    assert not list(folder.rglob(".*"))
    assert cli.main(["show", str(folder)]) == cli.DONE
    assert "files of one run" in capsys.readouterr().out


def test_a_part_that_is_being_made_is_not_swept(tmp_path):
    with files.part_folder(tmp_path) as part:
        (part / "x").write_text("x", encoding="utf-8")
        files.sweep(tmp_path)
        assert (part / "x").is_file()
        with files.part_folder(tmp_path) as other:
            assert part.is_dir()
            assert other != part
    assert not list(tmp_path.iterdir())


def test_two_runs_on_one_folder_one_wins_and_the_other_says_so(tmp_path, capsys):
    inside, done = threading.Event(), threading.Event()

    def first():
        def make(part):
            inside.set()
            (part / "plan.txt").write_text("first", encoding="utf-8")
            done.wait(30)

        with run_folder(tmp_path) as run:
            run.write(make, ONE)

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait(30)
    with pytest.raises(BusyFolderError, match="another run is writing to"):
        write(tmp_path, "b", OTHER)
    assert cli.main(["simulate", "--out", str(tmp_path / "other")]) == 0
    cli.main(["show", str(tmp_path)])
    assert "a run is writing to this folder now" in capsys.readouterr().out
    done.set()
    thread.join()
    assert (tmp_path / "plan.txt").read_text(encoding="utf-8").startswith("first")
    write(tmp_path, "b", OTHER)  # what the message advises: it is done


def test_a_run_that_cannot_replace_a_file_leaves_all_as_it_was(tmp_path):
    write(tmp_path, "a", ONE)
    (tmp_path / "plan.txt").unlink()
    (tmp_path / "plan.txt").symlink_to(tmp_path / "page.html")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(FileExistsError, match="is a symbolic link"):
        write(tmp_path, "b", OTHER)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_failure_in_the_midst_of_replacing_puts_everything_back(tmp_path, monkeypatch):
    write(tmp_path, "a", ONE)
    (tmp_path / "system.toml").unlink()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    replace, count = os.replace, 0

    def fail(source, target):
        nonlocal count
        count += 1
        if count == 6:
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path, "b", OTHER)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


# ------------------------------------------------------------------------------------------------------------------ show
def test_show_tells_runs_apart(fit_without_sampling, monkeypatch, capsys):
    monkeypatch.setattr(cli.commands, "draw", lambda *_: None)
    monkeypatch.setattr(mm.plots, "save", touch)
    _, out = fit_without_sampling(*named("search", "tv"), "--ci-prob", "0.9")
    assert cli.main(["show", str(out)]) == cli.DONE
    words = " ".join(capsys.readouterr().out.split())
    stamp = mm.load(out / "fit.nc").stamp
    assert f"{out}: files of one run" in words
    assert f"saved {stamp}: fit.nc" in words
    assert f"of fit {stamp}: " in words
    (out / "notes.txt").write_text("mine", encoding="utf-8")
    mm.load(out / "fit.nc").thin(20).save(out / "fit.nc")
    assert cli.main(["show", str(out)]) == cli.DONE, "the same draws"
    case_fit("one mediator", draws=4).save(out / "fit.nc")
    capsys.readouterr()
    assert cli.main(["show", str(out)]) == cli.MIXED
    words = " ".join(capsys.readouterr().out.split())
    assert "files of several runs" in words
    assert "not of a run: notes.txt" in words
    damaged = bytearray((out / "fit.nc").read_bytes())
    damaged[1000] ^= 1
    (out / "fit.nc").write_bytes(damaged)
    assert cli.main(["show", str(out)]) == cli.MIXED
    assert "its checksum does not hold" in " ".join(capsys.readouterr().out.split())
    assert cli.main(["show", str(out / "none")]) == cli.BAD_INPUT
    assert "is no folder" in capsys.readouterr().err


def test_a_run_names_what_an_earlier_one_left(fit_without_sampling, monkeypatch, capsys):
    monkeypatch.setattr(cli.commands, "draw", lambda *_: None)
    monkeypatch.setattr(mm.plots, "save", touch)
    _, out = fit_without_sampling(*named("search", "tv"), "--ci-prob", "0.9")
    (out / "predictive_old.png").write_bytes((out / "diagnosis.png").read_bytes())
    capsys.readouterr()
    fit_without_sampling(*named("search", "tv"), "--ci-prob", "0.8")
    assert "of an earlier run, left as they are: predictive_old.png" in capsys.readouterr().out
    assert cli.main(["show", str(out)]) == cli.MIXED


# ----------------------------------------------------------------------------------------------- faults of the program
def test_a_fault_of_the_program_has_a_status_of_its_own(monkeypatch, capsys, tmp_path):
    def fault(_):
        raise TypeError("unforeseen")

    monkeypatch.setattr("bayesmmm.results.load", fault)
    (tmp_path / "fit.nc").touch()
    assert cli.main(["report", str(tmp_path / "fit.nc"), "--out", str(tmp_path / "out")]) == cli.FAULT == 70
    assert (
        capsys.readouterr()
        .err.splitlines()[-1]
        .startswith("bayesmmm: a fault of the program: TypeError: unforeseen")
    )


def test_an_exit_status_is_that_of_the_process(tmp_path):
    code = textwrap.dedent("""
        import sys, bayesmmm.results
        from bayesmmm.cli import main
        bayesmmm.results.load = lambda _: 1 / 0
        sys.exit(main(["report", sys.argv[1], "--out", sys.argv[2]]))
    """)
    (tmp_path / "x.nc").touch()
    paths = [str(tmp_path / name) for name in ("x.nc", "out")]
    done = subprocess.run([sys.executable, "-c", code, *paths], capture_output=True, text=True)
    assert done.returncode == cli.FAULT
    assert "ZeroDivisionError" in done.stderr
