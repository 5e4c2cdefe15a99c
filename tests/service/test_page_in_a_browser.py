"""The page at `/` in headless Chromium: what people see when they rank, and what they are told when they cannot."""

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from listening import listening
from serving import Recorder, app_of, overlap_app

from secondpass import CrossEncoder
from secondpass.ranking import Passage, RankedDocument
from secondpass.service import Limits, ServedModel
from secondpass.testing import OverlapScorer

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs a Chromium: apt install chromium"),
    pytest.mark.filterwarnings("ignore::secondpass.errors.TruncationWarning"),
]
WIDE, PHONE = (1440, 900), (360, 740)  # pixels
DOCUMENTS = ["a dog", "a red dog", "a red fox"]


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM)
        yield started
        started.close()


@pytest.fixture
def page(browser: "Browser") -> Iterator["Page"]:
    context = browser.new_context(viewport={"width": WIDE[0], "height": WIDE[1]})
    context.set_default_timeout(10_000)
    opened = context.new_page()
    errors: list[object] = []
    opened.on("pageerror", lambda error: errors.append(error))  # noqa: PLW0108 - playwright marks what it is given
    yield opened
    context.close()
    assert errors == []


def rank(page: "Page", query: str, documents: str) -> None:
    page.fill("#query", query)
    page.fill("#documents", documents)
    page.get_by_role("button", name="Rank").click()
    ranked(page)


def ranked(page: "Page") -> None:
    """Wait until nothing is awaited any more."""
    page.locator("#stop").wait_for(state="hidden")


def texts(page: "Page") -> list[str]:
    return page.locator(".card .text").all_text_contents()


def moves(page: "Page") -> list[str]:
    return page.locator(".card .move [aria-hidden]").all_text_contents()


def test_the_example_is_ranked_as_the_library_ranks_it(page: "Page") -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with listening(app_of("secondpass/mini")) as url:
        page.goto(url)
        page.get_by_role("button", name="Example").click()
        ranked(page)
        query, documents = page.input_value("#query"), page.input_value("#documents").split("\n")
        model = CrossEncoder("secondpass/mini", activation="sigmoid")
        expected = model.rank(query, documents)
        assert texts(page) == [document.text for document in expected]
        scores = [float(score) for score in page.locator("output").evaluate_all("all => all.map(one => one.title)")]
        assert scores == pytest.approx([document.score for document in expected], abs=1e-5)
        shares = page.locator(".bar").evaluate_all("all => all.map(one => one.style.width)")
        assert [float(share[:-1]) / 100 for share in shares] == pytest.approx(scores, abs=1e-4)
        signs = [document.index - position for position, document in enumerate(expected)]
        assert moves(page) == [f"▲ {by}" if by > 0 else f"▼ {-by}" if by < 0 else "=" for by in signs]
        # The best sentence of the best document, by the model itself.
        sentences = re.split(r"(?<=\.) ", expected[0].text)
        best = model.rank(query, sentences)[0].text
        assert page.locator(".card").first.locator("mark").all_text_contents() == [best]
        assert re.fullmatch(r"\d+ ms", page.locator(".time").inner_text())
        assert page.locator("#status").text_content() == (
            f"secondpass/mini: 6 documents ranked in {page.locator('.time').inner_text()}."
        )
        assert {address for address in asked if not address.startswith((f"{url}/", "data:"))} == set()


@pytest.mark.parametrize(
    ("pasted", "form"),
    [
        ("a dog\na red dog\n\ta red fox \n", "one per line"),
        ("a dog\n\na red dog\n  \n\na red fox", "separated by blank lines"),
        ('{"text": "a dog"}\n\n{"title": "a", "body": "red dog"}\n{"contents": "a red fox", "id": 3}', "JSONL"),
    ],
    ids=["lines", "blocks", "jsonl"],
)
def test_documents_are_told_apart(page: "Page", pasted: str, form: str) -> None:
    with listening(overlap_app()) as url:
        page.goto(url)
        rank(page, "red fox", pasted)
        assert page.locator("#count").inner_text() == f"3 documents, {form}"
        assert texts(page) == ["a red fox", "a red dog", "a dog"]
        assert moves(page) == ["▲ 2", "=", "▼ 2"]


