"""A small shop to try the migrations on: by hand (`manage.py`), or with `python3 dev.py demo`."""
