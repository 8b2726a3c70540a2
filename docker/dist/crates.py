"""The crates that are compiled into the runner, read from `cargo metadata`.

usage: crates.py sbom VERSION   what the runner consists of, as CycloneDX, on stdout
       crates.py notices        their licences' texts, each once, on stdout
"""

import collections
import datetime
import json
import os
import pathlib
import re
import subprocess
import sys
import tomllib

TARGET = "x86_64-unknown-linux-gnu"
ROOT = "action-runner"
NOTICES = re.compile(r"(licen[cs]e|copying|notice|copyright|unlicense)", re.IGNORECASE)


def metadata():
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", TARGET]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def is_needed(dependency):
    """For the runner itself, not for its tests; macros and build scripts are left in, since they write code."""
    return any(kind["kind"] != "dev" for kind in dependency["dep_kinds"])


def needed(document):
    """The packages from the runner downwards, and for each the ids of those it needs."""
    packages = {package["id"]: package for package in document["packages"]}
    nodes = {node["id"]: node for node in document["resolve"]["nodes"]}
    [start] = [package["id"] for package in packages.values() if package["name"] == ROOT]
    graph, todo = {}, [start]
    while todo:
        one = todo.pop()
        if one not in graph:
            graph[one] = [dependency["pkg"] for dependency in nodes[one]["deps"] if is_needed(dependency)]
            todo += graph[one]
    order = sorted(graph, key=lambda one: (packages[one]["name"], packages[one]["version"]))
    return packages, {one: graph[one] for one in order}


def purl(package):
    return f"pkg:cargo/{package['name']}@{package['version']}"


def sbom(version):
    packages, graph = needed(metadata())
    lock = tomllib.loads(pathlib.Path("Cargo.lock").read_text(encoding="utf-8"))
    sums = {(entry["name"], entry["version"]): entry.get("checksum") for entry in lock["package"]}

    def component(package, kind="library"):
        described = {"type": kind, "bom-ref": purl(package), "name": package["name"], "version": package["version"]}
        if package["license"]:
            # Before SPDX had expressions, a slash meant OR.
            described["licenses"] = [{"expression": re.sub(r"\s*/\s*", " OR ", package["license"])}]
        checksum = sums.get((package["name"], package["version"]))
        if checksum:
            described["hashes"] = [{"alg": "SHA-256", "content": checksum}]
        return described | {"purl": purl(package)}

    made = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.timezone.utc)
    [root] = [one for one in graph if packages[one]["name"] == ROOT]
    json.dump(
        {
            "bomFormat": "CycloneDX",
            "specVersion": "1.5",
            "version": 1,
            "metadata": {
                "timestamp": made.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "component": component(packages[root], "application") | {"version": version},
            },
            "components": [component(packages[one]) for one in graph if one != root],
            "dependencies": [
                {"ref": purl(packages[one]), "dependsOn": sorted({purl(packages[other]) for other in graph[one]})}
                for one in graph
            ],
        },
        sys.stdout,
        indent=2,
        ensure_ascii=False,
    )
    print()


def notices():
    packages, graph = needed(metadata())
    texts, silent = collections.defaultdict(list), []
    for one in graph:
        package = packages[one]
        name = f"{package['name']} {package['version']} ({package['license'] or 'no licence named'})"
        folder = pathlib.Path(package["manifest_path"]).parent
        found = sorted(file for file in folder.iterdir() if file.is_file() and NOTICES.match(file.name))
        for file in found:
            texts[file.read_text(encoding="utf-8", errors="replace").strip()].append(name)
        if not found:
            silent.append(name)
    print("What action-runner is compiled from, and on what terms.")
    for text, names in sorted(texts.items(), key=lambda entry: entry[1]):
        print("\n" + "=" * 80)
        print("\n".join(sorted(set(names))))
        print("-" * 80 + f"\n{text}")
    if silent:
        print("\n" + "=" * 80 + "\nThese bring no text of their own; the licence is the one named:")
        print("\n".join(silent))


if __name__ == "__main__":
    {"sbom": sbom, "notices": notices}[sys.argv[1]](*sys.argv[2:])
