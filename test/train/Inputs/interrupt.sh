#!/bin/sh
# usage: interrupt.sh LOG COMMAND...
# Runs COMMAND until its output in LOG says that an epoch is over, interrupts it, and fails unless the signal ends it.
# The signal is not SIGINT, which commands in the background ignore.
log=$1
shift
: >"$log"
"$@" >"$log" 2>&1 &
until grep -q '^epoch' "$log" || ! kill -0 $! 2>/dev/null; do sleep 0.05; done
kill -TERM $! || exit 2
wait $!
test $? -eq 143 # 128 and the number of SIGTERM
