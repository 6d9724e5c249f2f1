/** The composition root: from settings to a running service. Everything is made here once and passed down. */

import { dirname } from "node:path";
import type { Logger } from "pino";
import { createEntityApi, type EntityApi } from "./api/api.ts";
import { createDerivedFiles } from "./api/derived-files.ts";
import { apiLimitsFrom } from "./api/limits.ts";
import { type ChangeFeed, createChangeFeed } from "./api/live/feed.ts";
import { type DocumentPolicy, documentPolicyFrom } from "./api/trusted-documents.ts";
import type { Settings } from "./cli/settings.ts";
import { choosePort } from "./cli/start/choose-port.ts";
import {
  type ApplyRule,
  createEngine,
  type Engine,
  type Followed,
  type PreparedApi,
} from "./cli/start/engine.ts";
import { findExtension } from "./cli/start/find-extension.ts";
import { findModel } from "./cli/start/find-model.ts";
import { healthChecks } from "./cli/start/health.ts";
import type { LoadedModel } from "./cli/start/load-model.ts";
import { createLog } from "./cli/start/log.ts";
import { codecsToKeep } from "./cli/start/missing-codecs.ts";
import { type OpenedCollector, openCollector } from "./cli/start/open-collector.ts";
import { type OpenedDatabase, openDatabase } from "./cli/start/open-database.ts";
import { openJobs } from "./cli/start/open-jobs.ts";
import { openMigrator } from "./cli/start/open-migrator.ts";
import { openObjects } from "./cli/start/open-objects.ts";
import { announceServer } from "./cli/start/server-file.ts";
import { systemServices } from "./cli/start/system-services.ts";
import { packageVersion } from "./cli/version.ts";
import { createApart } from "./codec/apart.ts";
import type { Apart } from "./codec/apart-contract.ts";
import type { Codec } from "./codec/contract.ts";
import type { Collector } from "./collector/contract.ts";
import { connect, type PostgresDatabase } from "./db/database.ts";
import { keepCodecs } from "./db/kept-codecs.ts";
import { migrate } from "./db/migrate.ts";
import { createFieldReader } from "./http/field-reader.ts";
import type { GraphqlServer } from "./http/graphql-route.ts";
import { createHttpServer, type HttpServer } from "./http/server.ts";
import { checkSchedules } from "./job/schedule.ts";
import { createMetrics } from "./metrics/metrics.ts";
import type { Model } from "./model/model.ts";
import { type FaultPoints, parseFaultPoints, withCommitFaults } from "./object/fault-points.ts";
import type { Objects } from "./object/objects.ts";
import { toldOf } from "./plugin/contract.ts";
import type { Stores } from "./store/contract.ts";
import { createSystemServer } from "./system/server.ts";

/** How {@link startService} behaves beyond the settings. */
export interface StartOptions {
  readonly apply: ApplyRule;
  /** True to refuse every mutation of the entity API. */
  readonly readOnly?: boolean;
  /** False: no other command is told of the service; it lives for one call. */
  readonly announce?: boolean;
}

/** A running service. */
export interface Service {
  /** `http://127.0.0.1:4000` */
  readonly url: string;
  readonly settings: Settings;
  readonly database: OpenedDatabase;
  readonly db: PostgresDatabase;
  readonly stores: Stores;
  /** What was wrong with a store at start, by its name. */
  readonly storeProblems: ReadonlyMap<string, string>;
  readonly changes: ChangeFeed;
  readonly engine: Engine;
  readonly first: Followed;
  readonly logger: Logger;
  readonly readyMs: number;
  /** Drains, stops, and gives everything back. Idempotent. */
  close(): Promise<void>;
}

