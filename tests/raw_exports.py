"""Small look-alikes of raw exports, written by the tests: records in Python, laid out as a platform would write them."""

import csv
import io

#: day, campaign, cost, clicks: what the look-alikes hold.
RECORDS = [
    ("2026-03-02", "Brand search", 46.72, 58),
    ("2026-03-02", "Shopping all", 1299.09, 5165),
    ("2026-03-03", "Brand search", 79.44, 16),
    ("2026-03-03", "Shopping all", 367.15, 1160),
    ("2026-03-13", "Brand search", 53.32, 24),
    ("2026-03-13", "Brand search", 53.32, 24),
]
HEADER = ["Campaign", "Day", "Cost", "Clicks"]
DAILY = {"2026-03-02": (1345.81, 5223), "2026-03-03": (446.59, 1176), "2026-03-13": (106.64, 48)}


def point(value, places=2):
    """1,299.09"""
    return f"{value:,.{places}f}"


def comma(value, places=2):
    """1.299,09"""
    return point(value, places).translate(str.maketrans(",.", ".,"))


def rows(number=point, day=str, records=RECORDS):
    return [[campaign, day(date), number(cost), number(clicks, 0)] for date, campaign, cost, clicks in records]


def table(lines, separator=","):
    """Lines of cells as text."""
    out = io.StringIO()
    csv.writer(out, delimiter=separator, lineterminator="\n").writerows(lines)
    return out.getvalue()


def export(*, before=(), after=(), header=HEADER, separator=",", **options):
    """An export with lines around its table."""
    return table([*([line] if isinstance(line, str) else line for line in before), header], separator) + table(
        [*rows(**options), *([line] if isinstance(line, str) else line for line in after)], separator
    )


def save(folder, content, name="google.csv", encoding="utf-8"):
    """Write text or bytes into a folder."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def by_day(prepared, *names):
    """The result as plain values by day."""
    frame = prepared.frame
    days = frame.iloc[:, 0].dt.strftime("%Y-%m-%d")
    return {
        day: row if len(names) > 1 else row[0] for day, *row in zip(days, *(frame[n] for n in names), strict=True)
    }
