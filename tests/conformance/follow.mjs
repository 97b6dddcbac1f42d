// Follows the subscription argv[4] at argv[2] with the token in argv[3] by the client of graphql-sse,
// unchanged; prints each answer as a line of JSON, and a last line that says how it ended.
import { createClient } from "graphql-sse";

const [url, token, query, most] = process.argv.slice(2);
const client = createClient({ url, headers: { authorization: `Bearer ${token}` }, retryAttempts: 0 });

let seen = 0;
const end = (how) => {
  console.log(JSON.stringify({ end: how }));
  client.dispose();
};
const stop = client.subscribe(
  { query },
  {
    next: (answer) => {
      console.log(JSON.stringify(answer));
      if (++seen === Number(most)) stop();
    },
    error: (error) => end(`error: ${error.message ?? error}`),
    complete: () => end("complete"),
  },
);
// Nobody waits for ever for what does not come.
setTimeout(() => process.exit(1), 60_000).unref();
