#!/bin/sh
# Checks the manifests without a cluster: against the schemas of the published Kubernetes API, which the Python package
# kubernetes-validate carries (installed into target/manifests on first use). Knative's own fields are not in them; the
# pod inside its Service is checked as a pod.
set -eu
cd "$(dirname "$0")/.."

VERSION=1.37.0
tools=../target/manifests
if [ ! -x "$tools/bin/kubernetes-validate" ]; then
    python3 -m venv "$tools"
    "$tools/bin/pip" install --quiet "kubernetes-validate==$VERSION"
fi

"$tools/bin/kubernetes-validate" --strict kubernetes/deployment.yaml
"$tools/bin/python" - knative/service.yaml <<'END' >"$tools/pod.json"
import json, sys, yaml

service = yaml.safe_load(open(sys.argv[1]))
assert (service["apiVersion"], service["kind"]) == ("serving.knative.dev/v1", "Service")
pod = service["spec"]["template"]["spec"]
for own in ("containerConcurrency", "timeoutSeconds"):
    assert isinstance(pod.pop(own), int), own
print(json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, "spec": pod}))
END
"$tools/bin/kubernetes-validate" --strict "$tools/pod.json"
