#!/usr/bin/env bash
# Ends the jobs and the daemons of the SLURM that `start.sh FOLDER` started, and no others.
set -uo pipefail
[ $# = 1 ] || { echo "stop.sh: expected one argument, the folder given to start.sh" >&2; exit 1; }
folder=$(cd "$1" && pwd) || exit 1
export SLURM_CONF="$folder/slurm.conf"

# Whether a daemon runs: a process that ended but was not waited for has no command line.
alive() { [ -s "$folder/$1.pid" ] && grep -qs "$1" "/proc/$(cat "$folder/$1.pid")/cmdline"; }

# Jobs first: the processes that watch over them outlive slurmd.
if alive slurmctld && alive slurmd; then
  scancel --user=root --signal=KILL 2>/dev/null
  scancel --user=root 2>/dev/null
  for _ in $(seq 100); do
    [ -z "$(squeue -h 2>/dev/null)" ] && break
    sleep 0.1
  done
fi
for daemon in slurmd slurmctld slurmdbd mariadbd munged; do
  alive "$daemon" || continue
  kill "$(cat "$folder/$daemon.pid")"
  for _ in $(seq 100); do
    alive "$daemon" || break
    sleep 0.1
  done
  ! alive "$daemon" || kill -KILL "$(cat "$folder/$daemon.pid")"
done
