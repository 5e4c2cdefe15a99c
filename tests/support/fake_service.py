"""Services on loopback: ours in a thread, and one that speaks any API and misbehaves as it is told."""

import json
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import uvicorn
from fastapi import FastAPI

# What a service answers to GET, by path; POST is answered by `results`.
Pages = Mapping[str, object]
TEI_PAGES: Pages = {"/info": {"model_id": "a/model", "model_type": {"reranker": {}}, "max_client_batch_size": 3}}


@dataclass
class Reply:
    """One answer to a request for scores, in place of the right one.

    Args:
        status: Of HTTP.
        body: JSON if it is not bytes.
        headers: Beside the length.
        change: What becomes of the right results.
        seconds: To wait before answering, unless the service ends before.
        act: "reset" ends the connection without an answer, "truncate" in the middle of it; "stall" waits there for as
            long as before it.
    """

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    change: Callable[[list[Any]], Any] | None = None
    seconds: float = 0.0
    act: str = ""


@dataclass
class Fake:
    """A service that is running.

    Args:
        url: Where.
        replies: What it answers to the next requests for scores; then it answers right.
        most: The most documents of a request, refused as TEI does; None: any.
        over: Set when it ends, so that nothing in it waits any longer.
    """

    url: str
    pages: Pages
    replies: deque[Reply]
    most: int | None = None
    posts: list[tuple[str, dict[str, Any], Mapping[str, str]]] = field(default_factory=list)
    gets: list[str] = field(default_factory=list)
    n_open: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def reply_to(self, path: str, body: dict[str, Any], headers: Mapping[str, str]) -> Reply:
        """What comes next; the right answer where nothing else is to come."""
        self.posts.append((path, body, headers))
        texts = texts_of(body)
        if self.most is not None and len(texts) > self.most:
            words = f"batch size {len(texts)} > maximum allowed batch size {self.most}"
            return Reply(422, {"error": words, "error_type": "Validation"})
        reply = self.replies.popleft() if self.replies else Reply()
        if reply.body is not None or reply.status != 200:
            return reply
        results = right_results(body)
        changed = results if reply.change is None else reply.change(results)
        is_bare = "texts" in body or not isinstance(changed, list)
        return replace(reply, body=changed if is_bare else {"data" if "top_k" in body else "results": changed})

    @property
    def sizes(self) -> list[int]:
        """Documents of each request so far."""
        return [len(texts_of(body)) for _, body, _ in self.posts]


def score_of(text: str) -> float:
    """What the right score of a document is: from 0 to 1, another one for every length."""
    return 1 / (1 + len(text))


def texts_of(body: Mapping[str, Any]) -> list[str]:
    return list(body["texts"] if "texts" in body else body["documents"])


def right_results(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Best first, as services answer."""
    name = "score" if "texts" in body else "relevance_score"
    results = [{"index": index, name: score_of(text)} for index, text in enumerate(texts_of(body))]
    return sorted(results, key=lambda result: -result[name])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_Server"

    def setup(self) -> None:
        super().setup()
        self.server.fake.n_open += 1

    def finish(self) -> None:
        super().finish()
        self.server.fake.n_open -= 1

    def do_GET(self) -> None:
        fake = self.server.fake
        fake.gets.append(self.path)
        page = fake.pages.get(self.path)
        self._send(page if isinstance(page, Reply) else Reply(404 if page is None else 200, page))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        reply = self.server.fake.reply_to(self.path, body, {k.lower(): v for k, v in self.headers.items()})
        self.server.fake.over.wait(reply.seconds)
        self._send(reply)

    def _send(self, reply: Reply) -> None:
        if reply.act == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return
        content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        if reply.act == "stall":
            self.wfile.flush()
            self.server.fake.over.wait(reply.seconds)
        self.wfile.write(content[: len(content) // 2] if reply.act == "truncate" else content)
        self.close_connection = self.close_connection or reply.act == "truncate"

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    fake: Fake

    def handle_error(self, *_: object) -> None:
        """Clients that leave are part of the tests."""


@contextmanager
def faking(replies: Sequence[Reply] = (), *, pages: Pages | None = None, most: int | None = None) -> Iterator[Fake]:
    """A fake that runs meanwhile; it is TEI unless it is given other pages."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        server.fake = fake = Fake(url, TEI_PAGES if pages is None else pages, deque(replies), most)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield fake
        finally:
            fake.over.set()
            server.shutdown()
            thread.join()


@contextmanager
def running(app: FastAPI) -> Iterator[str]:
    """The address of an app that runs in a thread meanwhile."""
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=2))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def closed_url() -> str:
    """An address at which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"
