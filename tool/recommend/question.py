"""Request → question: every name resolved, every contradiction named, nothing decided yet."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from tool.architecture import Inventory, architecture_for_size, architecture_from_config, inventory, resolve
from tool.errors import BadRequest
from tool.load import Repo
from tool.load.gpu_names import find_gpu
from tool.load.platform_names import find_plan
from tool.load.task_names import resolve_task
from tool.schema.base import SizeBucket, size_bucket
from tool.schema.gpu import Gpu
from tool.schema.model import Architecture, Model
from tool.schema.platform import CardOffer, Plan, Platform
from tool.schema.recommendation import RecommendRequest
from tool.schema.task import Task

OBJECTIVES = ("sft", "dpo", "orpo", "kto", "simpo", "cpt", "grpo")
ADAPTERS = ("auto", "full", "lora", "qlora", "dora")
TYPICAL_PARAMETERS: dict[str, float] = {"small": 0.5e9, "medium": 3e9, "large": 14e9}
TYPO_CUTOFF = 0.78
FAMILY_STEMS = (
    *("llama", "qwen", "mistral", "mixtral", "gemma", "phi", "falcon", "granite", "olmo", "smollm", "yi"),
    *("deepseek", "pythia", "bloom", "gpt2", "gpt-neox", "opt", "starcoder", "baichuan", "internlm", "glm"),
    *("bert", "t5", "bart", "stablelm", "mpt", "zephyr", "vicuna", "alpaca", "tulu", "hermes", "solar"),
)
SHORT_STEM = 3
"""Names of families that stand in the ids of republished and fine-tuned models."""
FALLBACK_TASK = "instruction_following"


@dataclass(frozen=True)
class Subject:
    """The model in question. `architecture` is typical for its size when only a size was given."""

    name: str | None
    model: Model | None
    architecture: Architecture
    parameters: float
    family: str | None
    exact: bool

    @property
    def bucket(self) -> SizeBucket:
        return size_bucket(self.parameters)

    @property
    def kind(self) -> str:
        """causal_lm, seq2seq or sequence_classification (an encoder)."""
        kind = self.model.kind if self.model else ""
        name = self.architecture.architecture
        if kind == "encoder-decoder" or "ConditionalGeneration" in name:
            return "seq2seq" if kind != "base" else "causal_lm"
        return "sequence_classification" if kind == "encoder" else "causal_lm"


@dataclass(frozen=True)
class Hardware:
    """Cards to run on. `usable_gib` is per card (GiB)."""

    gpu: Gpu
    usable_gib: float
    count: int
    platform: Platform | None = None
    plan_name: str | None = None
    plan: Plan | None = None


@dataclass(frozen=True)
class Question:
    """A request with all names resolved. `outside` says what the data do not support, `warnings` what to know."""

    request: RecommendRequest
    subject: Subject
    task: Task
    objective: str
    adapter: str
    gpus: int
    hardware: Hardware | None = None
    seq_len: int | None = None
    outside: tuple[str, ...] = ()
    warnings: tuple[str, ...] = field(default=())

    def with_adapter(self, adapter: str) -> Question:
        return replace(self, adapter=adapter)


def ask(repo: Repo, request: RecommendRequest) -> Question:
    """Resolve a request. Raises BadRequest for what is missing, mistyped or contradictory."""
    outside: list[str] = []
    warnings: list[str] = []
    task, objective = _task(repo, request, outside)
    subject = _subject(repo, request, outside, warnings)
    adapter = _word(request.adapter or "auto", "adapter", ADAPTERS, "lora", outside)
    hardware = _hardware(repo, request, warnings)
    _check_kind(task, subject, outside)
    longest = subject.architecture.max_position_embeddings
    if request.seq_len and longest and request.seq_len > longest and subject.exact:
        warnings.append(f"seq_len {request.seq_len} is longer than the {longest} positions the model was made for")
    return Question(
        request=request,
        subject=subject,
        task=task,
        objective=objective,
        adapter=adapter,
        gpus=hardware.count if hardware else (request.gpus or 1),
        hardware=hardware,
        seq_len=request.seq_len,
        outside=tuple(outside),
        warnings=tuple(warnings),
    )


def closest(name: str, known: Iterable[str], cutoff: float = TYPO_CUTOFF) -> str | None:
    """The known name that `name` is most likely a misspelling of, or None."""
    folded = {candidate.casefold(): candidate for candidate in known}
    match = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=cutoff)
    return folded[match[0]] if match else None


def _word(name: str, field: str, known: tuple[str, ...], fallback: str, outside: list[str]) -> str:
    """A word of a closed vocabulary: a typo is an error, a foreign word is outside what the data support."""
    word = name.strip().casefold().replace("-", "_")
    if word in known:
        return word
    near = closest(word, known)
    if near:
        raise BadRequest(field, f"unknown {field} {name!r}", f"did you mean {near!r}?")
    outside.append(f"{field} {name!r} is not one of {', '.join(known)}; answered as {fallback}")
    return fallback


def _task(repo: Repo, request: RecommendRequest, outside: list[str]) -> tuple[Task, str]:
    if request.task is None and request.objective is None:
        raise BadRequest("task", "a task or an objective is needed", f"known tasks: {', '.join(repo.tasks.ids())}")
    objective = None
    if request.objective is not None:
        objective = _word(request.objective, "objective", OBJECTIVES, "sft", outside)
    name = request.task if request.task is not None else str(objective)
    task = resolve_task(repo, name)
    if task is None:
        near = closest(name.replace(" ", "_").replace("-", "_"), _task_names(repo))
        if near:
            raise BadRequest("task", f"unknown task {name!r}", f"did you mean {near!r}?")
        outside.append(f"task {name!r} is not one of {', '.join(repo.tasks.ids())}; answered as {FALLBACK_TASK}")
        task = repo.tasks[FALLBACK_TASK]
    if objective is None:
        aliased = name.strip().casefold()
        objective = aliased if aliased in task.objectives else task.objective
    elif objective not in task.objectives and request.task is not None:
        outside.append(f"objective {objective} is not used for task {task.id} ({', '.join(task.objectives)})")
    return task, objective


def _task_names(repo: Repo) -> list[str]:
    return [name for task in repo.tasks for name in (task.id, *task.aliases)]


def _subject(repo: Repo, request: RecommendRequest, outside: list[str], warnings: list[str]) -> Subject:
    model = resolve(repo, request.model) if request.model else None
    if model is not None:
        if request.model and model.id != request.model:
            warnings.append(f"{request.model} is answered as {model.id}")
        return Subject(model.id, model, model.architecture, model.parameters, model.family, exact=True)
    if request.model_config_ is not None:
        return _from_config(request, outside, warnings)
    parameters = _stated_parameters(repo, request)
    family = _known_family(repo, request.model)
    if request.model:
        warnings.append(f"model {request.model!r} is not in the registry: answered from its size alone")
        if family is None:
            outside.append(f"the family of {request.model!r} is unknown")
    architecture = architecture_for_size(parameters)
    return Subject(request.model, None, architecture, parameters, family, exact=False)


def _from_config(request: RecommendRequest, outside: list[str], warnings: list[str]) -> Subject:
    architecture, notes = architecture_from_config(request.model_config_ or {})
    if notes:
        outside.extend(notes)
        warnings.extend(notes)
    counted: Inventory = inventory(architecture)
    parameters = float(counted.total)
    if request.params_b and notes:
        parameters = request.params_b * 1e9
    return Subject(request.model, None, architecture, parameters, architecture.model_type, exact=not notes)


def _stated_parameters(repo: Repo, request: RecommendRequest) -> float:
    if request.params_b is not None:
        return request.params_b * 1e9
    if request.size_bucket is not None:
        return TYPICAL_PARAMETERS[request.size_bucket]
    if request.model is None:
        raise BadRequest("model", "one of model, model_config, params_b or size_bucket is needed", "name the model")
    near = closest(request.model, repo.models.ids(), cutoff=0.5)
    hint = f"did you mean {near!r}? " if near else ""
    raise BadRequest(
        "model", f"unknown model {request.model!r}", f"{hint}or give its config.json or its size (params_b)"
    )


def _known_family(repo: Repo, name: str | None) -> str | None:
    """The family whose name stands in an unregistered id ("acme/llama-9b" → "llama"), or None."""
    if name is None:
        return None
    folded = name.casefold()
    return next((stem for stem in FAMILY_STEMS if re.search(_pattern(stem), folded)), None)


def _pattern(stem: str) -> str:
    """Long stems count anywhere ("codellama"), short ones only as a word ("phi", not "dolphin")."""
    return stem if len(stem) > SHORT_STEM else rf"(?<![a-z]){stem}(?![a-z])"


def _hardware(repo: Repo, request: RecommendRequest, warnings: list[str]) -> Hardware | None:
    if request.platform is None:
        if request.plan is not None:
            raise BadRequest("plan", "a plan needs a platform", f"known: {', '.join(repo.platforms.ids())}")
        if request.gpu is None:
            return None
        gpu, usable = find_gpu(repo, request.gpu)
        return Hardware(gpu, usable, request.gpus or 1)
    platform, plan_name, plan = find_plan(repo, request.platform, request.plan)
    offer = _offer(repo, plan, request, f"{platform.id}/{plan_name}")
    gpu = repo.gpus[offer.gpu]
    count = request.gpus or offer.count
    if count > offer.count:
        warnings.append(f"{platform.id}/{plan_name} offers {offer.count} x {gpu.id}; sized for {count}")
    return Hardware(gpu, offer.usable_gib or gpu.usable_gib, count, platform, plan_name, plan)


def _offer(repo: Repo, plan: Plan, request: RecommendRequest, place: str) -> CardOffer:
    if request.gpu is None:
        return plan.cards[0]
    gpu, _ = find_gpu(repo, request.gpu)
    for offer in plan.cards:
        if offer.gpu == gpu.id:
            return offer
    raise BadRequest("gpu", f"{place} does not offer {gpu.id}", f"it offers {', '.join(o.gpu for o in plan.cards)}")


def _check_kind(task: Task, subject: Subject, outside: list[str]) -> None:
    if (subject.model is not None or subject.exact) and subject.kind not in task.model_kinds:
        kinds = " or ".join(task.model_kinds)
        outside.append(f"{subject.name or 'the model'} is a {subject.kind} model; {task.id} is trained with {kinds}")
