"""Measured runs as neutral cases: what a peer may know, and what was seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from evaluation.memory_scores import Scored, leave_one_out
from tool.architecture import resolve
from tool.load import Repo
from tool.schema.model import Model


@dataclass(frozen=True)
class Row:
    """One measured run, our forecast of it (its family left out of the calibration), and the peers' case."""

    id: str
    family: str
    exact: bool
    kind: str
    measured: float | None
    oom: bool
    usable: float | None
    ours: float
    our_verdict: str | None
    case: dict[str, Any]


def config_of(model: Model) -> dict[str, Any]:
    """The config.json that the hub would serve, as far as estimators read it."""
    shape = model.architecture
    config = {
        "architectures": [shape.architecture],
        "model_type": shape.model_type,
        "hidden_size": shape.hidden_size,
        "num_hidden_layers": shape.num_hidden_layers,
        "num_attention_heads": shape.num_attention_heads,
        "num_key_value_heads": shape.num_key_value_heads,
        "head_dim": shape.head_dim,
        "intermediate_size": shape.intermediate_size,
        "vocab_size": shape.vocab_size,
        "tie_word_embeddings": shape.tie_word_embeddings,
        "max_position_embeddings": shape.max_position_embeddings or 8192,
    }
    if shape.experts:
        config |= {
            "num_local_experts": shape.experts.num_experts,
            "num_experts_per_tok": shape.experts.num_experts_per_tok,
        }
    return config


def _case(scored: Scored, model: Model) -> dict[str, Any]:
    request = scored.case.row.request().model_dump(mode="json", by_alias=True)
    known = {key: value for key, value in request.items() if value is not None and key != "model_config"}
    return {
        **known,
        "config": config_of(model),
        "parameters": model.parameters,
        "usable_gib": scored.case.usable,
        "kind": scored.case.row.peak_kind,
    }


def rows_of(repo: Repo) -> list[Row]:
    """Every full row whose model is in the registry, in the order of their ids."""
    rows = []
    for scored in leave_one_out(repo):
        row = scored.case.row
        model = resolve(repo, row.model) if row.model else None
        if model is None or row.completeness != "full":
            continue
        rows.append(
            Row(
                id=row.id,
                family=row.family,
                exact=bool(row.seq_len_exact),
                kind=row.peak_kind,
                measured=row.judged_gib if row.outcome == "ok" else None,
                oom=row.outcome == "oom",
                usable=scored.case.usable,
                ours=scored.forecast.judged,
                our_verdict=scored.forecast.verdict,
                case=_case(scored, model),
            )
        )
    return sorted(rows, key=lambda row: row.id)
