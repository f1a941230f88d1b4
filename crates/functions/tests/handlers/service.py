"""An HTTP server that tells what it was asked and misbehaves when told to."""
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

seen = {"requests": 0, "connections": 0}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        seen["connections"] += 1
        super().setup()

    def answer(self, body, kind="application/json", headers=(), status=200):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do(self):
        seen["requests"] += 1
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = self.path.split("?")[0]
        if path == "/bytes":
            return self.answer(body, "application/octet-stream")
        if path == "/seen":
            return self.answer(json.dumps(seen).encode())
        if path == "/cookies":
            cookies = [("set-cookie", "a=1; Path=/"), ("set-cookie", "b=2"), ("x-two", "1"), ("x-two", "2")]
            return self.answer(b"hello", "text/plain", cookies)
        if path == "/big":
            return self.answer(b"x" * int(self.path.split("=")[1]), "text/plain")
        if path == "/die":
            print("about to end", file=sys.stderr, flush=True)
            os._exit(3)
        if path == "/hang":
            time.sleep(60)
        if path == "/close":
            self.close_connection = True
            return self.answer(b"bye", "text/plain", [("connection", "close")])
        if path == "/drop":
            self.close_connection = True
            self.connection.close()
            return None
        told = {
            "method": self.command,
            "path": self.path,
            "headers": [[name.lower(), value] for name, value in self.headers.items()],
            "body": body.decode("latin-1"),
        }
        return self.answer(json.dumps(told).encode(), status=201 if path == "/made" else 200)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do

    def log_message(self, *_):
        pass


if os.environ.get("END_AT_START"):
    print("no configuration", file=sys.stderr, flush=True)
    sys.exit(5)
time.sleep(float(os.environ.get("START_DELAY", "0")))
ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
