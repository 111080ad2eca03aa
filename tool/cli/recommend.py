"""`ftc recommend`: one question, or a file of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tool.cli.common import batch_options, print_answer
from tool.errors import BadRequest, FtcError, did_you_mean

STRATEGIES = ["auto", "deterministic", "hybrid", "hybrid_ml"]
EXPORT_HELP = (
    "Print it for a framework instead. Configuration files: trl (for `trl sft --config`), axolotl, llamafactory, "
    "torchtune, oumi, ms-swift. Scripts that run as they stand: trl-script, unsloth."
)
ADAPTERS = ["auto", "full", "lora", "qlora", "dora"]
REQUEST_OPTIONS = (
    click.option("--model", help="Registry id or a republished one, e.g. meta-llama/Llama-3.1-8B-Instruct."),
    click.option("--model-config", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A config.json."),
    click.option("--params-b", type=float, help="Total parameters in billions, for a model we do not know."),
    click.option("--size-bucket", type=click.Choice(["small", "medium", "large"]), help="When only the size is known."),
    click.option("--task", help="What to train for, e.g. instruction_following, chat, code, preference."),
    click.option("--objective", help="sft, dpo, orpo, kto, simpo, cpt or grpo (default: the task's)."),
    click.option("--adapter", type=click.Choice(ADAPTERS), default=None, help="Default: auto."),
    click.option("--platform", help="E.g. colab, kaggle, aws."),
    click.option("--plan", help="E.g. free, t4x2, g5.xlarge (default: the platform's usual one)."),
    click.option("--gpu", help="A card, e.g. RTX-4090, A100-80GB."),
    click.option("--gpus", type=click.IntRange(1, 100_000), help="How many cards."),
    click.option("--dataset-rows", type=click.IntRange(min=1), help="Rows of the training set."),
    click.option("--seq-len", type=click.IntRange(min=8), help="Length in tokens (default: the task's)."),
    click.option("--strategy", type=click.Choice(STRATEGIES), default=None, help="Default: auto."),
    click.option("--engine", help="A version under registry/engines (default: production)."),
    click.option("--key", help="Routes to production or canary, always the same way."),
)


def request_options(command: Any) -> Any:
    for option in reversed(REQUEST_OPTIONS):
        command = option(command)
    return command


@click.command("recommend")
@request_options
@click.option("--requests", type=click.Path(exists=True, dir_okay=False, allow_dash=True), help="JSONL, one each line.")
@click.option("--explain", is_flag=True, help="Print the reason and source of every field, and what others chose.")
@click.option("--notebook", type=click.Path(dir_okay=False, path_type=Path), help="Write this very answer's notebook.")
@click.option("--log", type=click.Path(dir_okay=False, path_type=Path), help="Append a recommendation event (JSONL).")
@click.option("--jobs", type=click.IntRange(min=1), help="Processes for --requests (default: one a core).")
@click.option("--export", "export_to", metavar="NAME", help=EXPORT_HELP)
@click.option("--export-file", type=click.Path(dir_okay=False, path_type=Path), help="Where to (default: stdout).")
@batch_options
def command(
    jobs: int | None,
    requests: str | None,
    explain: bool,
    notebook: Path | None,
    log: Path | None,
    export_to: str | None,
    export_file: Path | None,
    root: Path,
    output: str,
    model_config: Path | None,
    **fields: Any,
) -> int:
    """Recommend a configuration that fits the hardware, with a reason and a source for every field.

    \b
    Examples:
      ftc recommend --model meta-llama/Llama-3.1-8B-Instruct --task instruction_following \\
          --adapter qlora --platform colab --plan free
      ftc recommend --model Qwen/Qwen2.5-7B --task chat --gpu RTX-4090 --explain
      ftc recommend --params-b 3 --objective dpo --gpu A100-80GB --gpus 4 --output json
      ftc recommend --model Qwen/Qwen2.5-7B --task chat --gpu RTX-4090 \\
          --export axolotl --export-file chat.yaml
      ftc recommend --model Qwen/Qwen2.5-7B --task chat --gpu RTX-4090 \\
          --export trl-script --export-file chat.py
      ftc recommend --requests questions.jsonl > answers.jsonl

    What a framework cannot hold stands in the file as `# warning:` and on stderr.

    Exit codes: 0 fits (or no hardware named) · 1 does not fit · 2 the request is wrong.
    """
    from tool.load import open_repo

    repo = open_repo(root)
    if requests is not None:
        _refuse_mixture({**fields, "export": export_to}, model_config, notebook)
        from tool.cli.recommend_batch import answer_file

        return answer_file(root, requests, log, jobs)
    if model_config is not None:
        from tool.cli.batch import read_config

        fields["model_config"] = read_config(model_config)
    if export_to is not None:
        return _export(repo, fields, export_to, export_file, log)
    if export_file is not None:
        raise click.UsageError("--export-file needs --export NAME")
    return _single(repo, fields, explain, notebook, log, output)


def _refuse_mixture(fields: dict[str, Any], model_config: Path | None, notebook: Path | None) -> None:
    given = [name for name, value in {**fields, "model_config": model_config, "notebook": notebook}.items() if value]
    if given:
        names = ", ".join("--" + name.replace("_", "-") for name in given)
        raise click.UsageError(f"--requests answers a file of questions; leave out {names}")


def _single(
    repo: Any, fields: dict[str, Any], explain: bool, notebook: Path | None, log: Path | None, output: str
) -> int:
    from tool.cli.show import show_recommendation
    from tool.recommend.confidence import within_card

    request, answer = _answered(repo, fields)
    found = _peers(repo, request, answer) if explain else None
    if notebook is not None:
        _write_notebook(repo, answer, notebook)
    if log is not None:
        append_event(log, answer)
    if output != "text":
        print_answer(answer.model_dump(mode="json") | ({"peers": found} if found else {}), output)
    else:
        show_recommendation(answer, explain, found)
        if notebook is not None:
            click.echo(f"notebook written: {notebook}")
    return 0 if answer.vram is None or within_card(answer.vram) else 1


def _answered(repo: Any, fields: dict[str, Any]) -> tuple[Any, Any]:
    """(request, answer) of what was typed. Someone who types a task means one of ours: an unknown one is an error."""
    from tool.load.task_names import find_task
    from tool.recommend import recommend
    from tool.recommend.knowledge import current_knowledge

    request = parse_request(fields)
    if request.task is not None:
        find_task(repo, request.task)
    answer = recommend(repo, request, current_knowledge(repo, *engine_of(repo, request)))
    return request, answer


def _peers(repo: Any, request: Any, answer: Any) -> dict[str, Any] | None:
    """What others chose for such a case."""
    from tool.recommend.knowledge import current_knowledge
    from tool.recommend.peers import peers

    return peers(repo, current_knowledge(repo, *engine_of(repo, request)), request, answer)


def engine_of(repo: Any, request: Any) -> tuple[str | None, str | None]:
    """(version, slot) that answers: the engine asked for, or the one that the key routes to, or production."""
    if request.engine is None and request.key is None:
        return None, None
    from tool.govern.live import engine_for, slot_of

    if request.engine is not None:
        _check_engine(repo, request.engine)
        return request.engine, slot_of(repo.root, request.engine)
    return engine_for(repo.root, request.key)


def _export(repo: Any, fields: dict[str, Any], name: str, path: Path | None, log: Path | None) -> int:
    """Write the answer in another framework's configuration; what it cannot hold goes to stderr as well."""
    from tool.export import export
    from tool.export.files import SCRIPTS, framework
    from tool.generate.export_texts import export_plan
    from tool.generate.write import replace_file
    from tool.recommend.confidence import within_card
    from tool.recommend.question import ask

    framework(name)  # an unknown name is told before anything is answered
    request, answer = _answered(repo, fields)
    question = ask(repo, request)
    if question.subject.kind != "causal_lm":
        raise BadRequest("export", f"the frameworks train causal language models, not {question.subject.kind}")
    done = export(name, export_plan(repo, question, answer, name))
    if log is not None:
        append_event(log, answer)
    for warning in done.warnings:
        click.echo(f"warning: {warning}", err=True)
    if path is None:
        click.echo(done.text, nl=False)
    else:
        replace_file(path.resolve(), done.text.encode())
        kind = "script" if name in SCRIPTS else "configuration"
        click.echo(f"{done.framework.title} {kind} written: {path}")
    return 0 if answer.vram is None or within_card(answer.vram) else 1


