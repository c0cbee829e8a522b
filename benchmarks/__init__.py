"""What post-processing costs on this machine, each line a ratio to a reference from the same run on the same input.

make bench                              all groups, at the paper's size
python -m benchmarks decoder --quick    one group, small
"""
