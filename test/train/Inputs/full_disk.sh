#!/bin/sh
# usage: full_disk.sh FOLDER COMMAND...
# Runs COMMAND, which trains FOLDER/m.pth, interrupts it, fills the disk of FOLDER, and resumes COMMAND, which fails. Exits
# with 0 if the files of the first run are as they were.
folder=$1
shift
here=$(dirname "$0")
sh "$here/interrupt.sh" "$folder/log" "$@" || { cat "$folder/log" >&2; exit 2; }
(cd "$folder" && sha256sum m.pth m.last.pth m.state m.csv m.svg >sums) || exit 3
cat /dev/zero >"$folder/filler" 2>/dev/null
"$@" --resume && exit 4
cd "$folder" && sha256sum --quiet -c sums
