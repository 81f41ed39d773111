"""The language server: the protocol on one side, the desk and the answers of this package on the other.

The only file that knows pygls. Texts come whole with each change; each file is looked at once typing rests. Everything
runs in one thread, so that an answer always fits the text that the editor has sent last.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, BinaryIO, Final, cast

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path

from perdure.definition.diagnostics import Diagnostic
from perdure.definition.rules import RULES
from perdure.editor.answers import Edit, Proposal, Refusal, Symbol, Target
from perdure.editor.completion import complete
from perdure.editor.desk import Bench, Desk, plain
from perdure.editor.difference import difference
from perdure.editor.fixes import fixes
from perdure.editor.hover import hover, rule_page
from perdure.editor.outline import outline
from perdure.editor.targets import targets
from perdure.editor.text import Text, Units
from perdure.editor.uses import rename, step_at, uses
from perdure.errors import PerdureError

REST: Final = 0.2
"""Seconds without typing after which a file is looked at."""
LONGEST: Final = 64 << 20
"""Bytes of one message; an editor sends a file at most."""

_REQUEST_FAILED: Final = -32803
_SEVERITIES: Final = {
    "error": lsp.DiagnosticSeverity.Error,
    "warning": lsp.DiagnosticSeverity.Warning,
    "info": lsp.DiagnosticSeverity.Information,
}
_TAGS: Final = {
    "WF405": lsp.DiagnosticTag.Unnecessary,
    "WF413": lsp.DiagnosticTag.Unnecessary,
    "WF606": lsp.DiagnosticTag.Deprecated,
    "WF901": lsp.DiagnosticTag.Unnecessary,
}
_PROPOSED: Final = {
    "key": lsp.CompletionItemKind.Property,
    "value": lsp.CompletionItemKind.Value,
    "activity": lsp.CompletionItemKind.Function,
    "workflow": lsp.CompletionItemKind.Module,
    "step": lsp.CompletionItemKind.Variable,
    "field": lsp.CompletionItemKind.Field,
    "function": lsp.CompletionItemKind.Function,
    "filter": lsp.CompletionItemKind.Method,
    "fragment": lsp.CompletionItemKind.Class,
    "name": lsp.CompletionItemKind.Variable,
    "file": lsp.CompletionItemKind.File,
}
_SYMBOLS: Final = {
    "step": lsp.SymbolKind.Function,
    "section": lsp.SymbolKind.Namespace,
    "variable": lsp.SymbolKind.Field,
    "fragment": lsp.SymbolKind.Class,
    "case": lsp.SymbolKind.Method,
    "block": lsp.SymbolKind.Object,
}


def serve(bench: Bench, stdin: BinaryIO | None = None, stdout: BinaryIO | None = None) -> int:
    """Serves until the editor leaves; gives the exit code, 0 where it said goodbye."""
    server = _Server(bench)
    _register(server)
    reader, writer = cast(BinaryIO, _Bounded(stdin or sys.stdin.buffer)), stdout or sys.stdout.buffer
    pages = tempfile.TemporaryDirectory(prefix="perdure-rules-")
    with pages, contextlib.redirect_stdout(sys.stderr):  # nothing but messages may stand between messages
        server.pages = Path(pages.name)
        server.start_io(reader, writer)
    return 0 if server.goodbye else 1


class _Bounded:
    """A stream that ends where a message claims to be longer than any editor's."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream

    def readline(self) -> bytes:
        return self.stream.readline(LONGEST)

    def read(self, size: int) -> bytes:
        return b"" if size > LONGEST else self.stream.read(size)


