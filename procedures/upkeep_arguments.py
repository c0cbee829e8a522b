"""Arguments by which a session keeps running by itself, and what follows from them."""

from artiq.experiment import BooleanValue, EnumerationValue, NumberValue

GROUP = "Upkeep"
HOUR_S = 3600.0


def upkeep_arguments(experiment):
    """What the session does for itself, and how old calibrations may be when it begins."""
    from node.shots.point_loop import PointLoop
    from node.shots.probe import Probe

    every = (0, 0, 100_000_000, 10_000, GROUP)
    experiment.setattr_argument("reload", BooleanValue(True), GROUP, "Submit ReloadIon when the ion is lost")
    experiment.number_argument("recalibrate_rounds", *every, "Calibrate again after every so many rounds; 0: never")
    minutes = NumberValue(0.0, unit="min", precision=1, scale=60, step=600, min=0.0, max=1000 * HOUR_S)
    experiment.setattr_argument("recalibrate_after", minutes, GROUP, "Calibrate again after so long; 0: never")
    experiment.number_argument(
        "check_rounds",
        *every,
        "After every so many rounds measure test shots; when they, the herald rate or the balance of the patterns are "
        "not as they were, calibrate again; 0: never",
    )
    experiment.setattr_argument(
        "recalibrate",
        EnumerationValue(["all", "lines", "readout"], default="all"),
        GROUP,
        "What is calibrated again: frequencies and pi times of the 674 nm lines, the readout threshold, or all of them",
    )
    hours = NumberValue(24 * HOUR_S, unit="h", precision=1, scale=3600, step=HOUR_S, min=0.0, max=10_000 * HOUR_S)
    experiment.setattr_argument("max_age", hours, GROUP, "Oldest calibration that the session begins with; 0: any")
    experiment.probe = Probe(experiment, experiment.node.station, experiment.node.defaults)
    experiment.loop = PointLoop(experiment, experiment.node.station, experiment.probe, experiment.node.defaults)


def upkeep_of(experiment):
    """procedures.upkeep.Upkeep as the arguments say; without these arguments it reloads ions and does nothing else."""
    from postprocess.calibration.running_order import UPKEEP
    from procedures.upkeep import Upkeep, UpkeepPlan

    plan = UpkeepPlan()
    if hasattr(experiment, "recalibrate"):
        plan = UpkeepPlan(
            experiment.reload,
            experiment.recalibrate_rounds,
            experiment.recalibrate_after,
            experiment.check_rounds,
            UPKEEP[experiment.recalibrate],
        )
    return Upkeep(experiment.scheduler, plan, experiment.home.folder, experiment.recovery_timeout)


def require_fresh_calibrations(experiment, upkeep):
    """Name what is too old; what the session calibrates itself is due at once.

    Ages are not shown in the middle of a key session: they would tell which of its calibrations gave a result.

    Raises:
        OperatorNeeded: too old, and not among what this session calibrates.
    """
    from node.node_errors import NodeProblem
    from postprocess.acquisition.measurement_loop import OperatorNeeded
    from postprocess.session.under_way import sessions_under_way
    from procedures.stale_calibrations import ages_h, require_fresh, stale, summary
    from procedures.upkeep import TOO_OLD

    max_age_h = getattr(experiment, "max_age", 0.0) / HOUR_S
    plan = upkeep.plan
    own = frozenset(step.writes for step in plan.steps) if plan.recalibrates else frozenset()
    try:
        ages = ages_h(experiment.home.calibration)
        require_fresh(ages, max_age_h, own)
    except NodeProblem as problem:
        raise OperatorNeeded(str(problem)) from problem
    if stale(ages, max_age_h):
        upkeep.ask(TOO_OLD)
    if not sessions_under_way(experiment.home):
        experiment.publish("rounds.calibrations", summary(experiment.node.defaults, ages))
