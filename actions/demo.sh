#!/usr/bin/env bash
# Serves a library, shows one run, and goes on serving until Ctrl-C.
#   demo.sh RUNNER LIBRARY ADDRESS
set -euo pipefail
runner=$1 library=$2 address=$3
body='{"value":{"payload":"stressed"}}'

"$runner" "$library" --listen "$address" --sentinels off &
server=$!
trap 'kill $server 2>/dev/null || true' EXIT
until "$runner" healthcheck "$address" 2>/dev/null; do kill -0 $server; done

echo
echo "The runner:  $runner"
echo "The action:  $library (compiled apart from it)"
echo
echo "POST http://$address/run"
echo "  $body"
exec 3<>"/dev/tcp/${address%:*}/${address##*:}"
printf 'POST /run HTTP/1.1\r\nHost: %s\r\nContent-Length: %s\r\nConnection: close\r\n\r\n%s' \
    "$address" "${#body}" "$body" >&3
sed -n '1s/^/  /p; $s/^/  /p' <&3
echo
echo
echo "It goes on serving on http://$address until Ctrl-C. Try:"
echo "  curl http://$address/run -d '{\"value\":{\"payload\":\"your text\"}}'"
trap - EXIT
trap 'kill $server' INT TERM
wait $server
