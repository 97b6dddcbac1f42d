"""The app that answers `/graphql` without a router, and all else with Starlette's."""

from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

GRAPHQL = "/graphql"


class Gateway(Starlette):
    """A Starlette app that answers `/graphql`, as nearly all requests are, without its router."""

    def serve(self, graphql: ASGIApp, sockets: ASGIApp) -> None:
        """
        Answer `/graphql` with the app `graphql`, behind the middleware of all routes, and
        WebSockets there with `sockets`.
        """
        self._endpoint, self._sockets = graphql, sockets
        self._graphql: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == GRAPHQL:
            scope["app"] = self
            await (self._graphql or self._wrapped())(scope, receive, send)
        elif scope["type"] == "websocket" and scope["path"] == GRAPHQL:
            await self._sockets(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def _wrapped(self) -> ASGIApp:
        """The endpoint wrapped in the middleware; Starlette lets none be added after a request."""
        if self.middleware_stack is None:
            self.middleware_stack = self.build_middleware_stack()
        graphql = self._endpoint
        for middleware in reversed(self.user_middleware):
            graphql = middleware.cls(graphql, *middleware.args, **middleware.kwargs)
        self._graphql = graphql
        return graphql
