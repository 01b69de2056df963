#!/usr/bin/env python3
"""Writes src/schema/builtin.json, the schemas of Kubernetes' built-in kinds.

    KUBECONFIG=... tests/env/builtin.py [OUT]

A maintainer runs it against an empty API server of the version below and commits what it writes. Nothing runs it in a
test. It needs go (for the OpenAPI files of k8s.io/kubernetes and the types of k8s.io/api, fetched as modules), kubectl
($KUBECTL or on PATH), and nothing else: python3's standard library.

List types, list keys and map types come from the OpenAPI files. Their `default`s do not: they are Go's zero values.
The defaults are measured. For every kind there is a sample below with as much as possible inside its atomic lists and
maps. It is sent as a create with dryRun=All, then again and again with one field taken out: what is there in the answer
although it was not sent is a default. `default` is only written for what is inside atomic values, and for list keys:
elsewhere the planner adds nothing to what people declare. What it says there is what comes in the place of a field that
is taken away: `x-packctl-fallback`.

Some scalars vanish when they have their zero value, because the Go field is not a pointer and says omitempty: a
variable's `value: ""`, a pod's `hostNetwork: false`. The types say which; the samples are sent with zeros to check.

In the end the table has to predict every answer that the server gave, else this program fails and writes nothing.
"""

import copy
import http.client
import json
import os
import re
import subprocess
import sys

KUBERNETES = "v1.34.4"
STAGING = "v0.34.4"

KINDS = {
    "api__v1": ["ConfigMap", "LimitRange", "Namespace", "PersistentVolumeClaim", "Pod", "ResourceQuota", "Secret",
                "Service", "ServiceAccount"],
    "apis__admissionregistration.k8s.io__v1": ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"],
    "apis__apps__v1": ["DaemonSet", "Deployment", "StatefulSet"],
    "apis__autoscaling__v2": ["HorizontalPodAutoscaler"],
    "apis__batch__v1": ["CronJob", "Job"],
    "apis__coordination.k8s.io__v1": ["Lease"],
    "apis__networking.k8s.io__v1": ["Ingress", "NetworkPolicy"],
    "apis__policy__v1": ["PodDisruptionBudget"],
    "apis__rbac.authorization.k8s.io__v1": ["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"],
    "apis__scheduling.k8s.io__v1": ["PriorityClass"],
    "apis__storage.k8s.io__v1": ["StorageClass"],
}

# What a few fields get depends on others in a way that a table can't say. No default is written for them.
COMPUTED = {
    ("core.v1.Secret", "stringData"): "moved into data",
    ("core.v1.LimitRangeItem", "default"): "copied from max, key by key",
    ("core.v1.LimitRangeItem", "defaultRequest"): "copied from default and min, key by key",
}

# What takes the place of these depends on what no sample shows.
COMPUTED_OUTSIDE = {
    ("core.v1.Container", "imagePullPolicy"): "Always for the tag latest",
    ("core.v1.PodSpec", "serviceAccountName"): "serviceAccount, its old name, which follows it",
    ("core.v1.ServicePort", "targetPort"): "the port",
    ("networking.v1.NetworkPolicySpec", "policyTypes"): "Egress where there is egress",
}

# The cluster gave these, and an update without them keeps them.
KEPT_OUTSIDE = [("core.v1.ServiceSpec", field) for field in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy")]

COMMENT = """\
Schemas of built-in kinds of Kubernetes %s, written by tests/env/builtin.py; do not edit. \
kinds: "GROUP/VERSION/KIND" ("VERSION/KIND" in the core group) to the schema of the object, and beside its "$ref", \
x-packctl-resource: plural, namespaced, subresources. definitions: schema nodes as in a CRD's openAPIV3Schema. \
"$ref" is "#/definitions/NAME"; below definitions nothing stands beside it. \
A list without x-kubernetes-list-type is atomic. x-packctl-quantity: a resource quantity, string or number. \
default: measured, holds inside atomic values and for list keys alone, elsewhere it is to be ignored. \
x-packctl-defaults: the first entry whose "when" equals the fields beside this one gives the default. \
No default: none was measured. x-packctl-fallback: outside of atomic values, what the server puts in the place of a \
field that is taken away; x-packctl-computed, that it puts something there that depends on other fields; x-packctl-kept, \
that it leaves what is there. x-packctl-zero-absent: "", 0 and false are the same as absent. \
x-packctl-zero: the fields that are there in a struct of which nothing is said, null or a struct. \
Everywhere null, an empty list and an empty map (additionalProperties) are the same as absent; an empty object with \
properties is not."""

# ---------------------------------------------------------------------------------------------------------- samples

SELECTOR = {"matchLabels": {"a": "b"}, "matchExpressions": [
    {"key": "k", "operator": "In", "values": ["v"]}, {"key": "l", "operator": "Exists"}]}
REQUEST = {"path": "/p", "port": 80, "scheme": "HTTP", "host": "h", "httpHeaders": [{"name": "n", "value": "v"}]}
ITEMS = [{"key": "k", "path": "p", "mode": 256}]
FILES = [{"path": "p", "mode": 256, "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.labels"}},
         {"path": "q", "resourceFieldRef": {"containerName": "c", "resource": "limits.cpu", "divisor": "1m"}}]
