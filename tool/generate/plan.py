"""The whole content of generated/, computed and not written: {path: bytes}."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tool.errors import BadRequest, Fault, InputFaults
from tool.generate.answered import Answered
from tool.generate.canary import canary_files, canary_knowledge
from tool.generate.entries import Entry, entries
from tool.generate.export_texts import export_texts
from tool.generate.inputs import SHARED_FILES, SHARED_FOLDERS
from tool.generate.pages import catalog_page
from tool.generate.provenance import Digests
from tool.generate.remembered import recalled, recalled_knowledge, remember
from tool.generate.schemas import schema_files
from tool.generate.shards import Shard
from tool.load import Repo, open_repo
from tool.memo import TEMPLATE, Memo, digest_of, remembered_files
from tool.policy.files import read_policies
from tool.policy.policies import load_policies
from tool.policy.reference import reference_page
from tool.recommend import Knowledge, recommend
from tool.schema.recommendation import Recommendation
from tool.site import Listed, Shared, exports_made, exports_of, keep_needs, site_files
from tool.work import shares_memory, spread

Tick = Callable[[int], None]
CHUNK = 24


def json_bytes(value: Any) -> bytes:
    """Canonical JSON for people: sorted keys, two spaces, UTF-8, final newline."""
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()


def plan(
    repo: Repo, jobs: int = 1, backend: str = "fork", tick: Tick | None = None, memo: Memo | None = None
) -> dict[str, bytes]:
    """Every output of the repository. Pure: reads the repository, writes no output, asks no clock.

    `jobs` processes share the work; the bytes do not depend on it. `tick(n)` is called after each n entries.
    `memo`: what earlier runs made; what none of its inputs changed for is taken from there, else everything is made.
    Raises InputFaults when the catalogue names what does not exist.
    """
    knowledge = recalled_knowledge(repo, memo)
    todo = entries(repo)
    shared = Shared.read()
    answered = _answers(repo, todo, knowledge, jobs, backend, tick, memo, "production", shared)
    files: dict[str, bytes] = {}
    for item in answered:
        if item.fits:
            files |= item.files
    rows = [index_row(item) for item in answered]
    files["generated/index.json"] = json_bytes({"entries": rows, "count": len(rows)})
    files["generated/README.md"] = catalog_page(rows, repo).encode()
    files |= remembered_files(memo, "schemas", schema_files)
    files["generated/policies.md"] = reference_page(load_policies(read_policies(repo.root))).encode()
    files |= remembered_files(memo, "knowledge", lambda: knowledge_files(repo, knowledge))
    page = [listed(item) for item in answered]
    files |= site_files(repo, knowledge, page, partial(export_texts, repo), shared, jobs, backend, memo)
    on_trial = canary_knowledge(repo, knowledge)
    if on_trial is not None and on_trial.engine is not None:
        trial = _answers(repo, todo, on_trial, jobs, backend, None, memo, on_trial.engine.version)
        files |= canary_files(answered, trial, on_trial.engine.version)
    if memo is not None:
        memo.sweep()
    return dict(sorted(files.items()))


def keep_share(
    repo: Repo, shard: Shard, memo: Memo, jobs: int = 1, backend: str = "fork", tick: Tick | None = None
) -> tuple[int, int]:
    """Make the answers and the models' needs of one share of the catalogue, so that `memo` knows them.

    Where the records of all shares lie in one folder, `plan` has next to nothing left to make. Returns the numbers of
    answers and models.
    """
    knowledge, shared = recalled_knowledge(repo, memo), Shared.read()
    todo = shard.part(entries(repo))
    answered = _answers(repo, todo, knowledge, jobs, backend, tick, memo, "production", shared)
    page = [listed(item) for item in answered if item.fits]
    exports_of(repo, page, partial(export_texts, repo), shared, jobs, backend, memo)
    models = shard.part(repo.models.ids())
    keep_needs(repo, knowledge, models, jobs, backend, memo)
    return len(todo), len(models)


def _answers(
    repo: Repo,
    todo: list[Entry],
    knowledge: Knowledge,
    jobs: int,
    backend: str,
    tick: Tick | None,
    memo: Memo | None,
    slot: str,
    shared: Shared | None = None,
) -> list[Answered]:
    """Every entry answered, in order: from memory where nothing changed, the others anew.

    `shared`: for an answer that is made anew, make what the page offers of it to copy as well.
    """
    known = recalled(memo, slot, todo) if memo is not None else {}
    if tick and known:
        tick(len(known))
    new = [entry for entry in todo if entry not in known]
    for item in _fresh(repo, new, knowledge, jobs, backend, tick, shared):
        known[item.entry] = item
        if memo is not None:
            remember(memo, slot, item)
    return [known[entry] for entry in todo]


def _fresh(
    repo: Repo,
    todo: list[Entry],
    knowledge: Knowledge,
    jobs: int,
    backend: str,
    tick: Tick | None,
    shared: Shared | None,
) -> Iterator[Answered]:
    chunks = [todo[start : start + CHUNK] for start in range(0, len(todo), CHUNK)]
    here = len(chunks) < 2 or shares_memory(jobs, backend)
    work: Callable[[list[Entry]], list[Answered]] = (
        partial(answer_all, repo, knowledge, shared) if here else partial(_there, str(repo.root), knowledge, shared)
    )
    results: Iterable[list[Answered]] = map(work, chunks) if len(chunks) < 2 else spread(work, chunks, jobs, backend)
    for chunk, result in zip(chunks, results, strict=True):
        if tick:
            tick(len(chunk))
        yield from result


def _there(root: str, knowledge: Knowledge, shared: Shared | None, chunk: list[Entry]) -> list[Answered]:
    return answer_all(open_repo(Path(root)), knowledge, shared, chunk)


def answer_all(repo: Repo, knowledge: Knowledge, shared: Shared | None, todo: list[Entry]) -> list[Answered]:
    """Answer entries one after the other with one cache of digests; with `shared` make their exports too."""
    digests = Digests(repo.root)
    answered = [_recorded(repo, entry, knowledge, digests) for entry in todo]
    if shared is None:
        return answered
    texts = partial(export_texts, repo)
    return [
        replace(item, exports=exports_made(repo, texts, shared, item.recommendation) if item.fits else None)
        for item in answered
    ]


def _recorded(repo: Repo, entry: Entry, knowledge: Knowledge, digests: Digests) -> Answered:
    """An answer with all records and templates that were used on the way."""
    from tool.render.templates import used_templates

    used_templates()
    with repo.recording() as used:
        item = answer(repo, entry, knowledge, digests)
    templates = {TEMPLATE + name for name in used_templates()}
    return replace(item, inputs=tuple(sorted(used | templates | {*item.inputs} - SHARED_FILES)))


def answer(repo: Repo, entry: Entry, knowledge: Knowledge, digests: Digests) -> Answered:
    """Recommendation and notebook of one entry, each with its provenance."""
    from tool.generate.context import hours_per_thousand_rows, notebook_context
    from tool.render import notebook

    with repo.recording() as used:
        try:
            recommendation = recommend(repo, entry.request(), knowledge)
        except BadRequest as error:
            fault = Fault("profiles/catalog.yaml", 0, error.field, f"entry {entry.slug}: {error}", "correct the entry")
            raise InputFaults([fault]) from None
    fits = recommendation.vram is not None and recommendation.vram.verdict == "fits"
    inputs = inputs_of(recommendation, used)
    provenance = digests.provenance(inputs, SHARED_FOLDERS)
    plain = recommendation.model_dump(mode="json")
    files = {f"generated/recommendations/{entry.slug}.json": json_bytes({"answer": plain, "provenance": provenance})}
    if fits:
        context = notebook_context(repo, recommendation, provenance)
        files[f"generated/notebooks/{entry.slug}.ipynb"] = notebook(recommendation, context)
    hours = hours_per_thousand_rows(repo, recommendation) if fits else None
    return Answered(entry, recommendation, files, fits, hours, digest_of(plain), tuple(inputs))


def inputs_of(answer: Recommendation, used: set[str]) -> set[str]:
    """Every file that an entry was made from: the records it read, shared files, and the stack's lock."""
    locks = {f"profiles/dependencies/locks/{answer.dependencies.stack}.txt"} if answer.dependencies else set()
    return used | SHARED_FILES | locks


