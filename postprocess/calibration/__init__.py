"""From counts to calibrated values: fits with errors and a verdict, start values beside each; pure numpy and scipy."""
