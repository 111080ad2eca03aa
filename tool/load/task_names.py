"""What people write for a task → the task."""

from __future__ import annotations

from tool.errors import BadRequest, Fault
from tool.load.name_keys import collisions, is_id, name_key, nearest
from tool.load.repo import Repo
from tool.load.yaml_file import YamlFile
from tool.schema.task import Task


def resolve_task(repo: Repo, name: str) -> Task | None:
    """The task of that id, alias or objective name. Letter case, spaces, dashes and underscores do not count."""
    if is_id(repo.tasks, name):
        return repo.tasks[name]
    key = name_key(name)
    for task in repo.tasks:
        if key in {name_key(known) for known in (task.id, *task.aliases)}:
            return task
    return None


def find_task(repo: Repo, name: str, field: str = "task") -> Task:
    """Like `resolve_task`, but a miss is a BadRequest that suggests the nearest name."""
    task = resolve_task(repo, name)
    if task is None:
        close = nearest(name, [known for task in repo.tasks for known in (task.id, *task.aliases)])
        listing = f"known: {', '.join(repo.tasks.ids())}"
        raise BadRequest(field, f"unknown task {name!r}", f"did you mean {close!r}?" if close else listing)
    return task


def alias_faults(repo: Repo) -> list[Fault]:
    """A fault for every alias that two tasks claim."""
    names = {task.id: (task.id, *task.aliases) for task in repo.tasks}
    faults = []
    for owner, name, holder in collisions(names):
        aliases = repo.tasks[owner].aliases
        place: tuple[str | int, ...] = ("aliases", aliases.index(name)) if name in aliases else ()
        path = repo.tasks.path(owner)
        line = YamlFile.read(repo.root, path).line_of(place)
        field = ".".join(str(part) for part in place)
        faults.append(Fault(path, line, field, f"{name!r} also names {holder}", "keep it on one task"))
    return faults
