"""
Renders the chart as Helm does and holds each manifest against the schemas of Kubernetes.

Run by `deploy/check`, which installs what it needs. Exit code 1 where anything is wrong.
"""

import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml
from helm_python.chart import Chart, lint

CHART = Path(__file__).parent / "chart"
VERSIONS = "1.29.0", kubernetes_validate.latest_version()
"""The oldest version of Kubernetes that the chart is written for, and the newest that is known."""
ENVIRONMENT = {
    "dataverse_url": "https://contoso.crm.dynamics.com",
    "finops_url": "https://contoso.operations.dynamics.com",
    "tenant": "contoso.onmicrosoft.com",
    "client_id": "gateway",
    "issuer": "https://login.example",
    "audience": ["gateway"],
}
VALUES: dict[str, dict[str, Any]] = {
    "the least": {"settings": ENVIRONMENT},
    "more replicas": {"settings": ENVIRONMENT, "replicas": 4},
    "autoscaling": {"settings": ENVIRONMENT, "autoscaling": {"enabled": True}},
    "Redis and a collector": {
        "settings": {**ENVIRONMENT, "shared": "redis://redis:6379", "traces": True},
        "to": [{"port": 6379}, {"port": 4318}],
    },
}
"""Values that people install with."""
INFORMATION = 1


def mistakes() -> list[str]:
    """All that Helm and the schemas object to."""
    linted = lint(CHART, VALUES["the least"], strict=True)["messages"]
    found = [f"helm lint: {each}" for each in linted if each["severity"] > INFORMATION]
    for name, values in VALUES.items():
        rendered = Chart.load(CHART).render(values, name="gateway", namespace="dynamics")
        manifests = [each for text in rendered.values() for each in yaml.safe_load_all(text)]
        for manifest in filter(None, manifests):
            for version in VERSIONS:
                try:
                    kubernetes_validate.validate(manifest, version, strict=True)
                except kubernetes_validate.ValidationError as error:
                    found.append(f"{name}: {manifest['kind']} on {version}: {error}")
    return found


if __name__ == "__main__":
    said = mistakes()
    sys.exit("\n".join(said) or None)
