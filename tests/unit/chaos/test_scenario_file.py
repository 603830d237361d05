"""A scenario file is read whole, or its error names file, line, field, what is wrong and what would be right."""

from pathlib import Path

import pytest

from chaos.errors import ScenarioError, UsageError
from chaos.scenario import Arm, Down, Toxic
from chaos.scenario.file import list_scenarios, load_scenario

GOOD = """\
question: Does it?
arms: [naive, protected]
load:
  checkout_per_s: 40
  browse_per_s: 60
faults:
  - type: latency
    links: [orders_to_postgres]
    attributes: {latency: 800}
  - {type: down, links: [payments_to_bank]}
expect:
  - {arm: naive, phase: fault, figure: checkout.in_time_share, at_most: 0.2}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "chaos" / "scenarios").mkdir(parents=True)
    write(tmp_path, GOOD)
    return tmp_path


def write(root: Path, text: str, name: str = "slow-db") -> Path:
    path = root / "chaos" / "scenarios" / f"{name}.yaml"
    path.write_text(text)
    return path


def problem(root: Path, text: str) -> str:
    write(root, text)
    with pytest.raises(ScenarioError) as caught:
        load_scenario("slow-db", root=root)
    return str(caught.value)


def test_a_scenario_is_named_by_its_file_and_its_arms_by_their_profiles(root: Path) -> None:
    scenario = load_scenario("slow-db", root=root)

    assert scenario.name == "slow-db"
    assert scenario.arms == (Arm(name="naive", profile="naive"), Arm(name="protected", profile="protected"))
    assert isinstance(scenario.faults[0], Toxic)
    assert isinstance(scenario.faults[1], Down)


def test_a_path_outside_the_project_is_read_as_well(root: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "my own.yaml"
    elsewhere.write_text(GOOD)

    with pytest.raises(ScenarioError, match="'my own'"):
        load_scenario(str(elsewhere), root=root)
    assert load_scenario(str(elsewhere.rename(tmp_path / "mine.yaml")), root=root).name == "mine"


def test_an_unknown_scenario_suggests_the_nearest(root: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load_scenario("slow-bd", root=root)

    assert str(caught.value) == "there is no scenario 'slow-bd'; did you mean 'slow-db'? known: slow-db"


def test_a_file_that_is_not_there_is_named(root: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no file gone/x\.yaml"):
        load_scenario("gone/x.yaml", root=root)


def test_the_folder_is_listed_with_its_broken_files(root: Path) -> None:
    write(root, "question: 5\n", name="broken")
    (root / "chaos" / "scenarios" / "schema.json").write_text("{}")

    broken, good = list_scenarios(root)

    assert (broken.name, broken.scenario) == ("broken", None)
    assert broken.problem.startswith("chaos/scenarios/broken.yaml:1: question: must be text, not 5")
    assert good.scenario is not None
    assert good.problem == ""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("checkout_per_s: 40", "checkout_per_s: -1", "5: load.checkout_per_s: must be at least 0, not -1"),
        ("checkout_per_s: 40", "checkout_per_s: fast", "5: load.checkout_per_s: must be a number, not 'fast'"),
        ("  browse_per_s: 60\n", "", "4: load.browse_per_s: is missing"),
        ("checkout_per_s", "chekout_per_s", "5: load.chekout_per_s: is not a key here; did you mean 'checkout_per_s'?"),
        ("type: latency", "type: latencie", "8: faults.0: cannot be 'latencie'; did you mean 'latency'?"),
        (
            "    attributes: {latency: 800}",
            "    toxicity: 2\n    attributes: {latency: 1}",
            "10: faults.0.toxicity: must be",
        ),
        (
            "{latency: 800}",
            "{latency: 800, jiter: 5}",
            "10: faults.0.attributes.jiter: a latency toxic has no attribute",
        ),
        ("{latency: 800}", "{jitter: 800}", "10: faults.0.attributes: a latency toxic needs the attribute 'latency'"),
        ("{latency: 800}", "{latency: -8}", "10: faults.0.attributes.latency: must be at least 0, not -8"),
        (
            "[orders_to_postgres]",
            "[orders_to_postgrs]",
            "9: faults.0.links.0: there is no link 'orders_to_postgrs'; did you",
        ),
        (
            "[orders_to_postgres]",
            "[Orders]",
            "9: faults.0.links.0: cannot be 'Orders'; a link is written caller_to_callee",
        ),
        ("[orders_to_postgres]", "[]", "9: faults.0.links: must have at least 1, not 0"),
        (
            "[orders_to_postgres]",
            "[payments_to_bank, payments_to_bank]",
            "9: faults.0.links.1: 'payments_to_bank' stands",
        ),
        (
            "browse_per_s: 60",
            "browse_per_s: 60\n  patience_s: 0.5",
            "4: load: patience_s (0.5) must be at least in_time_s",
        ),
        (
            "down, links: [payments_to_bank]",
            "down, links: [payments_to_bank], toxicity: 1",
            "11: faults.1.toxicity: is not a key",
        ),
        ("type: down, ", "", "11: faults.1: needs a `type`"),
        (
            "arm: naive",
            "arm: naiv",
            "13: expect.0.arm: there is no arm 'naiv'; did you mean 'naive'? known: naive, protected",
        ),
        ("phase: fault", "phase: falt", "13: expect.0.phase: cannot be 'falt'; did you mean 'fault'?"),
        (
            "checkout.in_time_share",
            "checkout.in_time",
            "13: expect.0.figure: there is no figure 'checkout.in_time'; did you mean",
        ),
        (
            "checkout.in_time_share",
            "recovery_s",
            "13: expect.0.phase: recovery_s is a figure of recovery, not of fault",
        ),
        (", at_most: 0.2", "", "13: expect.0: give exactly one of at_least and at_most"),
        ("at_most: 0.2", "at_most: .inf", "13: expect.0.at_most: must be a finite number, not inf"),
        ("at_most: 0.2", "at_least: .nan", "13: expect.0.at_least: must be a finite number, not nan"),
        ("browse_per_s: 60", "browse_per_s: .nan", "6: load.browse_per_s: must be a finite number, not nan"),
        (
            "faults:",
            "phases: {drain_s: 1.9}\nfaults:",
            "7: phases.drain_s: must be at least 2, not 1.9",
        ),
        (
            "type: down, links: [payments_to_bank]",
            "type: latency, links: [payments_to_bank, orders_to_postgres], attributes: {latency: 800}",
            "11: faults.1.links.1: 'orders_to_postgres' has an equal latency fault above; keep one",
        ),
        (
            "links: [orders_to_postgres]\n    attributes: {latency: 800}",
            "links: [orders_to_postgres]\n    attributes: {latency: 800}\n  - {type: down, links: [payments_to_bank]}",
            "12: faults.2.links.0: 'payments_to_bank' has an equal down fault above; keep one",
        ),
        (
            "arms: [naive, protected]",
            "arms: [naive, protectd]",
            "3: arms.1.profile: there is no profile 'protectd'; did you mean",
        ),
        ("arms: [naive, protected]", "arms: [naive, naive]", "3: arms.1.name: two arms are named 'naive'"),
        ("arms: [naive, protected]", "arms: []", "3: arms: must have at least 1, not 0"),
        ("arms: [naive, protected]", "arms: naive", "3: arms: must be a list, not 'naive'"),
        ("arms: [naive, protected]", "name: x\narms: [naive, protected]", "3: name: a scenario is named by its file"),
    ],
)
def test_a_wrong_value_is_reported_with_line_field_and_what_would_be_right(
    root: Path, old: str, new: str, message: str
) -> None:
    text = f"# first line\n{GOOD}"
    assert old in text

    assert f"chaos/scenarios/slow-db.yaml:{message}" in problem(root, text.replace(old, new, 1))


def test_a_message_has_at_most_three_lines(root: Path) -> None:
    said = problem(root, "a: 1\nb: 2\nc: 3\nd: 4\n")

    assert len(said.splitlines()) == 3
    assert said.endswith("more)")


def test_two_faults_on_a_link_that_are_not_equal_are_fine(root: Path) -> None:
    write(
        root,
        GOOD.replace(
            "down, links: [payments_to_bank]", "latency, links: [orders_to_postgres], attributes: {latency: 9}"
        ),
    )

    assert len(load_scenario("slow-db", root=root).faults) == 2


def test_an_expectation_may_name_the_fault_phase_without_a_fault(root: Path) -> None:
    """Without the fault the run must end in a verdict, so the file is right."""
    assert load_scenario("slow-db", root=root, sets=["faults=[]"]).faults == ()
