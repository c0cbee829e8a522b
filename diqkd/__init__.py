"""The command line of diqkd: one module per subcommand, nothing else."""

__version__ = "0.1.0"
