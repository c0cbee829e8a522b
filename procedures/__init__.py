"""What several experiments share: rounds measured with the peer, calibrations; joins node and postprocess."""
