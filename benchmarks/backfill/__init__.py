"""Backfilling a column: the engine against what people do without it; begins in `parts.py`."""