def test_a_document_of_several_lines_keeps_them(page: "Page") -> None:
    with listening(overlap_app()) as url:
        page.goto(url)
        rank(page, "red fox", "a dog\nand a cat\n\na red\nfox")
        assert texts(page) == ["a red\nfox", "a dog\nand a cat"]


def drop(page: "Page", name: str, content: bytes) -> None:
    """Drop a file, beside its place."""
    page.evaluate(
        """([name, bytes]) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], name));
            for (const type of ["dragover", "drop"]) {
                document.body.dispatchEvent(new DragEvent(type, {dataTransfer: data, bubbles: true, cancelable: true}));
            }
        }""",
        [name, list(content)],
    )


def test_files_are_opened_and_dropped(page: "Page", tmp_path: Path) -> None:
    file = tmp_path / "some.txt"
    file.write_bytes(b"\xef\xbb\xbfa dog\r\na red dog\r\na red fox\r\n")
    with listening(overlap_app()) as url:
        page.goto(url)
        page.fill("#query", "red fox")
        page.set_input_files("#file", file)
        page.get_by_text("3 documents, one per line").wait_for()
        page.keyboard.press("Control+Enter")  # the documents have the focus
        page.locator("output").first.wait_for()
        ranked(page)
        assert texts(page) == ["a red fox", "a red dog", "a dog"]
        drop(page, "more.jsonl", "\n".join(json.dumps({"text": text}) for text in DOCUMENTS * 2).encode())
        page.get_by_text("6 documents, JSONL").wait_for()


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.pdf", b"%PDF", "a.pdf must be a .txt or .jsonl file."),
        ("a.txt", b"caf\xe9", "a.txt must be text in UTF-8."),
        ("a.txt", b" \n", "a.txt must hold a document."),
        ("a.txt", b"a" * 5_000_001, "a.txt must have at most 5 MB."),
        (
            "a.jsonl",
            b'{"text": "a"}\n\n{"text": 5}',
            "Line 3 must be a JSON object with its text under text, ",
        ),
        ("a.jsonl", b"a dog", "Line 1 must be JSON."),
    ],
    ids=["kind", "encoding", "blank", "size", "text", "json"],
)
def test_a_file_that_holds_no_documents_is_refused(
    page: "Page", tmp_path: Path, name: str, content: bytes, told: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with listening(overlap_app()) as url:
        page.goto(url)
        page.set_input_files("#file", file)
        page.locator("#error", has_text=told).wait_for()
        assert page.input_value("#documents") == ""


def test_markup_in_texts_is_shown_and_never_run(page: "Page") -> None:
    texts_ = ["<img src=x onerror='window.ran = 1'>", "<script>window.ran = 1</script>", "</p><b>red</b> &amp; fox"]
    with listening(overlap_app()) as url:
        page.goto(url)
        rank(page, "<i>red fox", "\n".join(texts_))
        assert sorted(texts(page)) == sorted(texts_)
        assert page.locator("#columns :is(img, script, b)").count() == 0
        # And if the page did make markup of a text, the browser would not let it.
        with pytest.raises(Exception, match="TrustedHTML"):
            page.evaluate("document.body.innerHTML = '<b>'")
        page.evaluate("document.body.append(Object.assign(document.createElement('p'), {id: 'last'}))")
        assert page.evaluate("window.ran") is None


class Reversed(OverlapScorer):
    """Scores as OverlapScorer does, the other way round."""

    def score(self, query: str, documents: Sequence[str]) -> list[float]:
        return [-score for score in super().score(query, documents)]


def test_two_models_stand_side_by_side_and_on_a_phone_one_below_the_other(page: "Page") -> None:
    models = [ServedModel(name="first", scorer=OverlapScorer()), ServedModel(name="second", scorer=Reversed())]
    with listening(app_of(*models)) as url:
        page.goto(url)
        rank(page, "red fox", "\n".join(DOCUMENTS))
        sections = page.locator("#columns section")
        assert page.locator("h2").all_text_contents() == ["first", "second"]
        orders = [sections.nth(i).locator(".text").all_text_contents() for i in range(2)]
        assert orders == [DOCUMENTS[::-1], DOCUMENTS]
        first, second = (sections.nth(i).bounding_box() for i in range(2))
        assert first is not None
        assert second is not None
        assert (second["y"], second["x"] > first["x"] + first["width"]) == (first["y"], True)
        # The same document is shown in both.
        page.get_by_text("a red fox", exact=True).last.hover()
        assert page.locator(".card.same .text").all_text_contents() == ["a red fox"] * 2
        page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
        first, second = (sections.nth(i).bounding_box() for i in range(2))
        assert first is not None
        assert second is not None
        assert (second["x"], second["y"] > first["y"] + first["height"]) == (first["x"], True)
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE[0]
        page.get_by_role("checkbox", name="first").uncheck()
        page.get_by_role("button", name="Rank").click()
        ranked(page)
        assert page.locator("h2").all_text_contents() == ["second"]


def test_a_key_is_asked_for_where_the_server_wants_one(page: "Page") -> None:
    with listening(overlap_app(api_keys=["opensesame"])) as url:
        page.goto(url)
        key = page.get_by_label("API key")
        key.wait_for()
        rank(page, "red fox", "\n".join(DOCUMENTS))
        assert page.locator("#error").inner_text() == "This server wants an API key."
        page.keyboard.type("wrong")  # it has the focus
        page.keyboard.press("Enter")
        page.get_by_text("The server does not know this API key.").wait_for()
        key.fill("schlüssel")
        page.keyboard.press("Enter")
        page.get_by_text("An API key has letters, digits and signs of ASCII only.").wait_for()
        key.fill("opensesame")
        page.keyboard.press("Enter")
        page.locator("output").first.wait_for()
        ranked(page)
        assert texts(page) == ["a red fox", "a red dog", "a dog"]
        assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]


