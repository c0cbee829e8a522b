"""The loop around the kernel: each kind of return leads to its own reaction, in order."""

import pytest

from postprocess.acquisition import Next
from postprocess.acquisition.measurement_loop import OperatorNeeded, measure_all_rounds


class Script:
    """An acquisition that says what comes next from a list, and a station that notes what it was asked to do."""

    why = "the peer paused"

    def __init__(self, *following):
        self.following, self.did = list(following), []

    def agree_on_parameters(self):
        self.did.append("agree")

    def resume(self):
        return self.following.pop(0)

    def kernel_left(self, code):
        self.did.append(code)
        return self.following.pop(0)

    def measure(self):
        self.did.append("measure")
        return 3

    def pause(self, why):
        self.did.append(why)

    def recover_ion(self):
        self.did.append("recover")

    def wait_for_laser(self):
        self.did.append("wait")


@pytest.mark.parametrize(
    ("following", "reaction"),
    [
        (Next.CONTINUE, []),
        (Next.PAUSE, ["the peer paused"]),
        (Next.RECOVER_ION, ["recover"]),
        (Next.WAIT_FOR_LASER, ["wait"]),
    ],
)
def test_each_decision_has_its_reaction_before_the_kernel_is_entered(following, reaction):
    script = Script(following, Next.FINISHED)
    measure_all_rounds(script, script)
    assert script.did == ["agree", *reaction, "measure", 3]


def test_complete_rounds_never_enter_the_kernel():
    script = Script(Next.FINISHED)
    measure_all_rounds(script, script)
    assert script.did == ["agree"]


def test_a_fault_that_stays_is_the_operators():
    script = Script(Next.CONTINUE, Next.OPERATOR)
    with pytest.raises(OperatorNeeded, match="the peer paused; put it right, then start the session again"):
        measure_all_rounds(script, script)
    assert script.did == ["agree", "measure", 3]
