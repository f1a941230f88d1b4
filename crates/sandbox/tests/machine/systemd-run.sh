#!/bin/sh
# Does what systemd does when it is asked for exactly what Gearshift asks for: a scope that is delegated.
asked="--user --scope --quiet --collect --slice=gearshift.slice --property=Delegate=yes --"
case "$*" in "$asked "*) ;; *) echo "unexpected: $*" >&2; exit 1 ;; esac
[ -z "$NO_BUS" ] || { echo "Failed to connect to bus: No medium found" >&2; exit 1; }
shift 7
scope="/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/gearshift.slice/run-of-$$.scope"
mkdir "$scope" && echo $$ > "$scope/cgroup.procs" && exec "$@"
