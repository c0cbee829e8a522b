"""What an operator has to put right at a node; every message is one line that says what, where and what to do."""


class NodeProblem(Exception):
    """Base of what the node's host side raises on purpose."""


class CalibrationError(NodeProblem, ValueError):
    """A calibration cannot be used."""


class NodeNotReady(NodeProblem):
    """Ion or laser did not come back in time; nothing is lost, the same session resumes."""
