"""Turns the text of `$filter` and `$orderby` into syntax, by the grammar of OData 4.0."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from emulator.errors import BadQuery
from emulator.odata.lexer import Token, split, tokens
from emulator.odata.syntax import (
    And,
    Arithmetic,
    Call,
    Compare,
    Kind,
    Lambda,
    Literal,
    Node,
    Not,
    Or,
    Order,
    Path,
)

COMPARISONS = {"eq", "ne", "gt", "ge", "lt", "le"}
ADDITIONS = {"add", "sub"}
PRODUCTS = {"mul", "div", "divby", "mod"}
WORDS = {"null": Literal(Kind.NULL, None), "true": Literal(Kind.BOOL, True),
         "false": Literal(Kind.BOOL, False)}  # fmt: skip
MAX_DEPTH = 100
INT32 = 2**31


def parse_filter(text: str, aliases: Mapping[str, str] | None = None) -> Node:
    return Parser(text, aliases or {}).whole()


def parse_order(text: str, aliases: Mapping[str, str] | None = None) -> list[Order]:
    return [_order(item, aliases or {}) for item in split(text, ",")]


def _order(item: str, aliases: Mapping[str, str]) -> Order:
    words = item.split()
    if not words or len(words) > 2 or words[1:] not in ([], ["asc"], ["desc"]):
        raise BadQuery(f"Syntax error in the $orderby item '{item}'.")
    path = Parser(words[0], aliases).whole()
    if not isinstance(path, Path):
        raise BadQuery("Only property paths are supported in $orderby.")
    return Order(path, words[1:] == ["desc"])


def literal(token: Token) -> Literal:
    """The value that one token spells out."""
    match token.kind:
        case "string":
            return Literal(Kind.STRING, token.text[1:-1].replace("''", "'"))
        case "quoted":
            return Literal(Kind.STRING, msgspec.json.decode(token.text))
        case "number":
            return _number(token.text)
        case "enum":
            name, _, member = token.text[:-1].partition("'")
            return Literal(Kind.ENUM, member.replace("''", "'"), name)
        case _:
            return Literal(KINDS[token.kind], token.text)


KINDS = {"guid": Kind.GUID, "date": Kind.DATE, "datetime": Kind.DATETIME}


def _number(text: str) -> Literal:
    bare = text.rstrip("mMdDfFlL")
    if bare.lstrip("-").isdigit() and text[-1] not in "mMdDfF":
        number = int(bare)
        return Literal(Kind.INT if -INT32 <= number < INT32 else Kind.LONG, number)
    return Literal(Kind.DECIMAL, Decimal(bare))


class Parser:
    """One expression; every method reads one rule of the grammar and leaves the rest."""

    def __init__(self, text: str, aliases: Mapping[str, str], depth: int = 0) -> None:
        self.text = text
        self.aliases = aliases
        self.tokens = list(tokens(text))
        self.at = 0
        self.depth = depth

    def whole(self) -> Node:
        node = self.either()
        if self.at < len(self.tokens):
            raise self.wrong()
        return node

    def either(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise BadQuery("The node count limit has been exceeded: the expression is too deep.")
        parts = [self.both()]
        while self.word("or"):
            parts.append(self.both())
        self.depth -= 1
        return Or(tuple(parts)) if len(parts) > 1 else parts[0]

    def both(self) -> Node:
        parts = [self.negation()]
        while self.word("and"):
            parts.append(self.negation())
        return And(tuple(parts)) if len(parts) > 1 else parts[0]

    def negation(self) -> Node:
        return Not(self.negation()) if self.word("not") else self.comparison()

    def comparison(self) -> Node:
        left = self.sum()
        op = self.any_word(COMPARISONS)
        return Compare(op, left, self.sum()) if op else left

    def sum(self) -> Node:
        node = self.product()
        while op := self.any_word(ADDITIONS):
            node = Arithmetic(op, node, self.product())
        return node

    def product(self) -> Node:
        node = self.primary()
        while op := self.any_word(PRODUCTS):
            node = Arithmetic(op, node, self.primary())
        return node

    def primary(self) -> Node:
        if self.mark("("):
            node = self.either()
            self.need(")")
            return node
        if self.mark("["):
            return self.members()
        token = self.next()
        if token.kind == "name":
            return self.named(token)
        if token.kind in ("mark", "quoted"):
            raise self.wrong()
        return literal(token)

    def members(self) -> Literal:
        values: list[Literal] = []
        while not self.mark("]"):
            values.append(self.member())
            if not self.mark(","):
                self.need("]")
                break
        return Literal(Kind.LIST, tuple(values))

    def member(self) -> Literal:
        """Lists are read as JSON, which knows no doubled quotes."""
        token = self.next()
        if token.kind == "string" and "''" in token.text[1:-1]:
            raise BadQuery(
                "Invalid JSON. A comma character ',' was expected in scope 'Array'. Every two"
                " elements in an array and properties of an object must be separated by commas."
            )
        return literal(token)

    def named(self, token: Token) -> Node:
        if token.text.startswith("@"):
            return self.alias(token.text)
        if token.text in WORDS:
            return WORDS[token.text]
        if self.mark("("):
            return self.call(token.text)
        return self.path(token.text)

    def alias(self, name: str) -> Node:
        value = self.aliases.get(name)
        if value is None:
            return WORDS["null"]
        return Parser(value, {}, self.depth).whole()

    def call(self, name: str) -> Node:
        if "." in name:
            return Call(name, named=self.named_arguments())
        args: list[Node] = []
        while not self.mark(")"):
            args.append(self.either())
            if not self.mark(","):
                self.need(")")
                break
        return Call(name, tuple(args))

    def named_arguments(self) -> dict[str, Node]:
        named: dict[str, Node] = {}
        while not self.mark(")"):
            name = self.next().text
            self.need("=")
            named[name] = self.primary()
            if not self.mark(","):
                self.need(")")
                break
        return named

    def path(self, first: str) -> Node:
        segments = [first]
        while self.mark("/"):
            token = self.next()
            if token.kind != "name":
                raise self.wrong()
            if token.text in ("any", "all") and self.mark("("):
                return self.quantified(Path(tuple(segments)), token.text)
            segments.append(token.text)
        return Path(tuple(segments))

    def quantified(self, path: Path, quantifier: str) -> Lambda:
        if self.mark(")"):
            return Lambda(path, quantifier)
        variable = self.next().text
        self.need(":")
        body = self.either()
        self.need(")")
        return Lambda(path, quantifier, variable, body)

    def next(self) -> Token:
        if self.at >= len(self.tokens):
            raise BadQuery(f"Expression expected at position {len(self.text)} in '{self.text}'.")
        self.at += 1
        return self.tokens[self.at - 1]

    def any_word(self, words: set[str]) -> str:
        token = self.tokens[self.at] if self.at < len(self.tokens) else None
        if token is None or token.kind != "name" or token.text not in words:
            return ""
        self.at += 1
        return token.text

    def word(self, text: str) -> bool:
        return bool(self.any_word({text}))

    def mark(self, text: str) -> bool:
        if self.at < len(self.tokens) and self.tokens[self.at][:2] == ("mark", text):
            self.at += 1
            return True
        return False

    def need(self, text: str) -> None:
        if not self.mark(text):
            raise self.wrong()

    def wrong(self) -> BadQuery:
        at = self.tokens[self.at].at if self.at < len(self.tokens) else len(self.text)
        return BadQuery(f"Syntax error at position {at} in '{self.text}'.")
