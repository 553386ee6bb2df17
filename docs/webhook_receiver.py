"""A receiver of Starling's webhooks, with nothing but the standard library:

STARLING_WEBHOOK_SECRET=... python docs/webhook_receiver.py 8080
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLERANCE_SECONDS = 300


def key_of(secret):
    if secret.startswith("whsec_"):
        return base64.b64decode(secret.removeprefix("whsec_"))
    return secret.encode()


def is_genuine(secret, headers, body):
    """Whether a Starling that knows the secret has sent this body in the last five minutes."""
    sent_at = headers.get("webhook-timestamp", "")
    if not sent_at.isdecimal() or abs(time.time() - int(sent_at)) > TOLERANCE_SECONDS:
        return False
    signed = f"{headers.get('webhook-id', '')}.{sent_at}.".encode() + body
    right = "v1," + base64.b64encode(hmac.digest(key_of(secret), signed, hashlib.sha256)).decode()
    given = headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(right.encode(), signature.encode()) for signature in given)


SEEN = set()  # in earnest: a table with a unique id


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if not is_genuine(os.environ["STARLING_WEBHOOK_SECRET"], self.headers, body):
            self.answer(401)
            return
        if self.headers["webhook-id"] not in SEEN:
            SEEN.add(self.headers["webhook-id"])
            told = json.loads(body)
            files = [file["url"] for file in told["data"]["outputs"]]
            print(told["type"], told["data"]["job"], *files, flush=True)
        self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver)
    print(f"waiting on port {server.server_port}", flush=True)
    server.serve_forever()
