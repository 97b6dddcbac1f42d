import { GraphiQL } from "graphiql";
import "graphiql/style.css";
import { createRoot } from "react-dom/client";
import "./workers.js";

const fetcher = async (parameters) => (await fetch("graphql", { method: "POST", body: JSON.stringify(parameters) })).json();

createRoot(document.getElementById("page")).render(<GraphiQL fetcher={fetcher} />);