/** Starts everything in order; what was started is stopped again when a later step fails. */
export async function startService(settings: Settings, options: StartOptions): Promise<Service> {
  const begin = performance.now();
  const stack = new AsyncDisposableStack();
  try {
    const apart = stack.adopt(createApart(settings.decodeLimits), (threads) => threads.close());
    const modelKnownTo = await findModel(settings);
    await checkSchedules(settings.jobs.schedules);
    const logger = createLog(settings.logLevel ?? defaultLevel());
    const running: Running = {};
    stack.defer(async () => running.takeBackWord?.());
    const database = stack.adopt(await openDatabase(settings), (opened) => opened.stop());
    const db = stack.adopt(await connect(database.url, { prepared: settings.prepared }), (pool) =>
      pool.close(),
    );
    await migrate(db);
    const loaded = withThreads(await modelKnownTo(db), apart);
    for (const plugin of loaded.broken) logger.warn({ plugin }, toldOf(plugin));
    const faults = parseFaultPoints(settings.fault);
    const { storeConfigs } = loaded;
    const onMissing = (locator: string): void => running.collecting?.healer.missing(locator);
    const objects = stack.adopt(
      await openObjects({ settings, storeConfigs, db, faults, logger, onMissing }),
      (made) => made.close(),
    );
    const { stores } = objects;
    const documents = await documentPolicyFrom(process.env, dirname(settings.schemaPath));
    const changes = stack.adopt(
      createChangeFeed({ db, retention: settings.changesKept, listens: settings.prepared, log: logger }),
      (feed) => feed.close(),
    );
    running.collecting = stack.adopt(openCollector({ db, stores, faults, logger }), (made) => made.close());
    const { collector } = running.collecting;
    const parts: Parts = {
      settings,
      loaded,
      logger,
      db,
      stores,
      objects,
      faults,
      documents,
      changes,
      collector,
    };
    return await serve(parts, { stack, database, begin, options, running });
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

/** What is large is decoded in worker threads. */
function withThreads(loaded: LoadedModel, apart: Apart): LoadedModel {
  return { ...loaded, registry: { ...loaded.registry, apart } };
}

/** Beside the banner on a terminal only what needs attention; a log that is collected gets a line a request. */
function defaultLevel(): string {
  return process.stderr.isTTY ? "warn" : "info";
}

interface Parts {
  readonly settings: Settings;
  readonly loaded: LoadedModel;
  readonly logger: Logger;
  readonly db: PostgresDatabase;
  readonly stores: Stores;
  readonly objects: Objects;
  readonly faults: FaultPoints;
  readonly documents: DocumentPolicy;
  readonly changes: ChangeFeed;
  readonly collector: Collector;
}

interface Start {
  readonly stack: AsyncDisposableStack;
  readonly database: OpenedDatabase;
  readonly begin: number;
  readonly options: StartOptions;
  readonly running: Running;
}

/** Given back in the opposite order: HTTP is drained first, while everything that its requests stand on still works. */
async function serve(parts: Parts, start: Start): Promise<Service> {
  const { stack, database, begin, options, running } = start;
  const { settings, loaded, logger, db, stores } = parts;
  stack.defer(async () => running.api?.server.stop());
  stack.defer(async () => running.system?.stop());
  const http = stack.adopt(await createHttp(parts, running), (server) => server.close());
  const { engine, first } = await createEngine({
    settings,
    db,
    rule: options.apply,
    readOnly: options.readOnly ?? false,
    loaded,
    prepare: (model) => prepareApi(parts, { http, running, model }),
  });
  running.engine = engine;
  const migrator = stack.adopt(openMigrator({ ...parts, engine }), (made) => made.close());
  const system = await createSystemServer(
    systemServices({
      ...parts,
      engine,
      migrator,
      apiSdl: () => running.api?.sdl ?? "",
      checks: () => checksOf(parts, running),
    }),
    (error, errorId) => logger.error({ err: error, errorId }, "a request to the system API failed"),
  );
  running.system = system;
  await http.mountSystemApi(system);
  const { url } = await http.listen();
  if (options.announce !== false) {
    await announce(settings, start, url);
    // Given back first: what it runs stands on all the rest.
    stack.adopt(openJobs({ ...parts, model: engine.model }), (jobs) => jobs.close());
    if (settings.jobs.isOn) await migrator.resume();
  }
  const close = once(() => stack.disposeAsync());
  return {
    url,
    settings,
    database,
    db,
    stores,
    storeProblems: parts.objects.storeProblems,
    changes: parts.changes,
    engine,
    first,
    logger,
    readyMs: performance.now() - begin,
    close,
  };
}

/** What changes while the service runs. */
interface Running {
  api?: EntityApi;
  engine?: Engine;
  system?: { stop(): Promise<void> };
  collecting?: OpenedCollector;
  takeBackWord?: () => Promise<void>;
}

async function announce(settings: Settings, { database, running }: Start, url: string): Promise<void> {
  await database.announce(url);
  running.takeBackWord = await announceServer(settings.dataFolder, {
    pid: process.pid,
    url,
    database: database.place,
    schemaPath: settings.schemaPath,
    ...(database.kind === "embedded" ? { databaseUrl: database.url } : {}),
  });
}

async function createHttp(parts: Parts, running: Running): Promise<HttpServer> {
  const { settings, loaded, logger, db, stores, objects } = parts;
  const codecOf = (schema: string, table: string, column: string): Codec | undefined => {
    const entities = running.engine?.model().entities ?? [];
    const entity = entities.find((one) => one.schema === schema && one.table === table);
    const use = entity?.columns.find((one) => one.name === column)?.type.codec;
    const unavailable = use === undefined ? undefined : loaded.registry.unavailable(use.name);
    if (unavailable !== undefined) throw unavailable;
    return use === undefined ? undefined : loaded.registry.find(use.name);
  };
  return createHttpServer({
    host: settings.host,
    port: await choosePort(settings),
    hosts: settings.hosts,
    ...(settings.publicUrl === undefined ? {} : { publicUrl: settings.publicUrl }),
    ...(settings.dataOrigin === undefined ? {} : { dataOrigin: settings.dataOrigin }),
    ...(settings.tokensFile === undefined ? {} : { tokensFile: settings.tokensFile }),
    version: packageVersion(),
    limits: settings.httpLimits,
    logger,
    stores,
    objects,
    readField: createFieldReader({ db, stores, codecOf }),
    derived: createDerivedFiles(loaded.registry, objects.reader),
    checks: () => checksOf(parts, running),
    metrics: createMetrics(db, (err) => logger.warn({ err }, "the database cannot be measured")),
  });
}

function checksOf({ db, stores }: Parts, { engine }: Running) {
  return healthChecks({ db, stores, schemaProblem: () => engine?.problem() });
}

interface ChangeOver {
  readonly http: HttpServer;
  readonly running: Running;
  readonly model: Model;
}

/** When mounted, new requests go to the new model; the API before it is stopped when its last request is answered. */
async function prepareApi(parts: Parts, { http, running, model }: ChangeOver): Promise<PreparedApi> {
  const { loaded, db, objects, stores, logger } = parts;
  const api = createEntityApi({
    model,
    registry: loaded.registry,
    db: withCommitFaults(db, parts.faults),
    objects,
    stores,
    dataOrigin: parts.settings.dataOrigin,
    limits: apiLimitsFrom(process.env),
    documents: parts.documents,
    extension: await findExtension(parts.settings),
    readOnly: () => running.engine?.readOnly(),
    changes: parts.changes,
    log: logger,
  });
  await api.server.start();
  return {
    discard: () => api.server.stop(),
    mount: async () => {
      await keepCodecs(db, codecsToKeep(model, loaded.registry));
      const previous = running.api;
      running.api = api;
      // Apollo's type is invariant in its context; a RequestContext has all that an ApiContext asks for.
      const idle = http.mountEntityApi(api.server as unknown as GraphqlServer);
      if (previous !== undefined) {
        idle
          .then(() => previous.server.stop())
          .catch((error: unknown) => logger.error({ err: error }, "stopping the API of the schema before"));
      }
    },
  };
}

function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => {
    running ??= run();
    return running;
  };
}
