"""What numba lets LLVM use of this processor.

numba hands LLVM a list of processor features: the host's, or what NUMBA_CPU_NAME and NUMBA_CPU_FEATURES say. An
instruction outside that list would not raise an error but end the process, so only features that stand in the list are
used.
"""

from __future__ import annotations


def target_features() -> frozenset[str]:
    """Processor features that numba lets LLVM use, by LLVM's names; empty where LLVM cannot tell."""
    from llvmlite import binding
    from numba import config

    if config.CPU_FEATURES is not None:
        wanted = (feature.strip() for feature in str(config.CPU_FEATURES).split(","))
        return frozenset(feature[1:] for feature in wanted if feature.startswith("+"))
    try:
        host = binding.get_host_cpu_features()
    except RuntimeError:
        return frozenset()
    return frozenset(name for name, present in host.items() if present and (config.ENABLE_AVX or name[:3] != "avx"))


def widest_lanes() -> int:
    """Carry-less products of 64-bit words per instruction: 4, 2 or 1; 0 without such an instruction."""
    features = target_features()
    if not {"pclmul", "sse2"} <= features:
        return 0
    if not {"vpclmulqdq", "avx2"} <= features:
        return 1
    return 4 if {"avx512f", "avx512dq", "avx512vl"} <= features else 2
