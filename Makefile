# make diagnose   the verdict on this machine's connection-tracking table
# make test       every gate; "make lint", "make units" and so on run one of them
# make bench      what one call costs, beside a ping and beside a loop of sysctl tasks
# make clean      takes away all that make made
#
# PYTHON=/path/to/python3   which Python to use (otherwise the newest from 3.11 on)
# ARGS="-v"                 more arguments for diagnose
# INVENTORY=hosts.yml       diagnose these hosts instead of this machine

gates := lint molecule sanity units ansible-units agreement settings_table changelog docs site build release modules guests molecule_guests
# The venv's own Python: discovery may find one that does not run.
inventory = $(if $(INVENTORY),-i $(INVENTORY),-i localhost, -c local -e ansible_python_interpreter='{{ ansible_playbook_python }}')

export PYTHON
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export ANSIBLE_HOME := $(CURDIR)/.cache/ansible
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.cache/collections

help:
	@sed -n '/^$$/q; s/^# \{0,1\}//p' Makefile
	@echo "gates: $(gates)"

diagnose:
	@tests/gates/setup core
	@ANSIBLE_INVENTORY_UNPARSED_FAILED=true .venv/bin/ansible-playbook $(inventory) netops.conntrack.diagnose $(ARGS)

test: dev system-packages
	@tests/gates/run --beside "guests molecule_guests" $(gates)

$(gates): dev
	@tests/gates/run $@

modules molecule guests molecule_guests: system-packages

bench: dev system-packages
	@PATH="$(CURDIR)/.venv/bin:$$PATH" tests/benchmarks/run

dev:
	@tests/gates/setup dev

system-packages:
	@tests/gates/setup packages

clean:
	rm -rf .cache .venv .ansible collections netops-conntrack-*.tar.gz

.PHONY: help diagnose test bench dev system-packages clean $(gates)
