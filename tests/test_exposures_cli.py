"""Exposures on the command line: a cost for a plan, plans in money, units in what is written, faults of spend."""

import pandas as pd
import pytest

import bayesmmm as mm
from bayesmmm import cli, plots
from bayesmmm.cli import SAMPLER_FAILED
from bayesmmm.data import next_dates
from tests.exposed import pair
from tests.test_exposures_data import ROLES, SAID, table


@pytest.fixture(scope="module")
def fit():
    return pair("no mediator", draws=6)[1]


@pytest.fixture
def saved(fit, tmp_path, monkeypatch):
    """Path of the fit, whose few draws nobody judges; figures are not drawn."""
    monkeypatch.setattr(plots, "save", lambda _, path: path.write_bytes(b""))
    return fit.save(tmp_path / "fit.nc")


def test_a_plan_in_money_at_a_cost_is_planned_and_written_with_its_units(fit, saved, tmp_path, capsys):
    dates = next_dates(fit.data, 3)
    money = pd.DataFrame(
        {"date": dates, "tv_cost": 40.0, "social_cost": [30.0, 0.0, 60.0], "radio": 20.0, "price": 1.0}
    )
    money.to_csv(tmp_path / "plan.csv", index=False)
    asked = ["--plan", tmp_path / "plan.csv", "--total", 300, "--cost", "social=0.005,0.004,0.002", "--starts", 1]
    asked += ["--draws", 4, "--allow-unconverged", "--out", tmp_path / "out"]
    assert cli.main(["optimize", str(saved), *map(str, asked)]) == SAMPLER_FAILED  # so few draws are not trusted
    printed = capsys.readouterr().out
    assert "units are what it buys" in printed
    channels = pd.read_csv(tmp_path / "out" / "channels.csv", index_col=0)
    assert channels.loc["social", "unit"] == "impressions"
    assert channels.loc["social", "current"] == pytest.approx(90.0 * 300.0 / 270.0)
    plan = pd.read_csv(tmp_path / "out" / "plan.csv")
    assert (plan["social"] * [0.005, 0.004, 0.002]).tolist() == pytest.approx(plan["social_cost"].tolist())
    assert (plan["tv"] * 0.7).tolist() == pytest.approx(plan["tv_cost"].tolist())
    assert plan[["tv_cost", "social_cost", "radio"]].to_numpy().sum() == pytest.approx(300.0)


def test_a_cost_of_money_is_refused_in_one_line_with_its_option(saved, tmp_path, capsys):
    asked = [
        "--periods",
        "4",
        "--total",
        "300",
        "--cost",
        "radio=2",
        "--allow-unconverged",
        "--out",
        str(tmp_path / "out"),
    ]
    assert cli.main(["optimize", str(saved), *asked]) == 2
    assert "'radio', which is money, of which one unit costs one" in capsys.readouterr().err


def test_check_finds_faults_of_spend_and_names_what_is_counted(tmp_path, capsys):
    system = mm.MMM([mm.Equation("sales", media=["tv", "display", "mail"])])
    (tmp_path / "spec.toml").write_text(system.to_toml({**ROLES, **SAID}), encoding="utf-8")
    frame = table()
    frame.to_csv(tmp_path / "data.csv", index=False)
    assert cli.main(["check", str(tmp_path / "data.csv"), "--spec", str(tmp_path / "spec.toml")]) == 0
    assert "display (impressions, spend in display_cost)" in capsys.readouterr().out
    frame.assign(display_cost=-frame["display_cost"], mail=-frame["mail"]).to_csv(
        tmp_path / "data.csv", index=False
    )
    assert cli.main(["check", str(tmp_path / "data.csv"), "--spec", str(tmp_path / "spec.toml")]) == 4
    found = mm.MMMData.check(tmp_path / "data.csv", **ROLES, **SAID)
    assert {(fault.column, fault.kind) for fault in found} == {
        ("display_cost", "NegativeSpendError"),
        ("mail", "NegativeSpendError"),
    }
