"""Small migrations, what a real server was seen to do with each, and what the linter says.

    python -m tests.corpus.observe              run the cases on a server, write observed.json
    python -m tests.corpus.compare              the linter's verdicts against what was observed
    python -m tests.corpus.compare DIRECTORY    ... of another corpus, of migration files

The corpus is for both directions: a hazard that was seen and is not reported, and a report of a
hazard that nobody saw.
"""
