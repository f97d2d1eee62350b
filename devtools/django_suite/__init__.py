"""Django's own tests, with our commands in the place of Django's.

    python -m devtools.django_suite                those that run migrations
    python -m devtools.django_suite LABEL ...      others, by the names that Django's tests have

They come from the source distribution of the Django that is installed, which is fetched from PyPI
once; nothing of it is changed. What fails is run again without `zero_downtime`, and with it but
with Django's commands: what fails there too is not because of our commands. The rest has its reason
in `exceptions.toml`, or is a mistake of ours.
"""
