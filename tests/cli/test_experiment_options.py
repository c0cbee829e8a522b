"""`-o NAME=VALUE` and numbers with units: read as written, or refused in one line (cases 10, 11, 15)."""

import pytest
from command_runs import diqkd

from diqkd import arguments
from diqkd.experiment_options import read_options
from diqkd.places import checkout
from diqkd.quantities import in_unit, quantity
from diqkd.scan_options import shown_scan
from postprocess.calibration.running_order import random_range
from postprocess.errors import InvalidInput
from testbed.standin.experiment_catalogue import scan


@pytest.fixture(scope="module")
def listed():
    return {entry.file.stem: entry for entry in scan(checkout())}


@pytest.mark.parametrize(
    ("experiment", "word", "value"),
    [
        ("calibrate_frequency", "detuning=-20kHz:20kHz:41", random_range(-20e3, 20e3, 41)),
        ("calibrate_frequency", "detuning=-20:20kHz:41", random_range(-20e3, 20e3, 41)),
        ("calibrate_frequency", "detuning=-0.02 MHz : 0.02 : 41", random_range(-20e3, 20e3, 41)),
        ("calibrate_frequency", "detuning=-20e3:20e3:41", random_range(-20e3, 20e3, 41)),
        ("calibrate_pi_time", "duration=0:25 µs:26", random_range(0.0, 25e-6, 26)),
        (
            "ramsey",
            'wait={"ty": "ExplicitScan", "sequence": [1e-5, 2e-5]}',
            {"ty": "ExplicitScan", "sequence": [1e-5, 2e-5]},
        ),
        ("calibrate_frequency", "line=shelving", "shelving"),
        ("calibrate_frequency", "line='shelving'", "shelving"),
        ("calibrate_frequency", "write=false", False),
        ("generate_key", "qber=1.8 %", 0.018),
        ("generate_key", "eps_snd=1e-10", 1e-10),
        ("generate_key", "rounds=1_500_000", 1_500_000),
        ("generate_key", "rounds=1e5", 100_000),
        ("generate_key", "peer_timeout=2 min", 120),
    ],
)
def test_values_are_read_with_their_units(listed, experiment, word, value):
    (read,) = read_options(listed[experiment], [word]).values()
    assert read == value and type(read) is type(value)


@pytest.mark.parametrize(
    ("experiment", "word", "says"),
    [
        ("characterise_link", "rounds=abc", "rounds is not a number; write for instance 200000"),
        ("characterise_link", "rounds=5", "out of range; write 100 to "),
        ("characterise_link", "rounds=1000.5", "a whole number"),
        ("characterise_link", "rounds=nan", "not a number"),
        ("calibrate_frequency", "shots=100000", "out of range; write 10 to 1000"),
        ("calibrate_frequency", "detuning=0:40 us:3", "not a number of Hz, write for instance 40 kHz"),
        ("calibrate_frequency", "detuning=-20:20us:3", "'-20us' is not a number of Hz"),
        ("calibrate_frequency", "detuning=0:5 MHz:3", "out of range; write -1500 kHz to 1500 kHz"),
        ("calibrate_frequency", "detuning=40 kHz", "write START:STOP:POINTS, for instance -200kHz:200kHz:41"),
        ("calibrate_frequency", "detuning=0:40kHz:0", "a scan of 1 to 10000 points"),
        ("calibrate_frequency", 'detuning={"ty": "Scan"}', "no scan as artiq_client takes it"),
        ("calibrate_frequency", 'detuning={"ty": "NoScan"}', "a NoScan without value"),
        ("calibrate_frequency", "line=foo", "line is one of mapping, analysis, shelving"),
        ("calibrate_frequency", "write=yes", "write is True or False"),
        ("generate_key", "gamma_256=13/256", "write for instance 13"),
        ("generate_key", "qber=1.8", "out of range; write 0 % to 49 %"),
    ],
)
def test_what_cannot_be_is_one_line(listed, experiment, word, says):
    with pytest.raises(InvalidInput) as refused:
        read_options(listed[experiment], [word])
    assert says in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize("option", ["rounds=abc", "rounds=5", "window=-1"])
def test_a_bad_option_ends_before_anything_starts(option, tmp_path):
    end = diqkd("run", "characterise_link", "-o", option, "--keep", tmp_path / "lab")
    assert end.status == 2 and end.err.count("\n") == 1 and not end.out and not (tmp_path / "lab").exists()


def test_every_default_can_be_typed_as_it_is_shown(listed):
    for entry in listed.values():
        for argument in entry.arguments:
            told = argument.description
            if told["ty"] == "NumberValue":
                text = in_unit(told["default"], told["unit"], told["scale"])
                assert read_options(entry, [f"{argument.name}={text}"])[argument.name] == pytest.approx(told["default"])
            if told["ty"] == "Scannable":
                read = read_options(entry, [f"{argument.name}={shown_scan(told)}"])[argument.name]
                assert read == pytest.approx(told["default"][0])


def test_a_folder_that_is_a_file_is_one_line(tmp_path):
    (tmp_path / "afile").write_text("")
    for words in (("run", "ramsey", "--keep", tmp_path / "afile"), ("demo", "--keep", "/proc/x")):
        end = diqkd(*words)
        assert end.status == 2 and end.err.count("\n") == 1 and "--keep" in end.err


def test_numbers_of_options_have_units_too():
    assert (
        arguments.seconds("2 min") == 120 and arguments.qber("1.8 %") == 0.018 and arguments.herald_rate("1 kHz") == 1e3
    )
    assert quantity("1.8 %") == 0.018 and quantity("40 kHz", "Hz") == 40_000.0
    for text in ("40 kHz", "1.8 % %", "", "1__0x", "1e999", "1 2"):
        with pytest.raises(ValueError):
            quantity(text, "s")
