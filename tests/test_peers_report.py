"""The page of the benchmark of peers: every row has a place, a sentence of what was seen, or why there is none."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))
import environments
import peers_report

FOLDER = Path(peers_report.__file__).parent


def test_every_part_is_a_row_of_one_world_with_a_child_and_an_environment():
    placed = [part for _, _, rows in peers_report.WORLDS for part in rows]
    assert sorted(placed) == sorted(peers_report.PARTS)
    for package, child, case in peers_report.PARTS.values():
        assert package in environments.PACKAGES
        assert f'"{case}":' in (FOLDER / child).read_text(encoding="utf-8")


def test_rows_say_what_was_seen_or_why_nothing_was():
    draws = [1.25, 2.5, 3.75]
    result = {
        "ours: roi": {"seen": {"ROI": draws}, "version": "0.1.0", "date": "2026-01-02"},
        "digits": {"seen": {"11607": 12000.0, "12394": 12000.0}, "version": "1.3.3", "date": "2026-01-05"},
        "roi": {"missing": "not done after 15 minutes", "date": "2026-01-03"},
    }
    page = peers_report.written(result)
    assert "run from 2026-01-02 to 2026-01-05" in page
    assert "| bayesmmm 0.1.0 | ROI 2.5 [1.25, 3.75]. |" in page
    assert "| arviz-stats 1.3.3 | `metrics`, by default: 12,000 and 12,000. |" in page
    assert "| prophetverse | not done after 15 minutes. |" in page
    missing = len(peers_report.PARTS) - len(result)
    assert page.count("| not run yet. |") == missing
