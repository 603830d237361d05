#!/bin/sh
# Brings the foreign clients that the conformance suite drives into .lab/foreign: chaostoolkit-toxiproxy from PyPI into an
# environment of its own, toxiproxy-node-client from npm. Neither is needed for anything else; what cannot be brought is
# said in one line, and its tests are skipped.
set -u
CDPATH='' cd -- "$(dirname -- "$0")/../../.."

foreign=.lab/foreign
chaostoolkit=chaostoolkit-toxiproxy==0.3.1
node_client=toxiproxy-node-client@4.1.0
mkdir -p "$foreign"

# told WHAT WHY: the end of a tool's output is why.
told() {
  printf '%s: not brought.\n' "$1" >&2
  printf '%s\n' "$2" | tail -n 2 | sed 's/^/  /' >&2
}

# install_into FOLDER PACKAGE: a virtual environment with a package, by uv where it is, for pip takes seconds longer.
install_into() {
  if uv --version >/dev/null 2>&1; then
    uv venv --quiet --python .venv/bin/python "$1" && uv pip install --quiet --python "$1/bin/python" "$2"
  else
    .venv/bin/python -m venv "$1" &&
      "$1/bin/python" -m pip install --quiet --no-input --disable-pip-version-check "$2"
  fi
}

bring_chaostoolkit() {
  [ -e "$foreign/$chaostoolkit" ] && return
  rm -rf "$foreign/python"
  if said=$(install_into "$foreign/python" "$chaostoolkit" 2>&1); then
    : >"$foreign/$chaostoolkit"
  else
    told "$chaostoolkit" "$said"
    rm -rf "$foreign/python"
  fi
}

bring_node_client() {
  [ -e "$foreign/$node_client" ] && return
  rm -rf "$foreign/node"
  mkdir -p "$foreign/node"
  if said=$(npm install --prefix "$foreign/node" --no-audit --no-fund --ignore-scripts --silent "$node_client" 2>&1); then
    : >"$foreign/$node_client"
  else
    told "$node_client" "$said"
    rm -rf "$foreign/node"
  fi
}

bring_chaostoolkit
bring_node_client
