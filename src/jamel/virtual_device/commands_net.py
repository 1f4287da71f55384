"""The device's network as far as clients ask: ifconfig, ip, ping, and nc to its own ports.

There is no network behind it: `nc` reaches what listens on the device, `adb reverse` included.
"""

from __future__ import annotations

import threading

from jamel.virtual_device.ports import Duplex, Pipe
from jamel.virtual_device.shell import Call, Command

LISTEN_TIMEOUT_S = 30.0
_ADDRESSES = {"lo": "127.0.0.1", "eth0": "10.0.2.15", "wlan0": "10.0.2.16"}


def _ifconfig(call: Call) -> int:
    names = [a for a in call.args if not a.startswith("-")] or list(_ADDRESSES)
    for name in names:
        if name not in _ADDRESSES:
            return call.fail(f"ifconfig: {name}: No such device")
        call.print(f"{name:<9} Link encap:Ethernet  HWaddr 02:15:b2:00:00:00  Driver virtio_net")
        call.print(f"          inet addr:{_ADDRESSES[name]}  Bcast:10.0.2.255  Mask:255.255.255.0 ")
        call.print("          UP BROADCAST RUNNING MULTICAST  MTU:1500  Metric:1\n")
    return 0


def _ip(call: Call) -> int:
    words = [a for a in call.args if not a.startswith("-")]
    if words[:1] not in (["addr"], ["a"], ["address"], ["route"]):
        return call.fail(f'Object "{"".join(words[:1])}" is unknown, try "ip help".', 1)
    if words[0] == "route":
        call.print("10.0.2.0/24 dev wlan0 proto kernel scope link src 10.0.2.16 ")
        return 0
    names = words[-1:] if words[-1] in _ADDRESSES else list(_ADDRESSES)
    for number, name in enumerate(names, 1):
        call.print(f"{number}: {name}: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 state UP")
        call.print(f"    inet {_ADDRESSES[name]}/24 brd 10.0.2.255 scope global {name}")
    return 0


def _ping(call: Call) -> int:
    host = call.args[-1] if call.args else ""
    if host in ("localhost", *_ADDRESSES.values()):
        call.print(f"64 bytes from {host}: icmp_seq=1 ttl=64 time=0.05 ms")
        return 0
    return call.fail(f"ping: unknown host {host}", 2)


def _nc(call: Call) -> int:
    args = [a for a in call.args if a not in ("-n", "-q", "-v")]
    ports = call.shell.device.ports
    if args[:1] in (["-l"], ["-L"]):
        number = args[-1]
        return _nc_listen(call, f"tcp:{number}")
    if len(args) < 2:
        return call.fail("nc: Needs 2 arguments")
    listener = ports.get(f"tcp:{args[1]}")
    if args[0] not in ("localhost", "127.0.0.1") or listener is None:
        return call.fail("nc: connect: Connection refused")
    near, far = Pipe.pair()
    threading.Thread(target=listener, args=(far,), daemon=True).start()
    near.write(call.stdin())
    while chunk := near.read_some():
        call.out(chunk)
        call.shell.flush()
    return 0


def _nc_listen(call: Call, address: str) -> int:
    """Accept one connection: what it brings goes out, our input goes to it."""
    ended = threading.Event()

    def serve(stream: Duplex) -> None:
        while chunk := stream.read_some():
            call.out(chunk)
            call.shell.flush()
        stream.close()
        ended.set()

    try:
        call.shell.device.ports.listen(address, serve)
    except OSError as error:
        return call.fail(f"nc: bind: {error.strerror}")
    try:
        return 0 if ended.wait(LISTEN_TIMEOUT_S) else call.fail("nc: Timeout")
    finally:
        call.shell.device.ports.close(address)


NET_COMMANDS: dict[str, Command] = {
    "ifconfig": _ifconfig, "ip": _ip, "ping": _ping, "nc": _nc, "netcat": _nc,
}  # fmt: skip
