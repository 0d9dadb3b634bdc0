#!/usr/bin/env bash
# An emulator of BigQuery on loopback, from PyPI, for the tests behind the feature `bigquery`.
#
#   tests/emulators/bigquery.sh start [FILE]   installs it once, starts it, and writes the variables that the tests read to FILE
#   tests/emulators/bigquery.sh stop           ends what was started
#
# Without FILE the variables are in the folder of the emulators, as `bigquery.env`; `source` it before the tests.
set -euo pipefail

home="${XDG_CACHE_HOME:-$HOME/.cache}/lakewright/emulators"
here="$home/bigquery"
pid_file="$here/pid"
# The emulator needs an extension of DuckDB that it would download; a package of the same version brings it.
packages=(bqemulator==1.4.0 duckdb==1.5.5 duckdb-extension-spatial==1.5.5 numpy)

fail() {
    echo "bigquery.sh: $*" >&2
    exit 1
}

is_running() {
    [ -f "$pid_file" ] && kill -0 "$(cat "$pid_file")" 2>/dev/null
}

install() {
    local done="$here/installed-$(printf '%s\n' "${packages[@]}" "sqlglotc parser" | cksum | cut -d' ' -f1)"
    [ -f "$done" ] && return
    rm -rf "$here/venv" "$here"/installed-*
    mkdir -p "$here"
    python3 -m venv "$here/venv"
    "$here/venv/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}"
    # It parses every statement several times, which took nearly half of its time. Where there is no compiled parser it is only slower.
    local parser
    parser="$("$here/venv/bin/python" -c 'import sqlglot; print(sqlglot.__version__)')"
    "$here/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: "sqlglotc==$parser" ||
        echo "bigquery.sh: there is no compiled sqlglot $parser for this Python" >&2
    # Only the parser: to make a compiled writer of SQL takes 9 ms, for each statement, and the one in Python writes it in less than half of one.
    rm -f "$here"/venv/lib/python3*/site-packages/sqlglot/generator.*.so "$here"/venv/lib/python3*/site-packages/sqlglot/generators/*.so
    HOME="$here/home" "$here/venv/bin/python" - <<'PYTHON'
import pathlib, shutil
import duckdb, duckdb_extension_spatial

source = pathlib.Path(duckdb_extension_spatial.__file__).parent / "extensions" / f"v{duckdb.__version__}" / "spatial.duckdb_extension"
platform = duckdb.connect().execute("PRAGMA platform").fetchone()[0]
target = pathlib.Path.home() / ".duckdb" / "extensions" / f"v{duckdb.__version__}" / platform
target.mkdir(parents=True, exist_ok=True)
shutil.copy(source, target)
PYTHON
    touch "$done"
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

start() {
    local file="${1:-$home/bigquery.env}"
    install
    if is_running && [ -f "$home/bigquery.env" ]; then
        [ "$file" = "$home/bigquery.env" ] || cp "$home/bigquery.env" "$file"
        return
    fi
    local rest grpc
    rest="$(free_port)"
    grpc="$(free_port)"
    mkdir -p "$here/uploads"
    HOME="$here/home" BQEMU_ENABLE_FORMAT_EXTENSIONS=false BQEMU_UPLOAD_STAGING_DIR="$here/uploads" \
        nohup "$here/venv/bin/bqemulator" start --ephemeral --project lakewright --log-level error \
        --rest-port "$rest" --grpc-port "$grpc" >"$here/log" 2>&1 </dev/null &
    echo $! >"$pid_file"
    local endpoint="http://127.0.0.1:$rest"
    for _ in $(seq 180); do
        is_running || fail "the emulator has ended: $(tail -n 3 "$here/log")"
        if python3 -c "import urllib.request; urllib.request.urlopen('$endpoint/bigquery/v2/projects/lakewright/datasets', timeout=2)" 2>/dev/null; then
            echo "export LAKEWRIGHT_BIGQUERY_ENDPOINT=$endpoint" >"$home/bigquery.env"
            [ "$file" = "$home/bigquery.env" ] || cp "$home/bigquery.env" "$file"
            return
        fi
        sleep 1
    done
    stop
    fail "the emulator did not answer within three minutes: $(tail -n 3 "$here/log")"
}

stop() {
    if is_running; then
        kill "$(cat "$pid_file")"
    fi
    rm -f "$pid_file" "$home/bigquery.env"
}

case "${1:-}" in
    start) shift; start "$@" ;;
    stop) stop ;;
    *) fail "say \`start\` or \`stop\`" ;;
esac
