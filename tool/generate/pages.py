"""The catalogue as a page for people: by task, model and place, with links, memory and time."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from tool.load import Repo

HEAD = """# Catalogue

Made by `ftc generate`. Do not edit: change `profiles/catalog.yaml` and regenerate.

{fit} configurations that fit, each with its notebook, for {models} models, {tasks} tasks and {places} places.
Memory is the upper bound of what the run needs against what the card has (GiB per GPU). Batch is per GPU / effective.
Hours are a rough forecast for one pass over 1,000 rows that fill half of the length on average.
Rather pick in a browser? Open [the page](site/index.html).
Anything else: `ftc recommend --model … --task … --platform … --plan …`.
"""
TABLE = (
    "| model | adapter | where | batch | length | learning rate | memory | hours / 1,000 rows | open |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


def catalog_page(rows: list[dict[str, Any]], repo: Repo) -> str:
    """Markdown: one section a task, one line an entry; what does not fit is listed last with what would."""
    fitting = [row for row in rows if row["fits"]]
    by_task: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in fitting:
        by_task[row["task"]].append(row)
    head = HEAD.format(
        fit=len(fitting),
        models=len({row["model"] for row in fitting}),
        tasks=len(by_task),
        places=len({row["place"] for row in fitting}),
    )
    contents = "\n".join(f"- [{repo.tasks[task].title}](#{task})" for task in sorted(by_task))
    sections = [_section(task, by_task[task], repo) for task in sorted(by_task)]
    return "\n".join([head, contents, "", *sections, _misfits(rows)])


def _section(task: str, rows: list[dict[str, Any]], repo: Repo) -> str:
    lines = [f'<a id="{task}"></a>\n', f"## {repo.tasks[task].title}\n", f"{repo.tasks[task].description}\n", TABLE]
    lines += [_line(row) for row in sorted(rows, key=lambda row: (row["model"], row["place"], row["adapter"]))]
    return "\n".join([*lines, ""])


def _line(row: dict[str, Any]) -> str:
    batch = f"{row['per_device_train_batch_size']} / {row['effective_batch_size']}"
    memory = f"{row['upper_gib']:.1f} of {row['usable_gib']:.1f}"
    links = f"[notebook]({row['notebook']}) · [answer]({row['recommendation']})"
    adapter = row["adapter"] if row["objective"] == "sft" else f"{row['adapter']} ({row['objective']})"
    hours = "–" if row["hours_per_1000_rows"] is None else f"{row['hours_per_1000_rows']:g}"
    cells = [
        row["model"],
        adapter,
        row["place"],
        batch,
        str(row["max_length"]),
        f"{row['learning_rate']:g}",
        memory,
        hours,
        links,
    ]
    return f"| {' | '.join(cells)} |"


def _misfits(rows: list[dict[str, Any]]) -> str:
    misfits = [row for row in rows if not row["fits"]]
    if not misfits:
        return ""
    lines = [
        "## Asked for and does not fit\n",
        "| model | task | adapter | where | what would |",
        "|---|---|---|---|---|",
    ]
    for row in misfits:
        hint = "; ".join(row["would_fit"]).replace("it would fit ", "") or "a larger card than any we know"
        lines.append(f"| {row['model']} | {row['task']} | {row['adapter']} | {row['place']} | {hint} |")
    return "\n".join([*lines, ""])
