import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { AdminDatabase } from '../../database/admin-database.js';
import { problemOfText } from '../../events/text.js';
import type { AdminAction } from '../admin-action.js';
import { headerOf, type ServerRequest } from '../calls/admin-request.js';
import { Answer } from '../calls/answer.js';
import { AdminProblem, invalidRequest } from '../calls/problem.js';
import { IdempotencyKeyStore, type KeptAnswer, type KeyedRequest } from './idempotency-key.store.js';

const HEADER = 'Idempotency-Key';
const LONGEST_KEY = 255;

/**
 * Does once what a client sends several times with the same Idempotency-Key.
 *
 * The key is taken before anything is done, in a transaction of its own. So of two requests only one does
 * it. A process that dies in between leaves the key without an answer, and so does a connection that is
 * lost before COMMIT is answered. Nobody knows then whether it was done, so the key is refused for as long
 * as it is kept.
 */
@Injectable()
export class Once {
  private store: IdempotencyKeyStore | undefined;

  constructor(private readonly moduleRef: ModuleRef) {}

  /** Runs `act`, or returns what it was answered the first time. `act` turns its refusals into answers. */
  async answer(
    request: ServerRequest,
    about: { readonly actor: string; readonly action: AdminAction },
    act: () => Promise<Answer>,
  ): Promise<Answer> {
    const key = idempotencyKeyOf(request);
    if (key === undefined) return act();
    const keyed = { ...about, key, bodyHash: hashOf(request) };
    const kept = await this.keys().take(keyed);
    if (kept !== undefined) return repeated(kept, keyed);
    const answer = await act();
    if (answer.isUncertain) return answer;
    // A fault may go away, so the same key may try again.
    if (answer.status >= 500) await this.keys().giveBack(keyed);
    else await this.keys().keep(keyed, answer.status, answer.body ?? '');
    return answer;
  }

  /** The module of the admin API does not import the engine, which is found in the whole application. */
  private keys(): IdempotencyKeyStore {
    this.store ??= new IdempotencyKeyStore(this.moduleRef.get(AdminDatabase, { strict: false }));
    return this.store;
  }
}

/** @throws AdminProblem 400 if it is empty or too long */
export function idempotencyKeyOf(request: ServerRequest): string | undefined {
  const key = headerOf(request, HEADER.toLowerCase());
  const problem = key === undefined ? undefined : problemOfText(key, LONGEST_KEY);
  if (problem === undefined) return key;
  throw invalidRequest([{ in: 'header', pointer: `/${HEADER}`, message: problem }]);
}

function hashOf({ method, originalUrl, url, body }: ServerRequest): string {
  const what = JSON.stringify([method, originalUrl ?? url, body]);
  return createHash('sha256').update(what).digest('hex');
}

function repeated({ action, bodyHash, status, answer }: KeptAnswer, asked: KeyedRequest): Answer {
  if (action !== asked.action || bodyHash !== asked.bodyHash) {
    throw new AdminProblem(
      422,
      'INTEGRATION_ADMIN_KEY_REUSED',
      `The ${HEADER} was used for another request within the last 24 hours: give each request a key of its own`,
    );
  }
  if (status === null) {
    throw new AdminProblem(
      409,
      'INTEGRATION_ADMIN_KEY_IN_USE',
      `The first request with this ${HEADER} is under way, or its process ended before it was answered. Look whether it was done before you send it with another key`,
    );
  }
  return Answer.repeated(answer ?? '', status);
}
