"""Small documents that ask for far too much, each a known way of keeping a GraphQL server busy."""


def doubling(fragments: int, body: str = "...F{0} ...F{0}", leaf: str = "who") -> str:
    """Fragments that each spread the next one twice: 2^fragments fields."""
    chain = " ".join(f"fragment F{i} on Query {{{body.format(i + 1)}}}" for i in range(fragments))
    return f"{{...F0}} {chain} fragment F{fragments} on Query {{{leaf}}}"


def nested(levels: int, open_: str = "parent{", leaf: str = "number") -> str:
    return "{order(id:1){" + open_ * levels + leaf + "}" * levels + "}}"


def repeated(times: int, field: str = "who", joint: str = " ") -> str:
    return "{" + joint.join([field] * times) + "}"


def aliased(times: int, field: str = "who") -> str:
    return "{" + " ".join(f"a{i}: {field}" for i in range(times)) + "}"


def cycle(length: int, body: str = "...F{0}") -> str:
    chain = " ".join(
        f"fragment F{i} on Query {{{body.format((i + 1) % length)}}}" for i in range(length)
    )
    return f"{{...F0}} {chain}"


def wide(fragments: int) -> str:
    """One set that spreads many fragments with the same fields: pairs to compare."""
    spreads = " ".join(f"...F{i}" for i in range(fragments))
    return f"{{{spreads}}} " + " ".join(
        f"fragment F{i} on Query {{orders{{nodes{{number}}}}}}" for i in range(fragments)
    )


def conflicting(times: int, levels: int) -> str:
    """The same response names again on every level: the quadratic rule, to the power of levels."""
    body = "number"
    for _ in range(levels):
        body = " ".join([f"parent{{{body}}}"] * times)
    return f"{{order(id:1){{{body}}}}}"


def nested_value(levels: int, open_: str, close: str, inner: str = "1") -> str:
    return f"{{echo(list: {open_ * levels}{inner}{close * levels})}}"


def arguments(times: int) -> str:
    return "{order(" + " ".join(f"id: {i}" for i in range(times)) + "){number}}"


