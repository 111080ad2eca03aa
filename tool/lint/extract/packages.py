"""What is read from which package: which classes, and how their fields become the keys of a file."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tool.lint.extract.archives import Release
from tool.lint.extract.classes import Kind, Table, merge

OPTIMIZER_ARGUMENTS = frozenset(
    {"lr", "betas", "eps", "weight_decay", "amsgrad", "foreach", "fused", "capturable", "maximize", "differentiable"}
    | {
        "momentum",
        "dampening",
        "nesterov",
        "optim_bits",
        "percentile_clipping",
        "block_wise",
        "is_paged",
        "label_smoothing",
    }
)
"""Parameters of the optimizers and losses of torch 2.13 and bitsandbytes 0.50, which torchtune's files may name."""
Keys = dict[str, Kind]
Groups = dict[str, Keys]
"""Name of a class (or `file` for a configuration file as a whole) → its keys."""


@dataclass(frozen=True)
class Package:
    """One list: the packages that make up the series (older names first) and the reader of one release."""

    name: str
    series: tuple[str, ...]
    read: Callable[[Release], Groups]
    extracted: str


def _table(release: Release, pattern: str) -> Table:
    return Table(release.sources(re.compile(pattern)).values())


def _kinds(table: Table, name: str) -> Keys:
    return {key: entry.kind for key, entry in table.fields(name).items()}


def _union(groups: list[Keys]) -> Keys:
    whole: Keys = {}
    for keys in groups:
        for key, kind in keys.items():
            whole[key] = merge(whole[key], kind) if key in whole else kind
    return whole


def transformers(release: Release) -> Groups:
    table = _table(
        release, r"^transformers/(training_args|training_args_seq2seq|trainer_utils|utils/(quantization_config))\.py$"
    )
    # In version 5 the class of the quantiser documents its arguments in the constructor only.
    groups = {name: _kinds(table, name) for name in ("TrainingArguments", "Seq2SeqTrainingArguments")}
    quantiser = table.classes.get("BitsAndBytesConfig")
    groups["BitsAndBytesConfig"] = dict.fromkeys(quantiser.parameters if quantiser else (), ("any",))
    return groups


def peft(release: Release) -> Groups:
    table = _table(release, r"^peft/(config\.py|tuners/.*\.py|utils/config\.py|utils/peft_types\.py)$")
    names = [name for name in table.classes if name.endswith("Config") and table.fields(name)]
    return {name: _kinds(table, name) for name in names}


def trl(release: Release) -> Groups:
    table = _table(release, r"^trl/.*\.py$")
    groups = {
        name: _kinds(table, name) | {key: ("any",) for key in found.parameters if name.endswith("Trainer")}
        for name, found in table.classes.items()
        if name.endswith(("Config", "Arguments", "Trainer"))
    }
    return {name: keys for name, keys in groups.items() if keys}


def alignment_handbook(release: Release) -> Groups:
    table = _table(release, r"^alignment/configs\.py$")
    return {"file": _union([_kinds(table, name) for name in table.classes])}


def unsloth(release: Release) -> Groups:
    """Parameters of its loaders, and the fields that it adds to TRL's configs when it rewrites them."""
    pattern = r"^unsloth/(models/.*|trainer)\.py$"
    table = _table(release, pattern)
    added = set(
        re.findall(
            r"\b(unsloth_\w+|vllm_sampling_params)\s*:",
            "".join(release.texts(re.compile(r"^unsloth/models/rl\.py$")).values()),
        )
    )
    load, wrap = table.functions.get("from_pretrained", ()), table.functions.get("get_peft_model", ())
    groups = {
        "FastLanguageModel.from_pretrained": dict.fromkeys(load, ("any",)),
        "FastLanguageModel.get_peft_model": dict.fromkeys(wrap, ("any",)),
        "UnslothTrainingArguments": {"embedding_learning_rate": ("float",)},
        "rewritten": dict.fromkeys(sorted(added), ("any",)),
    }
    return {name: {key: kind for key, kind in keys.items() if key != "model"} for name, keys in groups.items()}


def axolotl(release: Release) -> Groups:
    """The input schema, the schemas that plugins add to it, and what only validators know (older names)."""
    modules = release.sources(re.compile(r"axolotl/(utils/(schemas|config)|integrations|core/trainers)/.*\.py$"))
    table = Table(modules.values())
    keys = table.dotted("AxolotlInputConfig")
    for name in sorted(_plugin_schemas(modules.values())):
        keys = table.dotted(name) | keys
    judges = [module for path, module in modules.items() if re.search(r"utils/(schemas|config)/", path)]
    nested = {key.rsplit(".", 1)[-1] for key in keys if "." in key}
    for name in sorted(_looked_for(judges, {"data", "values"}) - nested):
        keys.setdefault(name, ("any",))
    return {"file": keys}


