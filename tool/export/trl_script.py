"""A Python script on TRL's trainers, of the same cells as the notebook of this answer."""

from __future__ import annotations

from tool.export.engine import Framework
from tool.export.script import render, start
from tool.render.view import TRL_TEMPLATES

FRAMEWORK = Framework("trl-script", "TRL", "1.16.0", "trl", frozenset(TRL_TEMPLATES), (), start, body=render)
