"""Classical protocol of device-independent QKD: from rounds to keys in two ledgers (Nadlinger 2022, steps 4 to 12)."""
