/** What `holdfast start` says when it is ready: one block on a terminal, one JSON line elsewhere. */

/** Facts that the banner tells. */
export interface Ready {
  readonly version: string;
  readonly readyMs: number;
  /** `http://127.0.0.1:4000` */
  readonly url: string;
  /** Set when the default port was taken and another one is used. */
  readonly movedFrom?: number;
  readonly database: "embedded" | "external";
  /** Where the database lies: a folder, or host and database name without a password. */
  readonly databasePlace: string;
  readonly stores: readonly {
    readonly name: string;
    readonly location: string;
    readonly isDefault: boolean;
  }[];
  readonly schemaPath: string;
  readonly entities: number;
  readonly rows: string;
  readonly objects: string;
  /** A data URL of the sample's last recording, where there is one. */
  readonly arrayUrl?: string;
  readonly warnings: readonly string[];
}

export function bannerText(ready: Ready): string {
  const seconds = (ready.readyMs / 1000).toFixed(1);
  const stores = ready.stores.map(
    (store) => `${store.name}${store.isDefault ? " (default)" : ""} in ${store.location}`,
  );
  const lines = [
    "",
    `Holdfast ${ready.version}, ready in ${seconds} s`,
    "",
    `  Explore    ${ready.url}/graphql   (GraphiQL: open it in a browser)`,
    `  GraphQL    ${ready.url}/graphql   (for programs; about the service itself: /system/graphql)`,
    `  Schema     ${ready.schemaPath}   (${howToEdit(ready)})`,
    `  Database   ${ready.database === "embedded" ? "private PostgreSQL in" : "yours at"} ${ready.databasePlace}`,
    ...stores.map((store, i) => `  ${i === 0 ? "Stores  " : "        "}   ${store}`),
    `  Holding    ${ready.entities} tables, ${ready.rows} rows, ${ready.objects} objects`,
    ...(ready.arrayUrl === undefined
      ? []
      : [
          "",
          "  Read an array in Python with numpy (the URL is the data, for 7 days):",
          `    ${pythonLine(ready.arrayUrl)}`,
        ]),
    "",
    `  Next: ${nextStep(ready)}`,
    "  Ctrl-C stops; the data stay.",
    ...(ready.movedFrom === undefined
      ? []
      : ["", `  Port ${ready.movedFrom} is taken; this is the next free one.`]),
    ...ready.warnings.map((warning) => `\n  Warning: ${warning}`),
  ];
  return lines.join("\n");
}

export function bannerJson(ready: Ready): string {
  return JSON.stringify({
    event: "ready",
    ...ready,
    graphql: `${ready.url}/graphql`,
    system: `${ready.url}/system/graphql`,
  });
}

/** On a database of the user's own nothing is applied unless asked for. */
function howToEdit({ database }: Ready): string {
  return database === "embedded"
    ? "edit it: tables follow, the plan is shown first"
    : "edit it, then: holdfast plan, holdfast apply";
}

function pythonLine(url: string): string {
  return `python3 -c "import io, urllib.request as u, numpy as n; print(n.load(io.BytesIO(u.urlopen('${url}').read())))"`;
}

function nextStep({ url, arrayUrl }: Ready): string {
  if (arrayUrl === undefined)
    return `open ${url}/graphql in a browser, or add a type to the schema file and save it.`;
  const query = "{ spikeTrains(first: 3) { nodes { sweepIdx spikeCount rate } } }";
  return `curl -s ${url}/graphql -H 'content-type: application/json' -d '{"query":"${query}"}'`;
}
