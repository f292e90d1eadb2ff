"""The case studies run from top to bottom, lay both methods beside the truth, and end in a decision."""

import re

import pytest

from tests.notebook_runs import (
    BRIEF,
    CASES,
    ECOMMERCE,
    MEDIATION,
    TV,
    YOUTUBE,
    code,
    environment,
    execute,
    executed_once,
    figures,
    named_rows,
    printed,
    shown,
)


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    return executed_once(CASES, tmp_path_factory)


# --------------------------------------------------------------------------------------------------------- mediation
def test_mediation_says_what_each_way_gets_wrong(executed):
    text = printed(executed[MEDIATION])
    found = {
        way: [int(v) for v in parts]
        for way, *parts in re.findall(
            r"^(ignored|controlled for|two stages|joint) +total +(-?\d+)% of the truth, "
            r"direct +(-?\d+)%, indirect +(-?\d+)%$",
            text,
            flags=re.MULTILINE,
        )
    }
    assert list(found) == ["ignored", "controlled for", "two stages", "joint"]
    assert found["ignored"][2] == found["controlled for"][2] == 0
    assert found["ignored"][1] > found["joint"][1] + 5
    assert found["controlled for"][0] < found["joint"][0] - 5
    assert abs(found["two stages"][2]) > 150
    assert 30 < found["joint"][2] < 170


def test_mediation_shows_the_exact_collinearity(executed):
    text = printed(executed[MEDIATION])
    ((columns, rank),) = re.findall(r"the second stage has (\d+) columns and rank (\d+)", text)
    assert int(rank) == int(columns) - 1
    (table,) = shown(executed[MEDIATION], "choices = ")
    numbers = [line.split() for line in table.splitlines() if re.match(r"\s*-?\d", line)]
    assert len(numbers) == 5
    assert len({row[1] for row in numbers}) == 1  # the residuals are the same
    assert len({row[4] for row in numbers}) == len({row[7] for row in numbers}) == 1  # so are the totals
    assert len({row[3] for row in numbers}) == 5  # the split is not


def test_mediation_without_the_real_file_says_so(executed):
    text = printed(executed[MEDIATION])
    assert "SKIPPED: no social_search_weekly.csv; set BAYESMMM_EXTERNAL_DATA" in text
    assert text.count("SKIPPED") == 5
    assert figures(executed[MEDIATION], "plt.subplots", "causal_graph") == [1] * 3


@pytest.mark.slow
def test_mediation_reads_the_real_file(external_data, tmp_path, tmp_path_factory):
    external_data("social_search_weekly.csv")
    with environment(tmp_path_factory):
        notebook = execute([MEDIATION], tmp_path)[MEDIATION]
    text = printed(notebook)
    assert "SKIPPED" not in text
    below = [int(v) for v in re.findall(r"replicated weeks with revenue below zero: (\d+)%", text)]
    assert below[0] > 20
    assert below[1] == 0
    assert figures(notebook, "mm.plots.prior_posterior") == [1]


# -------------------------------------------------------------------------------------------------------------- cases
@pytest.mark.parametrize(("name", "count"), [(YOUTUBE, 8), (BRIEF, 7), (TV, 7)])
def test_cases_draw_every_figure(executed, name, count):
    assert figures(executed[name], "mm.plots.", "plt.subplots") == [1] * count


def errors(text):
    """Median error in per cent and intervals that hold the truth, by method."""
    pattern = (
        r"^(model|line|line \+ week) +median error (\d+)%, largest \d+%; (\d+) of (\d+) intervals hold the truth$"
    )
    return {name: tuple(map(int, numbers)) for name, *numbers in re.findall(pattern, text, re.MULTILINE)}


@pytest.mark.parametrize("name", [YOUTUBE, MEDIATION, BRIEF, TV])
def test_cases_begin_with_the_answer_and_how_sure_it_is(executed, name):
    """Question, settings and answer come before anything else; every channel has an interval, the plan a probability."""
    cells = executed[name].cells
    assert cells[0].source.startswith("# ")
    assert "**The question.**" in cells[0].source
    heads = [re.search(r"^## (.*)$", cell.source, re.MULTILINE) for cell in cells if cell.cell_type == "markdown"]
    assert [head.group(1) for head in heads if head][:2] == ["Settings", "The answer"]
    first = next(k for k, cell in enumerate(cells) if cell.source.startswith("## The answer"))
    said = "".join(
        out.text
        for cell in cells[first : first + 4]
        for out in cell.get("outputs", [])
        if out.get("name") == "stdout"
    )
    assert len(re.findall(r"\(9?0?%?:? ?[-\d.]+%? to [-\d.]+%?\)", said)) >= 3
    assert re.search(r"better than today's split with probability \d+%", said)


