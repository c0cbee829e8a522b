"""Kernels as ARTIQ compiles them, executed on this machine: compiler, Core and drivers are those of the ARTIQ that is
installed; what is ours is the place of the core device's firmware and gateware."""