def _plugin_schemas(modules: Iterable[ast.Module]) -> set[str]:
    """Classes whose paths the plugins return from `get_input_args`."""
    found: set[str] = set()
    for module in modules:
        for node in ast.walk(module):
            if isinstance(node, ast.FunctionDef) and node.name == "get_input_args":
                words = [item.value for item in ast.walk(node) if isinstance(item, ast.Constant)]
                found |= {str(word).rsplit(".", 1)[-1] for word in words if isinstance(word, str)}
    return found


def _looked_for(modules: Iterable[ast.Module], holders: set[str]) -> set[str]:
    """Keys that validators look for by name, as in `data.get("key")`."""
    found: set[str] = set()
    for module in modules:
        for node in ast.walk(module):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                holder, word = node.func.value, node.args[0]
                if node.func.attr in ("get", "pop") and isinstance(holder, ast.Name) and holder.id in holders:
                    found |= {word.value} if isinstance(word, ast.Constant) and isinstance(word.value, str) else set()
    return {name for name in found if name.isidentifier()}


def llamafactory(release: Release) -> Groups:
    table = _table(release, r"^(llamafactory|llmtuner)/(hparams|v1/config)/.*\.py$")
    names = [name for name in table.classes if name.endswith(("Arguments", "Args"))]
    parameters = _table(release, r"^(llamafactory|llmtuner)/(hparams/parser|v1/config/arg_parser)\.py$")
    keys = _union([_kinds(table, name) for name in names])
    return {"file": keys | {name: ("any",) for name in parameters.functions.get("get_train_args", ()) if len(name) > 9}}


def oumi(release: Release) -> Groups:
    modules = release.sources(re.compile(r"^oumi/core/configs/.*\.py$"))
    return {"file": Table(modules.values(), member_names=True).dotted("TrainingConfig")}


def ms_swift(release: Release) -> Groups:
    table = _table(release, r"^swift/(.*arg.*|.*/arg.*/.*|trainers/.*)\.py$")
    names = [name for name in table.classes if name.endswith(("Arguments", "Mixin", "Args", "Config"))]
    return {"file": _union([_kinds(table, name) for name in names])}


def torchtune(release: Release) -> Groups:
    """Keys of the shipped configurations and of `cfg` in the recipes; arguments of any component, in one pool."""
    import yaml

    keys: Keys = {}
    for text in release.texts(re.compile(r"^recipes/configs/.*\.ya?ml$")).values():
        try:
            document = yaml.safe_load(text)
        except yaml.YAMLError:
            continue
        keys |= _paths(document) if isinstance(document, dict) else {}
    for text in release.texts(re.compile(r"^recipes/.*\.py$")).values():
        for name in re.findall(r"\bcfg\.([a-z_]\w*)", text) + re.findall(r"\bcfg\.get\(\s*\"([a-z_]\w*)\"", text):
            keys.setdefault(name, ("any",))
    table = _table(release, r"^torchtune/.*\.py$")
    pool = {name for parameters in table.functions.values() for name in parameters}
    pool |= {name for found in table.classes for name in table.fields(found)} | OPTIMIZER_ARGUMENTS
    named = sorted(name for name in pool - {"self", "cls", "args", "kwargs"} if name == name.lower())
    components = {name for name in (*table.functions, *table.classes, *table.imported) if not name.startswith("_")}
    found = {"arguments": named, "components": sorted(components)}
    return {"file": keys} | {group: dict.fromkeys(names, ("any",)) for group, names in found.items()}


def _paths(tree: dict[str, object], prefix: str = "") -> Keys:
    """Every path of a configuration, with the kind of its value where it is a plain one."""
    found: Keys = {}
    for key, value in tree.items():
        found[f"{prefix}{key}"] = ("any",)
        if isinstance(value, dict):
            found |= _paths(value, f"{prefix}{key}.")
    return found


PACKAGES = (
    Package("transformers", ("transformers",), transformers, "fields of TrainingArguments, BitsAndBytesConfig"),
    Package("peft", ("peft",), peft, "fields of its Config classes"),
    Package("trl", ("trl",), trl, "fields of its Config and Arguments classes, parameters of its trainers"),
    Package("alignment-handbook", ("alignment-handbook",), alignment_handbook, "fields of its argument classes"),
    Package("unsloth", ("unsloth",), unsloth, "parameters of from_pretrained and get_peft_model"),
    Package("axolotl", ("axolotl",), axolotl, "fields of AxolotlInputConfig, its plugins and its validators"),
    Package("llamafactory", ("llmtuner", "llamafactory"), llamafactory, "fields of its argument classes"),
    Package("torchtune", ("torchtune",), torchtune, "shipped configurations, recipes, parameters of its components"),
    Package("oumi", ("oumi",), oumi, "fields of TrainingConfig and of what it holds"),
    Package("ms-swift", ("ms-swift",), ms_swift, "fields of its argument classes"),
)
