"""adbd's own services: restarting it, forwarding, reversing, sockets on the device, the screen's
bytes.

Answers are spelled as adbd spells them (services.cpp, adb_listeners.cpp and framebuffer_service.cpp
of the Android sources). Knows nothing of shells.
"""

from __future__ import annotations

import io
import struct
from functools import partial

from PIL import Image

from jamel.virtual_device.adbd import Connection, Service, Stream
from jamel.virtual_device.device import Device
from jamel.virtual_device.faults import VanishedError
from jamel.virtual_device.keyboard import is_shown
from jamel.virtual_device.ports import DevicePorts, Duplex, Listener, splice

CONTROLS = ("root", "unroot", "remount", "tcpip", "usb", "reboot")
SOCKET_KINDS = ("tcp", "localabstract", "localreserved", "localfilesystem", "local", "dev")
_RAW_IMAGE_VERSION, _SRGB = 2, 1


def serve_control(stream: Stream, device: Device, kind: str, argument: str) -> None:
    """Say what happens, then drop the connections where adbd would restart."""
    if kind == "reboot":
        with device.lock:
            device.reboot()
        raise VanishedError
    if kind == "remount":
        said = (
            "remount succeeded" if device.is_root else 'Not running as root. Try "adb root" first.'
        )
        stream.write(f"{said}\n".encode())
        return
    if kind in ("root", "unroot"):
        wanted = kind == "root"
        if device.is_root == wanted:
            said = "adbd is already running as root" if wanted else "adbd not running as root"
            stream.write(f"{said}\n".encode())
            return
        device.is_root = wanted
        said = f"restarting adbd as {'root' if wanted else 'non root'}"
    elif kind == "tcpip":
        if not argument.isdigit() or not 0 < int(argument) < 65536:
            stream.write(b"invalid port\n")
            return
        device.tcp_port = int(argument)
        said = f"restarting in TCP mode port: {argument}"
    else:
        device.tcp_port = 0
        said = "restarting in USB mode"
    stream.write(f"{said}\n".encode())
    device.ports.close_reversed()
    stream.drain()
    stream.close()
    raise VanishedError


def serve_framebuffer(stream: Stream, device: Device) -> None:
    """The screen as raw RGBA behind a header of thirteen little-endian words."""
    from jamel.virtual_device.screenshot import screenshot_png

    with device.lock:
        png = screenshot_png(device.observe(), is_shown(device))
    with Image.open(io.BytesIO(png)) as picture:
        rgba = picture.convert("RGBA")
    header = (_RAW_IMAGE_VERSION, 32, _SRGB, rgba.width * rgba.height * 4, rgba.width, rgba.height,
              0, 8, 16, 8, 8, 8, 24, 8)  # fmt: skip
    stream.write(struct.pack("<14I", *header) + rgba.tobytes())


# -- sockets ------------------------------------------------------------------------------------


def connect_service(ports: DevicePorts, kind: str, name: str) -> Service | None:
    """What `adb forward` connects to; None, which adb reports as closed, if nobody listens."""
    listener = ports.get(f"{kind}:{name.removeprefix('localhost:')}")
    if listener is None:
        return None
    return partial(_connect, listener)


def _connect(listener: Listener, stream: Stream) -> None:
    listener(stream)


def serve_reverse(stream: Stream, ports: DevicePorts, request: str) -> None:
    """`adb reverse`: listen on the device, and open a stream to the host for each connection."""
    verb, _, rest = request.partition(":")
    if request == "list-forward":
        lines = "".join(f"host-1 {local} {remote}\n" for local, remote in ports.reversed())
        stream.write(f"{len(lines):04x}{lines}".encode())
    elif request == "killforward-all":
        ports.close_reversed()
        stream.write(b"OKAY")
    elif verb == "killforward":
        known = rest in dict(ports.reversed()) and ports.close(rest)
        stream.write(b"OKAY" if known else _failure(f"listener '{rest}' not found"))
    elif verb == "forward":
        stream.write(_reverse(stream.connection, ports, rest))
    else:
        stream.write(_failure(f"unknown reverse service '{request}'"))


def _reverse(connection: Connection, ports: DevicePorts, rest: str) -> bytes:
    rebind = not rest.startswith("norebind:")
    local, _, remote = rest.removeprefix("norebind:").partition(";")
    if not local or not remote or ";" in remote:
        return _failure(f"bad forward: forward:{rest}")
    if local.partition(":")[0] not in SOCKET_KINDS:
        return _failure(f"cannot bind listener: unknown socket specification: {local}")
    if not rebind and local in dict(ports.reversed()):
        return _failure("cannot rebind existing socket")

    def to_host(near: Duplex) -> None:
        far = connection.open(remote)
        if far is None:
            near.close()
        else:
            splice(near, far)

    try:
        bound = ports.listen(local, to_host, remote)
    except OSError as error:
        return _failure(f"cannot bind listener: {error.strerror}")
    if local != "tcp:0":
        return b"OKAY"
    number = bound.partition(":")[2]
    return f"OKAY{len(number):04x}{number}".encode()


def _failure(message: str) -> bytes:
    encoded = message.encode()
    return b"FAIL" + f"{len(encoded):04x}".encode() + encoded
