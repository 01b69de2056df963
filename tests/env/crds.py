"""Copies CRDs without the texts of their schemas: crds.py MODULE@VERSION FOLDER OUT PLURAL...

Called by crds.sh. Of a CRD it keeps the served versions and the storage version, sorts the keys, and drops every
`description` of a schema node (a *property* that is named description stays). The rest of the meaning is kept:
defaults, x-kubernetes-*, validations, enums, patterns.
"""

import glob
import os
import re
import sys

import yaml

# Keywords of a schema node, by what is below them.
ONE = ("additionalProperties", "items", "not")
MANY = ("allOf", "anyOf", "oneOf")
NAMED = ("properties", "patternProperties", "definitions")

# Plain scalars that another reader (YAML 1.2, Go) takes for something else than a string, and PyYAML does not.
OTHER = re.compile(r"[-+]?(\.?[0-9]|\.(inf|nan))|[yn]$", re.IGNORECASE)


def bare(node):
    """The schema node without descriptions, at every depth."""
    if not isinstance(node, dict):
        return node  # additionalProperties: true
    out = {}
    for key, value in node.items():
        if key == "description":
            continue
        if key in ONE:
            value = [bare(v) for v in value] if isinstance(value, list) else bare(value)
        elif key in MANY:
            value = [bare(v) for v in value]
        elif key in NAMED:
            value = {name: bare(v) for name, v in value.items()}
        out[key] = value
    return out


def trim(crd):
    """The CRD as it is embedded."""
    crd.pop("status", None)
    meta = crd["metadata"]
    meta.pop("creationTimestamp", None)
    meta["annotations"] = {k: v for k, v in (meta.get("annotations") or {}).items() if k.startswith(
        ("api-approved.kubernetes.io", "gateway.networking.k8s.io/"))}
    meta["labels"] = {k: v for k, v in (meta.get("labels") or {}).items() if not k.startswith("app")}
    for key in ("annotations", "labels"):
        if not meta[key]:
            del meta[key]
    crd["spec"]["versions"] = [v for v in crd["spec"]["versions"] if v["served"] or v["storage"]]
    for version in crd["spec"]["versions"]:
        version["schema"]["openAPIV3Schema"] = bare(version["schema"]["openAPIV3Schema"])
    return crd


class Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data):
        return True

    def text(self, data):
        style = "|" if "\n" in data else "'" if OTHER.match(data) else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


Dumper.add_representer(str, Dumper.text)


def main():
    module, folder, out, *plurals = sys.argv[1:]
    found = {}
    for path in sorted(glob.glob(os.path.join(folder, "*.yaml"))):
        with open(path, encoding="utf-8") as f:
            # What is left without these lines is plain YAML: only labels and guards are templated.
            text = "".join(line for line in f if "{{" not in line)
        for doc in yaml.load_all(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            if doc and doc.get("kind") == "CustomResourceDefinition":
                found[doc["spec"]["names"]["plural"]] = doc
    for plural in plurals:
        crd = trim(found[plural])
        text = f"# {module.replace('@', ' ')}, descriptions removed by tests/env/crds.sh\n"
        text += yaml.dump(crd, Dumper=Dumper, sort_keys=True, allow_unicode=True, width=1 << 20)
        if yaml.safe_load(text) != crd:
            sys.exit(f"{plural}: does not read back as it was written")
        name = f"{crd['spec']['group']}_{plural}.yaml"
        with open(os.path.join(out, name), "w", encoding="utf-8") as f:
            f.write(text)
        print(f"{name} {len(text)} bytes")


main()
