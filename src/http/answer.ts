import { StreamableFile } from '@nestjs/common';
import type { HttpAdapterHost } from '@nestjs/core';

/** Browsers keep no answer of ours, and guess no other type for it. */
export const ANSWER_HEADERS = { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' };
export const JSON_TYPE = 'application/json; charset=utf-8';

interface Head {
  /** Default: 200. */
  readonly status?: number | undefined;
  /** They come before those that every answer has. The default type is that of JSON. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** What a request is answered. */
export class Answer<out T = unknown> {
  /** For the compiler only: what the JSON text is of. It is never there. */
  declare readonly type?: T;

  private constructor(
    /** Undefined for an answer without a body. */
    readonly body: string | undefined,
    readonly status: number,
    readonly headers: Readonly<Record<string, string>>,
  ) {}

  /** An answer whose body is the JSON text of a value. */
  static of<T>(value: T, { status = 200, headers = {} }: Head = {}): Answer<T> {
    return new Answer(JSON.stringify(value), status, headers);
  }

  /** An answer whose text is already there. */
  static ofText<T>(text: string, { status = 200, headers = {} }: Head = {}): Answer<T> {
    return new Answer(text, status, headers);
  }
}

/** Sends an answer through the adapter of the application. */
export function sendAnswer(
  host: HttpAdapterHost,
  response: unknown,
  { body, status, headers }: Answer,
): void {
  reply(host, response, body, status, { 'Content-Type': JSON_TYPE, ...headers });
}

/** Sends bytes, such as a compressed file. The headers name their type. */
export function sendBytes(
  host: HttpAdapterHost,
  response: unknown,
  bytes: Buffer,
  status: number,
  headers: Readonly<Record<string, string>>,
): void {
  reply(host, response, new StreamableFile(bytes), status, headers);
}

function reply(
  { httpAdapter }: HttpAdapterHost,
  response: unknown,
  body: string | StreamableFile | undefined,
  status: number,
  headers: Readonly<Record<string, string>>,
): void {
  const all = { ...ANSWER_HEADERS, ...headers };
  for (const [name, value] of Object.entries(all)) httpAdapter.setHeader(response, name, value);
  httpAdapter.reply(response, body, status);
}
