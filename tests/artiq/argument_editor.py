"""The dashboard's argument editor of one experiment, offscreen: `python argument_editor.py FILE.png < arguments.json`.

Reads what a master's explist says of the arguments, prints as JSON what each widget shows and what would be submitted.
A process of its own: Qt stays out of the tests' one.
"""

import json
import os
import sys

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

try:
    from PyQt6 import QtGui, QtWidgets
except ImportError:
    from PyQt5 import QtGui, QtWidgets

from artiq.gui.entries import EntryTreeWidget, procdesc_to_entry


def main(picture):
    described = json.load(sys.stdin)
    application = QtWidgets.QApplication([])
    application.setFont(QtGui.QFont("DejaVu Sans", 9))
    editor = EntryTreeWidget()
    told = {}
    for name, (desc, group, tooltip) in described.items():
        entry = procdesc_to_entry(desc)
        argument = {"desc": desc, "group": group, "tooltip": tooltip, "state": entry.default_state(desc)}
        editor.set_argument(name, argument)
        widget = editor._arg_to_widgets[name]["entry"]
        shown = [
            box.text() for box in [widget, *widget.findChildren(QtWidgets.QAbstractSpinBox)] if hasattr(box, "text")
        ]
        told[name] = {"shown": shown, "submitted": entry.state_to_value(argument["state"])}
    editor.resize(900, 60 + 34 * len(described) + 120 * sum(d["ty"] == "Scannable" for d, _, _ in described.values()))
    editor.expandAll()
    editor.show()
    application.processEvents()
    editor.grab().save(picture)
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1])