@pytest.mark.parametrize("name", [YOUTUBE, BRIEF, TV])
def test_cases_lay_both_methods_beside_the_truth(executed, name):
    found = errors(printed(executed[name]))
    assert set(found) >= {"model", "line"}
    assert found["model"][0] < found["line"][0]
    assert found["model"][1] >= found["line"][1]
    assert "Decision: " in printed(executed[name])
    assert "index.html and " in printed(executed[name])


def test_the_line_credits_search_with_the_working_week(executed):
    (table,) = shown(executed[YOUTUBE], "pd.DataFrame(rows).round(1)")
    row = {line.split()[0]: line.split()[1:] for line in table.splitlines() if line.startswith("roi[")}
    truth, line = ({name: float(cells[k]) for name, cells in row.items()} for k in (0, 3))
    assert line["roi[search]"] > 2.0 * truth["roi[search]"]
    assert line["roi[youtube]"] < 0.5 * truth["roi[youtube]"]


def test_the_brief_says_what_was_done_to_the_data(executed):
    text = printed(executed[BRIEF])
    assert "152 of 156 weeks have a revenue" in text
    assert re.search(r"\d+ of 13 held-out weeks lie inside their 90% intervals", text)
    (table,) = shown(executed[BRIEF], "pd.DataFrame(scores)")
    rmse = {line.rsplit(maxsplit=3)[0].strip(): float(line.split()[-3]) for line in table.splitlines()[1:]}
    assert rmse["model"] < rmse["year before"]


def test_the_retentions_of_television_and_print_are_learned_in_order(executed):
    (table,) = shown(executed[TV], "table = mm.summarise(kept(")
    kept = {line.split()[0]: [float(v) for v in line.split()[1:]] for line in table.splitlines() if "[" in line}
    assert [row[3] for row in kept.values()] == [0.6, 0.2, 0.8, 0.5]
    assert kept["retention[digital]"][0] < kept["retention[tv]"][0]


def test_the_study_of_mediation_ends_in_sentences_and_a_plan(executed):
    text = printed(executed[MEDIATION])
    for what in ("a unit of price more", "a week with a promotion", "1,000 e-mails", "1,000 SMS"):
        assert re.search(
            rf"^{what} +(raises|lowers|may raise or lower) the revenue .* truth [+-][\d,]+$", text, re.MULTILINE
        )
    found = re.findall(r"^(joint|ridge) +(roi|indirect) +median error (\d+)%$", text, re.MULTILINE)
    assert [(method, quantity) for method, quantity, _ in found] == [
        ("joint", "roi"),
        ("joint", "indirect"),
        ("ridge", "roi"),
        ("ridge", "indirect"),
    ]
    assert "Decision: " in text


# --------------------------------------------------------------------------------------------------------- e-commerce
def test_ecommerce_begins_with_the_answer(executed):
    cells = executed[ECOMMERCE].cells
    assert "**The question.**" in cells[0].source
    heads = [cell.source.split("\n")[0] for cell in cells if cell.source.startswith("## ")]
    assert heads[:2] == ["## Settings", "## The answer"]
    (answer,) = (cell for cell in code(executed[ECOMMERCE]) if "proposals = {" in cell.source)
    said = "".join(out.text for out in answer.outputs if out.get("name") == "stdout")
    assert len(re.findall(r" profit +[+-][\d,]+ \([+-][\d,]+ to [+-][\d,]+\), above zero with \d+%", said)) == 4


def test_ecommerce_is_better_than_the_line_and_shows_the_leak(executed):
    text = printed(executed[ECOMMERCE])
    ((without, with_it),) = re.findall(r"without the discount ([\d.]+), with it ([\d.]+)", text)
    assert float(with_it) > float(without) + 0.05
    wrong = dict(re.findall(r"^(model|regression) +median error (\d+)%", text, re.MULTILINE))
    assert int(wrong["model"]) < int(wrong["regression"])
    (table,) = shown(executed[ECOMMERCE], "held_out = ")
    ours, theirs = named_rows(table, ["R2 within series"])["R2 within series"]
    assert ours > theirs + 0.05


def test_ecommerce_ends_in_a_decision(executed):
    text = printed(executed[ECOMMERCE])
    assert "the same draws: True" in text
    assert re.search(r"^verdict \w+; sales change by -[\d,]+ \(90%: -[\d,]+ to -[\d,]+\)$", text, re.MULTILINE)
    assert len(re.findall(r"^.+: (?:do|leave|test) it \(profit above zero with \d+%\)", text, re.MULTILINE)) == 4
    assert figures(executed[ECOMMERCE], "mm.plots.") == [1] * 2
