"""What a container of the runner costs: time from `docker run` to the first answer, and how memory grows with idle containers.

usage: measure.py IMAGE [ROUNDS] [CONTAINERS]

IMAGE has an action that takes {"payload": "…"}. The yardstick for the time is `docker run` of a static program that
does nothing, in alternating rounds on the same engine. Memory is the proportional set size of all processes in the
containers, a second after they have answered a run; shims and the engine's own processes are not in it. Containers
are reached through ports that are published on this machine alone.
"""

import json
import math
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

# Seconds after its last answer that a container counts as idle.
IDLE = 1
BODY = json.dumps({"value": {"payload": "abc"}})
REQUEST = (
    "POST /run HTTP/1.1\r\nHost: action\r\nContent-Type: application/json\r\n"
    f"Content-Length: {len(BODY)}\r\nConnection: close\r\n\r\n{BODY}"
).encode()


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


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def start(image, port):
    publish = f"127.0.0.1:{port}:8080"
    return docker("run", "--detach", "--no-healthcheck", "--memory", "128m", "--publish", publish, image)


def answer(port):
    """Asks until there is an answer, as an invoker does, and gives up after ten seconds."""
    began = time.perf_counter()
    while time.perf_counter() - began < 10:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                connection.sendall(REQUEST)
                if connection.recv(65536).startswith(b"HTTP/1.1 200 "):
                    return
        except OSError:
            pass
        # Refused, or ended by the engine's proxy before the container listens.
        time.sleep(0.0005)
    sys.exit(f"nothing answers at port {port}")


def started_after(image, ask):
    """Milliseconds until `docker run` returns, and until there is an answer."""
    port = free_port()
    began = time.perf_counter()
    container = start(image, port)
    returned = time.perf_counter()
    try:
        if ask:
            answer(port)
        answered = time.perf_counter()
    finally:
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
    yardstick, runs = [], []
    for _ in range(rounds):
        yardstick.append(started_after(empty, ask=False)[0])
        runs.append(started_after(image, ask=True))
    print(f"docker run of an empty static program: {statistics.median(yardstick):.0f} ms")
    print(f"docker run of {image}: {statistics.median(run[0] for run in runs):.0f} ms, "
          f"first answer after {statistics.median(run[1] for run in runs):.0f} ms")
    more = [run[1] - least for run, least in zip(runs, yardstick)]
    error = statistics.stdev(more) / len(more) ** 0.5 if len(more) > 1 else math.nan
    print(f"the first answer is {statistics.median(more):.1f} ms later (median of {len(more)} pairs; "
          f"mean {statistics.mean(more):.1f}, standard error {error:.1f})")


def measure_memory(image, count):
    """Up to so many idle containers; the slope is what each more of them takes."""
    containers, counts, totals = [], [], []
    stops = {count * part // 5 for part in range(1, 6)} | {1}
    try:
        for done in range(1, count + 1):
            port = free_port()
            containers.append(start(image, port))
            answer(port)
            if done in stops:
                time.sleep(IDLE)
                counts.append(done)
                totals.append(sum(memory(container) for container in containers))
                print(f"{done} idle containers: {totals[-1]} kB proportional, {totals[-1] / done:.0f} kB each")
        if len(counts) > 1:
            slope, _ = statistics.linear_regression(counts, totals)
            print(f"each more: {slope:.0f} kB")
    finally:
        if containers:
            docker("rm", "--force", *containers)


def main(image, rounds="10", containers="50"):
    measure_time(image, int(rounds))
    measure_memory(image, int(containers))


main(*sys.argv[1:])
