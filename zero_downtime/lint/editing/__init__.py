"""Writing into the files of migrations, with everything kept that need not change.

This is the only place that knows libcst, which the extra `[lint]` brings.
"""