NODES = [{"matchExpressions": [{"key": "k", "operator": "In", "values": ["v"]}, {"key": "l", "operator": "Exists"}],
          "matchFields": [{"key": "metadata.name", "operator": "In", "values": ["v"]}]}]
PODS = {"topologyKey": "t", "labelSelector": SELECTOR, "namespaceSelector": SELECTOR, "namespaces": ["n"]}
PODS_BY_KEY = {**PODS, "matchLabelKeys": ["m"], "mismatchLabelKeys": ["o"]}
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}, "limits": {"storage": "2Gi"}},
         "selector": SELECTOR, "storageClassName": "s", "volumeMode": "Filesystem", "volumeName": "v",
         "volumeAttributesClassName": "c"}
SOURCE = {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "n"}


def container(name, restart):
    return {
        "name": name, "image": "i:1",
        "env": [
            {"name": "A", "valueFrom": {"configMapKeyRef": {"key": "k", "name": "n", "optional": True}}},
            {"name": "B", "valueFrom": {"secretKeyRef": {"key": "k", "name": "n", "optional": True}}},
            {"name": "C", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}},
            {"name": "D", "valueFrom": {"resourceFieldRef": {
                "containerName": "c", "resource": "limits.cpu", "divisor": "1m"}}},
            {"name": "E", "value": "v"},
        ],
        "stdin": True, "tty": True, "workingDir": "/w",
        "volumeMounts": [{"name": "a", "mountPath": "/m", "readOnly": True, "subPath": "s"}],
        "envFrom": [{"prefix": "P", "configMapRef": {"name": "n", "optional": True}},
                    {"prefix": "Q", "secretRef": {"name": "n", "optional": True}}],
        "ports": [{"containerPort": 80, "protocol": "TCP"}],
        "resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1", "memory": "1Gi"}},
        "resizePolicy": [
            {"resourceName": "cpu", "restartPolicy": "NotRequired"},
            {"resourceName": "memory", "restartPolicy": "NotRequired" if restart == "Never" else "RestartContainer"}],
    }


def pod(restart, bare=False):
    """A pod's spec; bare for the kind Pod itself, whose creation merges matchLabelKeys into the selectors."""
    pods = PODS if bare else PODS_BY_KEY
    main = container("c", restart)
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        main[probe] = {"httpGet": REQUEST}
    main["lifecycle"] = {"postStart": {"httpGet": REQUEST}, "preStop": {"httpGet": REQUEST}}
    spread = {"maxSkew": 1, "topologyKey": "t", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": SELECTOR}
    return {
        "restartPolicy": restart,
        "serviceAccountName": "n",
        "containers": [main],
        "initContainers": [container("i", restart)],
        "nodeSelector": {"a": "b"},
        "imagePullSecrets": [{"name": "n"}],
        "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["h"]}],
        "readinessGates": [{"conditionType": "example.com/c"}],
        "dnsConfig": {"options": [{"name": "ndots", "value": "1"}]},
        "securityContext": {"sysctls": [{"name": "kernel.shm_rmid_forced", "value": "1"}]},
        "tolerations": [
            {"operator": "Exists"},
            {"key": "k", "operator": "Equal", "value": "v", "effect": "NoExecute", "tolerationSeconds": 1},
            {"key": "l", "operator": "Exists", "effect": "NoSchedule"},
        ],
        "topologySpreadConstraints": [spread],
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": NODES},
                "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": NODES[0]}]},
            **{kind: {
                "requiredDuringSchedulingIgnoredDuringExecution": [pods],
                "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": pods}]}
               for kind in ("podAffinity", "podAntiAffinity")}},
        "volumes": [
            {"name": "a", "configMap": {"name": "n", "items": ITEMS}},
            {"name": "b", "secret": {"secretName": "n", "items": ITEMS}},
            {"name": "c", "downwardAPI": {"items": FILES}},
            {"name": "d", "projected": {"sources": [
                {"configMap": {"name": "n", "optional": True, "items": [{"key": "k", "path": "a", "mode": 256}]}},
                {"secret": {"name": "n", "optional": True, "items": [{"key": "k", "path": "b", "mode": 256}]}},
                {"downwardAPI": {"items": [
                    {"path": "c", "mode": 256, "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.labels"}},
                    {"path": "d", "resourceFieldRef": {
                        "containerName": "c", "resource": "limits.cpu", "divisor": "1m"}}]}},
                {"serviceAccountToken": {"path": "e", "audience": "a", "expirationSeconds": 600}}]}},
            {"name": "e", "csi": {"driver": "d", "nodePublishSecretRef": {"name": "n"}}},
            {"name": "f", "ephemeral": {"volumeClaimTemplate": {"spec": {**CLAIM, "dataSource": SOURCE}}}},
            {"name": "g", "cephfs": {"monitors": ["m"], "secretRef": {"name": "n"}}},
            {"name": "h", "cinder": {"volumeID": "v", "secretRef": {"name": "n"}}},
            {"name": "i", "flexVolume": {"driver": "example.com/d", "secretRef": {"name": "n"}}},
            {"name": "j", "iscsi": {"targetPortal": "t", "iqn": "iqn.2001-04.com.example:a", "lun": 0,
                                    "secretRef": {"name": "n"}}},
            {"name": "k", "rbd": {"monitors": ["m"], "image": "i", "secretRef": {"name": "n"}}},
            {"name": "l", "scaleIO": {"gateway": "g", "system": "s", "volumeName": "v", "secretRef": {"name": "n"}}},
            {"name": "m", "storageos": {"volumeName": "v", "secretRef": {"name": "n"}}},
        ],
    }


