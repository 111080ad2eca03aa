"""The notebook of one answer that is not in the catalogue, with the digest of everything that it was made from."""

from __future__ import annotations

from tool.generate.context import notebook_context
from tool.generate.inputs import SHARED_FILES, SHARED_FOLDERS
from tool.generate.provenance import Digests
from tool.load import Repo
from tool.load.yaml_file import YamlFile
from tool.recommend.question import ask
from tool.render import NotebookContext, notebook
from tool.schema.recommendation import Recommendation, RecommendRequest


def own_notebook(repo: Repo, answer: Recommendation) -> bytes:
    """The notebook of this very answer. Raises BadRequest when no template trains it."""
    return notebook(answer, own_context(repo, answer))


def own_context(repo: Repo, answer: Recommendation) -> NotebookContext:
    """What surrounds this very answer, the digest of everything that it was made from included."""
    provenance = Digests(repo.root).provenance(sources_of(repo, answer), SHARED_FOLDERS)
    return notebook_context(repo, answer, provenance)


def sources_of(repo: Repo, answer: Recommendation) -> set[str]:
    """The records that the question names, what a model inherits from, shared files, and the stack with its lock."""
    with repo.recording() as used:
        ask(repo, RecommendRequest.model_validate(answer.request))
    bases = {path for model in used if model.startswith("registry/models/") for path in _base(repo, model)}
    found = used | bases | SHARED_FILES
    if answer.dependencies:
        stack = answer.dependencies.stack
        found |= {f"profiles/dependencies/{stack}.yaml", f"profiles/dependencies/locks/{stack}.txt"}
    return found


def _base(repo: Repo, path: str) -> list[str]:
    data = YamlFile.read(repo.root, path).data
    base = data.get("base") if isinstance(data, dict) else None
    return [repo.models.path(base)] if base else []
