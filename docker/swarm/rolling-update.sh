#!/bin/sh
# Shows, and checks, that nothing is lost while the service of stack.yaml is scaled up, scaled down and rolled over to
# another action, all under load: prints what every request was answered, and fails if one was not 200.
# usage: rolling-update.sh OLD-IMAGE NEW-IMAGE [PORT]
set -eu

OLD=${1:?the image of the action that runs first}
NEW=${2:?the image of the action that replaces it}
PORT=${3:-8001}
STACK=action-rolling
PROXY=$STACK-proxy
SERVICE=${STACK}_action
LOOPS=4
BODY='{"value":{"payload":"abc","name":"abc"}}'

folder=$(dirname "$0")
work=$(mktemp -d)
left_swarm=yes

say() { echo "rolling-update: $*"; }

finish() {
    touch "$work/stop"
    wait
    docker rm --force "$PROXY" >/dev/null 2>&1 || true
    docker stack rm "$STACK" >/dev/null 2>&1 || true
    for _ in $(seq 100); do
        [ -n "$(docker ps --all --quiet --filter "label=com.docker.stack.namespace=$STACK")" ] || break
        sleep 0.2
    done
    [ "$left_swarm" = yes ] || docker swarm leave --force >/dev/null
    rm -rf "$work"
}

# request FILE: one run on a new connection; its status, and the answer, as one line.
request() {
    curl --silent --max-time 20 --data "$BODY" --write-out ' %{http_code}\n' "http://127.0.0.1:$PORT/$SERVICE" >>"$1" ||
        echo "curl's exit code $?" >>"$1"
}

load() {
    while [ ! -e "$work/stop" ]; do request "$1"; done
}

# within WHAT COMMAND...: waits until the command succeeds; gives up after a minute.
within() {
    what=$1 tries=0
    shift
    until "$@"; do
        tries=$((tries + 1))
        [ "$tries" -lt 300 ] || { say "it never came to this: $what"; docker service ps "$SERVICE"; exit 1; }
        sleep 0.2
    done
}

count_is() {
    [ "$(docker service ls --filter "name=$SERVICE" --format '{{.Replicas}}')" = "$1/$1" ]
}

answers() {
    curl --silent --fail --output /dev/null --max-time 5 --data "$BODY" "http://127.0.0.1:$PORT/$SERVICE"
}

if [ "$(docker info --format '{{.Swarm.LocalNodeState}}')" = inactive ]; then
    docker swarm init --advertise-addr 127.0.0.1 >/dev/null
    left_swarm=no
fi
trap finish EXIT
trap 'exit 1' INT TERM

IMAGE=$OLD docker stack deploy --detach=true --resolve-image never --compose-file "$folder/stack.yaml" "$STACK" >/dev/null
docker run --detach --name "$PROXY" --network "${STACK}_door" --publish "127.0.0.1:$PORT:8080" action-proxy >/dev/null
within "2 replicas" count_is 2
within "an answer" answers
say "two replicas answer; load from $LOOPS callers begins"

for caller in $(seq "$LOOPS"); do load "$work/answers.$caller" & done

docker service scale --detach "$SERVICE=5" >/dev/null
within "5 replicas" count_is 5
say "scaled to 5"
docker service scale --detach "$SERVICE=2" >/dev/null
within "2 replicas" count_is 2
say "scaled to 2"
timeout 120 docker service update --detach=false --quiet --no-resolve-image --image "$NEW" "$SERVICE" >/dev/null
say "rolled over to $NEW"
request "$work/last"
touch "$work/stop"
wait

say "answers, and how often:"
sort "$work"/answers.* | uniq -c
failed=$(cat "$work"/answers.* "$work/last" | grep -cv ' 200$' || true)
kinds=$(sort -u "$work"/answers.* | grep -c ' 200$')
say "$(cat "$work"/answers.* | wc -l) requests, $failed failed, $kinds different answers"
[ "$failed" = 0 ] && [ "$kinds" -ge 2 ]
