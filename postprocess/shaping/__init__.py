"""What applets and `diqkd show` say and draw, computed from public datasets: no Qt, no ARTIQ, nothing else of ours.

`values` is everywhere the mapping dataset name -> value as an applet gets it; anything may be missing or half updated.
"""
