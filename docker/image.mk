# The image: part of the Makefile. Everything it makes lies in target/image.

.PHONY: image image-actions image-reproducible image-sbom image-test rolling-update manifests

# Builds the images and holds them to their figures.
image:
	docker/build.sh
	docker/check.sh

# Builds twice, without a cache, and compares.
image-reproducible: image
	docker/check.sh --twice

# What the image consists of, as CycloneDX.
image-sbom:
	docker/sbom.sh

# Sample actions on the runner image.
image-actions:
	docker/actions.sh

# Real containers. Left out, with a line that says so, where no engine answers.
image-test:
	@if docker version >/dev/null 2>&1; \
	then docker/build.sh && docker/check.sh && docker/actions.sh && cargo test -p black-box --test image; \
	else echo "image tests left out: no Docker Engine answers"; fi

# Swarm: scaling and a rolling update under load.
rolling-update: image-actions
	docker/swarm/rolling-update.sh action-reverse-rust action-greeter

# The manifests of Kubernetes and Knative against the published API.
manifests:
	docker/kubernetes/check.sh
