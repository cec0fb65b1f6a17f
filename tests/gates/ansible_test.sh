# shellcheck shell=bash
# Sourced by the gates that run ansible-test: a copy of the collection where it wants one, a home of its own under
# .cache, and real interpreters on its PATH.
# shellcheck disable=SC2154 # cache, gates and venv are of common.sh
. "$(dirname "$0")/common.sh"

tree=$(copy_tree "$cache/$(basename "$0")")
git -C "$tree" init -q

while read -r _ path _; do real=${real:-}:$(dirname "$path"); done < <("$gates/pythons")
export PATH=$venv/bin${real:-}:$PATH

# ansible-test passes no PIP_* variables on, so what pip has been told goes into the pip.conf of that home.
theirs=$HOME
export HOME=$cache/home
mkdir -p "$HOME/.pip" "$HOME/.config/pip" "$HOME/.ansible/test/cache"
for file in "$theirs/.pip/pip.conf" "$theirs/.config/pip/pip.conf"; do
  [ ! -e "$file" ] || cp "$file" "$HOME/.pip/pip.conf"
done
{
  printf "[global]\nquiet = 1\n"
  for name in "${!PIP_@}"; do
    [ "$name" = PIP_CONFIG_FILE ] || printf '%s = %s\n' "$(tr 'A-Z_' 'a-z-' <<<"${name#PIP_}")" "${!name}"
  done
} >"$HOME/.config/pip/pip.conf"

# Its own bootstrap of pip is a download from outside PyPI; Python's ensurepip serves as well.
pip_version=$(sed -n "s/.*pip='\([0-9.]*\)'.*/\1/p;s/.*pip=\"\([0-9.]*\)\".*/\1/p" \
  "$(python -c 'import ansible_test._internal.python_requirements as r; print(r.__file__)')" | sort -u)
for version in $pip_version; do
  file=$HOME/.ansible/test/cache/get_pip_${version//./_}.py
  [ -e "$file" ] || cat >"$file" <<'PYTHON'
import subprocess
import sys

subprocess.check_call([sys.executable, "-m", "ensurepip"], stdout=subprocess.DEVNULL)
words = [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", *words]))
PYTHON
done
cd "$tree" || exit
