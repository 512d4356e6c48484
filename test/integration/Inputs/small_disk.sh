#!/bin/sh
# usage: unshare -rm small_disk.sh FOLDER SIZE COMMAND...
# Mounts a file system of SIZE bytes at FOLDER, runs COMMAND, lists the files in FOLDER and exits with COMMAND's exit code.
folder=$1
mkdir -p "$folder" && mount -t tmpfs -o "size=$2" none "$folder" || exit 2
shift 2
"$@"
status=$?
echo "left behind: $(ls -A "$folder" | tr '\n' ' ')"
exit "$status"
