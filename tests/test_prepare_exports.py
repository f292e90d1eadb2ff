"""Look-alikes of the exports of platforms, each beside its right result, which is reached to the byte."""

import numpy as np
import pytest

from bayesmmm import cli, prepare
from bayesmmm.errors import NoDaysError, WeekError

GOOGLE = {"columns": {"cost": "Cost", "impressions": "Impr.", "conv_value": "Conv. value"}}
CASES = {
    "01_google_ads_by_day": GOOGLE,
    "03_google_ads_by_day_totals": GOOGLE,
    "04_google_ads_de_excel": {"columns": {"cost": "Kosten", "impressions": "Impr.", "conv_value": "Conv.-Wert"}},
    "05_meta_by_day": {
        "date": "Day",
        "columns": {"spend": "Amount spent (EUR)", "impressions": "Impressions", "rows": None},
        "how": {"rows": "rows"},
        "fill": True,
    },
    "07_ga4_reports_snapshot": {
        "columns": {"active_users": "Active users", "new_users": "New users", "total_revenue": "Total revenue"}
    },
    "08_ga4_free_form": {"columns": {"sessions": "Sessions", "purchase_revenue": "Purchase revenue"}},
    "09_google_trends": {
        "columns": {"value": "example brand: (Germany)", "censored_below_1": "example brand: (Germany)"},
        "how": {"censored_below_1": "below"},
        "below": "half",
        "date_as": "week_starting_sunday",
    },
    "10_search_console_chart": {"columns": {"clicks": "Clicks", "impressions": "Impressions"}},
    "11_shopify_orders": {
        "date": "Created at",
        "date_as": "date_store_time",
        "columns": {
            "total": "Total",
            "refunded_later": "Refunded Amount",
            "orders": "Name",
            "of_which_cancelled": "Total",
        },
        "how": {"orders": "distinct"},
        "only": {"of_which_cancelled": "Cancelled at"},
        "missing": 0,
        "fill": True,
    },
    "13_pinterest_by_day": {"columns": {"spend": "Spend in account currency"}},
    "14_dv360": {"columns": {"media_cost": "Media Cost (Advertiser Currency)"}},
    "16_microsoft_daily": {"columns": {"spend": "Spend"}},
    "17_linkedin": {"columns": {"spend": "Total Spent"}},
    "19_amazon_sponsored_products": {"columns": {"spend": "Spend", "sales_7_day": "7 Day Total Sales"}},
    "20_klaviyo_campaigns": {
        "columns": {"recipients": "Total Recipients", "attributed_revenue": "Revenue"},
        "fill": True,
        "stop": "2026-03-29",
    },
    "21_adobe_freeform": {"columns": {"visits": "Visits", "orders_mobile": "Orders / Mobile Phone"}},
    "24_retail_454_weeks": {
        "fiscal": ["Fiscal Year", "Fiscal Week"],
        "date_as": "week_starting_sunday",
        "columns": {"fiscal_year": "Fiscal Year", "fiscal_week": "Fiscal Week", "net_sales": "Net Sales"},
        "how": {"fiscal_year": "only", "fiscal_week": "only"},
    },
    "25_daily_to_weeks": {
        "date_as": "week_monday",
        "columns": {"iso_week": None, "days_covered": None, "spend": "spend", "keep": None},
        "how": {"iso_week": "iso_week", "days_covered": "days", "keep": "complete"},
        "week_start": "monday",
        "partial": "keep",
    },
}


def options(given):
    """Arguments as options of the command line."""
    words = []
    for name, value in given.items():
        words.append(f"--{name.replace('_', '-')}")
        if isinstance(value, dict):
            words += [key if text is None else f"{key}={text}" for key, text in value.items()]
        elif value is not True:
            words += [str(part) for part in (value if isinstance(value, list) else [value])]
    return words


@pytest.fixture
def exports(external_data):
    return external_data("exports/README.md").parent


@pytest.mark.parametrize("name", CASES)
def test_python_gives_the_right_result(exports, name):
    found = prepare.tidy(exports / f"{name}.csv", **CASES[name])
    assert found.to_csv() == (exports / f"{name}.expected.csv").read_text(encoding="utf-8")
    assert np.abs(found.log.balance()["unexplained"]).max() < 0.005


@pytest.mark.parametrize("name", CASES)
def test_the_command_gives_the_right_result(exports, name, tmp_path, capsys):
    words = ["prepare", str(exports / f"{name}.csv"), "--out", str(tmp_path / "tidy.csv"), *options(CASES[name])]
    assert cli.main(words) == 0
    assert (tmp_path / "tidy.csv").read_bytes() == (exports / f"{name}.expected.csv").read_bytes()
    assert "unexplained" in capsys.readouterr().out
    again = tmp_path / "again.csv"
    words = ["prepare", words[1], "--replay", str(tmp_path / "tidy.log.json"), "--out", str(again)]
    assert cli.main(words) == 0
    assert again.read_bytes() == (tmp_path / "tidy.csv").read_bytes()


@pytest.mark.parametrize("name", CASES)
def test_a_result_is_itself_read_as_it_stands(exports, name, tmp_path):
    """What was written once is not changed by preparing it again."""
    first = prepare.tidy(exports / f"{name}.csv", **CASES[name])
    first.to_csv(tmp_path / "first.csv")
    numbers = {c: c for c in first.frame.columns[1:] if first.frame[c].dtype.kind in "if"}
    again = prepare.tidy(tmp_path / "first.csv", columns=numbers, date=first.frame.columns[0])
    assert again.frame[list(numbers)].to_numpy().tolist() == first.frame[list(numbers)].to_numpy().tolist()


def test_campaigns_without_days_are_refused(exports, tmp_path, capsys):
    path = exports / "02_google_ads_campaigns.csv"
    with pytest.raises(NoDaysError, match=r"holds no days, only totals.*All time.*download it by day"):
        prepare.tidy(path, columns={"cost": "Cost"})
    out = tmp_path / "tidy.csv"
    assert cli.main(["prepare", str(path), "--columns", "cost=Cost", "--out", str(out)]) == 2
    assert "holds no days" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("week_start", [None, "monday", "sunday"])
def test_weeks_of_two_starts_are_not_joined(exports, week_start):
    files = [exports / "22a_google_ads_weekly.csv", exports / "22b_microsoft_weekly.csv"]
    with pytest.raises(WeekError, match=r"weeks that start on (monday|sunday)"):
        prepare.tidy(files, columns={"google": "Cost", "microsoft": "Spend"}, week_start=week_start)


def test_the_cut_weeks_of_a_range_are_known(exports):
    truth = [
        line.split(",") for line in (exports / "22_two_weekly_sources.expected.csv").read_text().splitlines()[1:]
    ]
    found = prepare.tidy(
        exports / "22a_google_ads_weekly.csv",
        columns={"days": None, "cost": "Cost"},
        how={"days": "days"},
        partial="keep",
    )
    assert [f"{day:%Y-%m-%d}" for day in found.frame["date"]] == [row[0] for row in truth]
    assert found.frame["days"].tolist() == [int(row[1]) for row in truth]
    assert found.frame["cost"].tolist() == [float(row[2]) for row in truth]
