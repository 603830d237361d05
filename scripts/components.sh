#!/bin/sh
# Brings into .lab what the machine's own tools can get and the lab can use, but never needs: the real Toxiproxy by Go,
# the real Kafka by Maven, MariaDB and Prometheus by apt-get (Debian, Ubuntu), unpacked there and not installed: no root,
# and nothing outside .lab changes but the caches of those tools.
#
# A tool that is absent stops only what it would have brought. Ends with 1 where nothing at all could be brought.
set -eu
CDPATH='' cd -- "$(dirname -- "$0")/.."

lab=$(pwd)/.lab
# Pinned to the version whose behaviour the embedded server is held to.
toxiproxy=2.12.0
# The version of the image in compose.yaml, and what writes its log.
kafka=4.1.1
log4j=2.24.3
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

# The project that Maven is asked about: all it has is what it depends on.
kafka_project() {
  cat <<EOF
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>lab</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$kafka</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>$log4j</version>
    </dependency>
  </dependencies>
</project>
EOF
}

bring_kafka() {
  if ! mvn -version >/dev/null 2>&1 || ! java -version >/dev/null 2>&1; then
    told Kafka 'Java and Maven are not both on the path. Tansu, which speaks its protocol, is used instead, as before.'
    return
  fi
  say "fetching Kafka $kafka ..."
  rm -rf "$lab/kafka.part"
  mkdir -p "$lab/kafka.part"
  kafka_project > "$lab/kafka.part/pom.xml"
  if said=$(mvn -q -B -f "$lab/kafka.part/pom.xml" dependency:copy-dependencies \
    "-DoutputDirectory=$lab/kafka.part/libs" 2>&1) &&
    said=$(java -cp "$lab/kafka.part/libs/*" kafka.Kafka --version 2>&1); then
    rm -rf "$lab/kafka"
    mv "$lab/kafka.part" "$lab/kafka"
    brought=1
    say '.lab/kafka is used from now on; LAB_KAFKA=tansu brings the other back.'
  else
    told Kafka "$said"
  fi
  rm -rf "$lab/kafka.part"
}

# Lists and cache of our own: reading the machine's would need root where they are old or absent.
apt() {
  apt-get -o "Dir::State::lists=$lab/apt/lists" -o "Dir::Cache=$lab/apt/cache" -o APT::Sandbox::User= "$@" 2>&1
}

# download PACKAGE ...: into .lab/apt. Lists of our own serve whoever comes next, for they take longer than a package.
download() {
  rm -rf "$lab"/apt/*.deb
  mkdir -p "$lab/apt/lists/partial" "$lab/apt/cache/archives/partial"
  (
    cd "$lab/apt"
    apt-get -o APT::Sandbox::User= download "$@" 2>&1 || {
      { [ -e updated ] || { apt update && : > updated; }; } && apt download "$@"
    }
  )
}

has_apt() {
  apt-get --version >/dev/null 2>&1 && dpkg-deb --version >/dev/null 2>&1
}

bring_mariadb() {
  if mariadbd --version >/dev/null 2>&1; then
    say 'MariaDB is on the path already, and used.'
    brought=1
    return
  fi
  if ! has_apt; then
    told MariaDB 'apt-get is not here. Install MariaDB so that mariadbd is on the path (macOS: brew install mariadb).'
    return
  fi
  say 'unpacking MariaDB ...'
  rm -rf "$lab/mariadb.part"
  mkdir -p "$lab/mariadb.part"
  # Its libraries lie beside it, where the system would not look.
  cat > "$lab/mariadb.part/mariadbd" <<'EOF'
#!/bin/sh
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
for libraries in "$here"/usr/lib/*-linux-*; do
  LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
done
export LD_LIBRARY_PATH
exec "$here/usr/sbin/mariadbd" "$@"
EOF
  chmod +x "$lab/mariadb.part/mariadbd"
  if said=$(download mariadb-server-core libaio1 liburing2) &&
    said=$(for package in "$lab"/apt/*.deb; do dpkg-deb -x "$package" "$lab/mariadb.part" 2>&1; done) &&
    said=$("$lab/mariadb.part/mariadbd" --no-defaults --version 2>&1); then
    rm -rf "$lab/mariadb"
    mv "$lab/mariadb.part" "$lab/mariadb"
    brought=1
    say '.lab/mariadb is used from now on.'
  else
    told MariaDB "$said"
  fi
  rm -rf "$lab/mariadb.part"
}

bring_prometheus() {
  if prometheus --version >/dev/null 2>&1; then
    say 'Prometheus is on the path already, and used.'
    brought=1
    return
  fi
  if ! has_apt; then
    told Prometheus 'apt-get is not here. Install Prometheus so that it is on the path (macOS: brew install prometheus).'
    return
  fi
  say 'unpacking Prometheus ...'
  rm -rf "$lab/prometheus.part"
  if said=$(download prometheus && dpkg-deb -x "$lab"/apt/prometheus_*.deb "$lab/prometheus.part" 2>&1) &&
    said=$("$lab/prometheus.part/usr/bin/prometheus" --version 2>&1); then
    rm -rf "$lab/prometheus"
    mv "$lab/prometheus.part" "$lab/prometheus"
    brought=1
    say '.lab/prometheus is used from now on; LAB_WATCH=0 leaves it out of a run.'
  else
    told Prometheus "$said"
  fi
  rm -rf "$lab/prometheus.part"
}

mkdir -p "$lab/bin"
rm -rf "$lab/apt"
bring_toxiproxy
bring_kafka
bring_mariadb
bring_prometheus
rm -rf "$lab/apt"
[ "$brought" = 1 ]
