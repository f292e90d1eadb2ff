"""The log posterior density of a system on its data: its free variables, the arrays it reads, its compiled code."""

from bayesmmm.density.blocks import (
    Block,
    LinearPlan,
    blocks,
    is_collapsed,
    linear_plan,
    model_data,
    normal_terms,
)

__all__ = ["Block", "LinearPlan", "blocks", "is_collapsed", "linear_plan", "model_data", "normal_terms"]
