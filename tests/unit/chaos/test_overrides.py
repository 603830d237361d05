"""`--set` and `--arms` change the data before it is validated; what they cannot change is named."""

from pathlib import Path

import pytest

from chaos.errors import LabError, ScenarioError, UsageError
from chaos.scenario import Arm, Toxic
from chaos.scenario.file import load_scenario

TEXT = """\
question: Does it?
arms:
  - naive
  - {name: tuned, profile: protected}
load: {checkout_per_s: 40, browse_per_s: 60}
faults:
  - {type: latency, links: [orders_to_postgres], attributes: {latency: 800}}
expect:
  - {arm: naive, phase: fault, figure: checkout.in_time_share, at_most: 0.2}
  - {arm: tuned, phase: fault, figure: browse.in_time_share, at_least: 0.9}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "chaos" / "scenarios"
    folder.mkdir(parents=True)
    (folder / "slow-db.yaml").write_text(TEXT)
    return tmp_path


def test_a_value_is_set_at_its_path(root: Path) -> None:
    changed = load_scenario(
        "slow-db", root=root, sets=["phases.fault_s=5", "faults.0.attributes.latency=200", "load.checkout_per_s=0"]
    )

    fault = changed.faults[0]
    assert isinstance(fault, Toxic)
    assert (changed.phases.fault_s, fault.attributes, changed.load.checkout_per_s) == (5, {"latency": 200}, 0)


def test_an_attribute_that_the_file_leaves_out_can_be_set(root: Path) -> None:
    fault = load_scenario("slow-db", root=root, sets=["faults.0.attributes.jitter=50"]).faults[0]

    assert isinstance(fault, Toxic)
    assert fault.attributes == {"latency": 800, "jitter": 50}


def test_the_later_of_two_settings_wins(root: Path) -> None:
    assert load_scenario("slow-db", root=root, sets=["phases.fault_s=5", "phases.fault_s=6"]).phases.fault_s == 6


def test_the_profile_of_an_arm_written_as_a_word_can_be_set(root: Path) -> None:
    assert load_scenario("slow-db", root=root, sets=["arms.0.profile=protected"]).arms[0].profile == "protected"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("phases.fault=5", "there is no 'fault' in phases; did you mean 'fault_s'? known: settle_s"),
        ("fases.fault_s=5", "there is no 'fases' in a scenario; did you mean 'phases'?"),
        ("faults.0.attributes.latenci=5", "there is no 'latenci' in faults.0.attributes; did you mean 'latency'?"),
        ("faults.1.type=down", "faults has no entry '1'; it has entries 0 to 0"),
        ("load.checkout_per_s.x=5", "load.checkout_per_s is a plain value and holds no 'x'"),
        ("name=x", "there is no 'name' in"),
        ("phases.fault_s", "write it as path=value"),
        ("=5", "write it as path=value"),
        ("faults=[", "'[' is not a YAML value"),
    ],
)
def test_a_path_or_value_that_cannot_be_is_named_with_the_nearest(root: Path, setting: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_scenario("slow-db", root=root, sets=[setting])

    assert str(caught.value).startswith(f"--set {setting}: ")
    assert message in str(caught.value)


def test_a_wrong_value_is_reported_with_the_option_that_set_it(root: Path) -> None:
    with pytest.raises(ScenarioError) as caught:
        load_scenario("slow-db", root=root, sets=["load={checkout_per_s: -1, browse_per_s: 1}"])

    said = "--set load={checkout_per_s: -1, browse_per_s: 1}: load.checkout_per_s: must be at least 0, not -1"
    assert str(caught.value) == said


def test_arms_are_named_by_the_file_or_by_their_profile(root: Path) -> None:
    arms = load_scenario("slow-db", root=root, arms=["tuned", "protected", "naive"]).arms

    assert arms == (
        Arm(name="tuned", profile="protected"),
        Arm(name="protected", profile="protected"),
        Arm(name="naive", profile="naive"),
    )


def test_equal_arms_get_names_of_their_own(root: Path) -> None:
    arms = load_scenario("slow-db", root=root, arms=["naive", "naive", "naive"]).arms

    assert [arm.name for arm in arms] == ["naive", "naive-2", "naive-3"]
    assert {arm.profile for arm in arms} == {"naive"}


def test_expectations_on_an_arm_that_is_left_out_stay_and_are_judged_later(root: Path) -> None:
    changed = load_scenario("slow-db", root=root, arms=["tuned"])

    assert [expectation.arm for expectation in changed.expect] == ["naive", "tuned"]


def test_an_a_a_run_keeps_only_the_expectations_on_its_own_arms(root: Path) -> None:
    changed = load_scenario("slow-db", root=root, arms=["tuned", "protected"])

    assert changed.one_profile
    assert [expectation.arm for expectation in changed.expect] == ["tuned"]


@pytest.mark.parametrize(
    ("arms", "message"),
    [
        (["nobody"], "there is no arm or profile 'nobody'; known: naive, tuned,"),
        (["naive"] * 4, "--arms naive,naive,naive,naive: arms: must have at most 3, not 4"),
        ([], "arms: must have at least 1, not 0"),
    ],
)
def test_arms_that_cannot_be_are_refused(root: Path, arms: list[str], message: str) -> None:
    with pytest.raises(LabError) as caught:
        load_scenario("slow-db", root=root, arms=arms)

    assert message in str(caught.value)


def test_a_phase_can_be_set_in_a_file_that_leaves_all_phases_to_their_defaults(root: Path) -> None:
    assert "phases" not in TEXT
    assert load_scenario("slow-db", root=root, sets=["phases.drain_s=3"]).phases.drain_s == 3
