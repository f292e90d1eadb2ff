"""The only evaluator: a system, parameters and inputs give series, with or without an intervention.

Works on arrays shaped (draw, geo, channel, date). Parameters are plain arrays with a leading draw axis; `to_arrays`
and `to_dataset` translate them from and to labelled data sets. The engine knows nothing of PyMC, of how the draws
were made, or of tables and plots.

`run` makes a world. `history`, `future`, `propagate` and `WindowSystem` answer questions about a fit: they keep what
the fitted periods froze, and recompute only what an intervention moves.

Terms: *latent* is the right-hand side of an equation on its own scale (shares of mean size, or their log), with
`residual` added; *series* is what is observed, in the units of the column.
"""

from bayesmmm.engine.ahead import Noise, future, future_noise
from bayesmmm.engine.baseline import (
    Baseline,
    Columns,
    carryover,
    designs_of,
    history,
    latent_mean,
    media_term,
    run,
)
from bayesmmm.engine.baseline_parts import draws_of, end_of, from_period, of_geo
from bayesmmm.engine.chunks import map_draws, may_stop, stopped_by
from bayesmmm.engine.inputs import (
    Inputs,
    check_data,
    check_national,
    checked_scales,
    inputs,
    kernel_lag,
    period_days,
    retention,
    step_days,
)
from bayesmmm.engine.interventions import change, latent_changes, mean_series, propagate, value
from bayesmmm.engine.joined import joined
from bayesmmm.engine.parameters import (
    Parameters,
    draw_prior,
    layout,
    recorded,
    rescale,
    spend_per_size,
    to_arrays,
    to_dataset,
    to_engine_parameters,
)
from bayesmmm.engine.residuals import (
    given_mediator,
    joint_residuals,
    over_paths,
    own_uniforms,
    random_stream_id,
    uniforms,
)
from bayesmmm.engine.tails import tail_periods
from bayesmmm.engine.terms import CarryOver, FrozenDraws, add, geo_by_geo, scaled
from bayesmmm.engine.window_system import PassState, WindowSystem, answering
