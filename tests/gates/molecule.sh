# shellcheck shell=bash
# Sourced by the gates of molecule: which scenarios are on virtual machines, and how they are run.
# shellcheck disable=SC2034 # guests is for those that source this
# shellcheck disable=SC1091
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
root_only "making hosts"
# The scenarios share their hosts, so one gate of molecule waits for the other.
# shellcheck disable=SC2154 # of common.sh
exec 9>"$cache/molecule.lock"
flock 9
# A scenario that meets no host is a failure, not a success.
export ANSIBLE_INVENTORY_UNPARSED_FAILED=true ANSIBLE_HOST_PATTERN_MISMATCH=error
# Those whose plays name guests.
guests=$(grep -lE '^  hosts: (guests|debian)' molecule/*/converge.yml | cut -d / -f 2)

# test_all_but SCENARIO...
test_all_but() {
  local scenario scenarios=(--all)
  for scenario; do scenarios+=(--exclude "$scenario"); done
  molecule test "${scenarios[@]}" 9>&-
}
