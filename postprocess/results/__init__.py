"""Results as they are kept and handed on: what each public dataset is, files that say so, one folder per run.

Nothing of a private record has a name here, and what has no name here is never copied.
"""
