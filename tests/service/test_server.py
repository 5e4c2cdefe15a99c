"""`secondpass serve` as a process on loopback: signals, slow and rude clients, and what keeps it from starting."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest
from serving import overlap_app
from waiting import until

from secondpass import CrossEncoder
from secondpass.errors import InputError
from secondpass.service.server import bind, serve_at

SECONDPASS = [sys.executable, "-m", "secondpass"]
BODY = {"query": "red fox", "texts": ["a red fox", "a dog"]}

# A model that takes its time with every pass, and waits for a file. It is served in a process, at a free port.
SLOW = """
import logging, os, time
from secondpass.service import Limits, ServedModel, create_app, serve
from secondpass.service.server import bind, serve_at
from secondpass.testing import OverlapScorer

class Slow(OverlapScorer):
    def predict(self, pairs):
        time.sleep({seconds})
        while not os.path.exists({file!r}):
            time.sleep(0.01)
        return [float(len(document)) for _, document in pairs]

logging.basicConfig(level=logging.INFO, format="%(message)s")
limits = Limits(pass_tokens=50, drain_seconds={drain}, body_seconds={body}, max_held_bytes={held})
app = create_app([ServedModel(name="slow", scorer=Slow())], limits=limits)
{serve}
logging.info("the call has returned")
"""


def slow_command(
    *,
    drain: float,
    seconds: float = 0,
    file: Path | str = "/",
    body: float = 30,
    held: int = 1_000_000_000,
    serve: str = "serve(app, port=0)",
) -> list[str]:
    settings = {"seconds": seconds, "file": str(file), "drain": drain, "body": body, "held": held, "serve": serve}
    return [sys.executable, "-c", SLOW.format(**settings)]


@dataclass
class Server:
    process: subprocess.Popen[str]
    url: str
    said: list[str]

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", int(self.url.rsplit(":", 1)[1])

    def end(self, timeout: float = 30) -> int:
        return self.process.wait(timeout)


@contextmanager
def running(command: Sequence[str], **environment: str) -> Iterator[Server]:
    """A server from its first line on, which tells where it listens."""
    with subprocess.Popen(  # noqa: S603 - our own command
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
    ) as process:
        assert process.stderr is not None
        said: list[str] = []
        started = threading.Event()

        def read() -> None:
            for line in process.stderr or ():
                said.append(line)
                if "serving at" in line:
                    started.set()
            started.set()

        reader = threading.Thread(target=read)
        reader.start()
        try:
            assert started.wait(90)
            (line,) = [line for line in said if "serving at" in line]
            yield Server(process, line.split()[-1], said)
        finally:
            process.kill()
            reader.join()


@pytest.fixture(scope="module")
def slow() -> Iterator[Server]:
    with running(slow_command(seconds=0.05, drain=20)) as server:
        yield server


@pytest.fixture(scope="module")
def impatient() -> Iterator[Server]:
    """One that waits for a second where others wait for half a minute."""
    with running(slow_command(drain=20, body=1)) as server:
        yield server


def test_the_command_serves_and_a_signal_ends_it_well() -> None:
    command = [*SECONDPASS, "serve", "--port", "0", "--alias", "rerank-v3.5", "--api-key", "from-the-command-line"]
    with running(command, SECONDPASS_API_KEYS="from-the-environment") as server:
        body = {**BODY, "model": "rerank-v3.5"}
        assert httpx.post(f"{server.url}/rerank", json=body).status_code == 401
        headers = {"authorization": "Bearer from-the-environment"}
        assert httpx.post(f"{server.url}/rerank", json=body, headers=headers).status_code == 200
        headers = {"authorization": "Bearer from-the-command-line"}
        answered = httpx.post(f"{server.url}/rerank", json=body, headers=headers).json()
        expected = CrossEncoder("secondpass/mini", activation="sigmoid").rank("red fox", BODY["texts"])
        assert [result["index"] for result in answered] == [document.index for document in expected]
        np.testing.assert_allclose(
            [result["score"] for result in answered], [document.score for document in expected], atol=1e-6
        )
        server.process.send_signal(signal.SIGTERM)
        assert server.end() == 0
        text = "".join(server.said)
    assert "fox" not in text
    assert "from-the" not in text
    assert "POST /rerank 200" in text


def test_every_request_that_was_accepted_is_answered_after_sigterm(tmp_path: Path) -> None:
    file = tmp_path / "go"
    with running(slow_command(file=file, drain=60)) as server, ThreadPoolExecutor(12) as clients:

        def ask(number: int) -> httpx.Response:
            texts = [f"{number} " * (i + 1) for i in range(6)]
            return httpx.post(f"{server.url}/rerank", json={"query": str(number), "texts": texts}, timeout=60)

        waiting = [clients.submit(ask, number) for number in range(12)]
        until(lambda: _gauge(server, "te_queue_size") == 12)
        server.process.send_signal(signal.SIGTERM)
        until(lambda: httpx.get(f"{server.url}/ready").status_code == 503)
        assert httpx.post(f"{server.url}/rerank", json=BODY).status_code == 503
        file.touch()
        answers = [client.result(60) for client in waiting]
        assert server.end() == 0
    for answered in answers:
        assert answered.status_code == 200
        assert [result["index"] for result in answered.json()] == [5, 4, 3, 2, 1, 0]


def test_who_is_answered_while_the_server_stops_connects_anew_for_the_next_request(tmp_path: Path) -> None:
    """Elsewhere, behind a load balancer: its connection leads here."""
    file = tmp_path / "go"
    with (
        running(slow_command(file=file, drain=60)) as server,
        httpx.Client(base_url=server.url) as kept,
        ThreadPoolExecutor() as clients,
    ):
        assert "connection" not in kept.get("/health").headers
        waiting = clients.submit(httpx.post, f"{server.url}/rerank", json=BODY, timeout=60)
        until(lambda: _gauge(server, "te_queue_size") == 1)
        server.process.send_signal(signal.SIGTERM)
        until(lambda: httpx.get(f"{server.url}/ready").status_code == 503)
        refused = kept.post("/rerank", json=BODY)
        assert (refused.status_code, refused.headers["connection"]) == (503, "close")
        file.touch()
        assert waiting.result(60).status_code == 200
        assert server.end() == 0


def test_a_connection_rests_for_longer_than_httpx_keeps_it(slow: Server) -> None:
    """Which is five seconds: closed at that moment, it would lose the next request."""
    connection = http.client.HTTPConnection(*slow.address)
    with closing(connection):
        connection.request("GET", "/health")
        connection.getresponse().read()
        connection.auto_open = 0
        time.sleep(5.5)
        connection.request("GET", "/health")
        assert connection.getresponse().status == 200


@pytest.mark.parametrize(("drain", "is_told_twice"), [(0.5, False), (60, True)])
def test_what_draining_has_no_time_for_is_told_so_and_the_process_ends(drain: float, *, is_told_twice: bool) -> None:
    with (
        running(slow_command(seconds=600, drain=drain)) as server,
        socket.create_connection(server.address, timeout=20) as unfinished,
        ThreadPoolExecutor() as clients,
    ):
        unfinished.sendall(b"POST /v2/rerank HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{")
        waiting = clients.submit(httpx.post, f"{server.url}/rerank", json=BODY, timeout=60)
        until(lambda: _gauge(server, "te_queue_size") == 1)
        server.process.send_signal(signal.SIGINT)
        if is_told_twice:
            until(lambda: httpx.get(f"{server.url}/ready").status_code == 503)
            server.process.send_signal(signal.SIGINT)
        answered = waiting.result(20)
        assert (answered.status_code, answered.headers["retry-after"]) == (503, "1")
        assert answered.json()["error_type"] == "Unhealthy"
        told = unfinished.makefile("rb").read()
        assert server.end() == 0
    assert told.startswith(b"HTTP/1.1 503 ")
    assert b'{"message":"this server stopped before the body had arrived"}' in told
    text = "".join(server.said)
    assert "Traceback" not in text
    assert "a model did not come back" in text
    assert "the call has returned" in text, "the process is the caller's"


@contextmanager
def asking_for_10_megabytes(server: Server) -> Iterator[socket.socket]:
    """A connection whose answer has begun; the rest is the caller's to take."""
    body = json.dumps({"query": "q", "documents": ["word " * 200_000] * 10, "return_documents": True}).encode()
    head = b"POST /rerank HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(30)
        connection.connect(server.address)
        connection.sendall(head + body)
        assert connection.recv(12) == b"HTTP/1.1 200"
        yield connection


