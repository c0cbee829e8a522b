"""Real-time code that both nodes share: one small class per step of a round, and the loop over blocks of rounds."""
