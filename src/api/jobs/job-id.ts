/** Ids of jobs: base64 of `["~job", table, [key…]]`, and of reservations the token and the start behind it. */

import { ServiceError } from "../../errors.ts";
import type { Model } from "../../model/model.ts";
import { shorten } from "../../plan/refuse-value.ts";
import type { JobSubject } from "../../sql/job/subject.ts";
import { isKeyText } from "../node-id.ts";
import { jobSubjectOf } from "./subjects.ts";

/** What an id names. */
export interface JobName {
  readonly subject: JobSubject;
  /** Texts of the key's columns, in key order. */
  readonly texts: readonly string[];
  /** Of a reservation. */
  readonly reservation?: {
    readonly token: string;
    /** Milliseconds of the epoch. */
    readonly start: number;
  };
}

const mark = "~job";

/** The id of a job, or of a reservation. */
export function jobId({ subject, texts, reservation }: JobName): string {
  const more = reservation === undefined ? [] : [reservation.token, reservation.start];
  return Buffer.from(JSON.stringify([mark, subject.entity.name, texts, ...more])).toString("base64");
}

/** The job that `id` names. @throws {BAD_USER_INPUT} naming `field`, where it names none. */
function parseJobId(model: Model, id: string, field: string): JobName {
  const parts = decoded(id);
  const [name, texts, token, start] = parts;
  const subject = typeof name === "string" ? jobSubjectOf(model, name) : undefined;
  if (subject === undefined || !Array.isArray(texts)) throw noJob(id, field);
  const key = texts.filter((text) => typeof text === "string");
  const fits =
    key.length === texts.length &&
    key.length === subject.key.length &&
    subject.key.every((column, at) => isKeyText(column, key[at] ?? ""));
  if (!fits) throw noJob(id, field);
  if (token === undefined) return { subject, texts: key };
  const isReservation =
    typeof token === "string" && /^\d{1,16}$/.test(token) && typeof start === "number" && isInstant(start);
  if (!isReservation) throw noJob(id, field);
  return { subject, texts: key, reservation: { token, start } };
}

function isInstant(start: number): boolean {
  return Number.isSafeInteger(start) && !Number.isNaN(new Date(start).getTime());
}

function decoded(id: string): readonly unknown[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(id, "base64").toString("utf8"));
    return Array.isArray(parts) && parts[0] === mark ? parts.slice(1) : [];
  } catch {
    return [];
  }
}

function noJob(id: string, field: string): ServiceError {
  const remedy = "Give an id as reserveJob or jobs answered it.";
  return new ServiceError("BAD_USER_INPUT", `${field}: ${shorten(id)} is no id of a job. ${remedy}`, {
    details: { field, value: shorten(id), remedy },
  });
}

/** The reservation that `id` names. @throws {BAD_USER_INPUT} where it names none. */
export function parseReservation(model: Model, id: string, field: string): Required<JobName> {
  const { subject, texts, reservation } = parseJobId(model, id, field);
  if (reservation !== undefined) return { subject, texts, reservation };
  const remedy = "Give the id that reserveJob answered: that of a job in a list is not of a reservation.";
  throw new ServiceError("BAD_USER_INPUT", `${field}: ${shorten(id)} names no reservation. ${remedy}`, {
    details: { field, value: shorten(id), remedy },
  });
}
