"""A campaign: sessions one after the other that keep running by themselves, and the page on them."""

from fractions import Fraction
from pathlib import Path

from postprocess.plans.presets import Choice
from postprocess.reports.campaign_page import CampaignReport
from postprocess.reports.session_facts import read_session_facts
from postprocess.storage.node_home import NodeHome
from testbed.nodes.campaign import Campaign, CampaignRun, Mishaps, exit_status_of
from testbed.physics.emulated_link import EmulatedLink
from testbed.physics.instability import STABLE

ROOT = Path(__file__).resolve().parents[2]
# Wherever a kill strikes it loses up to a block, half of it tests, all of which count as lost: 25 at most, beside some
# 227 of 1500 on this link (248 on the published one). 300 may be lost.
CHOICE = Choice(3000, Fraction(1, 2), allowance=200, block_rounds=50)
LINK = EmulatedLink(score=2.79, qber=0.005)


def campaign(folder, **changes):
    mishaps = changes.pop("mishaps", Mishaps(1, 1, 1))
    return Campaign(
        folder, CHOICE, 2, {"recalibrate_rounds": 0}, preset="custom", mishaps=mishaps, link=LINK, seed=7, **changes
    )


def test_every_session_has_its_mishaps_at_heralds_of_its_own(tmp_path):
    asked = campaign(tmp_path, faults=({"kind": "stuck apd", "round": 5},))
    faults = asked.parts[0].faults
    assert faults == asked.parts[1].faults == campaign(tmp_path, faults=asked.faults).parts[0].faults  # one laboratory
    assert faults[0] == {"kind": "stuck apd", "round": 5}
    for first in (0, CHOICE.rounds):
        here = [fault["kind"] for fault in faults[1:] if first < fault["round"] < first + CHOICE.rounds]
        assert sorted(here) == ["ion lost until reloaded", "laser unlocked"]
    assert {node for number in (0, 1) for node, _ in asked.restarts(number)} == {"alice", "bob"}


def test_two_sessions_reload_resume_and_end_with_keys(tmp_path):
    """Also: the second one's rounds begin before the first one's key is there."""
    asked = campaign(tmp_path / "night")
    asked.parts[0].set_up()
    seen = []
    runs = CampaignRun(asked, ROOT, lambda *told: seen.append(told)).run()
    assert exit_status_of(runs) == 0 and any(run.killed for run in runs)
    for part in asked.parts:
        assert part.ended() and part.report({})["keys_equal"]
    home = NodeHome("bob", asked.parts[0].homes)
    report = CampaignReport([read_session_facts(home, part.parameters.session_id) for part in asked.parts])
    assert report.keys == 2 and report.bits == 2 * asked.parts[0].parameters.ell
    assert "2 keys in 2 sessions" in report.html()
    again = CampaignRun(asked, ROOT, lambda *told: None).run()
    assert again == []  # what has ended is not repeated
    assert asked.instability == STABLE
