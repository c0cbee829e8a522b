"""Applets for ARTIQ's dashboard, one per file: they show public datasets and change nothing.

`postprocess.shaping` turns datasets into what is drawn, without Qt; `panels/` draws it; the files here are what a
dashboard starts. Qt 5 (release-8) and Qt 6 (9-beta) are taken through pyqtgraph, whichever ARTIQ has loaded.
"""
