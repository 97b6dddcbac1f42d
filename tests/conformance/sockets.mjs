// Follows the subscription argv[5] at argv[3] with the token in argv[4] over a WebSocket by the client
// that argv[2] names, unchanged; prints each answer as a line of JSON, and a last line that says how it ended.
import { ApolloClient, InMemoryCache, gql } from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { createClient } from "graphql-ws";
import relay from "relay-runtime";
import { createClient as createUrql, subscriptionExchange } from "urql";
import WebSocket from "ws";

globalThis.WebSocket ??= WebSocket;    // Node 20 has none, and Apollo looks at it when something fails
const [name, url, token, query, most] = process.argv.slice(2);
const socket = createClient({
  url,
  webSocketImpl: WebSocket,
  connectionParams: () => ({ Authorization: `Bearer ${token}` }),
  retryAttempts: 0,
});

let seen = 0, stop = () => {}, over = false;
const end = (how) => {
  if (over) return;
  over = true;
  console.log(JSON.stringify({ end: how }));
  Promise.resolve(socket.dispose()).finally(() => process.exit(0));
};
const next = (answer) => {
  if (over) return;
  if (answer.error) return observer.error(answer.error);    // Apollo's form
  console.log(JSON.stringify({ data: answer.data, errors: answer.errors }));
  if (++seen === Number(most)) {
    end("complete");
    stop();
  }
};
const said = (error) =>
  Array.isArray(error) ? error.map((each) => each.message).join() : error.reason || error.message || `${error}`;
const code = (error) => error.code ?? error.cause?.code ?? "";
const observer = { next, error: (error) => end(`error: ${code(error)} ${said(error)}`), complete: () => end("complete") };

/** graphql-ws as the observable that the other clients ask for. */
const asked = (operation, sink) => socket.subscribe(operation, sink);

const clients = {
  "graphql-ws": () => asked({ query }, observer),
  apollo: () => {
    const client = new ApolloClient({ link: new GraphQLWsLink(socket), cache: new InMemoryCache() });
    const followed = client.subscribe({ query: gql(query), errorPolicy: "all" }).subscribe(observer);
    return () => followed.unsubscribe();
  },
  urql: () => {
    const client = createUrql({
      url: url.replace("ws", "http"),
      preferGetMethod: false,
      exchanges: [
        subscriptionExchange({
          forwardSubscription: (request) => ({
            subscribe: (sink) => ({ unsubscribe: asked({ ...request, query: request.query ?? "" }, sink) }),
          }),
        }),
      ],
    });
    const followed = client.subscription(query, {}).subscribe((answer) => {
      if (answer.error?.networkError) observer.error(answer.error.networkError);
      else if (answer.error) observer.error(answer.error.graphQLErrors);
      else next(answer);
    });
    return () => followed.unsubscribe();
  },
  relay: () => {
    const { Environment, Network, Observable, RecordSource, Store } = relay;
    const subscribe = (request, variables) =>
      Observable.create((sink) => asked({ query: request.text, variables }, sink));
    const environment = new Environment({
      network: Network.create(() => Promise.reject(new Error("asked once")), subscribe),
      store: new Store(new RecordSource()),
    });
    const followed = environment.getNetwork().execute({ text: query, operationKind: "subscription", name: "It" }, {}, {})
      .subscribe(observer);
    return () => followed.unsubscribe();
  },
};
stop = clients[name]();
// Nobody waits for ever for what does not come.
setTimeout(() => process.exit(1), 60_000).unref();