def template(restart):
    return {"metadata": {"labels": {"a": "b", "k": "v", "l": "x"}}, "spec": pod(restart)}


def claim_template():
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": "t", "labels": {"a": "b"}, "annotations": {"a": "b"}}}


def policy_rules():
    return [{"apiGroups": ["a"], "resources": ["r"], "verbs": ["get"], "resourceNames": ["n"]}]


def subjects():
    return [{"kind": "ServiceAccount", "name": "n", "namespace": "n"},
            {"kind": "User", "name": "n", "apiGroup": "rbac.authorization.k8s.io"},
            {"kind": "Group", "name": "n", "apiGroup": "rbac.authorization.k8s.io"}]


def role_ref(kind):
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": "n"}


def webhooks():
    config = {"service": {"namespace": "n", "name": "n", "path": "/p", "port": 443}}
    return [{"name": "a.example.com", "clientConfig": config, "sideEffects": "None", "admissionReviewVersions": ["v1"],
             "namespaceSelector": SELECTOR, "objectSelector": SELECTOR,
             "matchConditions": [{"name": "m", "expression": "true"}],
             "rules": [{"apiGroups": ["a"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["r"],
                        "scope": "Namespaced"}]}]


def backends():
    """Both forms of an Ingress backend."""
    return [{"service": {"name": "n", "port": {"number": 80}}}, {"service": {"name": "n", "port": {"name": "p"}}},
            {"resource": {"apiGroup": "a.example.com", "kind": "K", "name": "n"}}]


def network_peers():
    return {"ports": [{"protocol": "TCP", "port": 80, "endPort": 90}, {"protocol": "UDP", "port": "p"}]}, [
        {"podSelector": SELECTOR, "namespaceSelector": SELECTOR},
        {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}]


def metrics():
    metric = {"name": "m", "selector": SELECTOR}
    target = {"type": "AverageValue", "averageValue": "1"}
    return [
        {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}},
        {"type": "Resource", "resource": {"name": "memory", "target": target}},
        {"type": "ContainerResource", "containerResource": {
            "name": "cpu", "container": "c", "target": {"type": "Utilization", "averageUtilization": 50}}},
        {"type": "Pods", "pods": {"metric": metric, "target": target}},
        {"type": "External", "external": {"metric": metric, "target": {"type": "Value", "value": "1"}}},
        {"type": "External", "external": {"metric": metric, "target": target}},
        {"type": "Object", "object": {
            "describedObject": {"apiVersion": "v1", "kind": "Service", "name": "n"},
            "metric": metric, "target": {"type": "Value", "value": "1"}}},
    ]


