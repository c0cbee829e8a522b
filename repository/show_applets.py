"""Ask every connected dashboard to list this project's applets."""

from artiq.experiment import *

GROUP = "diqkd"
COMMAND = "$python -m applets."
NAMES = {
    "Session": "session_progress",
    "Heralds": "heralds",
    "Link characterisation": "characterisation",
    "Readout histogram": "readout_histogram",
    "Calibration scan": "calibration_scan",
}


class ShowApplets(EnvExperiment):
    """Show the diqkd applets

    They appear in the dashboard's applet list as the group 'diqkd'; tick the group to open them all. With the group's
    CCB policy 'Create and enable/disable applets' they open by themselves. A pipeline of its own lets it run during a
    session.
    """

    def build(self):
        self.setattr_device("ccb")
        self.set_default_scheduling(pipeline_name="dashboard")

    def run(self):
        for name, module in NAMES.items():
            self.ccb.issue("create_applet", name, COMMAND + module, group=GROUP)
