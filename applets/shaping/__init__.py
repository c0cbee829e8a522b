"""What the applets say and draw, computed from datasets: no Qt, no ARTIQ.

`values` is everywhere the mapping dataset name -> value as an applet gets it; anything may be missing or half updated.
"""
