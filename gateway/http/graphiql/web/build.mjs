// Bundles the page and Monaco's workers into dist/: plain files of our own origin, nothing inline.
import { cp, rm } from "node:fs/promises";
import { build } from "esbuild";

await rm("dist", { recursive: true, force: true });
await build({
  entryPoints: {
    graphiql: "src/main.jsx",
    "editor.worker": "monaco-editor/esm/vs/editor/editor.worker.js",
    "json.worker": "monaco-editor/esm/vs/language/json/json.worker.js",
    "graphql.worker": "monaco-graphql/esm/graphql.worker.js",
  },
  outdir: "dist",
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  jsx: "automatic",
  loader: { ".ttf": "file", ".graphql": "text" },
  define: { "process.env.NODE_ENV": '"production"' },
  logLevel: "warning",
});
await cp("src/index.html", "dist/index.html");
