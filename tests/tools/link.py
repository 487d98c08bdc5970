"""A network of its own with two ways into it: a clean one, and one that loses and delays packets, or is down.

usage: link.py NAMESPACE NAME CLEAN_HOST CLEAN_INSIDE BAD_HOST BAD_INSIDE LOSS_PERCENT DELAY_MS

Makes the namespace and prints `ready`. Then takes `down` and `up` for the bad link, each answered with the same
word, and takes everything away at the end of its input. Packets of the bad link go through here, so it needs no
queueing discipline of the kernel; it needs root, iproute2 and /dev/net/tun.
"""

import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
PACKET_BYTES_MAX = 65536
# More than that on its way, and packets are lost as in a router that is full.
PACKETS_MAX = 1000


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


def tun(name):
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    return descriptor


def build(namespace, name, clean_host, clean_inside, bad_host, bad_inside):
    ip("netns", "add", namespace)
    ip("-n", namespace, "link", "set", "lo", "up")
    ends = tun(f"{name}a"), tun(f"{name}b")
    ip("link", "set", f"{name}b", "netns", namespace)
    ip("link", "add", f"{name}c", "type", "veth", "peer", "name", f"{name}d", "netns", namespace)
    for host, inside, (near, far) in [(bad_host, bad_inside, "ab"), (clean_host, clean_inside, "cd")]:
        ip("addr", "add", f"{host}/30", "dev", f"{name}{near}")
        ip("link", "set", f"{name}{near}", "up")
        ip("-n", namespace, "addr", "add", f"{inside}/30", "dev", f"{name}{far}")
        ip("-n", namespace, "link", "set", f"{name}{far}", "up")
    return ends


def relay(ends, loss, delay):
    chance, up, order, waiting, heard = random.Random(0x11), True, 0, [], b""
    other = {ends[0]: ends[1], ends[1]: ends[0]}
    while True:
        timeout = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        ready, _, _ = select.select([*ends, 0], [], [], timeout)
        if 0 in ready:
            said = os.read(0, 100)
            # A word may come in pieces.
            *words, heard = (heard + said).split(b"\n")
            if not said or b"end" in words:
                return
            for word in words:
                up = word == b"up"
                print(word.decode(), flush=True)
        for end in set(ready) & set(ends):
            packet = os.read(end, PACKET_BYTES_MAX)
            if up and len(waiting) < PACKETS_MAX and chance.random() >= loss:
                order += 1
                heapq.heappush(waiting, (time.monotonic() + delay, order, other[end], packet))
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, end, packet = heapq.heappop(waiting)
            if up:
                try:
                    os.write(end, packet)
                except OSError as error:
                    print(error, file=sys.stderr)


def main():
    namespace, name, *addresses, loss, delay = sys.argv[1:]
    try:
        ends = build(namespace, name, *addresses)
        print("ready", flush=True)
        relay(ends, float(loss) / 100, float(delay) / 1000)
    finally:
        subprocess.run(["ip", "netns", "del", namespace], check=False)


main()