def samples(kind):
    """The samples of a kind, without apiVersion, kind and name."""
    policies = [{"type": "Pods", "value": 1, "periodSeconds": 15}, {"type": "Percent", "value": 1, "periodSeconds": 15}]
    selector = {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "k", "operator": "In", "values": ["v"]},
                                                                 {"key": "l", "operator": "Exists"}]}
    workload = {"selector": selector, "template": template("Always")}
    job = {
        "backoffLimit": 0, "template": template("Never"),
        "podFailurePolicy": {"rules": [
            {"action": "FailJob", "onExitCodes": {"containerName": "c", "operator": "In", "values": [1]}},
            {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "False"}]}]},
        "completionMode": "Indexed", "completions": 2, "parallelism": 1,
        "successPolicy": {"rules": [{"succeededIndexes": "0", "succeededCount": 1}]}}
    ports, peers = network_peers()
    owners = [{"apiVersion": "v1", "kind": "ConfigMap", "name": "n", "uid": "u", "controller": True,
               "blockOwnerDeletion": True}]
    return {
        "ConfigMap": [{"metadata": {"ownerReferences": owners, "finalizers": ["example.com/f"]}, "data": {"a": "b"}}],
        "LimitRange": [{"spec": {"limits": [
            {"type": "Container", "default": {"cpu": "2"}, "defaultRequest": {"cpu": "1"}, "max": {"cpu": "3"},
             "min": {"cpu": "1"}, "maxLimitRequestRatio": {"cpu": "3"}},
            {"type": "Pod", "max": {"cpu": "3"}, "min": {"cpu": "1"}, "maxLimitRequestRatio": {"cpu": "3"}},
            {"type": "PersistentVolumeClaim", "max": {"storage": "2Gi"}, "min": {"storage": "1Gi"}}]}}],
        "Namespace": [{}],
        "PersistentVolumeClaim": [
            {"spec": {**CLAIM, "dataSource": SOURCE}},
            {"spec": {**CLAIM, "dataSource": {"kind": "PersistentVolumeClaim", "name": "n"}}}],
        "Pod": [{"metadata": {"labels": {"a": "b", "k": "v"}}, "spec": pod("Always", bare=True)}],
        "ResourceQuota": [{"spec": {"hard": {"pods": "1"}, "scopeSelector": {"matchExpressions": [
            {"scopeName": "PriorityClass", "operator": "In", "values": ["v"]},
            {"scopeName": "NotTerminating", "operator": "Exists"}]}}}],
        "Secret": [{"stringData": {"a": "b"}}],
        "Service": [{"spec": {"selector": {"a": "b"}, "ports": [{"port": 80, "protocol": "TCP"}]}}],
        "ServiceAccount": [{"secrets": [{"name": "n"}], "imagePullSecrets": [{"name": "n"}]}],
        "MutatingWebhookConfiguration": [{"webhooks": webhooks()}],
        "ValidatingWebhookConfiguration": [{"webhooks": webhooks()}],
        "DaemonSet": [{"spec": {**workload, "updateStrategy": strategy}} for strategy in (
            {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 2, "maxSurge": 0}}, {"type": "OnDelete"})],
        "Deployment": [{"spec": {**workload, "strategy": strategy}} for strategy in (
            {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 1}}, {"type": "Recreate"})],
        "StatefulSet": [*({"spec": {**workload, "updateStrategy": strategy}} for strategy in (
            {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}, {"type": "OnDelete"})), {"spec": {
            **workload, "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Delete"},
            "serviceName": "n", "volumeClaimTemplates": [
            {**claim_template(), "spec": {**CLAIM, "dataSource": SOURCE}, "status": {"phase": "Pending"}},
            {**claim_template(), "spec": {**CLAIM, "dataSourceRef": {**SOURCE, "namespace": "n"}}},
            {**claim_template(), "spec": {**CLAIM, "dataSource": {"kind": "PersistentVolumeClaim", "name": "n"}}}]}}],
        "HorizontalPodAutoscaler": [{"spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "n"}, "maxReplicas": 3,
            "metrics": metrics(),
            "behavior": {"scaleUp": {"policies": policies}, "scaleDown": {"policies": policies}}}}],
        "CronJob": [{"spec": {"schedule": "* * * * *", "jobTemplate": {"spec": job}}}],
        "Job": [{"spec": job}, {"spec": {"manualSelector": True, "selector": selector, "template": template("Never")}}],
        "Lease": [{"spec": {"holderIdentity": "h"}}],
        "Ingress": [
            *({"spec": {"defaultBackend": backend}} for backend in backends()),
            {"spec": {"tls": [{"hosts": ["h.example.com"], "secretName": "n"}], "rules": [
                {"host": "h.example.com", "http": {"paths": [
                    {"path": "/p", "pathType": kind, "backend": backend}
                    for kind in ("Prefix", "Exact", "ImplementationSpecific") for backend in backends()]}}]}}],
        "NetworkPolicy": [{"spec": {"podSelector": SELECTOR, "policyTypes": ["Ingress", "Egress"],
                                    "ingress": [{**ports, "from": peers}], "egress": [{**ports, "to": peers}]}}],
        "PodDisruptionBudget": [{"spec": {"selector": SELECTOR, "minAvailable": 1}}],
        "ClusterRole": [
            {"rules": [*policy_rules(), {"nonResourceURLs": ["/u"], "verbs": ["get"]}]},
            {"aggregationRule": {"clusterRoleSelectors": [SELECTOR]}}],
        "ClusterRoleBinding": [{"roleRef": role_ref("ClusterRole"), "subjects": subjects()}],
        "Role": [{"rules": policy_rules()}],
        "RoleBinding": [{"roleRef": role_ref("Role"), "subjects": subjects()},
                        {"roleRef": role_ref("ClusterRole"), "subjects": subjects()}],
        "PriorityClass": [{"value": 1}],
        "StorageClass": [{"provisioner": "p", "allowedTopologies": [
            {"matchLabelExpressions": [{"key": "k", "values": ["v"]}]}]}],
    }[kind]


