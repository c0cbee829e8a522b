"""Runs an applet against a master's ports; prints what it shows until that is a title, then ends.

It ends abruptly: release-8's base of applets forgets to close a connection and stumbles over it when a window closes.

Usage: applet_probe.py MODULE PANEL [options of the applet]
"""

import importlib
import os
import sys


def main():
    name, panel = sys.argv[1:3]
    del sys.argv[1:3]
    from applets.panels.serving import serve

    class Probe(getattr(importlib.import_module(f"applets.panels.{name}"), panel)):
        def refresh(self, values):
            super().refresh(values)
            shown = self.pages.currentIndex()
            print(self.title.text() if shown else self.NOTHING_YET, flush=True)
            if shown:
                os._exit(0)

    serve(Probe)


if __name__ == "__main__":
    main()
