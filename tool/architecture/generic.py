from __future__ import annotations


def architecture_for_size(): ...
