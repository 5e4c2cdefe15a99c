"""Hub loading against a hub of our own on the loopback interface, and from a cache without any."""

import json
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import checkpoints
import peft_adapters
import pytest
from hub_cache import HubCache

from secondpass import CrossEncoder
from secondpass.checkpoint.source import aliases, find, weight_files
from secondpass.errors import CheckpointNotFoundError
from secondpass.options import HubOptions

COMMITS = {"main": "a" * 40, "v2": "b" * 40}
TOKEN = "hf_secret"  # noqa: S105 - of a hub that lives for one test


class Loader:
    """A process of its own that scores with checkpoints of the hub at a port, whose address it reads when it starts."""

    _PROGRAM = """
import json, sys
from secondpass import CrossEncoder
for line in sys.stdin:
    name, options = json.loads(line)
    try:
        answer = CrossEncoder(name, activation="identity", **options).score("berlin", ["the wall"])[0]
    except Exception as error:
        answer = f"{type(error).__name__} {error}"
    print(" ".join(str(answer).split()), flush=True)
"""

    def __init__(self, port: int, home: Path) -> None:
        environment = {
            "HF_ENDPOINT": f"http://127.0.0.1:{port}",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HOME": str(home),
            "PYTHONPATH": ":".join(sys.path),
            "PATH": "",
            "OMP_NUM_THREADS": "1",
            "NO_PROXY": "*",
        }
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-c", self._PROGRAM],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def load(self, cache: Path, name: str, **options: object) -> str:
        """The score, or the error's name and message."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([name, {"cache_dir": str(cache / "models"), **options}]) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().strip()
        assert answer, "the process has ended"
        return answer

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=60)


class Hub(ThreadingHTTPServer):
    """Serves repositories: {repo id: {revision: folder}}; those in `private` need the token."""

    def __init__(
        self, repositories: dict[str, dict[str, Path]], home: Path, private: frozenset[str] = frozenset()
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories = repositories
        self.private = private
        self.served: list[str] = []
        self.loader = Loader(self.server_port, home)


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        parts = self.path.partition("?")[0].strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            repo, revision, file = "/".join(parts[2:4]), parts[5] if len(parts) > 5 else "main", None
        else:
            repo, revision, file = "/".join(parts[:2]), parts[3], "/".join(parts[4:])
        if repo in self.server.private and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._fail(401, "RepoNotFound")
        if repo not in self.server.repositories:
            return self._fail(404, "RepoNotFound")
        names = {commit: name for name, commit in COMMITS.items()}
        folder = self.server.repositories[repo].get(names.get(revision, revision))
        if folder is None:
            return self._fail(404, "RevisionNotFound")
        commit = COMMITS[names.get(revision, revision)]
        if file is None:
            files = {str(path.relative_to(folder)): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
            answer: object = {"id": repo, "sha": commit, "siblings": [{"rfilename": name} for name in files]}
            if parts[4:5] == ["tree"]:
                answer = [{"type": "file", "oid": commit, "path": name, "size": size} for name, size in files.items()]
            return self._send(json.dumps(answer).encode(), {}, with_body)
        if not (folder / file).is_file():
            return self._fail(404, "EntryNotFound")
        if with_body:
            self.server.served.append(file)
        headers = {"ETag": f'"{commit[:8]}{file}"'.replace("/", "-"), "X-Repo-Commit": commit}
        return self._send((folder / file).read_bytes(), headers, with_body)

    def _send(self, body: bytes, headers: dict[str, str], with_body: bool) -> None:  # noqa: FBT001 - private
        self.send_response(200)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def _fail(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    root = tmp_path_factory.mktemp("hub")
    first, second = checkpoints.bert(root / "first"), checkpoints.bert(root / "second", hidden_act="relu")
    shutil.copy(checkpoints.to_bin(checkpoints.bert(root / "third")) / "pytorch_model.bin", first / "pytorch_model.bin")
    pickled = root / "third"
    trained = Path(shutil.copytree(pickled, root / "trained"))  # pushed with what was saved on the way
    shutil.copytree(second, trained / "checkpoint-500")
    bare = Path(shutil.copytree(second, root / "bare"))
    for file in ("tokenizer.json", "tokenizer_config.json"):
        (bare / file).unlink()
    (bare / "README.md").write_text("---\nbase_model: someone/base\n---\n# card\n")
    server = Hub(
        {
            "cross-encoder/ms-marco-MiniLM-L6-v2": {"main": first, "v2": second},
            "someone/private": {"main": first},
            "someone/pickled": {"main": pickled},
            "someone/bare": {"main": bare},
            "someone/trained": {"main": trained},
            "someone/base": {"main": second},
        },
        root / "home",
        private=frozenset({"someone/private"}),
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.loader.close()
    server.shutdown()
    server.server_close()
    thread.join()


def load(hub: Hub, cache: Path, name: str, **options: object) -> str:
    """Score with a checkpoint of the hub."""
    return hub.loader.load(cache, name, **options)


def local_score(folder: Path) -> float:
    return float(CrossEncoder(folder, activation="identity").score("berlin", ["the wall"])[0])


def test_downloads_by_either_spelling_then_needs_no_network(hub: Hub, tmp_path: Path) -> None:
    repositories = hub.repositories["cross-encoder/ms-marco-MiniLM-L6-v2"]
    hub.served.clear()
    assert float(load(hub, tmp_path, "cross-encoder/ms-marco-MiniLM-L-6-v2")) == pytest.approx(
        local_score(repositories["main"]), abs=1e-5
    )
    assert "model.safetensors" in hub.served
    assert "pytorch_model.bin" not in hub.served, "never both weights"
    hub.served.clear()
    offline = load(hub, tmp_path, "cross-encoder/ms-marco-MiniLM-L6-v2", local_files_only=True)
    assert float(offline) == pytest.approx(local_score(repositories["main"]), abs=1e-5)
    assert hub.served == []


def test_without_a_network_what_was_downloaded_loads_and_the_rest_is_not_found(hub: Hub, tmp_path: Path) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port: int = reserved.getsockname()[1]
        with closing(Loader(port, tmp_path / "home")) as offline:
            for name in ("cross-encoder/ms-marco-MiniLM-L6-v2", "someone/pickled"):
                assert load(hub, tmp_path, name) == offline.load(tmp_path, name)
            assert offline.load(tmp_path, "someone/private").startswith("CheckpointNotFoundError")


def test_revisions(hub: Hub, tmp_path: Path) -> None:
    repositories = hub.repositories["cross-encoder/ms-marco-MiniLM-L6-v2"]
    score = load(hub, tmp_path, "cross-encoder/ms-marco-MiniLM-L6-v2", revision="v2")
    assert float(score) == pytest.approx(local_score(repositories["v2"]), abs=1e-5)
    missing = load(hub, tmp_path, "cross-encoder/ms-marco-MiniLM-L6-v2", revision="v9")
    assert missing.startswith("CheckpointNotFoundError")
    assert "'v9'" in missing


def test_private_repositories_need_the_token(hub: Hub, tmp_path: Path) -> None:
    assert load(hub, tmp_path, "someone/private").startswith("CheckpointNotFoundError")
    assert float(load(hub, tmp_path, "someone/private", token=TOKEN))


def test_pickled_weights_are_fetched_where_there_are_no_others(hub: Hub, tmp_path: Path) -> None:
    score = load(hub, tmp_path, "someone/pickled")
    assert float(score) == pytest.approx(local_score(hub.repositories["someone/pickled"]["main"]), abs=1e-5)


def test_the_format_of_weights_is_chosen_folder_by_folder(hub: Hub, tmp_path: Path) -> None:
    hub.served.clear()
    score = load(hub, tmp_path, "someone/trained")
    assert float(score) == pytest.approx(local_score(hub.repositories["someone/trained"]["main"]), abs=1e-5)
    assert not [file for file in hub.served if file.startswith("checkpoint-500/")]
    modular = ["model.safetensors", "pytorch_model.bin", "2_Dense/pytorch_model.bin", "3_Dense/model.safetensors"]
    assert weight_files(["config.json", *modular]) == [modular[0], *modular[2:]]
    beside_base = ["adapter_model.safetensors", "pytorch_model.bin"]
    assert weight_files(beside_base) == beside_base


def test_the_tokenizer_of_the_base_model_serves_where_there_is_none(hub: Hub, tmp_path: Path) -> None:
    hub.served.clear()
    score = load(hub, tmp_path, "someone/bare")
    assert float(score) == pytest.approx(local_score(hub.repositories["someone/base"]["main"]), abs=1e-5)
    assert hub.served.count("tokenizer.json") == 1
    assert hub.served.count("model.safetensors") == 1, "the base's weights are of no use"


def test_an_adapter_brings_its_base_from_the_hub_then_needs_no_network(hub: Hub, tmp_path: Path) -> None:
    pytest.importorskip("peft", reason="peft is not installed")
    base = hub.repositories["someone/base"]["main"]
    folder = peft_adapters.save_adapter(tmp_path / "adapter", base, peft_adapters.lora())
    expected = local_score(folder)
    checkpoints.edit_json(folder / "adapter_config.json", base_model_name_or_path="someone/base")
    hub.repositories["someone/adapter"] = {"v2": folder}  # the base has no such revision, and needs none
    assert float(load(hub, tmp_path, "someone/adapter", revision="v2")) == pytest.approx(expected, abs=1e-5)
    hub.served.clear()
    offline = load(hub, tmp_path, "someone/adapter", revision="v2", local_files_only=True)
    assert float(offline) == pytest.approx(expected, abs=1e-5)
    assert hub.served == []


def test_names_that_are_nothing(hub: Hub, tmp_path: Path) -> None:
    assert load(hub, tmp_path, "nobody/nothing").startswith(
        "CheckpointNotFoundError nobody/nothing is neither a folder"
    )
    with pytest.raises(CheckpointNotFoundError, match="not in the local cache"):
        CrossEncoder("nobody/nothing", cache_dir=tmp_path, local_files_only=True)
    with pytest.raises(CheckpointNotFoundError, match="must be a folder, a hub id or a bundled name"):
        CrossEncoder("not a name!", cache_dir=tmp_path, local_files_only=True)


@pytest.mark.parametrize("name", ["mini", "Mini", "someone/mini", "secondpass/Mini", "secondpass/large"])
def test_the_bundled_model_is_offered_where_its_name_is_mistaken(name: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointNotFoundError, match=r"; did you mean secondpass/mini, which is bundled\?$"):
        CrossEncoder(name, cache_dir=tmp_path, local_files_only=True)


def test_the_bundled_model_is_not_offered_for_another(tmp_path: Path) -> None:
    with pytest.raises(CheckpointNotFoundError, match=r"forbids a download$"):
        CrossEncoder("cross-encoder/ms-marco-MiniLM-L6-v2", cache_dir=tmp_path, local_files_only=True)


def test_both_spellings_of_a_renamed_checkpoint() -> None:
    assert aliases("cross-encoder/ms-marco-MiniLM-L6-v2")[-1] == "cross-encoder/ms-marco-MiniLM-L-6-v2"
    assert aliases("cross-encoder/ms-marco-MiniLM-L-12-v2")[1] == "cross-encoder/ms-marco-MiniLM-L12-v2"
    assert aliases("BAAI/bge-reranker-base") == ["BAAI/bge-reranker-base"]
    assert "cross-encoder/ms-marco-TinyBERT-L-2" in aliases("cross-encoder/ms-marco-TinyBERT-L2")


def test_a_name_is_looked_up_in_the_cache_that_is_given(tmp_path: Path) -> None:
    cache = HubCache(tmp_path / "cache")
    cache.add("owner/model", checkpoints.bert(tmp_path / "model"))
    hub = HubOptions(cache_dir=str(cache.root), local_files_only=True)
    assert find("owner/model", hub).path.parent == cache.root / "models--owner--model" / "snapshots"
    with pytest.raises(CheckpointNotFoundError):
        find("owner/other", hub)
