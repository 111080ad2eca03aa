"""`ftc fit`: price a given configuration, or one a line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from tool.cli.common import batch_options, json_line, print_answer, print_json

EXIT_CODES = {"fits": 0, "tight": 1, "oom": 1, "abstain": 4}
_TEXT = (
    ("model", "Model id of the registry, or any name."),
    ("method", "full, lora, qlora or dora."),
    ("objective", "sft, dpo, orpo, kto, grpo, …"),
    ("framework", "Whose habits fill what is not given (see profiles/frameworks)."),
    ("dtype", "bf16, fp16 or fp32."),
    ("quant", "none, nf4, nf4-dq, int8, gptq-int4, awq-int4."),
    ("optimizer", "adamw, adamw_8bit, paged_adamw_8bit, sgd, adafactor, …"),
    ("lora-targets", "all-linear, or names such as q,v."),
    ("seq-len-kind", "packed, padded-max or actual-average."),
    ("attention", "eager, sdpa or flash."),
    ("amp", "none, bf16 or fp16 (autocast)."),
    ("master-weights", "fp32 when full fine-tuning keeps fp32 weights."),
    ("adapter-dtype", "Type of adapter weights."),
    ("sharding", "none, ddp, fsdp, zero2 or zero3."),
    ("gpu", "Card, as in 'A100-80GB'."),
)
_NUMBERS = (
    ("lora-r", "Rank of the adapters."),
    ("micro-batch", "Sequences per GPU and step."),
    ("seq-len", "Tokens per sequence."),
    ("gpus", "Number of GPUs."),
)
_FLAGS = (
    ("compile", "torch.compile is on."),
    ("chunked-or-fused-loss", "The loss never holds all logits in fp32."),
    ("kbit-preparation", "What is not quantised is widened to fp32."),
    ("optimizer-in-backward", "The optimizer steps inside the backward pass."),
    ("activation-offload", "Checkpoints go to host memory."),
    ("cpu-offload", "Weights and states go to host memory."),
)


def _options(function: Any) -> Any:
    for name, text in reversed(_TEXT):
        function = click.option(f"--{name}", help=text)(function)
    for name, text in reversed(_NUMBERS):
        function = click.option(f"--{name}", type=int, help=text)(function)
    for name, text in reversed(_FLAGS):
        function = click.option(f"--{name}/--no-{name}", default=None, help=text)(function)
    return function


@click.command("fit")
@batch_options
@_options
@click.option("--params-b", type=float, help="Parameters in billions, when the model is not known.")
@click.option(
    "--model-config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A Hugging Face config.json.",
)
@click.option("--grad-checkpointing/--no-grad-checkpointing", default=None, help="Recompute layers in backward.")
@click.option("--fused-kernels", help="Comma-separated: rmsnorm, rope, mlp, ce, fused-lora, liger, cut-cross-entropy.")
@click.option("--modules-to-save", help="Comma-separated modules that are trained whole.")
@click.option(
    "--requests", type=click.Path(dir_okay=False, allow_dash=True), help="A JSON Lines file of requests, or -."
)
@click.option("--oracle", is_flag=True, help="Trace the real training step instead (needs `make oracle-environment`).")
@click.option("--explain", is_flag=True, help="Show the terms, and the cheapest changes that would make it fit.")
def command(root: Path, output: str, requests: str | None, oracle: bool, explain: bool, **fields: Any) -> int:
    """Forecast the GPU memory of a fine-tuning run: what it takes, by phase and term, and a bound on what it needs.

    Exit codes: 0 it fits, 1 it does not or only just, 4 no verdict can be given.
    """
    from tool.load import open_repo

    repo = open_repo(root)
    if requests is not None:
        return _batch(repo, requests)
    if oracle:
        return _trace(root, fields)
    return _single(repo, fields, output, explain)


def _single(repo: Any, fields: dict[str, Any], output: str, explain: bool) -> int:
    from tool.memory import fit

    request = _request(fields)
    answer = fit(repo, request)
    changes = _changes(repo, request) if explain else []
    if output == "text":
        _print_text(answer, explain, changes)
    else:
        print_answer(answer.model_dump(mode="json") | ({"changes": changes} if explain else {}), output)
    return EXIT_CODES[answer.verdict]


def _request(fields: dict[str, Any]) -> Any:
    """Options → a request. Raises BadRequest with the field that is wrong."""
    from pydantic import ValidationError

    from tool.errors import BadRequest
    from tool.schema.fit import FitRequest

    given = dict(fields)
    path = given.pop("model_config", None)
    for name in ("fused_kernels", "modules_to_save"):
        if given[name] is not None:
            given[name] = [part.strip() for part in given[name].split(",") if part.strip()]
    if path is not None:
        from tool.cli.batch import read_config

        given["model_config"] = read_config(path)
    try:
        return FitRequest.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadRequest(".".join(str(part) for part in first["loc"]), str(first["msg"])) from None


def _trace(root: Path, fields: dict[str, Any]) -> int:
    """Print what the trace oracle finds for the same configuration."""
    from tool.oracle import trace

    request = _request(fields).model_dump(mode="json", by_alias=True, exclude_none=True)
    print_json(trace(request, root))
    return 0


def _changes(repo: Any, request: Any) -> list[dict[str, Any]]:
    from tool.memory.explain import cheapest_changes

    return cheapest_changes(repo, request)


def _batch(repo: Any, source: str) -> int:
    from tool.cli.batch import lines_of, run_batch
    from tool.memory import fit
    from tool.schema.fit import FitRequest

    def answer(request: FitRequest) -> dict[str, Any]:
        return fit(repo, request).model_dump(mode="json")

    def write(value: dict[str, Any]) -> None:
        click.echo(json_line(value))

    if source == "-":
        bad = run_batch(lines_of(sys.stdin.buffer), FitRequest.model_validate, answer, write)
    else:
        with open(source, "rb") as stream:
            bad = run_batch(lines_of(stream), FitRequest.model_validate, answer, write)
    return 2 if bad else 0


def _print_text(answer: Any, explain: bool, changes: list[dict[str, Any]]) -> None:
    click.echo(f"verdict    {answer.verdict}" + (f" ({answer.abstained_because})" if answer.abstained_because else ""))
    if answer.allocated_gib is None:
        return
    usable = f" of {answer.usable_gib:g} GiB usable" if answer.usable_gib else ""
    click.echo(f"bound      {answer.upper_gib:g} GiB{usable}")
    click.echo(f"allocated  {answer.allocated_gib:g} GiB, peak in {answer.peak_phase}")
    click.echo(f"reserved   {answer.reserved_gib:g} GiB")
    click.echo(f"process    {answer.process_gib:g} GiB")
    if explain:
        from tool.memory.explain import bar_chart

        click.echo("\n" + bar_chart(answer))
        for change in changes:
            click.echo(f"would help: {change['change']} → bound {change['upper_gib']:g} GiB ({change['verdict']})")
    for line in answer.assumptions:
        click.echo(f"assumed    {line}")
