"""`perdure lsp` as an editor meets it: a process that speaks the protocol on standard input and output."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import pytest_asyncio
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException
from pygls.lsp.client import LanguageClient

ACTIVITIES = '''
from perdure import activity

print("what activities print while they are imported must not reach the protocol")


@activity("shop.price")
async def price(sku: str) -> dict:
    """The price of a thing."""
    return {}
'''
DEFINITION = """\
workflow: buy
# 🦆
steps:
  - id: price
    activity: shop.price
    with: {sku: "🦆 {{ run.id }}"}
  - id: told
    activity: log
    with: {message: "{{ steps.price }}"}
"""


class Editor:
    """A client with the diagnostics it was sent last."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.client = LanguageClient("tests", "1")
        self.told: dict[str, list[lsp.Diagnostic]] = {}
        self.messages: list[str] = []
        self.news = asyncio.Condition()
        self.version = 0

        @self.client.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        async def published(params: lsp.PublishDiagnosticsParams) -> None:
            self.told[params.uri] = list(params.diagnostics)
            await self.tell()

        @self.client.feature(lsp.WINDOW_SHOW_MESSAGE)
        async def shown(params: lsp.ShowMessageParams) -> None:
            self.messages.append(params.message)
            await self.tell()

    async def tell(self) -> None:
        async with self.news:
            self.news.notify_all()

    async def start(self) -> lsp.InitializeResult:
        await self.client.start_io(sys.executable, "-m", "perdure.cli", "lsp", "--stdio", cwd=self.root.parent)
        capabilities = lsp.ClientCapabilities()
        result = await self.client.initialize_async(
            lsp.InitializeParams(capabilities=capabilities, root_uri=self.root.as_uri())
        )
        self.client.initialized(lsp.InitializedParams())
        return result

    def uri(self, name: str) -> str:
        return (self.root / name).as_uri()

    def open(self, name: str, text: str) -> None:
        item = lsp.TextDocumentItem(self.uri(name), "yaml", 0, text)
        self.client.text_document_did_open(lsp.DidOpenTextDocumentParams(item))

    def change(self, name: str, text: str) -> None:
        self.version += 1
        document = lsp.VersionedTextDocumentIdentifier(self.version, self.uri(name))
        whole = lsp.TextDocumentContentChangeWholeDocument(text)
        self.client.text_document_did_change(lsp.DidChangeTextDocumentParams(document, [whole]))

    async def codes(self, name: str, *wanted: str) -> list[lsp.Diagnostic]:
        """The diagnostics of a file, once they have these codes."""
        return await self.until(lambda: self._with(name, list(wanted)))

    async def until(self, found: Any) -> Any:
        async with asyncio.timeout(60), self.news:
            while (result := found()) is None:
                await self.news.wait()
            return result

    def _with(self, name: str, wanted: list[str]) -> list[lsp.Diagnostic] | None:
        found = self.told.get(self.uri(name))
        return found if found is not None and [one.code for one in found] == wanted else None

    def at(self, name: str, line: int, character: int) -> dict[str, Any]:
        document = lsp.TextDocumentIdentifier(self.uri(name))
        return {"text_document": document, "position": lsp.Position(line, character)}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "definitions").mkdir(parents=True)
    (root / "perdure.toml").write_text('activities = ["shop_activities.py"]\n')
    (root / "shop_activities.py").write_text(ACTIVITIES)
    (root / "definitions" / "buy.yaml").write_text(DEFINITION)
    return root


@pytest_asyncio.fixture
async def editor(project: Path) -> AsyncIterator[Editor]:
    editor = Editor(project)
    await editor.start()
    yield editor
    server = editor.client._server
    if server is not None and server.returncode is None:
        await editor.client.shutdown_async(None)
        editor.client.exit(None)
        async with asyncio.timeout(30):
            await server.wait()
        assert server.returncode == 0
    await editor.client.stop()


