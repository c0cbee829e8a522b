"""Controllers: a node's public facts for other programs on the same machine, by sipyco or in-process.

What is served here can never be a private string: the objects hold none, and no method returns one. sipyco gives
whoever connects the whole process (its decoder evaluates what it receives), so these controllers listen on loopback
addresses and on no other.
"""
