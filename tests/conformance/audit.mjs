// Audits the server at argv[2] with the bearer token in argv[3]; prints one JSON array of results.
import { serverAudits } from "graphql-http";

const [url, token] = process.argv.slice(2);

const fetchSignedIn = (address, init = {}) =>
  fetch(address, { ...init, headers: { ...init.headers, authorization: `Bearer ${token}` } });

const results = [];
for (const audit of serverAudits({ url, fetchFn: fetchSignedIn })) {
  const { status, reason } = await audit.fn();
  results.push({ id: audit.id, name: audit.name, status, reason: reason ?? null });
}
console.log(JSON.stringify(results));
