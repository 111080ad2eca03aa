"""JSON Schemas of everything people write or read, for editors and for other programs."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel


def documented() -> dict[str, type[BaseModel]]:
    """File name → record type."""
    from tool.schema.catalog import Catalog
    from tool.schema.dependency import Stack
    from tool.schema.engine import Engine
    from tool.schema.evidence import EvaluationReport, HealthReport
    from tool.schema.fit import FitAnswer, FitRequest
    from tool.schema.framework import Framework
    from tool.schema.gpu import Gpu
    from tool.schema.model import Model
    from tool.schema.platform import Platform
    from tool.schema.policy import Policy
    from tool.schema.recommendation import Recommendation, RecommendRequest
    from tool.schema.reserved import Reserved
    from tool.schema.run_event import RecommendationGiven, RunComplete, RunStart
    from tool.schema.state import Event, State
    from tool.schema.task import Task
    from tool.schema.waiver import Waiver

    return {
        "catalog": Catalog,
        "dependency_stack": Stack,
        "engine": Engine,
        "engine_event": Event,
        "engine_state": State,
        "evaluation_report": EvaluationReport,
        "fit_answer": FitAnswer,
        "fit_request": FitRequest,
        "framework": Framework,
        "gpu": Gpu,
        "health_report": HealthReport,
        "model": Model,
        "platform": Platform,
        "policy": Policy,
        "recommend_request": RecommendRequest,
        "recommendation": Recommendation,
        "recommendation_given": RecommendationGiven,
        "reserved": Reserved,
        "run_complete": RunComplete,
        "run_start": RunStart,
        "task": Task,
        "waiver": Waiver,
    }


def schema_files() -> dict[str, bytes]:
    """generated/schemas/<name>.json, draft 2020-12. In files the id comes from the path, so it is not asked for."""
    return {f"generated/schemas/{name}.json": _schema(record) for name, record in documented().items()}


def _schema(record: type[BaseModel]) -> bytes:
    schema: dict[str, Any] = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    schema |= record.model_json_schema(by_alias=True)
    from_path = "frozen" in record.model_config and {"id", "sources"} & set(record.model_fields)
    if from_path and "id" in schema.get("required", []):
        schema["required"] = [name for name in schema["required"] if name != "id"]
        schema["properties"].pop("id")
    return (json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()
