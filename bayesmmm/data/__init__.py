"""Data in: one table, its roles and units, and every check that needs no model.

Knows columns, calendars and units; refuses to know equations, priors and posteriors. Nothing is filled,
dropped, clipped or reordered: a table is taken as it is, or refused with the reason and one way to mend it.
"""

from bayesmmm.data.calendars import Calendar
from bayesmmm.data.checks import MIN_PERIODS, MONEY
from bayesmmm.data.completing import complete_plan
from bayesmmm.data.data_warnings import COLLINEAR_CORRELATION, LOW_VARIATION, OUTLIER_ROBUST_SDS, data_warnings
from bayesmmm.data.events import Event, event_days, read_events, unknown_ahead
from bayesmmm.data.future import next_dates, read_plan, silent_geos, window_mask
from bayesmmm.data.public_holidays import holiday_events
from bayesmmm.data.scales import Scales
from bayesmmm.data.schema import MMMData
from bayesmmm.data.splitting import split_plan
