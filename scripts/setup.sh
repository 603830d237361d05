#!/bin/sh
# Makes .venv what requirements.txt says. Every make target calls this first, so the common case - nothing to do -
# costs a few milliseconds and prints nothing.
#
# uv is used when it is there, else python -m venv and pip. PYTHON=... names the interpreter; else the first that fits.
# .venv/.ready is written last: a .venv without it was left half-made and is made anew, since neither installer
# can tell a package that was interrupted from a whole one.
set -eu
CDPATH='' cd -- "$(dirname -- "$0")/.."

PYTHON=${PYTHON:-}
venv_python=.venv/bin/python
ready=.venv/.ready
log=

say() { printf '%s\n' "$@"; }

fail() {
  say "$@" >&2
  exit 1
}

# Print the version and the true path of an interpreter. The true path matters: python3 may be the one inside the
# .venv that is about to be removed, or a version manager's stand-in that fails outside its own folder.
describe() {
  "$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3], getattr(sys, "_base_executable", sys.executable))' \
    2>/dev/null </dev/null
}

# Print what tells two interpreters apart, the same from inside a virtual environment as from outside.
identify() {
  "$1" -c 'import sys; print(sys.version, sys.base_prefix)' 2>/dev/null </dev/null
}

fits() {
  case $1 in
    3.11.* | 3.12.* | 3.13.* | 3.14.*) return 0 ;;
    *) return 1 ;;
  esac
}

# pip needs what some systems package apart from Python itself.
can_make_venv() {
  [ "$installer" = uv ] || "$1" -c 'import ensurepip, venv' >/dev/null 2>&1 </dev/null
}

# Set version and base, or end with a message that names what was found.
choose_python() {
  found='' without_venv=''
  if [ -n "$PYTHON" ]; then set -- "$PYTHON"; else set -- python3.13 python3.12 python3.11 python3.14 python3; fi
  for candidate in "$@"; do
    described=$(describe "$candidate") || continue
    version=${described%% *} base=${described#* }
    if ! fits "$version"; then
      found="$found, $candidate is $version ($base)"
    elif ! can_make_venv "$base"; then
      without_venv="$candidate ($base)"
    else
      return 0
    fi
  done
  found=${found#, }
  if [ -n "$without_venv" ]; then
    fail "$without_venv cannot make a virtual environment: its venv or ensurepip is missing." \
      "Install it (on Debian and Ubuntu: apt install python3-venv), or install uv."
  fi
  if [ -n "$PYTHON" ]; then
    fail "The lab needs Python 3.11 to 3.14. PYTHON=$PYTHON: ${found:-it does not run}."
  fi
  if [ "$installer" = uv ]; then
    version=3.13 base=3.13
    say "No Python 3.11 to 3.14 on this machine (found: ${found:-none}); uv brings 3.13."
    return 0
  fi
  fail "The lab needs Python 3.11 to 3.14. Found: ${found:-no python3 on the path}." \
    "Install one, or install uv, or name one: make setup PYTHON=/path/to/python3.12"
}

# Say why .venv has to be made, or nothing when it is as it should be.
reason_to_make() {
  if [ ! -e .venv ]; then
    say "once; a second call does nothing"
  elif [ ! -e "$ready" ]; then
    say "anew: it was left half-made"
  elif ! "$venv_python" -c '' >/dev/null 2>&1; then
    say "anew: its Python is gone"
  elif [ "$(sed -n 1p "$ready")" != "$folder" ]; then
    say "anew: this folder was moved or copied"
  elif [ "$(sed -n 2p "$ready")" != "$lock" ]; then
    say "anew: requirements.txt has changed"
  elif [ -n "$PYTHON" ] && [ "$(identify "$PYTHON")" != "$(identify "$venv_python")" ]; then
    say "anew: PYTHON=$PYTHON asks for another interpreter"
  fi
}

# step TEXT COMMAND...: one line with its duration; the command's own output only when it fails.
step() {
  printf '  %-58s' "$1"
  shift
  began=$(date +%s)
  if "$@" >"$log" 2>&1 </dev/null; then
    printf '%4d s\n' "$(($(date +%s) - began))"
  else
    printf '  failed\n\n'
    tail -n 40 "$log" >&2
    fail "Set-up ended here; the next call starts it again."
  fi
}

make_venv() {
  if [ "$installer" = uv ]; then
    uv venv --quiet --python "$base" .venv
  else
    "$base" -m venv .venv
  fi
}

install() {
  if [ "$installer" = uv ]; then
    # Compiled here, once, as pip does: or the dozen processes of the first run would each do it as they start.
    uv pip install --quiet --compile-bytecode --python "$venv_python" "$@"
  else
    "$venv_python" -m pip install --quiet --no-input --disable-pip-version-check "$@"
  fi
}

# The build tools are in requirements.txt, so nothing more is fetched.
install_the_lab() {
  step "the lab itself, editable: .venv/bin/lab" install --no-deps --no-build-isolation --editable .
}

folder=$(pwd)
lock=$(cksum <requirements.txt)
project=$(cksum <pyproject.toml)
reason=$(reason_to_make)
if [ -z "$reason" ] && [ "$(sed -n 3p "$ready")" = "$project" ]; then exit 0; fi

if uv --version >/dev/null 2>&1; then installer=uv; else installer=pip; fi
log=$(mktemp "${TMPDIR:-/tmp}/chaoslab-setup.XXXXXX")
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [ -n "$reason" ]; then
  choose_python
  say "Setting up .venv ($reason)"
  rm -f "$ready"
  rm -rf .venv
  step "Python $version, by $installer" make_venv
  step "the packages of requirements.txt, hashes checked" \
    install --require-hashes --requirement requirements.txt
else
  say "Setting up .venv (pyproject.toml has changed)"
  rm -f "$ready"
fi
install_the_lab
printf '%s\n' "$folder" "$lock" "$project" >"$ready"
