"""Request → question: every name resolved, every contradiction named, nothing decided yet."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

from tool.architecture import (
    Inventory,
    UnsupportedArchitecture,
    architecture_for_size,
    architecture_from_config,
    inventory,
    is_approximate,
    resolve,
)
from tool.architecture.families import ENCODERS
from tool.errors import BadRequest
from tool.load import Repo
from tool.load.gpu_names import find_gpu
from tool.load.platform_names import find_plan
from tool.load.task_names import resolve_task
from tool.memory.overhead import load_calibration, usable_of
from tool.recommend.words import ADAPTERS, LONGEST_SHOWN, OBJECTIVES, closest, shortened, word
from tool.schema.base import SizeBucket, size_bucket
from tool.schema.gpu import Gpu
from tool.schema.model import Architecture, Model
from tool.schema.platform import CardOffer, Plan, Platform
from tool.schema.recommendation import RecommendRequest
from tool.schema.task import Task

TYPICAL_PARAMETERS: dict[str, float] = {"small": 0.5e9, "medium": 3e9, "large": 14e9}
FAMILY_STEMS = (
    *("llama", "qwen", "mistral", "mixtral", "gemma", "phi", "falcon", "granite", "olmo", "smollm", "yi"),
    *("deepseek", "pythia", "bloom", "gpt2", "gpt-neox", "opt", "starcoder", "baichuan", "internlm", "glm"),
    *("bert", "t5", "bart", "stablelm", "mpt", "zephyr", "vicuna", "alpaca", "tulu", "hermes", "solar"),
)
"""Names of families that stand in the ids of republished and fine-tuned models."""
SHORT_STEM = 3
TUNED_FROM = {"zephyr": "mistral", "vicuna": "llama", "alpaca": "llama", "tulu": "llama", "solar": "llama"}
"""Names of fine-tuned models that tell their base family."""
PADDING_POSITIONS = {"roberta": 2, "xlm-roberta": 2, "camembert": 2}
"""Learned positions that no token takes: RoBERTa counts from its padding id plus one (transformers, modeling_roberta).
"""
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
        if self.architecture.is_encoder_decoder:
            return "seq2seq"
        encoder = self.model.kind == "encoder" if self.model else self.architecture.model_type in ENCODERS
        return "sequence_classification" if encoder else "causal_lm"

    @property
    def hard_limit(self) -> int | None:
        """Tokens beyond which the network has no learned position and stops with an error; None: it extrapolates."""
        shape = self.architecture
        if not self.exact or not shape.position_embeddings or not shape.max_position_embeddings:
            return None
        return shape.max_position_embeddings - PADDING_POSITIONS.get(shape.model_type, 0)


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
    adapter = word(request.adapter or "auto", ADAPTERS, outside)
    hardware = _hardware(repo, request, warnings)
    _check_kind(task, subject, outside)
    seq_len = _length(subject, request.seq_len, warnings)
    return Question(
        request=request,
        subject=subject,
        task=task,
        objective=objective,
        adapter=adapter,
        gpus=hardware.count if hardware else (request.gpus or 1),
        hardware=hardware,
        seq_len=seq_len,
        outside=tuple(outside),
        warnings=tuple(warnings),
    )


def _length(subject: Subject, wanted: int | None, warnings: list[str]) -> int | None:
    """The requested length in tokens, lowered where the model has no positions for it."""
    longest = subject.architecture.max_position_embeddings
    if wanted is None or not longest or wanted <= longest or not subject.exact:
        return wanted
    limit = subject.hard_limit
    if limit is None:
        warnings.append(f"seq_len {wanted} is longer than the {longest} positions the model was made for")
        return wanted
    warnings.append(f"seq_len {wanted} lowered to {limit}: the model has learned positions for no more")
    return limit


def _task(repo: Repo, request: RecommendRequest, outside: list[str]) -> tuple[Task, str]:
    stated = (request.task or "").strip() or None
    if stated is None and request.objective is None:
        raise BadRequest("task", "a task or an objective is needed", f"known tasks: {', '.join(repo.tasks.ids())}")
    objective = None
    if request.objective is not None:
        named = resolve_task(repo, request.objective) if stated is None else None
        if named is not None and not OBJECTIVES.knows(request.objective):
            return named, named.objective  # who has one word for both gave a task
        objective = word(request.objective, OBJECTIVES, outside)
    name = stated or str(objective)
    task = resolve_task(repo, name)
    if task is None:
        near = closest(name.replace(" ", "_").replace("-", "_"), _task_names(repo))
        if near:
            raise BadRequest("task", f"unknown task {name!r}", f"did you mean {near!r}?")
        outside.append(
            f"task {shortened(name)} is not one of {', '.join(repo.tasks.ids())}; answered as {FALLBACK_TASK}"
        )
        task = repo.tasks[FALLBACK_TASK]
    if objective is None:
        aliased = name.strip().casefold()
        objective = aliased if aliased in task.objectives else task.objective
    elif objective not in task.objectives and stated is not None:
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
        described = _from_config(request, request.model_config_, outside, warnings)
        if described is not None:
            return described
    parameters = _stated_parameters(repo, request)
    family = _known_family(repo, request.model)
    if request.model:
        warnings.append(f"model {shortened(request.model)} is not in the registry: answered from its size alone")
        if family is None:
            outside.append(f"the family of {shortened(request.model)} is unknown")
    architecture = architecture_for_size(parameters)
    return Subject(request.model, None, architecture, parameters, family, exact=False)


def _from_config(
    request: RecommendRequest, config: dict[str, Any], outside: list[str], warnings: list[str]
) -> Subject | None:
    """The model that a config.json describes; None for one that cannot be read where a size is given beside it."""
    try:
        architecture, notes = architecture_from_config(config)
    except UnsupportedArchitecture as error:
        note = f"model type {error.model_type!r} of the config.json is not supported"
        if request.params_b is None and request.size_bucket is None:
            raise BadRequest(
                "model_config", note, "give its size (params_b) for an answer from the size alone"
            ) from None
        outside.append(note)
        return None
    except BadRequest as error:
        if error.field.startswith("model_config"):
            raise
        raise BadRequest(f"model_config.{error.field}", error.message, error.mend) from None
    warnings.extend(notes)
    counted: Inventory = inventory(architecture)
    parameters = float(counted.total)
    approximate = is_approximate(notes)
    if approximate:
        outside.extend(notes)
        parameters = request.params_b * 1e9 if request.params_b else parameters
    return Subject(request.model, None, architecture, parameters, architecture.model_type, exact=not approximate)


def _stated_parameters(repo: Repo, request: RecommendRequest) -> float:
    if request.params_b is not None:
        return request.params_b * 1e9
    if request.size_bucket is not None:
        return TYPICAL_PARAMETERS[request.size_bucket]
    if request.model is None:
        raise BadRequest("model", "one of model, model_config, params_b or size_bucket is needed", "name the model")
    near = closest(request.model, repo.models.ids(), cutoff=0.5) if len(request.model) <= LONGEST_SHOWN else None
    hint = f"did you mean {near!r}? or " if near else ""
    raise BadRequest(
        "model", f"unknown model {shortened(request.model)}", f"{hint}give its config.json or its size (params_b)"
    )


def _known_family(repo: Repo, name: str | None) -> str | None:
    """The family whose name stands in an unregistered id ("acme/llama-9b" → "llama"), or None."""
    if name is None:
        return None
    folded = name.casefold()
    found = next((stem for stem in FAMILY_STEMS if re.search(_pattern(stem), folded)), None)
    return TUNED_FROM.get(found, found) if found else None


def _pattern(stem: str) -> str:
    """Long stems count anywhere ("codellama"), short ones only as a word ("phi", not "dolphin")."""
    return stem if len(stem) > SHORT_STEM else rf"(?<![a-z]){stem}(?![a-z])"


def _hardware(repo: Repo, request: RecommendRequest, warnings: list[str]) -> Hardware | None:
    found = _named_hardware(repo, request, warnings)
    if found is None:
        return None
    usable = usable_of(load_calibration(repo.root), found.gpu.id, found.usable_gib)
    return replace(found, usable_gib=usable)


def _named_hardware(repo: Repo, request: RecommendRequest, warnings: list[str]) -> Hardware | None:
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
