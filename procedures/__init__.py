"""What several experiments share: measurements with the peer, calibrations; joins node and postprocess."""
