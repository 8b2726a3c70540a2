"""What a container of the runner costs: time from `docker run` to the first answer, and memory of idle containers.

usage: measure.py IMAGE [ROUNDS] [CONTAINERS]

IMAGE has an action that takes {"payload": "…"}. The yardstick for the time is `docker run` of a static program that
does nothing, in alternating rounds on the same engine. Memory is the proportional set size of all processes in the
containers, once they have answered a run; shims and the engine's own processes are not in it.
"""

import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

SUBNET, ADDRESS = "10.254.254.0/24", "10.254.254.2"
BODY = json.dumps({"value": {"payload": "abc"}}).encode()


def docker(*words):
    return subprocess.run(["docker", *words], check=True, capture_output=True, text=True).stdout.strip()


def empty_image():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "empty.c").write_text("int main(void) { return 0; }\n")
        (folder / "Dockerfile").write_text('FROM scratch\nCOPY empty /empty\nENTRYPOINT ["/empty"]\n')
        subprocess.run(["cc", "-static", "-o", folder / "empty", folder / "empty.c"], check=True)
        docker("build", "--quiet", "--tag", "action-empty", str(folder))
    return "action-empty"


def start(image, *more):
    return docker("run", "--detach", "--no-healthcheck", "--memory", "128m", *more, image)


def answer(address):
    """Asks until there is an answer, as an invoker does, and gives up after ten seconds."""
    request = urllib.request.Request(f"http://{address}:8080/run", BODY, {"Content-Type": "application/json"})
    began = time.perf_counter()
    while True:
        try:
            return urllib.request.urlopen(request, timeout=10).read()
        except urllib.error.URLError:
            if time.perf_counter() - began > 10:
                raise
            time.sleep(0.001)


def started_after(image, network, ask):
    """Milliseconds until `docker run` returns, and until there is an answer."""
    began = time.perf_counter()
    container = start(image, "--network", network, "--ip", ADDRESS)
    returned = time.perf_counter()
    if ask:
        answer(ADDRESS)
    answered = time.perf_counter()
    docker("rm", "--force", container)
    return (returned - began) * 1000, (answered - began) * 1000


def memory(container):
    pids = docker("top", container, "-eo", "pid").split()[1:]
    total = 0
    for pid in pids:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total


def measure_time(image, rounds):
    empty = empty_image()
    network = docker("network", "create", "--subnet", SUBNET, "action-measure")
    try:
        yardstick, runs = [], []
        for _ in range(rounds):
            yardstick.append(started_after(empty, network, ask=False)[0])
            runs.append(started_after(image, network, ask=True))
    finally:
        docker("network", "rm", network)
    print(f"docker run of an empty static program: {statistics.median(yardstick):.0f} ms")
    print(f"docker run of {image}: {statistics.median(run[0] for run in runs):.0f} ms, "
          f"first answer after {statistics.median(run[1] for run in runs):.0f} ms")


def measure_memory(image, count):
    containers = []
    try:
        for done in range(1, count + 1):
            containers.append(start(image))
            answer(docker("inspect", "--format", "{{.NetworkSettings.IPAddress}}", containers[-1]))
            if done == 1 or done == count:
                total = sum(memory(container) for container in containers)
                print(f"{done} idle containers: {total} kB proportional, {total / done:.0f} kB each")
    finally:
        if containers:
            docker("rm", "--force", *containers)


def main(image, rounds="10", containers="50"):
    measure_time(image, int(rounds))
    measure_memory(image, int(containers))


main(*sys.argv[1:])
