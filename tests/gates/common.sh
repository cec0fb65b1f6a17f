# shellcheck shell=bash
# shellcheck disable=SC2034 # venv is for those that source this
# Sourced by the scripts beside it: where things are, and an environment that reads nobody's own settings.
set -euo pipefail
gates=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$gates/../.." && pwd)
cache=$root/.cache
venv=${VENV:-$root/.venv}
collection=netops/conntrack
cd "$root"
mkdir -p "$cache"

# shellcheck source=tests/environment
. "$root/tests/environment"

say() { printf '   %s\n' "$*"; }

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# quiet LOG COMMAND...: what the command prints goes to a log, shown only when it fails.
quiet() {
  local log=$cache/logs/$1
  shift
  mkdir -p "$cache/logs"
  "$@" >"$log" 2>&1 </dev/null || {
    tail -n 60 "$log" >&2
    fail "this failed: $*"
  }
}

# root_only WHAT: what needs root ends here, well and in plain words, for anyone else.
root_only() {
  [ "$(id -u)" = 0 ] && return
  say "not run: $1 needs root, and this is $(id -un)"
  exit 0
}

# has_files PATTERN: whether the checkout holds such files. Not by "head": git would be ended by SIGPIPE now and then.
has_files() {
  [ -n "$(git ls-files -co --exclude-standard "$1")" ]
}

# copy_tree FOLDER: the files git knows, new ones included, as FOLDER/ansible_collections/netops/conntrack, whose
# path it prints. Tools that walk a tree, or resolve links, see the collection there and nothing else.
copy_tree() {
  local tree=$1/ansible_collections/$collection
  rm -rf "$1"
  mkdir -p "$tree"
  git ls-files -z -co --exclude-standard |
    while IFS= read -r -d '' file; do [ ! -e "$file" ] && [ ! -L "$file" ] || printf '%s\0' "$file"; done |
    tar -c --null --no-recursion -T - | tar -x -C "$tree"
  printf '%s\n' "$tree"
}

# venv_for PYTHON FOLDER REQUIREMENTS...: a venv that holds just these; made anew when they, the Python or the
# checkout's place changed. Arguments after FOLDER are pip's.
venv_for() {
  local python=$1 folder=$2 stamp
  shift 2
  stamp="$python $folder $* $(cat requirements*.txt tests/*/requirements.txt tests/*/*/requirements.txt | cksum)"
  [ "$(cat "$folder/.stamp" 2>/dev/null)" != "$stamp" ] || return 0
  rm -rf "$folder"
  quiet "venv-$(basename "$folder")" "$python" -m venv "$folder"
  quiet "pip-$(basename "$folder")" "$folder/bin/python" -m pip install -q "$@"
  printf '%s\n' "$stamp" >"$folder/.stamp"
}
