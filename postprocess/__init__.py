"""Classical protocol of device-independent QKD: from stored rounds to keys in two ledgers (Nadlinger 2022, steps 4 to 12)."""
