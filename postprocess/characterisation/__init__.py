"""Characterisations of the link: rounds whose strings both nodes exchange, as declared before the first of them.

`recombination` puts the two nodes' strings together while they come; `link` makes S, Q and probabilities of them,
`bases` tomography and herald phases.
"""