async def test_what_is_typed_is_checked_before_it_is_saved(editor: Editor) -> None:
    name = "definitions/buy.yaml"
    editor.open(name, DEFINITION)
    assert await editor.codes(name) == []
    editor.change(name, DEFINITION.replace("steps.price", "steps.prise"))
    (found,) = await editor.codes(name, "WF301")
    assert (found.range.start, found.range.end) == (lsp.Position(8, 30), lsp.Position(8, 35))
    assert (found.source, found.severity, 'did you mean "price"' in found.message) == ("perdure", 1, True)
    page = Path(found.code_description.href.removeprefix("file://"))
    assert "unknown-step" in page.read_text("utf-8")
    editor.change(name, DEFINITION + "  - use: [\n")
    (found,) = await editor.codes(name, "WF101")
    editor.change(name, DEFINITION.replace("shop.price", "shop.prize"))
    await editor.codes(name, "WF601")
    context = lsp.CodeActionContext([])
    where = lsp.Range(lsp.Position(4, 16), lsp.Position(4, 16))
    asked = lsp.CodeActionParams(lsp.TextDocumentIdentifier(editor.uri(name)), where, context)
    first, second = await editor.client.text_document_code_action_async(asked)
    assert (first.title, first.is_preferred, second.title) == ("Change to shop.price", True, "Ignore WF601 here")
    (edit,) = first.edit.changes[editor.uri(name)]
    assert (edit.new_text, edit.range.start, edit.range.end) == ("shop.price", lsp.Position(4, 14), lsp.Position(4, 24))


async def test_hover_definition_completion_and_outline_count_as_the_editor_does(editor: Editor) -> None:
    name = "definitions/buy.yaml"
    editor.open(name, DEFINITION)
    client = editor.client
    await editor.codes(name)
    hovered = await client.text_document_hover_async(lsp.HoverParams(**editor.at(name, 8, 31)))
    assert "activity: shop.price" in hovered.contents.value
    behind = DEFINITION.splitlines()[5].index("run") + 1  # the duck is two units of UTF-16, and one character
    hovered = await client.text_document_hover_async(lsp.HoverParams(**editor.at(name, 5, behind)))
    assert hovered.range == lsp.Range(lsp.Position(5, behind), lsp.Position(5, behind + 3))
    (leads,) = await client.text_document_definition_async(lsp.DefinitionParams(**editor.at(name, 8, 30)))
    assert (leads.uri, leads.range.start) == (editor.uri(name), lsp.Position(3, 8))
    found = await client.text_document_completion_async(lsp.CompletionParams(**editor.at(name, 8, 30)))
    assert [item.label for item in found.items] == ["price"]
    symbols = await client.text_document_document_symbol_async(
        lsp.DocumentSymbolParams(lsp.TextDocumentIdentifier(editor.uri(name)))
    )
    assert [one.name for one in symbols] == ["price", "told"]


async def test_activities_are_known_by_their_source(editor: Editor) -> None:
    name = "definitions/buy.yaml"
    editor.open(name, DEFINITION.replace("shop.price", "shop.prize"))
    await editor.codes(name, "WF601")
    editor.change(name, DEFINITION)
    await editor.codes(name)
    (leads,) = await editor.client.text_document_definition_async(lsp.DefinitionParams(**editor.at(name, 4, 18)))
    assert leads.uri == editor.uri("shop_activities.py")
    assert leads.range.start.line == ACTIVITIES.splitlines().index('@activity("shop.price")')
    hovered = await editor.client.text_document_hover_async(lsp.HoverParams(**editor.at(name, 4, 18)))
    assert "The price of a thing." in hovered.contents.value
    assert "`sku`: string" in hovered.contents.value


async def test_activities_are_learned_anew_when_their_file_is_saved(editor: Editor) -> None:
    name = "definitions/buy.yaml"
    editor.open(name, DEFINITION.replace("shop.price", "shop.other"))
    await editor.codes(name, "WF601")
    (editor.root / "shop_activities.py").write_text(ACTIVITIES.replace("shop.price", "shop.other"))
    document = lsp.TextDocumentIdentifier(editor.uri("shop_activities.py"))
    editor.client.text_document_did_save(lsp.DidSaveTextDocumentParams(document))
    await editor.codes(name)


