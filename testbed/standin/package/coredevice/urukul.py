"""Constants of the Urukul CPLD driver."""

DEFAULT_PROFILE = 7
