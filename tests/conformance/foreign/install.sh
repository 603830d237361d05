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

bring_chaostoolkit() {
  [ -e "$foreign/$chaostoolkit" ] && return
  rm -rf "$foreign/python"
  if said=$(.venv/bin/python -m venv "$foreign/python" 2>&1 &&
    "$foreign/python/bin/python" -m pip install --quiet --no-input --disable-pip-version-check "$chaostoolkit" 2>&1); then
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
