// Monaco does its language work in workers; each is a file of its own beside the page.
const FILES = { json: "json.worker.js", graphql: "graphql.worker.js" };

globalThis.MonacoEnvironment = {
  getWorker: (_id, label) => new Worker(`graphiql/${FILES[label] ?? "editor.worker.js"}`),
};
