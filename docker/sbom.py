"""Adds the Debian packages of the image to the crates' CycloneDX document and writes it to stdout.

usage: sbom.py CRATES.cdx.json PACKAGES.tar (the folder /var/lib/dpkg/status.d of the image)
"""

import json
import sys
import tarfile


def packages(path):
    with tarfile.open(path) as archive:
        for member in sorted(archive.getmembers(), key=lambda member: member.name):
            if member.isfile():
                text = archive.extractfile(member).read().decode()
                yield dict(line.split(": ", 1) for line in text.splitlines())


def component(package):
    name, version, arch = package["Package"], package["Version"], package["Architecture"]
    purl = f"pkg:deb/debian/{name}@{version.replace('+', '%2B')}?arch={arch}&distro=debian-12"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def main(crates, archive):
    with open(crates, encoding="utf-8") as file:
        document = json.load(file)
    document["components"] += [component(package) for package in packages(archive)]
    json.dump(document, sys.stdout, indent=2, ensure_ascii=False)
    print()


main(*sys.argv[1:])
