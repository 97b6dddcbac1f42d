// Reads the AsyncAPI document on standard input by the parser of AsyncAPI itself; prints what it is, and the errors and warnings in it.
import { Parser } from "@asyncapi/parser";

let text = "";
for await (const part of process.stdin) text += part;
const { document, diagnostics } = await new Parser().parse(text);
const found = diagnostics.filter(({ severity }) => severity < 2).map(({ severity, code, message, path }) => ({ severity, code, message, path: path.join(".") }));
const operations = document?.operations().all().map((each) => `${each.action()} ${each.id()}`) ?? [];
console.log(JSON.stringify({ version: document?.version(), operations, found }));