def test_an_answer_that_is_taken_slowly_is_sent_whole_after_sigterm() -> None:
    serve = 'serve_at(bind("127.0.0.1", 0), app, last_seconds=0.3)'
    with (
        running(slow_command(drain=30, serve=serve)) as server,
        asking_for_10_megabytes(server) as connection,
    ):
        server.process.send_signal(signal.SIGTERM)
        until(lambda: httpx.get(f"{server.url}/ready").status_code == 503)
        time.sleep(1)  # more than what is left for the last answers when the time to drain is over
        assert httpx.get(f"{server.url}/ready").status_code == 503
        head, _, answer = connection.makefile("rb").read().partition(b"\r\n\r\n")
        assert f"content-length: {len(answer)}".encode() in head
        assert len(json.loads(answer)["results"]) == 10
        assert server.end() == 0


def test_answers_that_nobody_takes_are_held_and_end_with_their_connection() -> None:
    with running(slow_command(drain=1, body=5, held=15_000_000)) as server:
        with asking_for_10_megabytes(server):
            body = {"query": "q", "texts": ["word " * 200_000] * 6}
            assert httpx.post(f"{server.url}/rerank", json=body).status_code == 429
            # It is closed once it has taken nothing for five seconds, and there is room again.
            until(lambda: httpx.post(f"{server.url}/rerank", json=body).status_code == 200)
        server.process.send_signal(signal.SIGTERM)
        assert server.end() == 0