# ---------------------------------------------------------------------------------------------------------- schemas

LEAVES = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"x-packctl-quantity": True},
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": {"type": "string", "format": "date-time"},
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": {"type": "string", "format": "date-time"},
    "io.k8s.apimachinery.pkg.runtime.RawExtension": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"x-kubernetes-int-or-string": True},
}
KEPT = ("type", "format", "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type")
REF = "#/definitions/"
SCALARS = ("boolean", "integer", "number", "string")


def short(name):
    return re.sub(r"^io\.k8s\.(api|apimachinery\.pkg\.apis)\.", "", name)


def module(name, version):
    """The folder of a Go module's source."""
    text = subprocess.check_output(["go", "mod", "download", "-json", f"{name}@{version}"], cwd="/", text=True)
    return json.loads(text)["Dir"]


class Types:
    """The Go types of the API, of which the OpenAPI files don't tell pointers and omitempty."""

    STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
    FIELD = re.compile(r'^\t(?:\w+\s+)?(\S+)\s+`json:"(\w*)(,[\w,]*)?"', re.MULTILINE)

    def __init__(self):
        self.api = module("k8s.io/api", STAGING)
        self.machinery = module("k8s.io/apimachinery", STAGING)
        self.files = {}

    def fields(self, definition):
        """JSON name to whether it is a pointer and whether its zero value is left out."""
        group, version, name = definition.split(".")
        folder = os.path.join(self.machinery, "pkg/apis") if group == "meta" else self.api
        path = os.path.join(folder, group, version, "types.go")
        if path not in self.files:
            with open(path, encoding="utf-8") as f:
                self.files[path] = {m[1]: m[2] for m in self.STRUCT.finditer(f.read())}
        return self.of(self.files[path], name)

    def of(self, structs, name):
        out = {}
        for kind, field, options in self.FIELD.findall(structs[name]):
            if ",inline" in options:
                meta = {"apiVersion": (False, True), "kind": (False, True)}  # metav1.TypeMeta
                out.update(self.of(structs, kind) if kind in structs else meta)
            else:
                out[field] = (kind.startswith("*"), ",omitempty" in options)
        return out


