"""The kernel linter: what ARTIQ's compiler rejects, told without ARTIQ (`diqkd lint-kernels`)."""