async def test_activities_that_cannot_be_imported_are_told_once_and_not_checked(project: Path) -> None:
    (project / "shop_activities.py").write_text("raise RuntimeError('no network')")
    editor = Editor(project)
    await editor.start()
    editor.open("definitions/buy.yaml", DEFINITION)
    await editor.until(lambda: editor.messages or None)
    assert ["no network" in message for message in editor.messages] == [True]
    assert await editor.codes("definitions/buy.yaml") == []
    await editor.client.shutdown_async(None)
    editor.client.exit(None)
    await editor.client.stop()


async def test_a_configuration_that_is_wrong_is_told_and_taken_once_it_is_mended(editor: Editor) -> None:
    name = "definitions/buy.yaml"
    editor.open(name, DEFINITION + "  - return: 1\n  - {activity: log, with: {message: a}}\n")
    await editor.codes(name, "WF405")
    configuration = editor.root / "perdure.toml"
    saved = lsp.DidSaveTextDocumentParams(lsp.TextDocumentIdentifier(editor.uri("perdure.toml")))
    good = configuration.read_text()
    configuration.write_text(good + "[lint]\nignore = ['WF999']\n")
    editor.client.text_document_did_save(saved)
    await editor.until(lambda: editor.messages or None)
    assert "WF999" in editor.messages[0]
    configuration.write_text(good + "[lint]\nignore = ['WF405']\n")
    editor.client.text_document_did_save(saved)
    await editor.codes(name)


async def test_a_file_that_imports_another_is_checked_with_what_the_editor_has_of_it(editor: Editor) -> None:
    library = "definitions/mails.yaml"
    fragment = "fragments:\n  told:\n    steps: [{activity: log, with: {message: a}}]\n"
    editor.open(library, fragment)
    user = "definitions/user.yaml"
    editor.open(user, "workflow: user\nimports: {mails: ./mails.yaml}\nsteps:\n  - use: mails.told\n")
    assert await editor.codes(user) == []
    editor.change(library, fragment.replace("told:", "said:"))
    await editor.codes(user, "WF403")
    editor.change(library, fragment.replace("message: a", "message: '{{ steps.x }}'"))
    await editor.codes(library, "WF301")
    assert await editor.codes(user) == []


async def test_tests_are_checked_and_completed_with_the_definition_as_it_is_typed(editor: Editor) -> None:
    name = "definitions/buy.test.yaml"
    text = "test: ./buy.yaml\ncases:\n  - name: a\n    mocks: [{step: pricey, return: {}}]\n"
    editor.open(name, text)
    await editor.codes(name, "WF330")
    editor.open("definitions/buy.yaml", DEFINITION.replace("id: price", "id: pricey").replace("s.price", "s.pricey"))
    await editor.codes(name)
    column = text.splitlines()[3].index("pricey")
    found = await editor.client.text_document_completion_async(lsp.CompletionParams(**editor.at(name, 3, column)))
    assert [item.label for item in found.items] == ["pricey", "told"]


async def test_a_step_is_renamed_wherever_it_is_used_or_not_at_all(editor: Editor) -> None:
    name = "definitions/buy.yaml"
    editor.open(name, DEFINITION)
    await editor.codes(name)
    here = editor.at(name, 3, 9)
    assert await editor.client.text_document_prepare_rename_async(lsp.PrepareRenameParams(**here)) == lsp.Range(
        lsp.Position(3, 8), lsp.Position(3, 13)
    )
    renamed = await editor.client.text_document_rename_async(lsp.RenameParams(new_name="cost", **here))
    assert [(edit.range.start.line, edit.new_text) for edit in renamed.changes[editor.uri(name)]] == [
        (3, "cost"),
        (8, "cost"),
    ]
    uses = await editor.client.text_document_references_async(
        lsp.ReferenceParams(context=lsp.ReferenceContext(False), **here)
    )
    assert [use.range.start for use in uses] == [lsp.Position(8, 30)]
    with pytest.raises(JsonRpcException, match='there is a step "told" already'):
        await editor.client.text_document_rename_async(lsp.RenameParams(new_name="told", **here))