class Table:
    """The schemas, as they are written."""

    def __init__(self, folder, types):
        self.kinds, self.definitions, self.openapi_defaults = {}, {}, {}
        for file, kinds in KINDS.items():
            with open(os.path.join(folder, file + "_openapi.json"), encoding="utf-8") as f:
                spec = json.load(f)
            source = spec["components"]["schemas"]
            for path, item in spec["paths"].items():
                for operation in item.values():
                    if isinstance(operation, dict) and operation.get("x-kubernetes-action") == "post":
                        self.kind(spec, source, path, operation["x-kubernetes-group-version-kind"], kinds)
        missing = {k for kinds in KINDS.values() for k in kinds} - {k["kind"] for k in self.kinds.values()}
        if missing:
            sys.exit(f"not in the OpenAPI files: {sorted(missing)}")
        self.types = types

    def kind(self, spec, source, path, gvk, kinds):
        if gvk["kind"] not in kinds or "{name}" in path:
            return
        prefix = path + "/{name}/"
        definition = next(name for name, schema in source.items()
                          if gvk in schema.get("x-kubernetes-group-version-kind", []))
        self.kinds["/".join(filter(None, (gvk["group"], gvk["version"], gvk["kind"])))] = {
            "kind": gvk["kind"],
            "plural": path.rsplit("/", 1)[1],
            "namespaced": "{namespace}" in path,
            "subresources": sorted(p[len(prefix):] for p in spec["paths"] if p.startswith(prefix) and p.count("/") ==
                                   prefix.count("/") and p[len(prefix):] in ("scale", "status")),
            "schema": self.refer(source, definition),
        }

    def refer(self, source, name):
        if name in LEAVES:
            return dict(LEAVES[name])
        if short(name) not in self.definitions:
            self.definitions[short(name)] = None  # against recursion
            self.definitions[short(name)] = self.convert(source, source[name], short(name))
        return {"$ref": REF + short(name)}

    def convert(self, source, node, owner):
        refs = [n["$ref"] for n in (node, *node.get("allOf", [])) if "$ref" in n]
        out = self.refer(source, refs[0].rsplit("/", 1)[1]) if refs else {}
        out.update({k: node[k] for k in KEPT if k in node})
        if "properties" in node:
            out["properties"] = {k: self.convert(source, v, owner) for k, v in sorted(node["properties"].items())}
            for key, value in node["properties"].items():
                if value.get("default") not in (None, "", 0, False, {}, []):
                    self.openapi_defaults[owner, key] = value["default"]
        for key in ("items", "additionalProperties"):
            if isinstance(node.get(key), dict):
                out[key] = self.convert(source, node[key], owner)
        return out

    def node(self, node):
        """The name of a node's definition, and the node with it filled in."""
        if "$ref" not in node:
            return None, node
        name = node["$ref"][len(REF):]
        return name, {**self.definitions[name], **{k: v for k, v in node.items() if k != "$ref"}}

    def structs(self, node, value, path=(), atomic=False):
        """Every object of a known type in the value: path, definition, whether it is inside an atomic value, its
        keys if it is an element of a keyed list."""
        name, node = self.node(node)
        atomic = atomic or node.get("x-kubernetes-map-type") == "atomic"
        if isinstance(value, list):
            kind = node.get("x-kubernetes-list-type", "atomic")
            keys = node.get("x-kubernetes-list-map-keys", []) if kind == "map" else []
            for i, v in enumerate(value):
                for p, n, a, k in self.structs(node["items"], v, (*path, i), atomic or kind == "atomic"):
                    yield p, n, a, keys if len(p) == len(path) + 1 else k
        elif isinstance(value, dict):
            if name:
                yield path, name, atomic, []
            for key, v in value.items():
                below = node.get("properties", {}).get(key) or node.get("additionalProperties")
                if below is None:
                    sys.exit(f"a sample has an unknown field: {'.'.join(map(str, (*path, key)))}")
                yield from self.structs(below, v, (*path, key), atomic)

    def default(self, name, key, beside):
        """The default that the table has for a field, or None."""
        node = self.definitions[name]["properties"][key]
        if "default" in node:
            return node["default"]
        for case in node.get("x-packctl-defaults", []):
            if all(beside.get(k) == v for k, v in case["when"].items()):
                return case["default"]
        return None

    def fill(self, kind, value):
        """The value without zeros that are the same as absent and with the table's defaults inside atomic values, as
        a reader of the table has to do it."""
        value = copy.deepcopy(value)
        for path, name, _, _ in list(self.structs(kind["schema"], value)):
            struct = at(value, path)
            for key, node in self.definitions[name].get("properties", {}).items():
                if node.get("x-packctl-zero-absent") and is_zero(struct.get(key)):
                    del struct[key]
        for path, name, atomic, keys in list(self.structs(kind["schema"], value)):
            struct = at(value, path)
            for key in self.definitions[name].get("properties", {}):
                if key not in struct and (atomic or key in keys):
                    default = self.default(name, key, struct)
                    if default is not None:
                        struct[key] = copy.deepcopy(default)
        return value


def at(value, path):
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


# ---------------------------------------------------------------------------------------------------------- measuring


class Server:
    """An API server behind `kubectl proxy`, so that every kind of login works."""

    def __enter__(self):
        kubectl = os.environ.get("KUBECTL", "kubectl")
        self.proxy = subprocess.Popen([kubectl, "proxy", "--port=0"], stdout=subprocess.PIPE, text=True)
        try:
            line = self.proxy.stdout.readline()  # Starting to serve on 127.0.0.1:34567
            self.http = http.client.HTTPConnection("127.0.0.1", int(line.rsplit(":", 1)[1]), timeout=30)
            version = self.ask("GET", "/version")[1]["gitVersion"]
        except (IndexError, ValueError):
            self.__exit__()
            sys.exit("no API server answers; KUBECONFIG has to name one")
        if version != KUBERNETES:
            self.__exit__()
            sys.exit(f"the server is {version}, wanted is {KUBERNETES}")
        return self

    def __exit__(self, *_):
        self.proxy.kill()
        self.proxy.wait()

    def ask(self, method, path, body=None):
        self.http.request(method, path, json.dumps(body) if body is not None else None,
                          {"Content-Type": "application/json"})
        answer = self.http.getresponse()
        text = answer.read()
        # A body without its spec makes the server panic for some kinds; what it says then is no JSON.
        return answer.status, json.loads(text) if text.startswith(b"{") else {"message": text.decode()}

    def create(self, api, kind, body):
        """What the server would make of the body: None and its reason where it refuses."""
        group = "/".join(api.split("/")[:-1])
        path = ("/apis/" if "/" in group else "/api/") + group
        path += "/namespaces/default/" if kind["namespaced"] else "/"
        status, answer = self.ask("POST", f"{path}{kind['plural']}?dryRun=All&fieldValidation=Strict",
                                  {"apiVersion": group, "kind": kind["kind"], **body})
        return (answer, None) if status == 201 else (None, answer.get("message", ""))


def is_zero(value):
    return value in ("", 0) and value is not None  # False is 0


def without(body, path):
    body = copy.deepcopy(body)
    del at(body, path[:-1])[path[-1]]
    return body


def zeroed(body, path):
    body = copy.deepcopy(body)
    at(body, path[:-1])[path[-1]] = type(at(body, path))()
    return body


