"""A panel as an applet: embedded in ARTIQ's dashboard, or as a window of its own."""

from artiq.applets.simple import SimpleApplet

UPDATE_DELAY_S = 0.2


class PanelApplet(SimpleApplet):
    """An applet whose datasets have fixed names; it collects changes for a moment and then draws once."""

    def __init__(self, panel):
        super().__init__(panel, cmd_description=panel.__doc__, default_update_delay=UPDATE_DELAY_S)

    def args_init(self):
        super().args_init()
        self.datasets |= set(self.main_widget_class.DATASETS)


def serve(panel):
    """Run until the dashboard, or whoever closes the window, ends it."""
    PanelApplet(panel).run()
