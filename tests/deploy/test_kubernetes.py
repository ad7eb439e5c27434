"""The manifests of Kubernetes: valid by schema, and what one says of another holds."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.tools import DEPLOY, HERE, OVERLAYS, program, rendered, run
from wordloop_ml.settings import Settings
from wordloop_ml.tokens import Tokens
from wordloop_ml.web.serve import make_app
from wordloop_ml.web.service import Service

KUBERNETES = "1.32"
SCHEMAS = {"PrometheusRule": "prometheusrule.json", "ServiceMonitor": "servicemonitor.json"}
"""Of kinds that Kubernetes itself does not have."""

EVERYWHERE = {"Deployment", "NetworkPolicy", "PodDisruptionBudget", "Service"}
IN_PRODUCTION = {
    "ConfigMap",
    "HorizontalPodAutoscaler",
    "PriorityClass",
    "PrometheusRule",
    "ServiceMonitor",
}


def of_kind(objects: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Return the objects of one kind."""
    return [one for one in objects if one["kind"] == kind]


def deployment(objects: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the Deployment of an overlay, of which there is one."""
    (found,) = of_kind(objects, "Deployment")
    return found


def container(objects: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the only container of the Deployment."""
    (found,) = deployment(objects)["spec"]["template"]["spec"]["containers"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_object_is_valid_by_its_schema(overlay: str, tmp_path: Path) -> None:
    """Fields that the schema does not know are refused, and so is an object without a schema."""
    validator = pytest.importorskip("kubernetes_validate")
    checker = program("check-jsonschema", package="the extra deploy")
    for number, one in enumerate(rendered(overlay)):
        if one["kind"] in SCHEMAS:
            path = tmp_path / f"{number}.json"
            path.write_text(json.dumps(one), encoding="utf-8")
            run(checker, "--schemafile", HERE / "schemas" / SCHEMAS[one["kind"]], path)
        else:  # an unknown kind raises
            validator.validate(one, KUBERNETES, strict=True)


def test_an_object_without_a_schema_is_no_valid_one() -> None:
    """Nor is one with a field too many."""
    validator = pytest.importorskip("kubernetes_validate")
    with pytest.raises(validator.SchemaNotFoundError):
        validator.validate({"apiVersion": "example.org/v1", "kind": "Unknown"}, KUBERNETES)
    service = {"apiVersion": "v1", "kind": "Service", "spec": {"ports_": []}}
    with pytest.raises(validator.ValidationError):
        validator.validate(service, KUBERNETES, strict=True)


def test_production_has_what_development_does_without() -> None:
    """Scaling, priority and monitoring."""
    kinds = {name: {one["kind"] for one in rendered(name)} for name in OVERLAYS}
    assert kinds == {"dev": EVERYWHERE, "prod": EVERYWHERE | IN_PRODUCTION}


def test_production_runs_an_image_by_digest() -> None:
    """A tag could be moved, also by mistake."""
    assert re.fullmatch(r"[^@:]+@sha256:[0-9a-f]{64}", container(rendered("prod"))["image"])


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_names_lead_to_what_they_name(overlay: str) -> None:
    """Selectors to the containers, ports to their ports, the class of priority to the one there is."""
    objects = rendered(overlay)
    template = deployment(objects)["spec"]["template"]
    labels = template["metadata"]["labels"].items()
    ports = {port["name"]: port["containerPort"] for port in container(objects)["ports"]}
    for service in of_kind(objects, "Service"):
        assert service["spec"]["selector"].items() <= labels
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= set(ports)
    for policy in of_kind(objects, "NetworkPolicy"):
        assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels
        for rule in policy["spec"]["ingress"]:
            assert {port["port"] for port in rule["ports"]} <= set(ports)
    for budget in of_kind(objects, "PodDisruptionBudget"):
        assert budget["spec"]["selector"]["matchLabels"].items() <= labels
    for constraint in template["spec"]["topologySpreadConstraints"]:
        assert constraint["labelSelector"]["matchLabels"].items() <= labels
    for scaler in of_kind(objects, "HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        assert target["name"] == deployment(objects)["metadata"]["name"]
    classes = {one["metadata"]["name"] for one in of_kind(objects, "PriorityClass")}
    assert {template["spec"].get("priorityClassName")} <= classes | {None}
    environment = {one["name"]: one.get("value") for one in container(objects)["env"]}
    assert int(environment["WORDLOOP_METRICS_PORT"] or 0) == ports["metrics"]


def test_prometheus_finds_the_containers() -> None:
    """The monitor selects the one service that also has those that start and drain."""
    objects = rendered("prod")
    (monitor,) = of_kind(objects, "ServiceMonitor")
    wanted = monitor["spec"]["selector"]["matchLabels"].items()
    (found,) = [
        service
        for service in of_kind(objects, "Service")
        if wanted <= service["metadata"]["labels"].items()
    ]
    assert found["spec"]["publishNotReadyAddresses"]
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["port"] in {port["name"] for port in found["spec"]["ports"]}
    assert found["metadata"]["labels"][monitor["spec"]["jobLabel"]] == "wordloop-ml"


def test_the_autoscaler_asks_for_the_adapter_s_metric() -> None:
    """Its target is below what admission allows, or it would never be exceeded; it takes its time to go down."""
    (scaler,) = of_kind(rendered("prod"), "HorizontalPodAutoscaler")
    adapter = yaml.safe_load((DEPLOY / "prometheus-adapter.yaml").read_text(encoding="utf-8"))
    (metric,) = scaler["spec"]["metrics"]
    (rule,) = adapter["rules"]["custom"]
    assert metric["pods"]["metric"]["name"] == rule["name"]["as"]
    assert 0.5 <= int(metric["pods"]["target"]["averageValue"].removesuffix("m")) / 1000 < 0.85
    assert scaler["spec"]["behavior"]["scaleDown"]["stabilizationWindowSeconds"] >= 300


@pytest.mark.parametrize("overlay", OVERLAYS)
async def test_the_probes_are_routes(overlay: str) -> None:
    """Each asks another one."""
    asked = [
        container(rendered(overlay))[f"{kind}Probe"]["httpGet"]["path"]
        for kind in ("startup", "readiness", "liveness")
    ]
    routes = make_app(Service(Settings(), Tokens())).router.resources()
    assert len(set(asked)) == 3
    assert set(asked) <= {resource.canonical for resource in routes}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_container_may_drain_to_its_end(overlay: str) -> None:
    """By default settings, with seconds for handshakes and threads; another one is there before."""
    spec = deployment(rendered(overlay))["spec"]
    settings = Settings()
    drain_s = settings.drain_listen_s + settings.drain_deadline_s + 6
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] > drain_s + 10
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert "replicas" not in spec, "the autoscaler owns it"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_container_can_do_nothing_but_serve(overlay: str) -> None:
    """Not root, nothing to write to, no capabilities, no account."""
    objects = rendered(overlay)
    pod = deployment(objects)["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["automountServiceAccountToken"] is False
    assert container(objects)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