def _check_engine(repo: Any, version: str) -> None:
    known = sorted(path.parent.name for path in (repo.root / "registry/engines").glob("*/engine.yaml"))
    if version not in known:
        mend = f"known: {', '.join(known)}" if known else "leave it out: no engine was trained yet"
        raise BadRequest("engine", f"no such engine {version[:80]!r}", mend)


def parse_request(fields: dict[str, Any]) -> Any:
    """A typed request; null is the same as absent. Raises BadRequest with the first wrong field and the mend."""
    from pydantic import ValidationError

    from tool.schema.recommendation import RecommendRequest

    for name, value in fields.items():
        if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
            raise BadRequest(name, "is not valid UTF-8", "type it again")
    try:
        return RecommendRequest.model_validate({key: value for key, value in fields.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        if field.startswith("id."):  # a union reports each of its types
            raise BadRequest("id", f"must be a text or a whole number, got {_quoted(first['input'])}") from None
        if first["type"] != "extra_forbidden":
            message = f"{first['msg'][0].lower()}{first['msg'][1:]}, got {_quoted(first['input'])}"
            raise BadRequest(field, message) from None
        known = [info.alias or name for name, info in RecommendRequest.model_fields.items()]
        mend = did_you_mean(field, known, f"known: {', '.join(sorted(known))}")
        raise BadRequest(field, f"unknown field {field!r}", mend) from None


def _quoted(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"


def _write_notebook(repo: Any, answer: Any, path: Path) -> None:
    from tool.generate.own_notebook import own_notebook
    from tool.generate.write import replace_file
    from tool.recommend.confidence import within_card

    if answer.vram is None:
        raise FtcError("a notebook is sized for a card: name --platform or --gpu")
    if not within_card(answer.vram):
        raise FtcError("this configuration does not fit, so no notebook was written: " + "; ".join(answer.warnings))
    replace_file(path.resolve(), own_notebook(repo, answer))


def append_event(path: Path, answer: Any) -> None:
    """Append one `recommendation` event."""
    with path.open("a", encoding="utf-8") as file:
        file.write(event_line(answer))


def event_line(answer: Any) -> str:
    """One `recommendation` event: request, engine, slot, configuration and confidence. No data content."""
    import uuid
    from datetime import UTC, datetime

    from tool.cli.common import json_line

    event = {
        "event": "recommendation",
        "event_id": uuid.uuid4().hex,
        "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "schema_version": 1,
        "request": answer.request,
        "engine": answer.engine,
        "slot": answer.slot,
        "strategy": answer.strategy,
        "config": answer.config,
        "confidence": answer.confidence,
        "constrained_safe": answer.constrained_safe,
        "verdict": answer.vram.verdict if answer.vram else None,
    }
    return json_line(event) + "\n"
