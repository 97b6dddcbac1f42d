// The page: a bar that says who is signed in, and GraphiQL below it.
import "./nonce.js";
import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { GraphiQL } from "graphiql";
import "graphiql/style.css";
import { createClient } from "graphql-ws";
import { useState } from "react";
import { createRoot } from "react-dom/client";
import example from "./example.graphql";
import "./page.css";
import { currentSession, endSession, finishSignIn, loadConfig, signIn, signOut } from "./signin.js";
import "./workers.js";

const EXPIRED = "Your session has ended. Sign in again; your queries are still here.";

function Page({ config, problem }) {
  const [session, setSession] = useState(currentSession);
  const [notice, setNotice] = useState(problem);
  const [fetcher] = useState(() => fetcherFor(config, () => {
    endSession();
    setSession(null);
    setNotice(EXPIRED);
  }));
  return (
    <>
      <Bar session={session} onSignOut={() => signOut(config).catch(fail(setNotice))} />
      {session ? (
        <Explorer fetcher={fetcher} />
      ) : (
        <Welcome notice={notice} onSignIn={() => signIn(config).catch(fail(setNotice))} />
      )}
    </>
  );
}

function Bar({ session, onSignOut }) {
  return (
    <header className="bar">
      <Brand />
      {session && (
        <div className="who">
          <span title={session.email}>{session.name}</span>
          <button type="button" onClick={onSignOut}>
            Sign out
          </button>
        </div>
      )}
    </header>
  );
}

function Brand() {
  return (
    <div className="brand">
      <svg viewBox="0 0 24 24" aria-hidden="true">
        <path d="M4 20V9l8-5 8 5v11" />
        <path d="M9 20v-7h6v7" />
      </svg>
      <span>
        Dynamics Gateway <small>GraphiQL</small>
      </span>
    </div>
  );
}

function Welcome({ notice, onSignIn }) {
  return (
    <main className="welcome">
      <h1>Your orders, one query away</h1>
      <p>
        Ask for accounts, orders, shipments, invoices and products, and for just the fields that you need. You see
        what your own account may see.
      </p>
      {notice && <p role="alert">{notice}</p>}
      <button type="button" onClick={onSignIn}>
        Sign in
      </button>
    </main>
  );
}

function Explorer({ fetcher }) {
  return (
    <GraphiQL fetcher={fetcher} defaultQuery={example} isHeadersEditorEnabled={false}>
      <GraphiQL.Logo>
        <span />
      </GraphiQL.Logo>
    </GraphiQL>
  );
}

/** Asks the gateway as whoever is signed in, and follows subscriptions; `onExpired` once nobody is. */
function fetcherFor({ endpoint }, onExpired) {
  const expired = () => {
    onExpired();
    return { errors: [{ message: EXPIRED }] };
  };
  const url = new URL(endpoint, location.href).href;
  const wsClient = createClient({
    url: url.replace(/^http/, "ws"),
    connectionParams: () => ({ Authorization: bearer(currentSession()) }),
    shouldRetry: (end) => end.code !== REFUSED && Boolean(currentSession()),
    on: { closed: (end) => end.code === REFUSED && onExpired() },
  });
  return createGraphiQLFetcher({ url, wsClient, fetch: (to, options) => ask(to, options, expired) });
}

const REFUSED = 4403;    // the caller is not accepted any more
const bearer = (session) => `Bearer ${session?.accessToken}`;

async function ask(url, options, expired) {
  const session = currentSession();
  const accept = "application/graphql-response+json, application/json";
  const headers = { ...options.headers, accept, authorization: bearer(session) };
  const response = session && (await fetch(url, { ...options, headers }));
  return response && response.status !== 401 ? response : Response.json(expired());
}

const fail = (setNotice) => (error) => setNotice(error.message);

async function start() {
  const config = await loadConfig();
  const problem = await finishSignIn(config).catch((error) => error.message);
  createRoot(document.getElementById("page")).render(<Page config={config} problem={problem} />);
}

start();
