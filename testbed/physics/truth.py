"""The true constants of the emulated apparatus: what calibrations should find.

Sources: Nadlinger 2022, Methods, Supplement S2, S3, tables S3 and S5; detunings, pi times and count rates are those
of an apparatus of this kind, chosen once and the same for both nodes unless listed per node.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

# Heralding
SUCCESS_PER_ATTEMPT = 1.6e-4
PHOTON_DELAY_NS = 10.0  # after the 422 ps reference edge
PHOTON_LIFETIME_NS = 7.0
MIN_EXCITATION_NS = 8
STATION_EFFICIENCY = 0.02  # click per attempt from one ion in the focus
STUCK_APD_PER_ATTEMPT = 2 * STATION_EFFICIENCY

# 674 nm: RF frequency of the AOM in Hz, pi time in ns at asf 1.0 behind 10 dB
NOMINAL_ATTENUATION_DB = 10.0
MAPPING, ANALYSIS, SHELVING = "mapping", "analysis", "shelving"
RESONANCES = MappingProxyType({MAPPING: 200.0e6, ANALYSIS: 214.0e6, SHELVING: 225.2e6})
PI_TIMES_NS = MappingProxyType({MAPPING: 5000.0, ANALYSIS: 6000.0, SHELVING: 5000.0})
CAPTURE_RANGE_HZ = 2e6  # a tone further away from all lines does nothing

# Light at 422, 1092 and 1033 nm; rates in 1/s for nominal amplitude
BRIGHT_RATE = 180e3
DARK_RATE = 500.0
OPTICAL_PUMPING_S = 0.5e-6
STATION_PHOTONS_PER_S = 400e3  # that a bright ion in the focus would send into the link under cooling light
STATION_DETECTION = (1 - 0.25) * 0.7  # share of them that the APDs count: coupling and detectors (table S5)

# Moving the ion
ELECTRODE_TIME_CONSTANT_NS = 30_000.0
ELECTRODE_CHANNELS = (0, 1, 2, 3)
MICROMETRES_PER_VOLT = 3.0  # mean over the four electrodes
FOCUS_WAIST_UM = 0.75

# Round-type lines
CABLE_NS = 200

# Loading an ion: per ablation pulse with the photo-ionisation shutter open and cooling light on for so long afterwards
CAPTURE_PER_PULSE, CAPTURED_TWICE = 0.1, 0.15  # probability of an ion, and that a second one comes with it
CAPTURE_COOLING_NS = 10_000_000
MOST_IONS = 2  # further ones are not told apart
EXPELLED_FROM_UM = 20.0  # voltages that would move an ion so far hold none

# Drift, in laboratories that have it: assumptions, sizes of uncompensated laboratories (docs/emulation.md)
DRIFT_STEP = 1024  # heralds; all is constant in between
FREQUENCY_WALK_HZ = 2.0  # of the 674 nm laser, a random walk, per root of a second
POWER_TIME_S = 3 * 3600.0  # beam powers: Ornstein-Uhlenbeck processes of this correlation time
QUBIT_AMPLITUDE_SPREAD = 0.03  # standard deviation of the logarithm of the 674 nm light's amplitude
COOLING_POWER_SPREAD = 0.1  # and of the power of 422 nm cooling and readout light
HERALD_PHASE_WALK_RAD = 0.15  # of the heralds' qubits, a random walk, per root of a day


@dataclass(frozen=True)
class NodeTruth:
    """What differs between the nodes.

    Attributes:
        deshelving_s: 1/e time of deshelving at 1033 nm (figure S5 right).
        optical_coherence_s: Gaussian coherence time of S1/2(-1/2) and D5/2(-3/2) (table S3).
        mapping_coherence_s: the same for S1/2(+1/2) and D5/2(-3/2).
        isolation: smallest coupling of the displaced ion, relative to the focus; gives the leak of table S5.
        ageing_hz_s: linear drift of the 674 nm laser's reference cavity, in laboratories that drift.
    """

    deshelving_s: float
    optical_coherence_s: float
    mapping_coherence_s: float
    isolation: float
    ageing_hz_s: float = 0.0


NODE_TRUTHS = MappingProxyType(
    {
        "alice": NodeTruth(3.88e-6, 4.2e-3, 1.0e-3, 7.3e-6, 0.1),
        "bob": NodeTruth(6.7e-6, 7.5e-3, 1.7e-3, 5.4e-5, -0.1),
    }
)
STATION_BACKGROUND = 0.0272  # photons and dark counts of the four APDs per readout, without any leak (table S5)
READOUT_REFERENCE_S = 205e-6
