# SPDX-License-Identifier: Apache-2.0
# server.py - what the mocks that are called over HTTP share: counting, misbehaving on demand, tokens, a server on 127.0.0.1.
import base64
import http.server
import json
import secrets
import threading
import time
import urllib.parse


class Registry:
    """Counts, misbehaviour and tokens of one mock."""

    def __init__(self, options):
        self.options = options
        self.lock = threading.RLock()
        self.tokens = {}
        self.misbehaviour = []
        self.counts = {}

    def count(self, name):
        with self.lock:
            self.counts[name] = self.counts.get(name, 0) + 1

    def take(self, where):
        """The misbehaviour that is due at this place, once less."""
        with self.lock:
            for one in self.misbehaviour:
                if one["on"] == where and one.get("after", 0) > 0:
                    one["after"] -= 1
                elif one["on"] == where:
                    one["times"] = one.get("times", 1) - 1
                    if one["times"] <= 0:
                        self.misbehaviour.remove(one)
                    self.counts["misbehaved"] = self.counts.get("misbehaved", 0) + 1
                    return one
        return None

    def misbehave(self, asked):
        with self.lock:
            self.misbehaviour = [] if asked.get("clear") else self.misbehaviour + [asked]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes: the second would wait for the other side's late acknowledgement

    def log_message(self, *_):
        pass

    def answer(self, status, body=None, headers=None):
        data = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def misbehave(self, where):
        """True: the request has had its answer, or shall have none."""
        one = self.server.mock.take(where)
        return bool(one) and self.do(one["do"], one)

    def do(self, what, one):
        if what == "expire":
            self.server.mock.tokens.clear()
            return False
        if what == "hang":
            time.sleep(one.get("seconds", 60))
            self.close_connection = True
        elif what == "429":
            self.answer(429, {"message": "Too many requests"}, {"Retry-After": str(one.get("retry_after", 1))})
        elif what == "500":
            self.answer(500, {"statusCode": 500, "error": "Internal Server Error"})
        elif what == "redirect":
            self.answer(302, None, {"Location": "http://127.0.0.1:1/elsewhere"})
        elif what == "html":
            page = b"<!doctype html><title>Bad gateway</title>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)
        elif what == "cut":
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "100000")
            self.end_headers()
            self.wfile.write(b'{"data":{')
            self.close_connection = True
        return True

    def allowed(self):
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.server.mock.tokens.get(token, 0) > time.monotonic():
            return True
        self.answer(401, {"statusCode": 401, "error": "Unauthorized", "message": "Invalid token"})
        return False

    def token(self, query):
        options, mock = self.server.mock.options, self.server.mock
        if query.get("grant_type") != ["client_credentials"]:
            self.answer(400, {"error": "invalid_request"})
        elif query.get("client_id") != [options.client_id] or query.get("client_secret") != [options.client_secret]:
            self.answer(401, {"error": "invalid_client"})
        else:
            claims = {"scope": ["webhook", "recordsearch"], "iss": "opencrvs.auth", "exp": int(time.time() + options.token_seconds)}
            parts = [json.dumps({"alg": "RS256", "typ": "JWT"}), json.dumps(claims), secrets.token_hex(32)]
            token = ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)
            mock.tokens[token] = time.monotonic() + options.token_seconds
            self.answer(200, {"access_token": token})

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


def add_options(parser):
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--client-id", default="kinward")
    parser.add_argument("--client-secret", default="client-secret")
    parser.add_argument("--token-seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)


def run(name, mock, handler, context=None):
    """Says where it is, and works until it is ended. context: of TLS."""
    server = Server(("127.0.0.1", mock.options.port), handler)
    server.mock = mock
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    port = server.server_address[1]
    url = "http%s://127.0.0.1:%d" % ("s" if context else "", port)
    print(json.dumps({"mock": name, "port": port, "url": url}), flush=True)
    server.serve_forever()


def query_of(text):
    return urllib.parse.parse_qs(text)
