/**
 * The programs of `examples/clients` against a started service, as their users would run them: the printed schema is the committed one
 * and every tool reads it, clients are made from it, type-checked and run, and wrong code is refused.
 *
 * Installs npm and Python packages into `.cache/`; needs npm, and python3 3.11 or newer. Ends with `N passed, N failed`.
 */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import {
  buildClientSchema,
  buildSchema,
  type GraphQLSchema,
  getIntrospectionQuery,
  type IntrospectionQuery,
  lexicographicSortSchema,
  printSchema,
  validateSchema,
} from "graphql";
import { holdfast, startHoldfast } from "../acceptance/support/process.ts";
import { startChecks } from "../support/checks.ts";

const root = resolve(import.meta.dirname, "../..");
const clients = join(root, "examples", "clients");
const schemaFile = join(clients, "schema.graphql");
const guide = join(root, "docs/guide/clients.md");
const folder = mkdtempSync(join(tmpdir(), "holdfast-clients-"));
const typescript = join(folder, "typescript");
const python = join(folder, "python");
const committed = readFileSync(join(clients, "api.graphql"), "utf8");

const { check, failed, end } = startChecks();

interface Ended {
  readonly status: number | null;
  readonly out: string;
}

/** Runs a program to its end; `PATH` begins with the Node that runs this. */
function run(program: string, args: readonly string[], cwd: string = folder): Ended {
  const path = `${dirname(process.execPath)}${delimiter}${process.env["PATH"] ?? ""}`;
  const env = { ...process.env, PATH: path, PYTHONDONTWRITEBYTECODE: "1", NO_COLOR: "1", CI: "" };
  const result = spawnSync(program, args, {
    encoding: "utf8",
    cwd,
    env,
    timeout: 300_000,
    maxBuffer: 64 << 20,
  });
  return { status: result.status, out: `${result.stdout ?? ""}${result.stderr ?? ""}${result.error ?? ""}` };
}

function must(what: string, { status, out }: Ended): string {
  if (status === 0) return out;
  throw new Error(`${what} failed (${status}):\n${out.slice(-4000)}`);
}

/** What must be refused, with a message that has `text`. */
function mustNot(what: string, { status, out }: Ended, text: string): void {
  if (status === 0) throw new Error(`${what} was taken, but is wrong`);
  if (!out.includes(text)) throw new Error(`${what} was refused, but not for ${text}:\n${out.slice(-2000)}`);
}

function equal(actual: string, expected: string, remedy: string): void {
  if (actual === expected) return;
  const [got, wanted] = [actual.split("\n"), expected.split("\n")];
  const at = got.findIndex((line, i) => line !== wanted[i]);
  throw new Error(`line ${at + 1} is ${got[at]}\n  expected ${wanted[at]}\n  ${remedy}`);
}

/** A folder in `.cache/` that `make` fills once for each content of the file that names its packages. */
function cached(name: string, packages: string, make: (at: string) => void): string {
  const digest = createHash("sha256").update(readFileSync(packages)).digest("hex").slice(0, 12);
  const at = join(root, ".cache", `clients-${name}-${digest}`);
  if (!existsSync(join(at, "ready"))) {
    rmSync(at, { recursive: true, force: true });
    mkdirSync(at, { recursive: true });
    make(at);
    writeFileSync(join(at, "ready"), "");
  }
  return at;
}

function installTypescript(): void {
  const from = join(clients, "typescript");
  const at = cached("npm", join(from, "package-lock.json"), (to) => {
    for (const name of ["package.json", "package-lock.json", ".npmrc"])
      cpSync(join(from, name), join(to, name));
    must("npm ci", run("npm", ["ci", "--no-progress"], to));
  });
  cpSync(from, typescript, {
    recursive: true,
    filter: (path) => !/node_modules|graphql-env\.d\.ts/.test(path),
  });
  symlinkSync(join(at, "node_modules"), join(typescript, "node_modules"));
}

