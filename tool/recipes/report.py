"""What normalisation did with every row: as data, and as a page."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tool.recipes.collect import RecipeSet


def recipes_report(found: RecipeSet) -> dict[str, Any]:
    """Counts by outcome, schema, reason, objective, adapter and task, and every rejected line."""
    kinds = Counter(item.rejection.kind for item in found.rejected)
    judged = found.rows - kinds["out_of_scope"]
    recipes = found.recipes
    return {
        "rows": found.rows,
        "in_scope": judged,
        "accepted": found.accepted,
        "accepted_share_of_in_scope": round(found.accepted / judged, 4) if judged else None,
        "recipes": len(recipes),
        "duplicates": len(found.duplicates),
        "reserved": found.reserved,
        "rejected": len(found.rejected),
        "rejected_by_kind": dict(sorted(kinds.items())),
        "rejected_by_reason": _counted(item.rejection.reason for item in found.rejected),
        "by_schema": {name: {"rows": rows, "accepted": accepted} for name, rows, accepted in found.schemas},
        "by_objective": _counted(recipe.objective for recipe in recipes),
        "by_adapter": _counted(recipe.adapter for recipe in recipes),
        "by_task_type": _counted(recipe.task_type for recipe in recipes),
        "by_size_bucket": _counted(recipe.size_bucket or "unknown" for recipe in recipes),
        "repositories": len({recipe.source.repo for recipe in recipes}),
        "rejections": [
            {
                "file": item.file,
                "line": item.line,
                "id": item.rejection.id,
                "schema": item.rejection.schema,
                "kind": item.rejection.kind,
                "reason": item.rejection.reason,
                "field": item.rejection.field,
                "message": item.rejection.message,
                "mend": item.rejection.mend,
            }
            for item in found.rejected
        ],
        "duplicate_of": {item.id: item.same_as for item in found.duplicates},
    }


def _counted(values: Any) -> dict[str, int]:
    return dict(sorted(Counter(values).items(), key=lambda pair: (-pair[1], pair[0])))


def recipes_page(report: dict[str, Any]) -> str:
    """The report as a markdown page."""
    lines = [
        "# Published recipes",
        "",
        f"{report['rows']} rows were read; {report['in_scope']} are in scope (text, objective and adapter in our "
        f"vocabulary) and {report['accepted']} of these were understood. {report['duplicates']} say what another row "
        f"says and were collapsed; {report['reserved']} are kept for the golden set; {report['recipes']} distinct "
        f"recipes of {report['repositories']} repositories remain for priors and learning.",
        "",
        *_table("By schema", ("schema", "rows", "accepted"), _schema_rows(report)),
    ]
    for key, title in (
        ("by_objective", "By objective"),
        ("by_adapter", "By adapter"),
        ("by_task_type", "By task"),
        ("by_size_bucket", "By size"),
        ("rejected_by_reason", "Rejected, by reason"),
    ):
        lines += _table(title, (title.split()[-1], "rows"), report[key].items())
    return "\n".join(lines).rstrip() + "\n"


def _schema_rows(report: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [(name, counts["rows"], counts["accepted"]) for name, counts in report["by_schema"].items()]


def _table(title: str, heads: tuple[str, ...], rows: Any) -> list[str]:
    body = ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]
    rule = "|" + "---|" * len(heads)
    return [f"## {title}", "", "| " + " | ".join(heads) + " |", rule, *body, ""] if body else []
