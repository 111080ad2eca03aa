from __future__ import annotations


def resolve(): ...