def test_everything_can_be_done_by_keyboard(page: "Page") -> None:
    with listening(overlap_app()) as url:
        page.goto(url)
        reached = []
        for _ in range(6):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("(document.activeElement.labels?.[0] ?? document.activeElement).textContent"))
        assert reached == ["API", "Query", "Documents", "Open .txt or .jsonl", "Rank", "Example"]
        page.keyboard.press("Enter")
        ranked(page)
        page.get_by_label("Query").fill(" ")
        page.get_by_label("Documents").press("Control+Enter")
        assert page.locator("#error").inner_text() == "Write a query."
        assert page.evaluate("document.activeElement.id") == "query"
        page.get_by_label("Documents").fill("")
        page.get_by_label("Query").fill("red fox")
        page.keyboard.press("Enter")
        assert page.locator("#error").inner_text() == "Paste some documents."
        assert page.evaluate("document.activeElement.id") == "documents"


class Windows:
    """A scorer that says that the best part of each document is its second half."""

    def score(self, query: str, documents: Sequence[str]) -> list[float]:
        return [document.score for document in self.rank(query, documents)]

    def rank(self, query: str, documents: Sequence[str]) -> list[RankedDocument]:  # noqa: ARG002 - any is alike
        return [
            RankedDocument(i, -float(i), text, Passage(len(text) // 2, len(text), -float(i)), truncated=False)
            for i, text in enumerate(documents)
        ]


def test_a_passage_is_marked_where_the_server_says_it_is(page: "Page") -> None:
    # The server counts code points, the browser units of UTF-16: 🦊 is one of those and two of these.
    with listening(app_of(Windows())) as url:
        page.goto(url)
        rank(page, "red fox", "🦊🦊🦊🦊🦊🦊🦊🦊red fox!\n" + "no dog " * 50 + "words " * 200)
        assert page.locator(".card").first.locator("mark").text_content() == "red fox!"
        long = page.locator(".card").last
        shown = long.locator(".text").inner_text()
        assert shown.startswith("… ")
        assert shown.endswith(" …")
        assert long.locator("mark").count() == 1
        long.get_by_role("button", name="Show all").click()
        assert long.locator(".text").text_content() == ("no dog " * 50 + "words " * 200).strip()
        assert long.get_by_role("button", name="Show less").get_attribute("aria-expanded") == "true"


@pytest.mark.parametrize(("motion", "n_moved"), [("reduce", 0), ("no-preference", 2)])
def test_cards_move_unless_people_want_none_of_it(
    page: "Page", motion: Literal["reduce", "no-preference"], n_moved: int
) -> None:
    page.emulate_media(reduced_motion=motion)
    page.add_init_script(
        "window.moved = 0; const animate = Element.prototype.animate;"
        "Element.prototype.animate = function (...given) { window.moved += 1; return animate.apply(this, given); };"
    )
    with listening(overlap_app()) as url:
        page.goto(url)
        rank(page, "red fox", "\n".join(DOCUMENTS))
        assert texts(page) == DOCUMENTS[::-1]
        assert page.evaluate("window.moved") == n_moved  # the one in the middle stays


def test_dark_and_light_follow_the_system(page: "Page") -> None:
    with listening(overlap_app()) as url:
        page.goto(url)
        schemes: tuple[Literal["dark", "light"], ...] = ("dark", "light")
        brightness = {}
        for scheme in schemes:
            page.emulate_media(color_scheme=scheme)
            colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
            brightness[scheme] = sum(map(int, re.findall(r"\d+", colour)))
        assert brightness["dark"] < 150
        assert brightness["light"] > 600


def test_what_the_server_refuses_is_told_in_its_words(page: "Page") -> None:
    with listening(overlap_app(limits=Limits(max_documents=2))) as url:
        page.goto(url)
        rank(page, "red fox", "\n".join(DOCUMENTS))
        told = page.locator("#error").inner_text()
        assert told == "The server did not rank: documents must be at most 2, got 3."
        assert page.locator("#columns").get_by_text("Not ranked").count() == 1
    page.get_by_role("button", name="Rank").click()
    page.get_by_text("The server cannot be reached. Is it still running?").wait_for()


def test_a_ranking_stands_where_its_sentences_are_refused(page: "Page") -> None:
    # Two sentences of one document, and the server fails for the first of them alone.
    sentences = ["The fox that is red sleeps all day.", "The dog that is brown does not."]
    with listening(app_of(Recorder(broken=sentences[:1]))) as url:
        page.goto(url)
        rank(page, "red fox", " ".join(sentences))
        assert texts(page) == [" ".join(sentences)]
        told = page.locator("#error").inner_text()
        assert told.startswith("The best sentences are not marked. The server did not rank: the model gave no scores")
        assert page.get_by_text("Not ranked").count() == 0


def test_no_more_sentences_are_sent_than_the_server_takes(page: "Page") -> None:
    documents = ["The fox that is red sleeps all day. The dog that is brown does not."] * 2
    with listening(overlap_app(limits=Limits(max_documents=3))) as url:
        page.goto(url)
        rank(page, "red fox", "\n".join(documents))
        assert page.locator("#error").text_content() == ""
        assert page.locator("mark").all_text_contents() == ["The fox that is red sleeps all day."]


def test_a_ranking_can_be_stopped_and_another_one_takes_its_place(page: "Page") -> None:
    held = Recorder(held=True)
    with listening(app_of(held)) as url:
        page.goto(url)
        page.fill("#query", "red fox")
        page.fill("#documents", "\n".join(DOCUMENTS))
        page.get_by_role("button", name="Rank").click()
        page.get_by_role("button", name="Stop").click()
        page.get_by_text("Not ranked").wait_for()
        assert page.locator("#error").text_content() == ""
        page.fill("#documents", "a\naaa")
        page.get_by_role("button", name="Rank").click()
        page.fill("#documents", "b\nbb\nbbb")
        page.get_by_role("button", name="Rank").click()
        held.go.release(10)
        ranked(page)
        assert texts(page) == ["bbb", "bb", "b"]


def test_of_many_documents_the_first_hundred_are_shown_until_all_are_wanted(page: "Page") -> None:
    documents = [f"number {i:03}" + " red" * (i == 120) for i in range(150)]
    with listening(overlap_app()) as url:
        page.goto(url)
        rank(page, "red", "\n".join(documents))
        expected = [documents[120], *documents[:120], *documents[121:]]
        assert texts(page) == expected[:100]
        page.get_by_role("button", name="Show 50 more").click()
        assert texts(page) == expected
        assert page.get_by_role("button", name=re.compile("Show .* more")).count() == 0