class _Server(LanguageServer):
    def __init__(self, bench: Bench) -> None:
        super().__init__("perdure", version("perdure"), lsp.TextDocumentSyncKind.Full)
        self.bench = bench
        self.desk = Desk(bench, self.publish)
        self.uris: dict[Path, str] = {}
        self.pages = Path()
        self.goodbye = False
        self.waiting: dict[Path, asyncio.TimerHandle] = {}
        self.tasks: set[asyncio.Task[None]] = set()

    def shutdown(self) -> None:
        """Does not wait for the thread that reads: it waits for input that may never come."""
        if self._stop_event is not None:
            self._stop_event.set()
        if self._thread_pool is not None:
            self._thread_pool.shutdown(wait=False, cancel_futures=True)

    def path_of(self, uri: str) -> Path:
        """The path of a document; one that is in no file gets a path nothing else has."""
        named = to_fs_path(uri)
        return plain(Path(named)) if named else plain(Path("/untitled") / uri.replace("/", "_"))

    def uri_of(self, path: Path) -> str:
        return self.uris.get(path) or from_fs_path(str(path)) or ""

    def text(self, path: Path) -> Text:
        """The text of a file, open or not, in the editor's units."""
        whole = self.desk.open.get(path)
        if whole is None:
            try:
                read = self.desk.fetch(path)
            except OSError:
                read = b""
            whole = read if isinstance(read, str) else read.decode("utf-8", "replace")
        return Text(whole, cast(Units, str(getattr(self.workspace.position_encoding, "value", "utf-16"))))

    def index(self, path: Path, position: lsp.Position) -> int:
        return self.text(path).index(position.line, position.character)

    def later(self, paths: Iterable[Path], rest: float = REST) -> None:
        """Has files looked at once typing rests."""
        loop = asyncio.get_running_loop()
        for path in paths:
            before = self.waiting.pop(path, None)
            if before is not None:
                before.cancel()
            self.waiting[path] = loop.call_later(rest, self.look, path)

    def look(self, path: Path) -> None:
        self.waiting.pop(path, None)
        self.desk.look(path)

    def learn(self) -> None:
        """Learns about the project beside everything else; what is open is looked at anew then."""
        task = asyncio.get_running_loop().create_task(self._learn())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _learn(self) -> None:
        problem = await self.bench.learn()
        if problem is not None:
            message = f"perdure: {problem}"
            self.window_show_message(lsp.ShowMessageParams(lsp.MessageType.Warning, message))
        self.later(self.desk.open, 0)

    def publish(self, file: Path, found: list[Diagnostic]) -> None:
        text = self.text(file)
        shown = [self.diagnostic(text, one) for one in found if one.severity in _SEVERITIES]
        self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(self.uri_of(file), shown))

    def diagnostic(self, text: Text, one: Diagnostic) -> lsp.Diagnostic:
        hint = f"; {one.hint}" if one.hint else ""
        tag = _TAGS.get(one.code)
        related = [
            lsp.DiagnosticRelatedInformation(
                self.location(plain(Path(other.place.file)), *self._stretch(other.place)), other.message
            )
            for other in one.related
        ]
        return lsp.Diagnostic(
            range=_range(text, *text.stretch(one.place)),
            message=f"{one.message}{hint}",
            severity=_SEVERITIES[one.severity],
            code=one.code,
            code_description=lsp.CodeDescription(self.page(one.code)),
            source="perdure",
            tags=None if tag is None else [tag],
            related_information=related or None,
        )

    def page(self, code: str) -> str:
        """A file that explains a rule, written when it is first needed."""
        file = self.pages / f"{code}.md"
        if not file.exists():
            file.write_text(rule_page(RULES[code]), encoding="utf-8")
        return from_fs_path(str(file)) or ""

    def location(self, path: Path, start: int, end: int) -> lsp.Location:
        return lsp.Location(self.uri_of(path), _range(self.text(path), start, end))

    def target(self, target: Target) -> lsp.Location:
        if target.line is not None:
            line = lsp.Position(max(target.line - 1, 0), 0)
            return lsp.Location(self.uri_of(plain(target.file)), lsp.Range(line, line))
        return self.location(plain(target.file), target.start, target.end)

    def edits(self, edits: Sequence[Edit]) -> lsp.WorkspaceEdit:
        changes: dict[str, list[lsp.TextEdit]] = {}
        for edit in edits:
            path = plain(edit.file)
            stretch = _range(self.text(path), edit.start, edit.end)
            changes.setdefault(self.uri_of(path), []).append(lsp.TextEdit(stretch, edit.text))
        return lsp.WorkspaceEdit(changes=changes)

    def _stretch(self, place: Any) -> tuple[int, int]:
        return self.text(plain(Path(place.file))).stretch(place)


def _register(server: _Server) -> None:
    for register in (_documents, _answers, _changes):
        register(server)