def listed(item: Answered) -> Listed:
    """An entry as the page is told of it."""
    return Listed(item.entry.slug, index_row(item), item.recommendation, item.digest, item.exports)


def index_row(item: Answered) -> dict[str, Any]:
    """What an index needs to know of an entry."""
    answer, entry = item.recommendation, item.entry
    vram = answer.vram
    return {
        "model": entry.model,
        "task": entry.task,
        "objective": answer.config["objective"],
        "adapter": entry.adapter,
        "place": entry.place,
        "fits": item.fits,
        "learning_rate": answer.config["learning_rate"],
        "effective_batch_size": answer.effective_batch_size,
        "per_device_train_batch_size": answer.config["per_device_train_batch_size"],
        "max_length": answer.config["max_length"],
        "upper_gib": vram.upper_gib if vram else None,
        "usable_gib": vram.usable_gib if vram else None,
        "confidence": answer.confidence,
        "hours_per_1000_rows": item.hours,
        "would_fit": [] if item.fits else [w for w in answer.warnings if w.startswith("it would fit")],
        "recommendation": f"recommendations/{entry.slug}.json" if item.fits else None,
        "notebook": f"notebooks/{entry.slug}.ipynb" if item.fits else None,
    }


def knowledge_files(repo: Repo, knowledge: Knowledge) -> dict[str, bytes]:
    """Priors, and what normalisation did with every published recipe."""
    from tool.priors import PRIORS_PATH, priors_text
    from tool.recipes import load_recipes, recipes_page, recipes_report

    files = {"generated/recipes.md": recipes_page(recipes_report(load_recipes(repo.root))).encode()}
    if knowledge.priors is not None:
        files[PRIORS_PATH] = priors_text(knowledge.priors).encode()
    return files