/** The folder of the environment's programs. */
function installPython(): string {
  const from = join(clients, "python");
  const at = cached("python", join(from, "requirements.txt"), (to) => {
    must("python3 -m venv (3.11 or newer)", run("python3", ["-m", "venv", "--clear", join(to, "venv")]));
    const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
    must("pip install", run(join(to, "venv/bin/python"), [...pip, join(from, "requirements.txt")]));
  });
  cpSync(from, python, { recursive: true, filter: (path) => !/lab_client|__pycache__|\.venv/.test(path) });
  return join(at, "venv", "bin");
}

const sorted = (schema: GraphQLSchema) => printSchema(lexicographicSortSchema(schema));
const remedy =
  "If that is meant: holdfast schema print --schema examples/clients/schema.graphql --out examples/clients/api.graphql";

async function introspected(url: string, options: object): Promise<GraphQLSchema> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: getIntrospectionQuery(options) }),
  });
  const answer = (await response.json()) as { data: IntrospectionQuery; errors?: unknown };
  if (answer.errors !== undefined) throw new Error(JSON.stringify(answer.errors));
  return buildClientSchema(answer.data);
}

const everything = {
  descriptions: true,
  specifiedByUrl: true,
  directiveIsRepeatable: true,
  schemaDescription: true,
  inputValueDeprecation: true,
  oneOf: true,
};

async function checkSchema(server: string): Promise<void> {
  const print = (...args: string[]) => {
    const { code, out, err } = holdfast(["schema", "print", ...args]);
    return must("schema print", { status: code, out: code === 0 ? out : err });
  };
  await check("the printed schema is the committed one, from the file and from the service", () => {
    equal(print("--schema", schemaFile), committed, remedy);
    equal(print("--server", server), committed, remedy);
  });
  await check("graphql-js reads it, and prints it again as it was", () => {
    const schema = buildSchema(committed);
    const problems = validateSchema(schema);
    if (problems.length > 0) throw new Error(problems.join("\n"));
    equal(sorted(buildSchema(sorted(schema))), sorted(schema), "");
    const told = JSON.parse(print("--schema", schemaFile, "--introspection")) as IntrospectionQuery;
    equal(sorted(buildClientSchema(told)), sorted(schema), "");
  });
  await check(
    "introspection answers every form of the question, under the limits that are on by default",
    async () => {
      equal(sorted(await introspected(`${server}/graphql`, everything)), sorted(buildSchema(committed)), "");
      for (const form of [
        {},
        { descriptions: false },
        ...Object.keys(everything).map((key) => ({ [key]: true })),
      ])
        await introspected(`${server}/graphql`, form);
    },
  );
}

/** Writes the file with a change, sees what `test` says, and puts it back. */
function changed(file: string, change: (text: string) => string, test: () => void): void {
  const text = readFileSync(file, "utf8");
  const wrong = change(text);
  if (wrong === text) throw new Error(`${file} has nothing of the kind to change`);
  writeFileSync(file, wrong);
  try {
    test();
  } finally {
    writeFileSync(file, text);
  }
}

