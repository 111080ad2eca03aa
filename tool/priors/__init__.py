"""Priors: what careful publishers choose, by objective, adapter, size and task, with shrinkage to wider groups."""

from __future__ import annotations

from tool.priors.compute import FIELDS, compute_priors, value_of
from tool.priors.document import PRIORS_PATH, load_priors, priors_document, priors_from_document, priors_text
from tool.priors.laws import Law, adapter_kind, law, objective_kind
from tool.priors.lookup import lookup

__all__ = [
    "FIELDS",
    "PRIORS_PATH",
    "Law",
    "adapter_kind",
    "compute_priors",
    "law",
    "load_priors",
    "lookup",
    "objective_kind",
    "priors_document",
    "priors_from_document",
    "priors_text",
    "value_of",
]
