#!/bin/sh
# Makes .lab/peers: a virtual environment of its own for the breakers that ours is measured beside, so that .venv stays
# what requirements.txt says. They are the extra `peers` of pyproject.toml. `make bench-breakers` calls this after
# scripts/setup.sh; where nothing has changed it prints nothing.
#
# The lab's own packages are seen from there through a .pth file, after the peers', and are not installed again.
# .lab/peers/.ready is written last: one without it was left half-made and is made anew.
set -eu
CDPATH='' cd -- "$(dirname -- "$0")/.."

peers=.lab/peers
peers_python=$peers/bin/python
lab_python=.venv/bin/python

fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

# Print the packages of the extra, one a line.
list_packages() {
  "$lab_python" -c '
import sys, tomllib
extras = tomllib.load(sys.stdin.buffer)["project"]["optional-dependencies"]
print(*extras["peers"], sep="\n")
' <pyproject.toml
}

# The interpreter of .venv itself: figures of two Pythons do not compare.
make_venv() {
  rm -rf "$peers"
  mkdir -p .lab
  base=$("$lab_python" -c 'import sys; print(getattr(sys, "_base_executable", sys.executable))')
  if [ "$installer" = uv ]; then
    uv venv --quiet --python "$base" "$peers"
  else
    "$base" -m venv "$peers"
  fi
}

install() {
  if [ "$installer" = uv ]; then
    uv pip install --quiet --python "$peers_python" "$@"
  else
    "$peers_python" -m pip install --quiet --no-input --disable-pip-version-check "$@"
  fi
}

see_the_lab() {
  own=$("$peers_python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  "$lab_python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))' >"$own/lab.pth"
}

packages=$(list_packages)
interpreter=$("$lab_python" -c 'import sys; print(sys.version, sys.base_prefix)')
ready=$(pwd && printf '%s\n' "$interpreter" "$packages")
if [ -e "$peers/.ready" ] && [ "$(cat "$peers/.ready")" = "$ready" ]; then exit 0; fi

if uv --version >/dev/null 2>&1; then installer=uv; else installer=pip; fi
printf 'Setting up %s: the breakers to compare with, by %s ...\n' "$peers" "$installer" >&2
make_venv
# One line a package in the extra, and no spaces in it.
# shellcheck disable=SC2086
if ! said=$(install $packages 2>&1 </dev/null); then
  fail "$said" '' "The other breakers could not be installed. They are fetched by $installer, once, and that needs a network;" \
    "nothing else of the lab needs them. The next call of make bench-breakers tries again."
fi
see_the_lab
printf '%s\n' "$ready" >"$peers/.ready"
