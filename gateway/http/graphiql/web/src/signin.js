// Signs in at the issuer: OpenID Connect, authorization code with PKCE, a public client.
// The session lives in this tab's sessionStorage and nowhere else.

const SESSION = "graphiql.session";
const FLOW = "graphiql.flow";
const LEEWAY = 30_000;

export const loadConfig = async () => (await fetch("graphiql/config.json")).json();

/** The session of this tab, or null where there is none or its token is about to expire. */
export function currentSession() {
  const session = JSON.parse(sessionStorage.getItem(SESSION));
  return session && Date.now() < session.expires - LEEWAY ? session : null;
}

export const endSession = () => sessionStorage.removeItem(SESSION);

/** Leaves for the issuer's sign-in page. */
export async function signIn(config) {
  const flow = { verifier: random(), state: random(), nonce: random() };
  sessionStorage.setItem(FLOW, JSON.stringify(flow));
  const { authorization_endpoint } = await discover(config);
  go(authorization_endpoint, {
    response_type: "code",
    client_id: config.clientId,
    redirect_uri: pageAddress(),
    scope: config.scope,
    state: flow.state,
    nonce: flow.nonce,
    code_challenge: await challenge(flow.verifier),
    code_challenge_method: "S256",
  });
}

/** Finishes what `signIn` began if the issuer has just sent the browser back here. */
export async function finishSignIn(config) {
  const answer = new URLSearchParams(location.search);
  if (!answer.has("state")) return;
  const flow = JSON.parse(sessionStorage.getItem(FLOW));
  sessionStorage.removeItem(FLOW);
  history.replaceState(null, "", pageAddress());
  if (answer.has("error")) throw new Error(answer.get("error_description") ?? answer.get("error"));
  if (answer.get("state") !== flow?.state) throw new Error("The answer is not to this tab's question.");
  if (answer.has("iss") && answer.get("iss") !== config.issuer) throw new Error("Another issuer answered.");
  sessionStorage.setItem(SESSION, JSON.stringify(await redeem(config, answer.get("code"), flow)));
}

/** Ends the session here and at the issuer. */
export async function signOut(config) {
  const session = JSON.parse(sessionStorage.getItem(SESSION));
  endSession();
  const { end_session_endpoint } = await discover(config);
  if (!end_session_endpoint) return location.assign(pageAddress());
  go(end_session_endpoint, {
    client_id: config.clientId,
    post_logout_redirect_uri: pageAddress(),
    ...(session?.idToken && { id_token_hint: session.idToken }),
  });
}

async function redeem(config, code, flow) {
  const { token_endpoint } = await discover(config);
  const response = await fetch(token_endpoint, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code",
      client_id: config.clientId,
      redirect_uri: pageAddress(),
      code,
      code_verifier: flow.verifier,
    }),
  });
  const tokens = await response.json();
  if (!response.ok) throw new Error(tokens.error_description ?? tokens.error);
  const claims = tokens.id_token ? claimsOf(tokens.id_token) : {};
  if (tokens.id_token && claims.nonce !== flow.nonce) throw new Error("The token is not for this sign-in.");
  return {
    accessToken: tokens.access_token,
    idToken: tokens.id_token,
    name: claims.name ?? claims.email ?? "Signed in",
    email: claims.email,
    expires: Date.now() + (tokens.expires_in ?? 300) * 1000,
  };
}

async function discover({ issuer }) {
  const response = await fetch(`${issuer}/.well-known/openid-configuration`);
  if (!response.ok) throw new Error("The sign-in service does not answer.");
  return response.json();
}

const pageAddress = () => location.origin + location.pathname;

function go(endpoint, parameters) {
  location.assign(`${endpoint}${endpoint.includes("?") ? "&" : "?"}${new URLSearchParams(parameters)}`);
}

const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

const challenge = async (verifier) =>
  base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));

const base64url = (bytes) =>
  btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

function claimsOf(token) {
  const payload = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
  return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(payload), (each) => each.charCodeAt(0))));
}
