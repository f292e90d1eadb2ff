"""A CSV file as users keep it: dates with the day first, currency signs, blanks, a totals row, a week pasted twice."""

import csv

import numpy as np

WEEKS = 60


def write_messy(path, seed=3):
    """Write such a file and return the numbers behind it."""
    rng = np.random.default_rng(seed)
    days = np.datetime64("2024-01-01") + 7 * np.arange(WEEKS)
    tv = np.where(rng.random(WEEKS) < 0.3, 0.0, np.round(rng.gamma(2.0, 900.0, WEEKS), 2))
    facebook = np.where(rng.random(WEEKS) < 0.2, 0.0, np.round(200 + 700 * rng.random(WEEKS), 2))
    promotion = (rng.random(WEEKS) < 0.25).astype(float)
    price = np.round(10 + rng.normal(0, 0.4, WEEKS), 2)
    noise = rng.normal(0, 900, WEEKS)
    revenue = np.round(20_000 + 2.0 * tv + 3.0 * facebook + 4000 * promotion - 600 * (price - 10) + noise, 2)
    rows = [
        [
            f"{day.item():%d/%m/%Y}",
            f"${a:,.2f}" if a else "",
            f"${b:,.2f}" if b else "",
            f"{c:.2f}",
            "Yes" if d else "No",
            f"${e:,.2f}",
        ]
        for day, a, b, c, d, e in zip(days, tv, facebook, price, promotion, revenue, strict=True)
    ]
    rows.insert(31, rows[30])  # a week twice
    sums = [total + float(values[30]) for total, values in ((tv.sum(), tv), (facebook.sum(), facebook))]
    last = ["Total", f"${sums[0]:,.2f}", f"${sums[1]:,.2f}", "", "", f"${revenue.sum() + revenue[30]:,.2f}"]
    with open(path, "w", encoding="utf-8", newline="") as file:
        head = [" Week", "TV spend ", "Facebook  spend", " Price", "Promotion ", " Revenue "]
        csv.writer(file).writerows([head, *rows, last])
    return {
        "date": days,
        "tv": tv,
        "facebook": facebook,
        "price": price,
        "promotion": promotion,
        "revenue": revenue,
    }
