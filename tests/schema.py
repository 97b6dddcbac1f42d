"""The schema of our tables, which the tests of a process build once."""

from functools import cache

from graphql import GraphQLSchema

from gateway.resolvers.root import build


@cache
def shipped() -> GraphQLSchema:
    """
    The schema without extensions, as it is before an app makes it its own. Once it is built, links
    are bound to their tables and the vocabulary is complete.
    """
    return build()._schema
