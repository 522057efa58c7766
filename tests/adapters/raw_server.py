"""A server on loopback that says whatever bytes a test tells it to, be they HTTP or not."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Script = Callable[[socket.socket], None]
"""Talks to one client, whose request was read; the connection is closed when it returns."""

DRIP_SECONDS = 0.05


@contextmanager
def serve_raw(script: Script, *, greet: bool = False) -> Iterator[str]:
    """Serve until the block ends; yields host:port.

    Args:
        script: What to say. It ends when its client hangs up.
        greet: Speak first, before a request was read.
    """
    listener = socket.create_server(("127.0.0.1", 0))

    def talk(client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            if not greet:
                client.recv(65536)
            script(client)
            client.shutdown(socket.SHUT_WR)
            while client.recv(65536):  # closed before its request was read, it would reset the connection
                pass

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(client,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def saying(*parts: bytes) -> Script:
    """Say it and hang up."""
    return lambda client: client.sendall(b"".join(parts))


def endless(head: bytes, part: bytes) -> Script:
    """Say the head, and then the part again and again, as fast as the client takes it."""

    def script(client: socket.socket) -> None:
        client.sendall(head)
        while True:
            client.sendall(part)

    return script


def dripping(head: bytes, drop: bytes) -> Script:
    """Say the head, and then a drop now and then, for ever."""

    def script(client: socket.socket) -> None:
        client.sendall(head)
        hung_up = threading.Event()
        while not hung_up.wait(DRIP_SECONDS):
            client.sendall(drop)

    return script
