// Copies what the pages load into dist/: plain files of our own origin, as their makers built them.
import { cp, mkdir, rm } from "node:fs/promises";

const inter = "node_modules/@fontsource-variable/inter";

await rm("dist", { recursive: true, force: true });
await mkdir("dist");
await cp("node_modules/htmx.org/dist/htmx.min.js", "dist/htmx.js");
await cp(`${inter}/files/inter-latin-wght-normal.woff2`, "dist/inter-latin.woff2");
await cp(`${inter}/files/inter-latin-ext-wght-normal.woff2`, "dist/inter-latin-ext.woff2");
