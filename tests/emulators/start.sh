#!/usr/bin/env bash
# Installs and starts the emulators of object stores on free ports of the loopback interface, unless they are running.
#
#   source <(tests/emulators/start.sh)     # exports where they are
#   tests/emulators/stop.sh                # stops those that this started
#
# They are installed into $LAKEWRIGHT_EMULATORS_CACHE, or ${XDG_CACHE_HOME:-~/.cache}/lakewright/emulators, from PyPI and npm. What
# cannot be installed is left out: its tests then say that they are skipped, or fail with LAKEWRIGHT_EMULATORS=required.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${LAKEWRIGHT_EMULATORS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/lakewright/emulators}
mkdir -p "$cache/run"
environment=$cache/run/environment

if [ ! -x "$cache/py/bin/moto_server" ] || [ ! -x "$cache/py/bin/waitress-serve" ]; then
    python3 -m venv "$cache/py" >&2 && "$cache/py/bin/pip" install -q 'moto[server]==5.2.5' 'waitress==3.0.2' >&2 \
        || echo "moto is missing" >&2
fi
if [ ! -x "$cache/npm/node_modules/.bin/azurite-blob" ]; then
    npm install --silent --prefix "$cache/npm" azurite@3 >&2 || echo "azurite is missing" >&2
fi

alive() { [ -f "$cache/run/$1.pid" ] && kill -0 "$(cat "$cache/run/$1.pid")" 2>/dev/null; }
port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# start NAME VARIABLE COMMAND…, in which PORT stands for the port.
start() {
    local name=$1 variable=$2 at tries=0
    shift 2
    command -v "$1" >/dev/null || return 0
    if ! alive "$name"; then
        at=$(port)
        nohup "${@//PORT/$at}" >"$cache/run/$name.log" 2>&1 </dev/null &
        echo $! >"$cache/run/$name.pid"
        echo "$at" >"$cache/run/$name.port"
    fi
    at=$(cat "$cache/run/$name.port")
    until answers "$at"; do
        tries=$((tries + 1))
        if [ "$tries" -gt 300 ] || ! alive "$name"; then
            echo "$name did not start; see $cache/run/$name.log" >&2
            return 0
        fi
        sleep 0.1
    done
    echo "export $variable=http://127.0.0.1:$at"
}

{
    start s3 LAKEWRIGHT_S3 "$cache/py/bin/python" "$here/serve.py" aws PORT
    start dynamodb LAKEWRIGHT_DYNAMODB "$cache/py/bin/python" "$here/serve.py" aws PORT
    start gcs LAKEWRIGHT_GCS "$cache/py/bin/python" "$here/serve.py" gcs PORT
    start azure LAKEWRIGHT_AZURE "$cache/npm/node_modules/.bin/azurite-blob" --inMemoryPersistence --silent --skipApiVersionCheck \
        --disableTelemetry --blobHost 127.0.0.1 --blobPort PORT
} >"$environment.new"
mv "$environment.new" "$environment"
# shellcheck disable=SC1090
(source "$environment" && python3 "$here/buckets.py") >&2
cat "$environment"
