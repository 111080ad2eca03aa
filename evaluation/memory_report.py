"""python -m evaluation.memory_report: how far memory forecasts are from published runs, family by family.

python -m evaluation.memory_report           print the page
python -m evaluation.memory_report --write   write evaluation/reports/memory.md
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from evaluation.memory_oracle import Difference, comparable, compare, rows
from evaluation.memory_scores import LEAST, FamilyScore, Scored, Summary, family_scores, leave_one_out, summarise
from tool.load import Repo, find_root, open_repo

PATH = "evaluation/reports/memory.md"
REMARKS = {
    "fitcheck_t4": (
        "One harness on one T4, peaks per phase. The rest is what a card's driver shows beside the allocator in the "
        "eight boundary runs (cache left by loading)."
    ),
    "fms_acceleration": (
        "Dense models are met within 1 %. The tail is gpt_bigcode (its own loss code: logits in 16 bits without "
        "autocast, in fp32 with it) and Mixtral in NF4 (up to 5 % low). A trace of transformers 4.48 would settle both."
    ),
    "ms_swift": (
        "Only `reserved` was published. Allocated memory is not known; cache beyond it is 2 to 3 times what comes with "
        "the tokens up to length 2,048 and less above. chatglm3 at 8,192 tokens (66.8 GiB) has eager attention in its "
        "remote code. An allocator snapshot of one such run would settle what is need and what is cache."
    ),
    "torchtitan": "Context parallelism is inferred from the length (32,768 tokens a rank, as its benchmark page says).",
    "torchtune": (
        "Figures of May 2024 (Llama 2) are 10 to 25 % above: the training loop then kept the logits and a dense mask. "
        "The 70B row of 13.9 GiB must have offloaded to the host, which the row does not say; `padded` rows are short."
    ),
    "llama_factory": (
        "Whole GB as the page prints them, most likely from the driver, scored against allocated memory. The fp16 LoRA "
        "rows (27 to 29 GB for 7B) are twice what their neighbours are."
    ),
    "unsloth": (
        "`seq_len` is a cap and the data are shorter, unknown by how much; the largest over-estimates are small models "
        "with 262k words. The real lengths of the notebooks' data would settle it."
    ),
    "issues": "Single reports with unlike conventions; too few rows to count in the averages.",
}


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def _family_table(scores: Sequence[FamilyScore]) -> list[str]:
    lines = [
        "| family | rows | exact | median | 90th | exact median | exact 90th | covered | bound / measured | OOM called "
        "| roomy runs flagged | called oom |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for score in scores:
        lines.append(
            f"| {score.family} | {score.rows} | {score.exact_rows} | {_share(score.median)} | {_share(score.p90)} "
            f"| {_share(score.exact_median)} | {_share(score.exact_p90)} | {_share(score.covered)} "
            f"| {score.looseness:.2f} | {score.ooms_called}/{score.ooms} | {score.roomy_flagged}/{score.roomy} "
            f"| {score.fitted_called_oom}/{score.fitted} |"
        )
    return lines


def _bars(figures: Summary) -> list[str]:
    lines = ["| measure | bar | reached | |", "|---|---|---|---|"]
    for name, bar, value, low in (
        ("median error, exact length", 0.06, figures.exact_median, False),
        ("90th percentile, exact length", 0.18, figures.exact_p90, False),
        ("median error, all full rows", 0.09, figures.median, False),
        ("90th percentile, all full rows", 0.30, figures.p90, False),
        ("rows whose need the bound covers", 0.97, figures.covered, True),
        ("OOMs called oom or tight", 0.95, figures.oom_recall, True),
        ("runs below 80 % of the card called oom or tight", 0.10, figures.roomy_flagged, False),
        ("runs that fitted called oom", 0.03, figures.fitted_called_oom, False),
        ("full rows with a registry model that get a forecast", 0.97, figures.coverage, True),
    ):
        met = value >= bar if low else value <= bar
        lines.append(
            f"| {name} | {'≥' if low else '≤'} {_share(bar)} | {_share(value)} | {'met' if met else 'missed'} |"
        )
    met = figures.looseness <= 1.25
    lines.append(f"| median bound / measured | ≤ 1.25 | {figures.looseness:.3f} | {'met' if met else 'missed'} |")
    return lines


def _worst(scored: Sequence[Scored]) -> list[str]:
    """The largest errors of each family, with the term that makes the forecast."""
    groups: dict[str, list[Scored]] = defaultdict(list)
    for item in scored:
        row = item.case.row
        if row.completeness == "full" and row.outcome == "ok" and row.judged_gib:
            groups[row.family].append(item)
    lines = ["| row | model | measured GiB | forecast GiB | error |", "|---|---|---|---|---|"]
    for _, members in sorted(groups.items()):
        for item in sorted(members, key=lambda one: -one.error)[:3]:
            row = item.case.row
            lines.append(
                f"| {row.id} | {row.model} | {row.judged_gib:.4g} | {item.forecast.judged:.4g} "
                f"| {100 * item.signed:+.0f} % |"
            )
    return lines


def _oracle(found: Sequence[Difference], left_out: dict[str, int]) -> list[str]:
    errors = np.abs([item.error for item in found])
    lines = [
        f"{len(found)} traced steps of {len({item.model for item in found})} models: median |difference| "
        f"{_share(float(np.median(errors)))}, 95th percentile {_share(float(np.percentile(errors, 95)))}, worst "
        f"{_share(float(errors.max()))}; the peak is in the same phase in all but "
        f"{sum(item.phase != item.traced_phase for item in found)} (ties within 2 %).",
        "",
        "Left out: " + "; ".join(f"{count} × {reason}" for reason, count in sorted(left_out.items())) + ".",
    ]
    return lines


def page(repo: Repo) -> str:
    """The report, in Markdown."""
    scored = leave_one_out(repo)
    scores = family_scores(scored)
    left_out: dict[str, int] = defaultdict(int)
    for row in rows(repo.root):
        reason = comparable(row)
        if reason:
            left_out[reason] += 1
    lines = [
        "# Memory forecasts against published runs",
        "",
        "Written by `python -m evaluation.memory_report --write`. Every family is forecast by a calibration that has "
        "not seen it; reserved rows are never calibrated on. Scored on full rows of full fine-tuning, LoRA, QLoRA and "
        "DoRA: `reserved_gib` where the published peak is reserved memory, `process_gib` where it is the driver's, "
        f"else `allocated_gib`. Averages count families with at least {LEAST} rows alike; verdicts and bounds pool all "
        "rows.",
        "",
        "## Bars",
        "",
        *_bars(summarise(repo, scored)),
        "",
        "## By family",
        "",
        *_family_table(scores),
        "",
        *(f"- **{score.family}**: {REMARKS[score.family]}" for score in scores if score.family in REMARKS),
        "",
        "## Largest errors",
        "",
        *_worst(scored),
        "",
        "## Against the trace oracle",
        "",
        *_oracle(compare(repo), dict(left_out)),
        "",
    ]
    return "\n".join(lines)


def main() -> int:
    """Print or write the page."""
    root = find_root(Path.cwd())
    text = page(open_repo(root))
    if "--write" in sys.argv[1:]:
        (root / PATH).parent.mkdir(parents=True, exist_ok=True)
        (root / PATH).write_text(text, encoding="utf-8")
    else:
        print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
