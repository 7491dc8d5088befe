"""sd_notify(3), as much of it as the demo needs."""
import os
import socket


def notify(message):
    """Tells the supervisor something, e.g. READY=1; does nothing when there is none."""
    path = os.environ.get("NOTIFY_SOCKET")
    if not path:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(message.encode(), "\0" + path[1:] if path[0] == "@" else path)
