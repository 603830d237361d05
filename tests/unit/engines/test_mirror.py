"""A container's folders as folders of ours."""

from pathlib import Path

from chaos.engines.mirror import mirror
from chaos.engines.service_spec import ServiceSpec


def spec(mounts: dict[str, str]) -> ServiceSpec:
    return ServiceSpec("grafana", None, "grafana", (), {}, (3000,), {}, None, mounts)


def test_the_tree_has_the_same_shape_and_the_paths_in_it_are_ours(tmp_path: Path) -> None:
    """A text that names a folder of the container names ours; what it names outside the tree is left alone."""
    mounts = {"/etc/grafana/provisioning/dashboards/lab.yaml": "provider", "/etc/grafana/dashboards/a.json": "board"}
    configs = {"provider": "path: /etc/grafana/dashboards\nother: /etc/hosts\n", "board": "{}"}

    move = mirror(spec(mounts), configs, tmp_path / "my data")

    tree = tmp_path / "my data" / "etc" / "grafana"
    assert (tree / "dashboards" / "a.json").read_text() == "{}"
    assert (tree / "provisioning" / "dashboards" / "lab.yaml").read_text() == (
        f"path: {tree}/dashboards\nother: /etc/hosts\n"
    )
    assert move("/etc/grafana/provisioning") == f"{tree}/provisioning"
    assert move("/var/lib/grafana") == "/var/lib/grafana"


def test_a_service_without_files_has_nothing_to_move(tmp_path: Path) -> None:
    assert mirror(spec({}), {}, tmp_path)("/etc/grafana") == "/etc/grafana"
