"""Applet: where a session stands: rounds done, estimated end, and the post-processing beside it."""

from applets.panels.serving import serve
from applets.panels.session_progress import SessionProgressPanel


def main():
    """Entry of `python -m applets.session_progress`."""
    serve(SessionProgressPanel)


if __name__ == "__main__":
    main()
