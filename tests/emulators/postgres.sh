#!/usr/bin/env bash
# A server of PostgreSQL on loopback, for the tests of the log behind the feature `postgres`.
#
#   tests/emulators/postgres.sh start [FILE]   starts it, installs it before if it is missing, and writes the variables that the tests
#                                              read to FILE
#   tests/emulators/postgres.sh stop           ends what was started, and removes what is in it
#
# Without FILE the variables are in the folder of the emulators, as `postgres.env`; either way they are printed, too.
set -euo pipefail

home="${XDG_CACHE_HOME:-$HOME/.cache}/lakewright/emulators"
# The server does not run as root, and its user does not see root's folders.
here_file="$home/postgres.folder"

fail() {
    echo "postgres.sh: $*" >&2
    exit 1
}

# As the user of the server.
as_server() {
    if [ "$(id -u)" = 0 ]; then
        (cd / && runuser -u postgres -- "$@")
    else
        "$@"
    fi
}

programs() {
    local found
    for found in "$(command -v pg_ctl || true)" /usr/lib/postgresql/*/bin/pg_ctl; do
        if [ -n "$found" ] && [ -x "$found" ] && [ -x "$(dirname "$found")/initdb" ]; then
            dirname "$found"
            return
        fi
    done
}

install() {
    [ -n "$(programs)" ] && return
    [ "$(id -u)" = 0 ] || fail "there is no \`pg_ctl\` and no \`initdb\`; install Debian's package \`postgresql\`, or what has them elsewhere"
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends postgresql; } >&2
    [ -n "$(programs)" ] || fail "the package \`postgresql\` brought no \`pg_ctl\`"
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

is_running() {
    [ -f "$here_file" ] && [ -d "$(cat "$here_file")/data" ] && as_server "$(programs)/pg_ctl" status -D "$(cat "$here_file")/data" >/dev/null 2>&1
}

give() {
    [ "$1" = "$home/postgres.env" ] || cp "$home/postgres.env" "$1"
    cat "$home/postgres.env"
}

start() {
    local file="${1:-$home/postgres.env}"
    install
    if is_running && [ -f "$home/postgres.env" ]; then
        give "$file"
        return
    fi
    stop
    local bin here port password
    bin="$(programs)"
    here="$(mktemp -d "${TMPDIR:-/tmp}/lakewright-postgres.XXXXXX")"
    port="$(free_port)"
    password="it's/a?secret@$RANDOM$RANDOM"
    mkdir -p "$home"
    echo "$here" >"$here_file"
    printf '%s' "$password" >"$here/password"
    certificates "$here"
    chmod -R go-rwx "$here"
    [ "$(id -u)" != 0 ] || chown -R postgres: "$here"
    as_server "$bin/initdb" -D "$here/data" -U lakewright --pwfile "$here/password" --auth scram-sha-256 --encoding UTF8 --locale C.UTF-8 \
        >"$home/postgres.log" 2>&1 || fail "the cluster could not be made: $(tail -n 3 "$home/postgres.log")"
    local options="-c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories=$here -c max_connections=200"
    options="$options -c ssl=on -c ssl_cert_file=$here/server.crt -c ssl_key_file=$here/server.key"
    as_server "$bin/pg_ctl" start -w -t 60 -D "$here/data" -l "$here/log" -o "$options" >"$home/postgres.log" 2>&1 </dev/null \
        || fail "the server did not start: $(tail -n 3 "$here/log")"
    # Whoever runs the tests reads the certificate of the one who signed the server's.
    cp "$here/authority.crt" "$home/postgres.crt"
    {
        echo "export LAKEWRIGHT_POSTGRES='postgres://lakewright:$(encoded "$password")@127.0.0.1:$port/postgres'"
        echo "export LAKEWRIGHT_POSTGRES_AUTHORITY='$home/postgres.crt'"
    } >"$home/postgres.env"
    give "$file"
}

encoded() {
    python3 -c 'import sys, urllib.parse; print(urllib.parse.quote(sys.argv[1], safe=""))' "$1"
}

# An authority, and a certificate by it for 127.0.0.1 and `localhost`.
certificates() {
    local sign="openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650"
    $sign -keyout "$1/authority.key" -out "$1/authority.crt" -subj "/CN=authority of the tests" \
        -addext basicConstraints=critical,CA:TRUE 2>/dev/null
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1/server.key" -out "$1/server.csr" -subj "/CN=localhost" 2>/dev/null
    printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n' >"$1/server.ext"
    openssl x509 -req -in "$1/server.csr" -CA "$1/authority.crt" -CAkey "$1/authority.key" -CAcreateserial -days 3650 \
        -extfile "$1/server.ext" -out "$1/server.crt" 2>/dev/null
}

stop() {
    if is_running; then
        as_server "$(programs)/pg_ctl" stop -m immediate -D "$(cat "$here_file")/data" >/dev/null 2>&1 || true
    fi
    if [ -f "$here_file" ]; then
        rm -rf "$(cat "$here_file")"
    fi
    rm -f "$here_file" "$home/postgres.env" "$home/postgres.crt" "$home/postgres.log"
}

case "${1:-}" in
    start) shift; start "$@" ;;
    stop) stop ;;
    *) fail "say \`start\` or \`stop\`" ;;
esac
