#!/usr/bin/env bash
# Starts a SLURM of one machine, as root, without systemd and without cgroups:
#
#     tests/slurm/start.sh FOLDER && export SLURM_CONF=FOLDER/slurm.conf
#     sbatch ...; reslim train cluster=slurm ...
#     tests/slurm/stop.sh FOLDER
#
# Configuration, key, state, sockets and logs all lie in FOLDER and the ports are free ones, so that it neither
# needs nor touches a SLURM that is installed here. ACCOUNTING=1 adds a database, so that sacct answers.
# Twice is once: what runs already is left running.
set -euo pipefail

say() { echo "start.sh: $*" >&2; exit 1; }

[ $# = 1 ] || say "expected one argument, the folder of its state"
[ "$(id -u)" = 0 ] || say "must be root: jobs run as the user who sent them"
mkdir -p "$1"/{controller,node,log}
folder=$(cd "$1" && pwd)
[ ${#folder} -le 80 ] || say "$folder: the path of a socket in it would be longer than the system allows"
node=$(hostname -s)
accounting=${ACCOUNTING:-0}

needed=(munged munge slurmctld slurmd scontrol sinfo sbatch)
[ "$accounting" != 1 ] || needed+=(mariadbd mariadb-install-db mariadb slurmdbd sacctmgr)
for program in "${needed[@]}"; do
  command -v "$program" >/dev/null || say "no $program here; apt-get install slurm-wlm munge (ACCOUNTING=1: mariadb-server slurmdbd)"
done

# Whether a daemon runs: a process that ended but was not waited for has no command line.
alive() { [ -s "$folder/$1.pid" ] && grep -qs "$1" "/proc/$(cat "$folder/$1.pid")/cmdline"; }

# wait_for DAEMON COMMAND...: until the command succeeds, for 30 s.
wait_for() {
  local daemon=$1
  shift
  for _ in $(seq 300); do
    "$@" >/dev/null 2>&1 && return
    sleep 0.1
  done
  tail -n 5 "$folder/log/$daemon.log" >&2 || true
  say "$daemon did not start; see $folder/log/$daemon.log"
}

if [ ! -s "$folder/ports" ]; then
  python3 - >"$folder/ports" <<'PYTHON'
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*(s.getsockname()[1] for s in sockets))
PYTHON
fi
read -r controller_port node_port database_port <"$folder/ports"

# -- munge: who sends a message ---------------------------------------------------------------------
munge_socket="$folder/munge.socket"
if [ ! -s "$folder/munge.key" ]; then
  (umask 077 && head -c 1024 /dev/urandom >"$folder/munge.key")
fi
if ! alive munged; then
  # --force: the folder of a test is closed to other users, which munged would take for a mistake.
  munged --force --key-file="$folder/munge.key" --socket="$munge_socket" --pid-file="$folder/munged.pid" \
    --log-file="$folder/log/munged.log" --seed-file="$folder/munge.seed" --num-threads=2 2>"$folder/log/munged.txt" \
    || say "munged: $(tail -n 1 "$folder/log/munged.txt")"
fi
wait_for munged munge --socket="$munge_socket" --no-input

# -- accounting: a database behind slurmdbd ---------------------------------------------------------
export SLURM_CONF="$folder/slurm.conf" # slurmdbd.conf is looked for beside it
storage="AccountingStorageType=accounting_storage/none"
if [ "$accounting" = 1 ]; then
  storage="AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=$database_port
AccountingStoragePass=$munge_socket"
  export MYSQL_UNIX_PORT="$folder/database.socket" # read by mariadb and slurmdbd
  if [ ! -d "$folder/database/mysql" ]; then
    mariadb-install-db --no-defaults --user=root --datadir="$folder/database" --auth-root-authentication-method=normal \
      --skip-test-db >"$folder/log/mariadb.log" 2>&1 || say "no database; see $folder/log/mariadb.log"
  fi
  if ! alive mariadbd; then
    mariadbd --no-defaults --user=root --datadir="$folder/database" --skip-networking --socket="$MYSQL_UNIX_PORT" \
      --pid-file="$folder/mariadbd.pid" --innodb-lock-wait-timeout=900 </dev/null >>"$folder/log/mariadb.log" 2>&1 &
  fi
  wait_for mariadb mariadb --no-defaults -e "select 1"
  mariadb --no-defaults -e "create database if not exists slurm_acct_db"
  cat >"$folder/slurmdbd.conf" <<CONF
AuthType=auth/munge
AuthInfo=socket=$munge_socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort=$database_port
SlurmUser=root
PidFile=$folder/slurmdbd.pid
LogFile=$folder/log/slurmdbd.log
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=slurm_acct_db
CONF
  chmod 600 "$folder/slurmdbd.conf"
fi

# -- SLURM ------------------------------------------------------------------------------------------
# cred_expire: a requeued job waits for so long, two minutes unless it is set; 5 s is the least.
# CPUs and memory are declared, not counted, so that several small jobs run at once on any machine.
# spare: jobs of `debug` push its jobs out, with their own signal (--signal) first and GraceTime seconds to heed it.
cat >"$folder/slurm.conf" <<CONF
ClusterName=tests
SlurmctldHost=$node(127.0.0.1)
SlurmctldPort=$controller_port
SlurmdPort=$node_port
SlurmUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$munge_socket,cred_expire=5
StateSaveLocation=$folder/controller
SlurmdSpoolDir=$folder/node
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/none
MpiDefault=none
SwitchType=switch/none
$storage
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=256
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0,bf_interval=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmctldParameters=preempt_send_user_signal
KillWait=5
OverTimeLimit=0
CompleteWait=0
MinJobAge=600
ReturnToService=2
MessageTimeout=5
NodeName=$node NodeAddr=127.0.0.1 CPUs=8 RealMemory=65536 State=UNKNOWN
PartitionName=debug Nodes=$node Default=YES MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=OFF
PartitionName=spare Nodes=$node MaxTime=INFINITE State=UP PriorityTier=1 PreemptMode=REQUEUE GraceTime=20
CONF

if [ "$accounting" = 1 ]; then
  alive slurmdbd || slurmdbd
  wait_for slurmdbd sacctmgr -n list cluster
  sacctmgr -n list cluster | grep -q tests || sacctmgr -i add cluster tests >/dev/null
fi
alive slurmctld || slurmctld
alive slurmd || slurmd -N "$node"
wait_for slurmctld bash -c 'sinfo -h -o %T | grep -qE "idle|mixed|allocated"'
