"""backend.py PORT REDIS-PORT: a web application of one page, which counts its visits in redis."""
import http.server
import signal
import socket
import sys

from notify import notify

PORT, REDIS_PORT = int(sys.argv[1]), int(sys.argv[2])


def count_visit():
    """INCR visits, in redis' own protocol."""
    with socket.create_connection(("127.0.0.1", REDIS_PORT), timeout=5) as redis:
        redis.sendall(b"INCR visits\r\n")
        answer = redis.makefile("rb").readline()
    if not answer.startswith(b":"):
        raise OSError("redis said " + answer.decode(errors="replace").strip())
    return int(answer[1:])


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            status, text = 200, "visit %d, counted by redis, served by python through nginx\n" % count_visit()
        except OSError as error:
            status, text = 503, "redis: %s\n" % error
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Page)
    notify("READY=1\nSTATUS=serving on port %d" % PORT)
    server.serve_forever()


main()
