# Two commands, each complete in itself on Debian 12 with python3-venv, gcc and make:
#
#   make demo     installs into .venv and plays the shipped recordings through the real daemon
#   make check    installs what development needs, then lints, checks types and contracts, installs a built wheel
#                 into an environment of its own, and runs the tests; as root on Debian it installs the packages that
#                 some tests want (tests/debian-packages.txt), elsewhere it says which tests are skipped for want of them
#
# `make boot` is the part of `make check` that takes minutes: as root, it installs the product into a Debian that it
# boots in a container. That Debian is made once, from a mirror, and kept in ~/.cache/kinect-unlock-boot
# (KINECT_UNLOCK_BOOT_CACHE); `rm -rf` that folder for a new one.
#
# PYTHON=/path/to/python3.12 picks an interpreter; KINECT_UNLOCK_DATA=/path adds the tests on evaluation data.

VENV := .venv
DIST := build/dist
SMOKE := build/smoke
PACKAGES := tests/debian-packages.txt
PYTHONS := $(PYTHON) python3 python3.11 python3.12 python3.13 python3.14

export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport PYTHONDONTWRITEBYTECODE # tests start hundreds of programs, of which each would compile ours anew
MAKEFLAGS += --no-print-directory

.DELETE_ON_ERROR:
.PHONY: demo check packages debian lint types contracts smoke test boot clean

demo: $(VENV)/installed
	$(VENV)/bin/kinect-unlock demo

# Side by side goes what waits for downloads or has one thread; what each says is shown when it has ended. Nothing else
# goes beside the tests, nor beside what boots.
check:
	$(MAKE) packages
	$(MAKE) --jobs=2 --output-sync=target debian types lint contracts smoke
	$(MAKE) test
	$(MAKE) boot

packages:
	@missing=; for name in $$(sed 's/#.*//' $(PACKAGES)); do \
	    dpkg-query --show --showformat='$${db:Status-Status}' "$$name" 2>/dev/null | grep -qx installed \
	        || missing="$$missing $$name"; \
	done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then \
	    echo "Tests that want these Debian packages are skipped ($(PACKAGES)):$$missing"; exit 0; \
	fi; \
	echo "Installing what some tests want ($(PACKAGES)):$$missing"; \
	export DEBIAN_FRONTEND=noninteractive; \
	apt-get --quiet update && apt-get --quiet --yes --no-install-recommends install $$missing \
	    || echo "They cannot be installed; tests that want them are skipped:$$missing"

lint: $(VENV)/installed-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: $(VENV)/installed-dev
	$(VENV)/bin/mypy

contracts: $(VENV)/installed-dev
	$(VENV)/bin/lint-imports --no-cache --no-logo

# What a user gets, away from the tree: the wheel, built from the source distribution, with its declared dependencies.
smoke: $(VENV)/installed-dev
	rm -rf build && mkdir build
	$(VENV)/bin/python -m build --outdir $(DIST) . > build/dist.log 2>&1 || { cat build/dist.log; exit 1; }
	$(VENV)/bin/python -m venv $(SMOKE)
	$(SMOKE)/bin/pip install --quiet $(DIST)/*.whl
	cd / && $(CURDIR)/$(SMOKE)/bin/kinect-unlock config show --defaults | cmp - $(CURDIR)/config.yaml
	cd / && $(CURDIR)/$(SMOKE)/bin/kinect-unlock models verify
	cd / && $(CURDIR)/$(SMOKE)/bin/kinect-unlock demo --list

# On every core, in one shuffled order. Files stay together, for what their tests share, until a core has nothing left.
test: $(VENV)/installed-dev
	$(VENV)/bin/pytest --numprocesses auto --maxprocesses 8 --dist worksteal --hypothesis-profile same --randomly-seed=1

# Makes the Debian that is booted, or says why it cannot be made.
debian: | $(VENV)/bin/python
	@$(VENV)/bin/python tests/boot/image.py

# A Debian in a container: installs the product, boots, logs in, breaks it, takes it off. Needs root, else it is skipped.
boot: $(VENV)/installed-dev
	$(VENV)/bin/pytest -m boot tests/boot --randomly-seed=1

clean:
	rm -rf build dist $(VENV)

$(VENV)/bin/python:
	@for python in $(PYTHONS); do \
	    if "$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        echo "$$python -m venv $(VENV)"; exec "$$python" -m venv $(VENV); \
	    fi; \
	done; \
	echo "Python 3.11 or newer with venv is needed: apt-get install python3-venv" >&2; exit 1

$(VENV)/installed: pyproject.toml | $(VENV)/bin/python
	$(VENV)/bin/pip install --quiet --editable .
	@touch $@

$(VENV)/installed-dev: pyproject.toml | $(VENV)/bin/python
	$(VENV)/bin/pip install --quiet --editable '.[dev,lab,train,cluster,view]'
	@touch $(VENV)/installed $@