BOMBS = {
    "doubling fragments 10": doubling(10),
    "doubling fragments 20": doubling(20),
    "doubling fragments 40": doubling(40),
    "doubling fragments 90": doubling(90),
    "doubling fragments 200": doubling(200),
    "tripling fragments": doubling(45, "...F{0} ...F{0} ...F{0}"),
    "doubling inside inline fragments": doubling(30, "...{{...F{0}}} ...{{...F{0}}}"),
    "doubling behind directives": doubling(30, "...F{0} @skip(if:false) ...F{0} @include(if:true)"),
    "doubling under aliases": doubling(30, "...F{0} a: who ...F{0} b: who"),
    "doubling with new levels": "{order(id:1){...F0}} "
    + " ".join(
        f"fragment F{i} on Order {{a: parent{{...F{i + 1}}} b: parent{{...F{i + 1}}}}}"
        for i in range(30)
    )
    + " fragment F30 on Order {number}",
    "unused doubling fragments": "{who} " + doubling(40).partition("} ")[2],
    "fragment of itself": cycle(1),
    "two fragments in a ring": cycle(2),
    "long ring": cycle(60),
    "ring with doubling": cycle(40, "...F{0} ...F{0}"),
    "ring through fields": "{order(id:1){...A}} fragment A on Order {parent{...B}} "
    "fragment B on Order {parent{...A}}",
    "many fragments in one set": wide(60),
    "many spreads of one fragment": "{" + "...F " * 600 + "} fragment F on Query {who}",
    "unknown fragments": "{" + " ".join(f"...N{i}" for i in range(600)) + "}",
    "fragments of one name": "{...F} " + "fragment F on Query {who} " * 200,
    "deep fields": nested(180),
    "deep fields beyond the parser": nested(5_000),
    "deep inline fragments": "{" + "...{" * 180 + "who" + "}" * 181,
    "deep typed inline fragments": "{" + "...on Query{" * 150 + "who" + "}" * 151,
    "one field again and again": repeated(1_900),
    "one connection again and again": repeated(390, "orders{nodes{number}}"),
    "aliases": aliased(600),
    "aliases of a connection": aliased(250, "orders{nodes{number}}"),
    "same name on every level": conflicting(2, 8),
    "same name thrice on every level": conflicting(3, 6),
    "same name up to the limit": conflicting(3, 2),
    "a set of fifty, ten times": repeated(
        10, "orders{nodes{" + " ".join(f"f{i}" for i in range(48)) + "}}"
    ),
    "fifty valid sets, ten times": "{"
    + " ".join(
        f"orders(first:1){{nodes{{{'parent{' * 8}{' '.join(['number'])}{'}' * 8}}}}}"
        for i in range(10)
    )
    + "}",
    "fragments of other fields in one set": "{"
    + " ".join(f"...F{i}" for i in range(49))
    + "} "
    + " ".join(
        f"fragment F{i} on Query {{{' '.join(f'f{i}_{j}' for j in range(20))}}}" for i in range(49)
    ),
    "fragments of fragments in one set": "{order(id:1){"
    + " ".join(f"...F{i}" for i in range(24))
    + "}} "
    + " ".join(f"fragment F{i} on Order {{...G{i}}}" for i in range(24))
    + " ".join(
        f" fragment G{i} on Order {{{' '.join(f'g{i}_{j}' for j in range(30))}}}" for i in range(24)
    ),
    "same paths up to the limit": "{"
    + " ".join(
        "orders{nodes{" + " ".join(f"a{i}: number" for i in range(3)) + "}}" for _ in range(9)
    )
    + "}",
    "a bush of fragments": "{order(id:1){...F0}} "
    + " ".join(
        f"fragment F{i} on Order {{number parent{{parent{{number ...F{i + 1}}}}} ...F{i + 1}}}"
        for i in range(5)
    )
    + " fragment F5 on Order {number}",
    "same name with other arguments": "{"
    + " ".join(f'order(id:1, note:"{i}"){{number}}' for i in range(150))
    + "}",
    "directives on one field": "{who " + "@skip(if:false) " * 300 + "}",
    "directives everywhere": repeated(300, "who @skip(if:false)"),
    "unknown directives": "{who " + " ".join(f"@d{i}" for i in range(600)) + "}",
    "long list": "{echo(list:[" + "1," * 1_900 + "])}",
    "deep list": nested_value(190, "[", "]"),
    "deep list beyond the parser": nested_value(900, "[", "]"),
    "deep object": "{echo(filter:" + "{and:" * 150 + '{number:""}' + "}" * 150 + ")}",
    "doubling objects": "{echo(filter:{and:[" + '{and:[{number:"a"}]}' * 100 + "]})}",
    "long string": '{echo(text:"' + "x" * 14_000 + '")}',
    "long block string": '{echo(text:"""' + "x\n" * 7_000 + '""")}',
    "arguments of one name": arguments(450),
    "variables": "query(" + " ".join(f"$v{i}:Int" for i in range(450)) + "){who}",
    "operations": " ".join(f"query Q{i} {{who}}" for i in range(450)),
    "comments": "#\n" * 7_000 + "{who}",
    "one long comment": "#" + "x" * 16_000 + "\n{who}",
    "tokens": "{" + " ".join(f"f{i}" for i in range(3_000)) + "}",
    "unknown fields": "{" + " ".join(f"f{i}" for i in range(900)) + "}",
    "long name": "{" + "x" * 14_000 + "}",
    "fields within their own connection": "{orders(first:100){nodes{"
    + "orders(first:100){nodes{" * 6
    + "number"
    + "}}" * 7
    + "}",
    "type definitions": "{who} " + " ".join(f"type T{i} {{f: Int}}" for i in range(250)),
    "introspection of introspection": "{__schema{types{" + "ofType{" * 60 + "name" + "}" * 63,
}
