"""The figure of what is in the data: what each row holds, what is marked, and the numbers beside it."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from bayesmmm import errors, plots
from bayesmmm.data import MMMData, data_warnings
from bayesmmm.data.profile import data_profile
from tests.data_tables import panel, read, weekly


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def odd_data():
    frame = weekly(60)
    frame.loc[[4, 5], "tv"] = 0.0
    frame.loc[30, "facebook"] = 1e5
    frame.loc[10:12, "revenue"] = np.nan
    return read(frame, missing="ignore")


def test_a_profile_counts_what_is_there():
    data, frame = odd_data(), weekly(60)
    profile = data_profile(data)
    assert profile.loc["tv", "zero"].sum() == (data.columns["tv"] == 0).sum()
    assert profile.loc["revenue", "gap"].tolist() == [int(10 <= i <= 12) for i in range(60)]
    assert profile.loc["facebook", "outlier"].tolist() == [int(i == 30) for i in range(60)]
    assert profile.loc["price", "value"].tolist() == frame["price"].tolist()
    assert [w for w in data_warnings(data) if isinstance(w, errors.OutlierWarning)]
    north = data_profile(read(panel(), geo="region"))
    assert north.loc["tv", "value"].iloc[0] == pytest.approx(panel().groupby("week")["tv"].sum().iloc[0])
    assert north.loc["tv", "zero"].max() <= 3


def test_rows_marks_and_numbers():
    ax = plots.data_profile(odd_data())
    assert [label.get_text() for label in ax.get_yticklabels()] == ["revenue", "google", "tv", "facebook", "price"]
    said = [text.get_text().split() for text in ax.texts]
    assert said[-1] == ["zeros", "gaps", "outliers", "largest"]
    assert said[0][2:4] == ["3", "0"]
    assert said[3][3] == "1"
    rings = [line for line in ax.lines if line.get_marker() == "o" and len(line.get_xdata())]
    assert [len(line.get_xdata()) for line in rings] == [1]
    hatched = [c for c in ax.collections if c.get_hatch()]
    assert len(hatched) == 1
    entries = [text.get_text() for text in ax.figure.legends[0].get_texts()]
    assert entries == ["outcome", "mediator", "channel", "control", "zero", "not known", "far from the median"]


@pytest.mark.parametrize("count", [3, 12])
def test_names_and_numbers_are_apart(count):
    frame = weekly(40)
    names = [f"channel with a name {i}" for i in range(count)]
    frame = frame.assign(**{name: frame["facebook"] * (i + 1) for i, name in enumerate(names)})
    data = MMMData.from_frame(frame, date="week", outcome="revenue", media=names, controls=["price"])
    ax = plots.data_profile(data, title="Mine")
    figure = ax.get_figure()
    figure.canvas.draw()
    boxes = [label.get_window_extent() for label in (*ax.get_yticklabels(), *ax.texts)]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])
    assert figure.get_suptitle() == "Mine"


def test_what_is_no_data_is_refused():
    with pytest.raises(errors.SettingError, match="data_profile"):
        plots.data_profile(pd.DataFrame({"a": [1]}))
    _, ax = plt.subplots()
    assert plots.data_profile(odd_data(), ax=ax) is ax


def test_events_are_a_row_of_days():
    """Any number of events is one row, and no column of the table."""
    frame = weekly(60)
    days = pd.DataFrame({"name": [f"event {i}" for i in range(20)], "first_day": list(frame["week"][:20])})
    ax = plots.data_profile(read(frame, events=days, date_is="first"))
    assert [label.get_text() for label in ax.get_yticklabels()][-2:] == ["price", "days of events"]
    assert [text.get_text().split() for text in ax.texts][-2] == ["1"]
    (heights,) = [
        path.vertices[:, 1] for c in ax.collections for path in c.get_paths() if path.vertices[:, 1].max() > 5
    ]
    assert heights.max() - heights.min() == pytest.approx(0.72)