def measure(table, server):
    """Sends all samples. Returns what came of every field inside atomic values, and outside, and every accepted pair of
    sent and answered, with whether a field was taken out or emptied."""
    seen, outside, pairs, requests = {}, {}, [], len(table.kinds)
    for api, kind in sorted(table.kinds.items()):
        for sample in samples(kind["kind"]):
            body = {**sample, "metadata": {"name": "sample", **sample.get("metadata", {})}}
            answer, reason = server.create(api, kind, body)
            if answer is None:
                sys.exit(f"{api}: the sample is refused: {reason}")
            variants = [(body, answer)]
            for path, name, atomic, keys in table.structs(kind["schema"], body):
                for key, value in at(body, path).items():
                    changed = []
                    if path != ("metadata",):
                        changed.append(without(body, (*path, key)))
                    if isinstance(value, (str, bool, int)) and path != ("metadata",):
                        changed.append(zeroed(body, (*path, key)))
                    for less in changed:
                        requests += 1
                        got, _ = server.create(api, kind, less)
                        if got is not None:  # else the field is needed
                            variants.append((less, got))
            pairs.extend((api, *v, i > 0) for i, v in enumerate(variants))
            for sent, got in variants:
                for path, name, atomic, keys in table.structs(kind["schema"], sent):
                    struct, back = at(sent, path), at(got, path)
                    if back is None or lengths(sent, path) != lengths(got, path):
                        continue  # dropped, or no longer at this place
                    for key in table.definitions[name].get("properties", {}):
                        if key not in struct and not atomic and path != ("metadata",) and key != "status":
                            outside.setdefault((name, key), set()).add(json.dumps(back.get(key), sort_keys=True))
                        if key not in struct and (atomic or key in keys):
                            case = (json.dumps(back.get(key)), json.dumps(scalars(struct), sort_keys=True))
                            seen.setdefault((name, key), {}).setdefault(case, api + " " + dotted(path))
    return seen, outside, pairs, requests


def lengths(value, path):
    """The lengths of the lists on the way; equal lengths mean that places can be compared."""
    return [len(v) for v in (at(value, path[:i]) for i in range(len(path))) if isinstance(v, list)]


def scalars(struct):
    return {k: v for k, v in struct.items() if isinstance(v, (str, bool, int))}


def dotted(path):
    return ".".join(map(str, path))


def conclude(table, seen):
    """Writes defaults into the definitions."""
    found = 0
    for (name, key), cases in sorted(seen.items()):
        if (name, key) in COMPUTED:
            continue
        values = {value for value, _ in cases}
        node = table.definitions[name]["properties"][key]
        if values == {"null"}:
            continue
        found += 1
        if len(values) == 1:
            node["default"] = json.loads(values.pop())
        else:
            node["x-packctl-defaults"] = by_sibling(name, key, cases)
    return found


def conclude_outside(table, outside):
    """Writes what comes in the place of a field that is taken away."""
    found = 0
    kinds = {kind["schema"]["$ref"][len(REF):] for kind in table.kinds.values()}
    for (name, key), values in sorted(outside.items()):
        if name in kinds and key in ("apiVersion", "kind", "metadata", "spec"):
            continue  # part of every object
        if values != {"null"} or (name, key) in COMPUTED_OUTSIDE:
            found += 1
            node = table.definitions[name]["properties"][key]
            if (name, key) in KEPT_OUTSIDE:
                node["x-packctl-kept"] = True
            elif len(values) == 1 and (name, key) not in COMPUTED_OUTSIDE:
                node["x-packctl-fallback"] = json.loads(values.pop())
            else:
                node["x-packctl-computed"] = True
    return found


def mark_zeros(table):
    """Marks the scalars whose zero value is left out, or replaced by the default, and what else is there in Go's zero
    value of the struct around it: a struct that is no pointer, and null where omitempty is not said."""
    for name, definition in table.definitions.items():
        fields, zero = table.types.fields(name), {}
        for key, node in definition.get("properties", {}).items():
            pointer, omitted = fields[key]
            replaced = node.get("default") or "x-packctl-defaults" in node
            if node.get("type") in SCALARS and node.get("format") != "date-time" and not pointer and (
                    omitted or replaced):
                node["x-packctl-zero-absent"] = True
            if "$ref" in node and not pointer:
                zero[key] = {}
            elif node.get("type") not in SCALARS and not omitted:
                zero[key] = None
        if zero:
            definition["x-packctl-zero"] = zero


def by_sibling(name, key, cases):
    """The default as a function of one field beside it."""
    cases = [(value, json.loads(beside)) for value, beside in cases]
    for sibling in ("kind", "type", "operator"):
        results = {}
        for value, beside in cases:
            results.setdefault(beside.get(sibling), set()).add(value)
        if all(len(v) == 1 for v in results.values()):
            return [{"when": {sibling: k}, "default": json.loads(next(iter(v)))}
                    for k, v in sorted(results.items(), key=lambda kv: str(kv[0])) if k is not None and v != {"null"}]
    sys.exit(f"{name}.{key}: no field beside it explains the default: {cases}")


