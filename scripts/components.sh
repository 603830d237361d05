#!/bin/sh
# Brings into .lab what the machine's own tools can get and the lab can use, but never needs: the real Toxiproxy by Go,
# Prometheus by apt-get (Debian, Ubuntu), unpacked there and not installed: no root, and nothing outside .lab changes.
#
# A tool that is absent stops only what it would have brought. Ends with 1 where nothing at all could be brought.
set -eu
CDPATH='' cd -- "$(dirname -- "$0")/.."

lab=$(pwd)/.lab
# Pinned to the version whose behaviour the embedded server is held to.
toxiproxy=2.12.0
brought=0

say() {
  printf '%s\n' "$@"
}

# told WHAT WHY: it could not be brought; WHY may be the output of a tool, of which the end is shown.
told() {
  say "$1: not brought." >&2
  printf '%s\n' "$2" | tail -n 4 | sed 's/^/  /' >&2
}

bring_toxiproxy() {
  if ! go version >/dev/null 2>&1; then
    told Toxiproxy 'Go is not on the path. The embedded server is used instead, as before.'
    return
  fi
  say "building Toxiproxy $toxiproxy ..."
  if said=$(GOBIN="$lab/bin" go install -ldflags "-X github.com/Shopify/toxiproxy/v2.Version=$toxiproxy" \
    "github.com/Shopify/toxiproxy/v2/cmd/server@v$toxiproxy" 2>&1); then
    mv "$lab/bin/server" "$lab/bin/toxiproxy-server"
    brought=1
    say '.lab/bin/toxiproxy-server is used from now on; LAB_TOXIPROXY=embedded brings the other back.'
  else
    told Toxiproxy "$said"
  fi
}

# Lists and cache of our own: reading the machine's would need root where they are old or absent.
apt() {
  apt-get -o "Dir::State::lists=$lab/apt/lists" -o "Dir::Cache=$lab/apt/cache" -o APT::Sandbox::User= "$@" 2>&1
}

download_prometheus() {
  (
    cd "$lab/apt"
    apt-get -o APT::Sandbox::User= download prometheus 2>&1 || { apt update && apt download prometheus; }
  )
}

bring_prometheus() {
  if prometheus --version >/dev/null 2>&1; then
    say 'Prometheus is on the path already, and used.'
    brought=1
    return
  fi
  if ! apt-get --version >/dev/null 2>&1 || ! dpkg-deb --version >/dev/null 2>&1; then
    told Prometheus 'apt-get is not here. Install Prometheus so that it is on the path (macOS: brew install prometheus).'
    return
  fi
  say 'unpacking Prometheus ...'
  rm -rf "$lab/apt" "$lab/prometheus.part"
  mkdir -p "$lab/apt/lists/partial" "$lab/apt/cache/archives/partial"
  if said=$(download_prometheus && dpkg-deb -x "$lab"/apt/prometheus_*.deb "$lab/prometheus.part" 2>&1) &&
    said=$("$lab/prometheus.part/usr/bin/prometheus" --version 2>&1); then
    rm -rf "$lab/prometheus"
    mv "$lab/prometheus.part" "$lab/prometheus"
    brought=1
    say '.lab/prometheus is used from now on; LAB_WATCH=0 leaves it out of a run.'
  else
    told Prometheus "$said"
  fi
  rm -rf "$lab/apt" "$lab/prometheus.part"
}

mkdir -p "$lab/bin"
bring_toxiproxy
bring_prometheus
[ "$brought" = 1 ]