async def formatted(editor: Editor, name: str) -> list[lsp.TextEdit]:
    options = lsp.FormattingOptions(tab_size=4, insert_spaces=False)
    asked = lsp.DocumentFormattingParams(lsp.TextDocumentIdentifier(editor.uri(name)), options)
    return list(await editor.client.text_document_formatting_async(asked) or [])


async def test_a_definition_is_laid_out_as_fmt_does_it_and_what_is_in_order_stays(editor: Editor) -> None:
    name = "definitions/buy.yaml"
    editor.open(name, DEFINITION)
    assert await formatted(editor, name) == [lsp.TextEdit(lsp.Range(lsp.Position(1, 0), lsp.Position(1, 0)), "\n")]
    editor.change(name, DEFINITION.replace("\n# ", "\n\n# ").replace("    activity: log", "    activity:   log"))
    (edit,) = await formatted(editor, name)
    assert (edit.new_text, edit.range) == ("    activity: log\n", lsp.Range(lsp.Position(8, 0), lsp.Position(9, 0)))
    editor.change(name, DEFINITION + "  - use: [\n")
    assert await formatted(editor, name) == []
    editor.open("compose.yaml", "services:\n  web:   {image: nginx}\n")
    assert await formatted(editor, "compose.yaml") == []
    editor.change(name, DEFINITION + "description: 'b\u2028c'\n")
    with pytest.raises(JsonRpcException, match="write it as an escape"):
        await formatted(editor, name)


async def test_other_files_are_left_alone(editor: Editor) -> None:
    editor.open("compose.yaml", "services:\n  web: {image: nginx}\n")
    assert await editor.codes("compose.yaml") == []
    editor.client.text_document_did_close(
        lsp.DidCloseTextDocumentParams(lsp.TextDocumentIdentifier(editor.uri("compose.yaml")))
    )
    editor.open("definitions/buy.yaml", DEFINITION)
    await editor.codes("definitions/buy.yaml")


def serve(project: Path, *pieces: bytes) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "perdure.cli", "lsp"]
    return subprocess.run(command, cwd=project, input=b"".join(pieces), capture_output=True, timeout=60)


def message(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


INITIALIZE = message(b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{}}}')


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"hello\n" * 100,
        b"\x00\xff\xfe" * 1000,
        b"Content-Length: 10\r\n\r\n{\"jsonrpc\"",
        b"Content-Length: 99999999999999999999\r\n\r\n{}",
        message(b"no json"),
        message(b"[1, 2]"),
        message(b'{"jsonrpc":"2.0","id":7,"method":"textDocument/hover","params":{"no":"such"}}'),
        message(b'{"jsonrpc":"2.0","method":"no/such"}'),
    ],
)  # fmt: skip
def test_garbage_on_standard_input_ends_the_server_without_a_traceback_of_its_own(
    project: Path, garbage: bytes
) -> None:
    ended = serve(project, INITIALIZE, garbage)
    assert ended.returncode == 1  # nobody said goodbye
    assert b'"completionProvider"' in ended.stdout
    assert b"perdure/editor" not in ended.stderr


def test_without_the_extra_it_is_said_what_to_install(project: Path) -> None:
    code = dedent("""
        import sys
        sys.modules["pygls"] = None
        from importlib import util
        found = util.find_spec
        util.find_spec = lambda name, package=None: None if name == "pygls" else found(name, package)
        from perdure.cli import main
        main(["lsp"], prog_name="perdure")
    """)
    ended = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, "pip install 'perdure[lsp]'" in ended.stderr) == (2, True)