def check_keys(table):
    """Server-side apply completes list keys by the OpenAPI file's defaults; those have to be the measured ones."""
    wrong = []
    for definition in table.definitions.values():
        for field in definition.get("properties", {}).values():
            for key in field.get("x-kubernetes-list-map-keys", []):
                name, item = table.node(field["items"])
                wanted, is_ = table.openapi_defaults.get((name, key)), item["properties"][key].get("default")
                if wanted != is_:
                    wrong.append(f"key {name}.{key}: {json.dumps(wanted)} in OpenAPI, measured {json.dumps(is_)}")
    return wrong


def check(table, pairs):
    """Whether the table predicts what the server answered. Null is the same as nothing."""
    wrong = set()
    for api, sent, got, less in pairs:
        kind = table.kinds[api]
        filled = table.fill(kind, sent)
        for path, name, atomic, keys in table.structs(kind["schema"], filled):
            struct, back = at(filled, path), at(got, path)
            if back is None and less:
                continue  # the server drops a value that makes no sense without the field
            for key in table.definitions[name].get("properties", {}):
                if (name, key) in COMPUTED or key not in struct and not atomic and key not in keys:
                    continue
                wanted, is_ = struct.get(key), back.get(key) if isinstance(back, dict) else None
                if isinstance(wanted, dict) and is_ is None and less:
                    continue  # as above
                if isinstance(wanted, (dict, list)):
                    same = type(wanted) is type(is_) and (isinstance(wanted, dict) or len(wanted) == len(is_))
                else:
                    same = type(wanted) is type(is_) and wanted == is_
                if not same:
                    wrong.add(f"{api} {dotted((*path, key))}: {json.dumps(wanted)} is {json.dumps(is_)}")
    return sorted(wrong)


# ---------------------------------------------------------------------------------------------------------- writing


def write(table, out):
    def line(value):
        return json.dumps(value, separators=(", ", ": "), ensure_ascii=False)

    def whole(node):
        """The node with its definition in place where it says more than the definition does."""
        if "$ref" not in node or len(node) == 1:
            return node
        node = table.node(node)[1]
        return {**node, "properties": {k: whole(v) for k, v in node["properties"].items()}} if "properties" in node else node

    text = ["{", f' "$comment": {line(COMMENT % KUBERNETES)},', f' "kubernetes": {line(KUBERNETES)},', ' "kinds": {']
    kinds = []
    for api, kind in sorted(table.kinds.items()):
        about = {key: kind[key] for key in ("plural", "namespaced", "subresources")}
        kinds.append(f"  {line(api)}: {line({**kind['schema'], 'x-packctl-resource': about})}")
    text += [",\n".join(kinds), " },", ' "definitions": {']
    definitions = {name: {**node, "properties": {k: whole(v) for k, v in node["properties"].items()}}
                   if "properties" in node else node for name, node in table.definitions.items()}
    used = set(re.findall(REF + '([^"]+)', line(definitions) + line(table.kinds)))
    definitions = {name: node for name, node in sorted(definitions.items()) if name in used}
    blocks = []
    for name, node in definitions.items():
        head = "".join(f"{line(k)}: {line(v)}, " for k, v in node.items() if k != "properties")
        fields = ",\n".join(f"   {line(k)}: {line(v)}" for k, v in node.get("properties", {}).items())
        blocks.append(f'  {line(name)}: {{{head}"properties": {{\n{fields}\n  }}}}' if fields else
                      f"  {line(name)}: {line(node)}")
    text += [",\n".join(blocks), " }", "}", ""]
    text = "\n".join(text)
    if json.loads(text)["definitions"] != definitions:
        sys.exit("does not read back as it was written")
    with open(out, "w", encoding="utf-8") as f:
        f.write(text)
    return len(definitions), len(text)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    out = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "../../src/schema/builtin.json")
    folder = os.path.join(module("k8s.io/kubernetes", KUBERNETES), "api/openapi-spec/v3")
    table = Table(folder, Types())
    with Server() as server:
        seen, outside, pairs, requests = measure(table, server)
    found = conclude(table, seen) + conclude_outside(table, outside)
    mark_zeros(table)
    wrong = check_keys(table) + check(table, pairs)
    if wrong:
        sys.exit("the table does not predict the server:\n" + "\n".join(wrong))
    definitions, size = write(table, out)
    print(f"{len(table.kinds)} kinds, {definitions} definitions, {found} fields with defaults, "
          f"{requests} requests, {len(pairs)} answers predicted, {size} bytes")


if __name__ == "__main__":
    main()
