"""What kernels and host agree on: constants only, each defined once. Imports nothing of ours."""
