#!/bin/sh
# A Docker SDK program: the last line is the result.
echo "a line of log"
echo "to stderr" >&2
printf '%s\n' "{\"argument\":${1:-null},\"stdin\":$(cat),\"id\":\"$__OW_ACTIVATION_ID\"}"
