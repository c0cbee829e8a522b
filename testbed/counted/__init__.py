"""The binary that would go to a Kasli, executed instruction by instruction: how much time its CPU leaves.

Slow, and meant for few rounds: `diqkd slack`. Needs pyelftools.
"""
