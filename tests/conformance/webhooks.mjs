// Verifies the messages on standard input, one a line with `secret`, `headers` and `body`, by the library of Standard
// Webhooks, unchanged; prints for each what was verified, or the reason why it was not.
import { createInterface } from "node:readline";
import { Webhook } from "standardwebhooks";

for await (const line of createInterface({ input: process.stdin })) {
  const { secret, headers, body } = JSON.parse(line);
  let told;
  try {
    told = { verified: new Webhook(secret).verify(body, headers) };
  } catch (error) {
    told = { refused: error.message };
  }
  console.log(JSON.stringify(told));
}
