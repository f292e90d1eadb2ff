#!/usr/bin/env bash
# The slope of a sales series changes a thousandfold when the array is saved and read back.
#
# Guess: DataArray.differentiate over a date coordinate gives the same number before and after a netCDF round trip,
#   since the array read back is `identical` to the array written; if it has a unit, that unit is fixed.
# Seen: the unit of time is the resolution of the date coordinate. pandas 3 makes microsecond dates, and xarray reads
#   netCDF dates as nanoseconds. So the slope read back is 1/1000 of the slope in memory, and the area under the curve
#   is 1000 times larger, although `identical` says that the two arrays are the same. polyfit, in the same library,
#   gives one and the same slope per nanosecond for both. With datetime_unit="D" all is well.
# Versions: xarray 2026.9.0, pandas 3.1.1, numpy 2.5.5, h5netcdf 1.8.2, h5py from its extra.
# Why it matters: a trend, a growth rate or cumulative reach computed from saved posterior or media data is not on the
#   scale of one computed in the session that made them. Anything that mixes the two is off by 1000 without a warning.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
uv venv --quiet --python 3.12 "$work/env"
uv pip install --quiet --python "$work/env/bin/python" \
    'xarray==2026.9.0' 'pandas==3.1.1' 'numpy==2.5.5' 'h5netcdf[h5py]==1.8.2'

"$work/env/bin/python" - "$work/sales.nc" <<'PY'
import sys

import numpy as np
import pandas as pd
import xarray as xr

path = sys.argv[1]
print(f"xarray {xr.__version__}, pandas {pd.__version__}")

# Weekly sales that grow by 7 a week, that is by 1 a day.
dates = pd.date_range("2024-01-01", periods=53, freq="W-MON")
made = xr.DataArray(100.0 + 7.0 * np.arange(53), dims="date", coords={"date": dates}, name="sales")
made.to_dataset().to_netcdf(path, engine="h5netcdf")
with xr.open_dataset(path, engine="h5netcdf") as saved:
    read = saved["sales"].load()

print("identical after the round trip:", made.identical(read))
for label, sales in (("in memory", made), ("read back", read)):
    print(
        f"{label}: dates {sales['date'].dtype}, slope {sales.differentiate('date').values[0]:.6g},"
        f" area {sales.integrate('date').item():.6g},"
        f" polyfit slope {sales.polyfit('date', 1)['polyfit_coefficients'].values[0]:.6g},"
        f" slope per day {sales.differentiate('date', datetime_unit='D').values[0]:.6g}"
    )

assert made.identical(read)
assert made["date"].dtype == "datetime64[us]" and read["date"].dtype == "datetime64[ns]"
slope = [float(sales.differentiate("date").values[0]) for sales in (made, read)]
area = [sales.integrate("date").item() for sales in (made, read)]
line = [float(sales.polyfit("date", 1)["polyfit_coefficients"].values[0]) for sales in (made, read)]
daily = [float(sales.differentiate("date", datetime_unit="D").values[0]) for sales in (made, read)]
assert np.isclose(slope[0] / slope[1], 1000.0, rtol=1e-9)
assert np.isclose(area[1] / area[0], 1000.0, rtol=1e-9)
assert np.isclose(line[0], line[1], rtol=1e-9)
assert np.allclose(daily, 1.0, rtol=1e-9)
print("behaviour as described")
PY
