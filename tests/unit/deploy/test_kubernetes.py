"""The Kubernetes base: its parts fit each other and the settings, and the pod has no rights it does not need."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from daemon import settings
from daemon.cli import cli
from daemon.settings import catalogue

DEPLOY = Path(__file__).parents[3] / "deploy"
BASE = DEPLOY / "kubernetes" / "base"
SETTINGS_MOUNT = "/etc/exsyncd"


def document(name: str) -> dict[str, Any]:
    loaded = yaml.safe_load((BASE / f"{name}.yaml").read_text())
    assert isinstance(loaded, dict)
    return loaded


@pytest.fixture(scope="module")
def pod() -> dict[str, Any]:
    return dict(document("statefulset")["spec"]["template"]["spec"])


@pytest.fixture(scope="module")
def container(pod: dict[str, Any]) -> dict[str, Any]:
    (only,) = pod["containers"]
    return dict(only)


@pytest.fixture
def in_the_pod(container: dict[str, Any], tmp_path: Path) -> dict[str, str]:
    """The environment of the container, with its secrets where a test may put them."""
    env = {}
    for entry in container["env"]:
        value = entry.get("value", "exsyncd-0")
        if entry["name"].endswith("_FILE"):
            (tmp_path / Path(value).name).write_text(f"the {Path(value).name}")
            value = str(tmp_path / Path(value).name)
        env[entry["name"]] = value
    return env


def test_every_file_is_part_of_it_and_every_part_is_a_file() -> None:
    named = document("kustomization")["resources"]

    assert sorted(named) == sorted(path.name for path in BASE.glob("*.yaml") if path.name != "kustomization.yaml")


def test_every_variable_is_a_setting(container: dict[str, Any]) -> None:
    settings_there_are = catalogue.by_environment()
    named = [entry["name"] for entry in container["env"]]
    secrets = [name.removesuffix("_FILE") for name in named if name.endswith("_FILE")]

    assert [name for name in named if name.removesuffix("_FILE") not in settings_there_are] == []
    assert [name for name in secrets if not settings_there_are[name].is_secret] == []


def test_the_daemon_accepts_the_settings_as_they_are_mounted(in_the_pod: dict[str, str]) -> None:
    ready = settings.load(BASE / "exsyncd.toml", in_the_pod)

    assert ready.kafka.group_instance_id == "exsyncd-0"
    assert ready.exchange.password.get_secret_value() == "the exchange-password"


def test_with_the_secret_left_empty_it_refuses_to_start_and_says_why(
    in_the_pod: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "exchange-password").write_text("")

    with pytest.raises(settings.SettingsError, match=r"exchange\.password\n    is not set"):
        settings.load(BASE / "exsyncd.toml", in_the_pod)


def test_no_secret_has_a_value_in_the_repository() -> None:
    assert set(document("secret")["stringData"].values()) == {""}


def test_every_secret_that_is_read_is_in_the_secret_and_mounted(container: dict[str, Any], pod: dict[str, Any]) -> None:
    (mount,) = (mount for mount in container["volumeMounts"] if mount["name"] == "secrets")
    (volume,) = (volume for volume in pod["volumes"] if volume["name"] == "secrets")
    files = [Path(entry["value"]) for entry in container["env"] if entry["name"].endswith("_FILE")]

    assert {str(file.parent) for file in files} == {mount["mountPath"]}
    assert {file.name for file in files} == set(document("secret")["stringData"])
    assert volume["secret"]["secretName"] == document("secret")["metadata"]["name"]


def test_it_starts_the_daemon_with_the_mounted_file(container: dict[str, Any], pod: dict[str, Any]) -> None:
    (mount,) = (mount for mount in container["volumeMounts"] if mount["name"] == "settings")
    (volume,) = (volume for volume in pod["volumes"] if volume["name"] == "settings")
    (generated,) = document("kustomization")["configMapGenerator"]

    name, *arguments = container["args"]
    understood = cli.commands[name].make_context(name, list(arguments)).params

    assert name == "run"
    assert understood == {"config": Path(SETTINGS_MOUNT) / "exsyncd.toml"}
    assert mount["mountPath"] == SETTINGS_MOUNT
    assert volume["configMap"]["name"] == generated["name"]
    assert generated["files"] == ["exsyncd.toml"]


def test_probes_ask_the_port_the_daemon_listens_on(container: dict[str, Any], in_the_pod: dict[str, str]) -> None:
    bind = settings.load(BASE / "exsyncd.toml", in_the_pod).http.address
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    asked = {name: container[f"{name}Probe"]["httpGet"] for name in ("liveness", "readiness", "startup")}

    assert bind.host == "0.0.0.0", "the kubelet asks from outside the pod"
    assert {ports[probe["port"]] for probe in asked.values()} == {bind.port}
    assert {name: probe["path"] for name, probe in asked.items()} == {
        "liveness": "/livez",
        "readiness": "/readyz",
        "startup": "/livez",
    }
    assert document("service")["spec"]["ports"][0]["port"] == bind.port


def test_the_kubelet_waits_longer_than_draining_takes(pod: dict[str, Any], in_the_pod: dict[str, str]) -> None:
    ready = settings.load(BASE / "exsyncd.toml", in_the_pod)

    assert pod["terminationGracePeriodSeconds"] > ready.kafka.rebalance_timeout.total_seconds() * 0.6 + 10


def test_the_store_is_on_a_volume_that_outlives_the_pod(container: dict[str, Any], in_the_pod: dict[str, str]) -> None:
    spec = document("statefulset")["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    (mount,) = (mount for mount in container["volumeMounts"] if mount["name"] == claim["metadata"]["name"])
    ready = settings.load(BASE / "exsyncd.toml", in_the_pod)

    assert ready.store.url.startswith(f"sqlite:///{mount['mountPath']}/")
    assert spec["replicas"] == 1, "one daemon holds a SQLite file"


def test_the_pod_has_no_rights_it_does_not_need(container: dict[str, Any], pod: dict[str, Any]) -> None:
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_the_network_lets_out_what_the_settings_reach(in_the_pod: dict[str, str]) -> None:
    policy = document("networkpolicy")["spec"]
    ready = settings.load(BASE / "exsyncd.toml", in_the_pod)
    out = {port["port"] for rule in policy["egress"] for port in rule["ports"]}

    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    assert {53, 443, int(ready.kafka.bootstrap_servers.rpartition(":")[2])} <= out


def test_the_image_runs_as_the_pod_s_user_and_starts_the_same(container: dict[str, Any], pod: dict[str, Any]) -> None:
    dockerfile = (DEPLOY / "docker" / "Dockerfile").read_text()
    user = re.search(r"^USER (\d+):(\d+)$", dockerfile, re.MULTILINE)
    command = re.search(r"^CMD (.+)$", dockerfile, re.MULTILINE)

    assert user is not None
    assert [int(number) for number in user.groups()] == [
        pod["securityContext"]["runAsUser"],
        pod["securityContext"]["runAsGroup"],
    ]
    assert command is not None
    assert yaml.safe_load(command.group(1)) == container["args"]
    assert 'ENTRYPOINT ["exsyncd"]' in dockerfile


def test_what_the_image_copies_is_there() -> None:
    root = DEPLOY.parent
    dockerfile = (DEPLOY / "docker" / "Dockerfile").read_text()
    copied = [name for line in re.findall(r"^COPY (?!--)(.+)$", dockerfile, re.MULTILINE) for name in line.split()[:-1]]
    let_in = {line[1:] for line in (root / ".dockerignore").read_text().splitlines() if line.startswith("!")}

    assert [name for name in copied if not (root / name).exists()] == []
    assert set(copied) == let_in


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not here")
def test_kustomize_builds_it_and_every_selector_finds_the_pod() -> None:
    run = subprocess.run(["kubectl", "kustomize", str(BASE)], capture_output=True, text=True, timeout=60, check=True)
    built = {each["kind"]: each for each in yaml.safe_load_all(run.stdout)}
    labels = {"app.kubernetes.io/name": "exsyncd"}

    assert built["StatefulSet"]["spec"]["template"]["metadata"]["labels"] == labels
    assert built["StatefulSet"]["spec"]["selector"]["matchLabels"] == labels
    assert built["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert built["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    assert built["Service"]["spec"]["selector"] == labels
    mounted = {volume["name"]: volume for volume in built["StatefulSet"]["spec"]["template"]["spec"]["volumes"]}
    assert mounted["settings"]["configMap"]["name"] == built["ConfigMap"]["metadata"]["name"]
