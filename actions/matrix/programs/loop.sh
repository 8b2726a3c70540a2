#!/bin/sh
# An ActionLoop program. What it does besides answering stands in the line.
if [ -n "$__OW_WAIT_FOR_ACK" ]; then echo '{"ok":true}' >&3; fi
while read -r line; do
    case $line in
        *exit*) exit 3 ;;
        *crash*) kill -SEGV $$ ;;
        *blank*) printf '\n%s\n\n' "$line" >&3 ;;
        *twice*) printf '%s\n{"late":true}\n' "$line" >&3 ;;
        *) printf '%s\n' "$line" >&3 ;;
    esac
done