def test_an_answer_that_is_taken_bit_by_bit_is_not_cut_off() -> None:
    with (
        running(slow_command(drain=1, body=5)) as server,
        asking_for_10_megabytes(server) as connection,
    ):
        received = b""
        while part := connection.recv(500_000):
            received += part
            if len(received) < 2_000_000:
                time.sleep(0.02)
        assert received.endswith(b"}")
        assert len(received) > 10_000_000


def test_a_body_that_comes_too_slowly_is_refused(impatient: Server) -> None:
    with socket.create_connection(impatient.address, timeout=20) as connection:
        connection.sendall(b"POST /rerank HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{")
        assert connection.recv(1000).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("sent", [b"", b"POST /rerank HTTP/1.1\r\nhost:"])
def test_a_connection_that_does_not_come_to_its_request_is_closed(impatient: Server, sent: bytes) -> None:
    with socket.create_connection(impatient.address, timeout=20) as connection:
        connection.sendall(sent)
        assert connection.recv(1000) == b""


def test_a_body_that_is_refused_need_not_be_waited_for(impatient: Server) -> None:
    with socket.create_connection(impatient.address, timeout=20) as connection:
        connection.sendall(b"POST /rerank HTTP/1.1\r\nhost: x\r\ncontent-length: 100000000\r\n\r\n{")
        received = b""
        while part := connection.recv(1000):
            received += part
            connection.sendall(b" ")
    assert received.startswith(b"HTTP/1.1 413 ")


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(slow: Server) -> None:
    with socket.create_connection(slow.address, timeout=20) as connection:
        connection.sendall(b"POST /rerank HTTP/1.1\r\nhost: x\r\ncontent-length: 100000000\r\n\r\n{")
        assert connection.recv(1000).startswith(b"HTTP/1.1 413 ")


