"""Open Fine-Tune Config: recommend fine-tuning configurations from facts in git."""

__version__ = "2026.11.0"
