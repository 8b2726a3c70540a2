# Packages: part of the Makefile. What is made lies in target/dist.

.PHONY: dist dist-test

# A tarball and a Debian package for amd64, with checksums and an SBOM.
dist:
	docker/dist/dist.sh

# Installs them on a clean Debian, runs them there, and builds once more in another folder to compare.
dist-test: dist
	docker/dist/check.sh
