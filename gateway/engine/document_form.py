"""
A parsed document -> what it says, whatever its layout, and its form, whatever its literals.

Literals are numbers and texts in the arguments of fields. Two that are equal stay equal in a form,
so that documents of one form select and share the same.
"""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Final, NamedTuple

from graphql import DocumentNode, Token, TokenKind

LIFTED: Final = {TokenKind.INT, TokenKind.FLOAT, TokenKind.STRING, TokenKind.BLOCK_STRING}


class Literal(NamedTuple):
    """A number or text in an argument."""

    start: int
    """Its place in the document."""
    kind: TokenKind
    value: str
    number: int
    """The same for those of a document that are equal."""


class Spelling(NamedTuple):
    """Two hashes of a document, and the literals in which documents of its form may differ."""

    said: bytes
    form: bytes
    literals: tuple[Literal, ...]


def spelling(document: DocumentNode) -> Spelling:
    """Read the tokens of a document, but for its comments."""
    said, form = blake2b(digest_size=32), blake2b(digest_size=32)
    literals: list[Literal] = []
    numbers: dict[tuple[TokenKind, str], int] = {}
    place = _Place()
    for token in tokens(document):
        if token.kind is TokenKind.COMMENT:
            continue
        place.enter(token.kind)
        value = token.value or ""
        raw = value.encode("utf-8", "surrogatepass")
        text = b"%s %d " % (token.kind.value.encode(), len(raw)) + raw
        said.update(text)
        if place.is_argument and token.kind in LIFTED:
            number = numbers.setdefault((token.kind, value), len(numbers))
            literals.append(Literal(token.start, token.kind, value, number))
            text = b"literal %d " % number
        form.update(text)
    return Spelling(said.digest(), form.digest(), tuple(literals))


class _Place:
    """The place of a token: among the arguments of a field, or elsewhere."""

    def __init__(self) -> None:
        self.is_argument = False
        self._depth = 0
        self._in_parentheses = False
        self._before: tuple[TokenKind, TokenKind] = TokenKind.SOF, TokenKind.SOF

    def enter(self, kind: TokenKind) -> None:
        """Go on to the next token."""
        match kind:
            case TokenKind.PAREN_L:
                # Those outside of selections are definitions, those after `@name` a directive's.
                self._in_parentheses = True
                self.is_argument = self._depth > 0 and self._before[0] is not TokenKind.AT
            case TokenKind.PAREN_R:
                self._in_parentheses = self.is_argument = False
            case TokenKind.BRACE_L if not self._in_parentheses:
                self._depth += 1
            case TokenKind.BRACE_R if not self._in_parentheses:
                self._depth -= 1
        self._before = self._before[1], kind


def tokens(document: DocumentNode) -> Iterator[Token]:
    """All tokens of a document that was parsed with places."""
    token = document.loc.start_token if document.loc else None
    while token is not None:
        yield token
        token = token.next


def cut_tokens(document: DocumentNode) -> None:
    """
    Cut the chain of tokens, so that all of a document goes with its last user. Nobody reads the
    chain any more, and its cycles would stay until the collector looks at everything.
    """
    for token in list(tokens(document)):
        token.prev = token.next = None