def test_a_client_that_sends_100_megabytes_all_the_same_reads_why_not(slow: Server) -> None:
    answered = httpx.post(f"{slow.url}/rerank", content=b" " * 100_000_000, timeout=60)
    assert (answered.status_code, answered.json()["error_type"]) == (413, "Validation")

    def chunks() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 1_000_000

    assert httpx.post(f"{slow.url}/v2/rerank", content=chunks(), timeout=60).status_code == 413


def test_connections_that_are_cut_leave_the_server_as_it_was(slow: Server) -> None:
    body = json.dumps({"query": "gone", "texts": [f"text {i}" for i in range(50)]}).encode()
    head = b"POST /rerank HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body)
    for sent in (b"", b"POST /rer", head, head + body[:10], head + body):
        with socket.create_connection(slow.address, timeout=20) as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
        with socket.create_connection(slow.address, timeout=20) as connection:
            connection.sendall(sent)
    until(lambda: _gauge(slow, "te_queue_size") == 0)
    assert _gauge(slow, "secondpass_gone_clients_total") >= 2
    assert httpx.post(f"{slow.url}/rerank", json=BODY).status_code == 200


@pytest.mark.parametrize("sent", [b"nonsense\r\n\r\n", b"GET / SPDY/3\r\n\r\n", b"\x16\x03\x01\x02\x00", b"\0" * 99])
def test_what_is_not_http_gets_no_answer_that_is(slow: Server, sent: bytes) -> None:
    with socket.create_connection(slow.address, timeout=20) as connection:
        connection.sendall(sent + b"\r\n\r\n")
        answer = connection.recv(1000)
    assert not answer or answer.startswith(b"HTTP/1.1 4")
    assert httpx.get(f"{slow.url}/health").status_code == 200


def test_a_port_that_is_taken_is_told_in_a_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = [*SECONDPASS, "serve", "--port", str(taken.getsockname()[1])]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    assert done.returncode == 2
    assert "Address already in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_is_taken_before_anything_listens_at_it() -> None:
    with bind("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(InputError, match=f"host and port must be free to listen at, got 127.0.0.1:{port}: "):
            bind("127.0.0.1", port)
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", port))
    bind("127.0.0.1", port).close()


def test_a_server_starts_again_at_once_and_alone_where_connections_have_just_ended() -> None:
    with running(slow_command(drain=5)) as server:
        with socket.create_connection(server.address, timeout=20) as connection:
            connection.sendall(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            assert connection.makefile("rb").read().startswith(b"HTTP/1.1 200 ")
        server.process.send_signal(signal.SIGTERM)
        assert server.end() == 0
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(server.address)  # the connection, which the server closed first, still has the address
    with bind(*server.address), pytest.raises(InputError, match="must be free to listen at"):
        bind(*server.address)


def test_who_listens_too_late_is_told_so() -> None:
    with socket.socket() as first, socket.socket() as late:
        for bound in (first, late):
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        first.bind(("127.0.0.1", 0))
        late.bind(first.getsockname())
        first.listen()
        with pytest.raises(InputError, match=r"host and port must be free to listen at, got 127\.0\.0\.1:\d+: "):
            serve_at(late, overlap_app())


def test_an_offer_of_another_protocol_is_no_line_of_the_log(slow: Server) -> None:
    n_before = len(slow.said)
    offers = {"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c", "http2-settings": "AAEAAEAAAAIAAAAB"}
    for headers in (offers, {"connection": "Upgrade", "upgrade": "websocket"}):
        assert httpx.get(f"{slow.url}/health?offer", headers=headers).status_code == 200
    until(lambda: sum("GET /health 200" in line for line in slow.said[n_before:]) == 2)
    assert len(slow.said) == n_before + 2


def _gauge(server: Server, name: str) -> float:
    lines = httpx.get(f"{server.url}/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))
