"""What the channels did and what may come: decomposition, effects, ROI, curves, predictions, counterfactuals.

All answers come from the engine, under one window rule, per posterior draw; they are summarised last. `effects` and
what derives from it set spend to zero and let mediators answer; `decompose` is the accounting view of the same
equations, which adds up. `predict` gives fitted or future series, `what_if` the change that other inputs make,
`residuals` what the equations leave unexplained.
"""

from bayesmmm.estimands.counterfactual import what_if
from bayesmmm.estimands.curves import adstock_decay, response_curves
from bayesmmm.estimands.decomposition import decompose, series_total
from bayesmmm.estimands.extrapolation import EXTRAPOLATED
from bayesmmm.estimands.marginal import marginal_roi
from bayesmmm.estimands.prediction import predict, residuals
from bayesmmm.estimands.query import after, open_query, row_bytes, timeline, verdict_of
from bayesmmm.estimands.windows import TAIL_WEIGHT
from bayesmmm.estimands.zero_out import effects, roi
