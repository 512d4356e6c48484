#!/bin/sh
# usage: unshare -rm small_disk.sh FOLDER SIZE COMMAND...
# Runs COMMAND with a file system of SIZE bytes at FOLDER, then lists what is left in it. COMMAND's exit code is its own.
folder=$1
mkdir -p "$folder" && mount -t tmpfs -o "size=$2" none "$folder" || exit 2
shift 2
"$@"
status=$?
echo "left behind: $(ls -A "$folder" | tr '\n' ' ')"
exit "$status"
