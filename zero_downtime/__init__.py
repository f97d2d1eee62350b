"""Get the migrations Django writes into a busy PostgreSQL database without anybody noticing."""

__version__ = "0.1.0"
