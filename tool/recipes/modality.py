"""Whether a recipe trains on text alone, from the names of its model and data sets."""

from __future__ import annotations

import re
from functools import lru_cache

_HEARING = re.compile(r"audio|whisper|(?:^|[-_/.])(?:tts|asr|orpheus|csm)(?:[-_.\d]|$)|aishell|speech", re.I)
_SEEING_MODEL = re.compile(
    r"(?:^|[-_/.])(?:vl|omni|ocr|vision|emu3|keye|ovis\d?)(?:[-_.\d]|$)|internvl|llava|minicpm-?v|qwen-?vl|xcomposer|"
    r"glm-4\.\dv|cogvlm|hunyuanocr|ovis|pixtral|smolvlm|idefics|paligemma|blip",
    re.I,
)
_SEEING_DATA = re.compile(
    r"(?<![a-z])ocr(?![a-z])|ocrvqa|llava|(?:^|[/_\-])coco(?:[/_\-]|$)|image|vqa|clevr|video|caption|refcoco|pixel|geoqa|multimodal|deepeyes|medpix",
    re.I,
)


@lru_cache(maxsize=8192)
def modality_of(model: str | None, datasets: tuple[str, ...]) -> str:
    """text, vision or audio."""
    names = (model or "", *datasets)
    if any(_HEARING.search(name) for name in names):
        return "audio"
    if _SEEING_MODEL.search(model or "") or any(_SEEING_DATA.search(name) for name in datasets):
        return "vision"
    return "text"