async function checkTypescript(server: string): Promise<void> {
  const program = (name: string) => join(typescript, "node_modules/.bin", name);
  const tada = (...args: string[]) => run(program("gql.tada"), args, typescript);
  const tsc = () => run(program("tsc"), [], typescript);
  await check("gql.tada makes its types, the same from the file and from the service", () => {
    must("gql.tada generate output", tada("generate", "output"));
    const types = join(typescript, "graphql-env.d.ts");
    const fromFile = readFileSync(types, "utf8");
    const served = join(folder, "api.graphql");
    must("gql.tada generate schema", tada("generate", "schema", `${server}/graphql`, "--output", served));
    equal(sorted(buildSchema(readFileSync(served, "utf8"))), sorted(buildSchema(committed)), remedy);
    // The project's tsconfig.json names this file, so now the types are made of what the service told.
    must("gql.tada generate output", tada("generate", "output"));
    equal(readFileSync(types, "utf8"), fromFile, "");
    writeFileSync(served, committed);
  });
  await check("the TypeScript example type-checks, its documents too", () => {
    must("gql.tada check", tada("check"));
    must("tsc", tsc());
  });
  await check("wrong code does not: each marked mistake, a misspelt field, a missing variable", () => {
    const marks = readFileSync(join(typescript, "mistakes.ts"), "utf8").match(/@ts-expect-error/g) ?? [];
    if (marks.length < 9) throw new Error(`only ${marks.length} mistakes are left`);
    changed(
      join(typescript, "mistakes.ts"),
      (text) => text.replaceAll("@ts-expect-error", ""),
      () => {
        const found = new Set(tsc().out.match(/^mistakes\.ts\(\d+/gm));
        if (found.size !== marks.length)
          throw new Error(`${found.size} mistakes are found, ${marks.length} are made`);
      },
    );
    changed(
      join(typescript, "example.ts"),
      (text) => text.replace("nodes { sessionIdx startedAt", "nodes { sessionIdx startedAtt"),
      () => {
        mustNot("a misspelt field", tada("check"), 'Cannot query field "startedAtt"');
        mustNot("a misspelt field", tsc(), "startedAt");
      },
    );
    changed(
      join(typescript, "example.ts"),
      (text) => text.replace("{ subjectId, sessionIdx: 0 });", "{ subjectId });"),
      () => mustNot("a missing variable", tsc(), "sessionIdx"),
    );
  });
  await check("the TypeScript example runs, every value exact", () => {
    process.stdout.write(
      must("example.ts", run(process.execPath, ["example.ts", `${server}/graphql`], typescript)),
    );
  });
}

async function checkPython(server: string, bin: string): Promise<void> {
  const url = `${server}/graphql`;
  const program = (...args: string[]) => run(join(bin, "python"), ["-W", "error", ...args], python);
  await check("graphql-core and gql read the schema, printed and served", () => {
    const script = join(import.meta.dirname, "graphql_core.py");
    must("graphql_core.py", program(script, join(clients, "api.graphql"), url));
  });
  await check(
    "ariadne-codegen makes its client, from the file and from the service, without a warning",
    () => {
      const made = must("ariadne-codegen", program(join(bin, "ariadne-codegen")));
      const settings = join(python, "pyproject.toml");
      const text = readFileSync(settings, "utf8");
      writeFileSync(settings, text.replace(/^schema_path.*$/m, `remote_schema_url = ${JSON.stringify(url)}`));
      const remote = must("ariadne-codegen", program(join(bin, "ariadne-codegen"), "client"));
      writeFileSync(settings, text);
      if (/warn/i.test(made + remote)) throw new Error(made + remote);
    },
  );
  for (const name of ["example_codegen.py", "example_gql.py"])
    await check(`${name} runs, every value exact`, () => {
      process.stdout.write(must(name, program(name, url)));
    });
  await check("a scalar that loses digits does not get past the Python examples", () => {
    changed(
      join(python, "holdfast_scalars.py"),
      (text) => text.replace("return int(text)", "return int(float(text))"),
      () => {
        for (const name of ["example_codegen.py", "example_gql.py"])
          mustNot(name, program(name, url), "AssertionError");
      },
    );
  });
}

/** Blocks of the guide that are marked as checked, run as they stand, with the address of this service. */
async function checkGuide(server: string, bin: string): Promise<void> {
  const blocks = [...readFileSync(guide, "utf8").matchAll(/^```(\w+) checked\n([\s\S]*?)^```/gm)];
  await check("the guide has blocks to check", () => {
    if (blocks.length < 2) throw new Error(`${blocks.length} blocks are marked`);
  });
  for (const [, language = "", text = ""] of blocks)
    await check(`the guide's ${language} block runs`, () => {
      const block = text.replaceAll("http://127.0.0.1:4000", server);
      const runner = language === "python" ? join(bin, "python") : "sh";
      const out = must(block, run(runner, [language === "python" ? "-c" : "-ec", block]));
      if (out.includes('"errors"')) throw new Error(out);
    });
}

try {
  installTypescript();
  const bin = installPython();
  cpSync(join(clients, "api.graphql"), join(folder, "api.graphql"));
  const args = ["--schema", schemaFile, "--data", join(folder, "data"), "--port", "0", "--no-sample"];
  const service = await startHoldfast([...args, "--no-watch"]);
  try {
    await checkSchema(service.url);
    await checkTypescript(service.url);
    await checkPython(service.url, bin);
    await checkGuide(service.url, bin);
  } finally {
    await service.end("SIGTERM");
  }
} catch (error) {
  failed(error);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
end();
