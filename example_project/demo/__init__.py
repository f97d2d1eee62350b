"""The demo: a column of a busy table is renamed, and nobody notices.

`story.py` tells it from top to bottom. What it needs: two `releases`, each a copy of this project;
`visitor`s, processes that use the shop all the time; the `commands` a developer would type; and
the `accounts`, which compare the data in the end.
"""
