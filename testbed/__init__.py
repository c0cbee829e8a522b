"""The emulated laboratory: core devices, ions, photons and faults, reached only through device tables."""
