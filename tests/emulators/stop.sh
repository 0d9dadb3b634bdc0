#!/usr/bin/env bash
# Stops the emulators that start.sh started.
set -uo pipefail
cache=${LAKEWRIGHT_EMULATORS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/lakewright/emulators}
for pid in "$cache"/run/*.pid; do
    [ -f "$pid" ] && kill "$(cat "$pid")" 2>/dev/null
    rm -f "$pid"
done
exit 0