def _documents(server: _Server) -> None:
    """What the editor tells."""

    @server.feature(lsp.INITIALIZE)
    def initialize(ls: _Server, params: lsp.InitializeParams) -> None:
        folders = params.workspace_folders or []
        uri = folders[0].uri if folders else params.root_uri
        named = to_fs_path(uri) if uri else params.root_path
        if named and Path(named).is_dir():
            ls.bench.settle(Path(named))

    @server.feature(lsp.INITIALIZED)
    def initialized(ls: _Server, params: lsp.InitializedParams) -> None:
        workspace = ls.client_capabilities.workspace
        watched = None if workspace is None else workspace.did_change_watched_files
        if watched is not None and watched.dynamic_registration:
            globs = [lsp.FileSystemWatcher(glob) for glob in ("**/*.py", "**/*.{yaml,yml,json}", "**/*.toml")]
            options = lsp.DidChangeWatchedFilesRegistrationOptions(globs)
            wish = lsp.Registration("files", lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
            ls.client_register_capability(lsp.RegistrationParams([wish]))
        ls.learn()

    @server.feature(lsp.SHUTDOWN)
    def shutdown(ls: _Server, params: Any) -> None:
        ls.goodbye = True

    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    def opened(ls: _Server, params: lsp.DidOpenTextDocumentParams) -> None:
        path = ls.path_of(params.text_document.uri)
        ls.uris[path] = params.text_document.uri
        ls.later(ls.desk.put(path, params.text_document.text), 0)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def changed(ls: _Server, params: lsp.DidChangeTextDocumentParams) -> None:
        uri = params.text_document.uri
        ls.later(ls.desk.put(ls.path_of(uri), ls.workspace.get_text_document(uri).source))

    @server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    def saved(ls: _Server, params: lsp.DidSaveTextDocumentParams) -> None:
        path = ls.path_of(params.text_document.uri)
        if path.suffix in (".py", ".toml"):
            ls.learn()

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def closed(ls: _Server, params: lsp.DidCloseTextDocumentParams) -> None:
        path = ls.path_of(params.text_document.uri)
        ls.later(ls.desk.remove(path))
        ls.uris.pop(path, None)

    @server.feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def on_disk(ls: _Server, params: lsp.DidChangeWatchedFilesParams) -> None:
        paths = [ls.path_of(change.uri) for change in params.changes]
        if any(path.suffix in (".py", ".toml") for path in paths):
            ls.learn()
        ls.later(dict.fromkeys(reader for path in paths for reader in ls.desk.readers(path)))


def _answers(server: _Server) -> None:
    """What the editor asks, and nothing changes by."""

    @server.feature(lsp.TEXT_DOCUMENT_COMPLETION, lsp.CompletionOptions(trigger_characters=list(".|{[\"' ")))
    def completion(ls: _Server, params: lsp.CompletionParams) -> lsp.CompletionList:
        path = ls.path_of(params.text_document.uri)
        text = ls.text(path)
        index = text.index(params.position.line, params.position.character)
        found = complete(path, text.body, index, ls.bench.surroundings(ls.desk.fetch))
        items = [_item(text, index, order, one) for order, one in enumerate(found)]
        return lsp.CompletionList(is_incomplete=False, items=items)

    @server.feature(lsp.TEXT_DOCUMENT_HOVER)
    def hovered(ls: _Server, params: lsp.HoverParams) -> lsp.Hover | None:
        path = ls.path_of(params.text_document.uri)
        found = hover(ls.desk.analysis(path), ls.index(path, params.position))
        if found is None:
            return None
        markdown = lsp.MarkupContent(lsp.MarkupKind.Markdown, found.markdown)
        return lsp.Hover(markdown, _range(ls.text(path), found.start, found.end))

    @server.feature(lsp.TEXT_DOCUMENT_DEFINITION)
    def definition(ls: _Server, params: lsp.DefinitionParams) -> list[lsp.Location]:
        path = ls.path_of(params.text_document.uri)
        return [ls.target(one) for one in targets(ls.desk.analysis(path), ls.index(path, params.position))]

    @server.feature(lsp.TEXT_DOCUMENT_REFERENCES)
    def references(ls: _Server, params: lsp.ReferenceParams) -> list[lsp.Location]:
        path = ls.path_of(params.text_document.uri)
        meant = step_at(ls.desk.analysis(path), ls.index(path, params.position))
        found = [] if meant is None else uses(meant)
        declared = params.context.include_declaration
        return [ls.target(one.target) for one in found if declared or one.form != "declared"]

    @server.feature(lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def symbols(ls: _Server, params: lsp.DocumentSymbolParams) -> list[lsp.DocumentSymbol]:
        path = ls.path_of(params.text_document.uri)
        text = ls.text(path)
        return [_symbol(text, one) for one in outline(ls.desk.analysis(path))]


def _changes(server: _Server) -> None:
    """What the editor asks that changes texts."""

    @server.feature(lsp.TEXT_DOCUMENT_PREPARE_RENAME)
    def may_rename(ls: _Server, params: lsp.PrepareRenameParams) -> lsp.Range | None:
        path = ls.path_of(params.text_document.uri)
        meant = step_at(ls.desk.analysis(path), ls.index(path, params.position))
        return None if meant is None else _range(ls.text(path), meant.start, meant.end)

    @server.feature(lsp.TEXT_DOCUMENT_RENAME, lsp.RenameOptions(prepare_provider=True))
    def renamed(ls: _Server, params: lsp.RenameParams) -> lsp.WorkspaceEdit | None:
        path = ls.path_of(params.text_document.uri)
        meant = step_at(ls.desk.analysis(path), ls.index(path, params.position))
        if meant is None:
            return None
        found = rename(meant, params.new_name)
        if isinstance(found, Refusal):
            raise JsonRpcException(found.reason, _REQUEST_FAILED)
        return ls.edits(found)

    @server.feature(lsp.TEXT_DOCUMENT_FORMATTING)
    def laid_out(ls: _Server, params: lsp.DocumentFormattingParams) -> list[lsp.TextEdit]:
        path = ls.path_of(params.text_document.uri)
        text = ls.text(path)
        try:
            found = ls.bench.formatted(path, ls.desk.fetch)
        except PerdureError as problem:
            raise JsonRpcException(problem.message, _REQUEST_FAILED) from None
        edit = None if found is None else difference(path, text.body, found)
        return [] if edit is None else [lsp.TextEdit(_range(text, edit.start, edit.end), edit.text)]

    kinds = lsp.CodeActionOptions(code_action_kinds=[lsp.CodeActionKind.QuickFix])

    @server.feature(lsp.TEXT_DOCUMENT_CODE_ACTION, kinds)
    def actions(ls: _Server, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        path = ls.path_of(params.text_document.uri)
        text = ls.text(path)
        first, last = params.range.start, params.range.end
        wanted = range(text.index(first.line, first.character), text.index(last.line, last.character) + 1)
        found = [one for one in ls.desk.found(path) if _touches(text.stretch(one.place), wanted)]
        shown = {one.code: ls.diagnostic(text, one) for one in found if one.severity in _SEVERITIES}
        return [
            lsp.CodeAction(
                fix.title,
                lsp.CodeActionKind.QuickFix,
                [shown[fix.code]] if fix.code in shown else None,
                is_preferred=fix.prefers or None,
                edit=ls.edits(fix.edits),
            )
            for fix in fixes(path, text, found)
        ]


def _touches(stretch: tuple[int, int], wanted: range) -> bool:
    return stretch[0] < wanted.stop and wanted.start <= stretch[1]


def _range(text: Text, start: int, end: int) -> lsp.Range:
    return lsp.Range(lsp.Position(*text.position(start)), lsp.Position(*text.position(end)))


def _item(text: Text, index: int, order: int, one: Proposal) -> lsp.CompletionItem:
    typed = text.body[one.start : index]
    known = typed[:1] and not one.label.startswith(typed[:1]) and not typed[0].isalnum()
    return lsp.CompletionItem(
        label=one.label,
        kind=_PROPOSED[one.sort],
        detail=one.detail or None,
        documentation=lsp.MarkupContent(lsp.MarkupKind.Markdown, one.about) if one.about else None,
        tags=[lsp.CompletionItemTag.Deprecated] if one.deprecated else None,
        sort_text=f"{order:04}",
        filter_text=typed[0] + one.label if known else None,
        text_edit=lsp.TextEdit(_range(text, one.start, one.end), one.insert),
    )


def _symbol(text: Text, one: Symbol) -> lsp.DocumentSymbol:
    return lsp.DocumentSymbol(
        one.name,
        _SYMBOLS[one.sort],
        _range(text, one.start, one.end),
        _range(text, one.name_start, one.name_end),
        one.detail or None,
        children=[_symbol(text, inner) for inner in one.inside] or None,
    )
