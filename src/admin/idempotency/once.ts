import { createHash, randomUUID } from 'node:crypto';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { AdminDatabase } from '../../database/admin-database.js';
import { isConnectionLoss } from '../../database/connection/connection-loss.js';
import { Answer } from '../../http/answer.js';
import { headerOf, type ServerRequest } from '../../http/server-request.js';
import { engineOf } from '../../module/engine-of.js';
import { invalidRequest, RestProblem } from '../../rest/problem.js';
import { PROBLEM_TYPE } from '../../rest/problem-answer.js';
import { problemOfText } from '../../words/text.js';
import type { AdminAction } from '../options/admin-action.js';
import { UNKNOWN_ACTOR } from '../options/admin-options.js';
import { IdempotencyKeyStore, type KeptAnswer, type KeyedRequest } from './idempotency-key.store.js';
import { OwedNotes } from './owed-notes.js';

const HEADER = 'Idempotency-Key';
const LONGEST_KEY = 255;

/**
 * Does once what a client sends several times with the same Idempotency-Key.
 *
 * The key is taken before anything is done, in a transaction of its own. So of two requests only one does
 * it. If that one fails, and no COMMIT was sent for it, nothing was done, and the key is given back. If a
 * COMMIT was sent, or if the process has died, nobody knows whether it was done, so the key is refused for as
 * long as it is kept.
 *
 * The database may be away when the key is to be given back, or when the answer is to be kept. The process
 * then does it as soon as the database is back. It names the key by a token of the request, so it never
 * touches a key that another request has taken meanwhile.
 */
@Injectable()
export class Once implements OnModuleDestroy {
  private readonly owed = new OwedNotes();
  private opened: { readonly db: AdminDatabase; readonly store: IdempotencyKeyStore } | undefined;

  constructor(private readonly moduleRef: ModuleRef) {}

  onModuleDestroy(): void {
    this.owed.stop();
  }

  /** Runs `act`, or returns what it was answered the first time. `act` turns its refusals into answers. */
  async answer(
    request: ServerRequest,
    about: { readonly actor: string; readonly action: AdminAction },
    act: () => Promise<Answer>,
  ): Promise<Answer> {
    const key = idempotencyKeyOf(request);
    if (key === undefined) return act();
    const { db, store } = this.keys();
    const actor = ownerOf(about.actor, key, request);
    const keyed = { ...about, actor, key, bodyHash: hashOf(request), token: randomUUID() };
    const giveBack = () => this.owed.write(keyed.token, () => store.giveBack(keyed));
    await this.owed.tryAgain();
    const kept = await store.take(keyed).catch(async (error) => {
      // It may have been taken although the answer was lost.
      if (isConnectionLoss(error)) await giveBack();
      throw error;
    });
    if (kept !== undefined) return repeated(kept, keyed);
    const { result: answer, mayHaveCommitted } = await db.commits.during(act);
    const { status, body = '' } = answer;
    if (status < 500) await this.owed.write(keyed.token, () => store.keep(keyed, status, body));
    else if (!mayHaveCommitted) await giveBack();
    return answer;
  }

  private keys() {
    if (this.opened === undefined) {
      const db = engineOf(this.moduleRef, 'IntegrationAdminModule').get(AdminDatabase);
      this.opened = { db, store: new IdempotencyKeyStore(db) };
    }
    return this.opened;
  }
}

/** @throws RestProblem 400 if it is empty or too long */
export function idempotencyKeyOf(request: ServerRequest): string | undefined {
  const key = headerOf(request, HEADER.toLowerCase());
  const problem = key === undefined ? undefined : problemOfText(key, LONGEST_KEY);
  if (problem === undefined) return key;
  throw invalidRequest([{ in: 'header', pointer: `/${HEADER}`, message: problem }]);
}

/** The headers by which applications know people. */
const CREDENTIALS = ['authorization', 'cookie', 'x-api-key'] as const;

/**
 * Whose key it is. A person without a name is known by a hash of the credentials of the request, because
 * nobody must get the answer that somebody else got. Without any credentials all of them share their keys.
 * The key is a part of the hash, so two rows do not tell that they are of one person.
 */
function ownerOf(actor: string, key: string, request: ServerRequest): string {
  const shown = CREDENTIALS.map((name) => request.headers[name] ?? null);
  if (actor !== UNKNOWN_ACTOR || shown.every((value) => value === null)) return actor;
  return `${UNKNOWN_ACTOR}:${sha256(JSON.stringify([key, shown]))}`;
}

/** What a key belongs to: the request with everything that decides what becomes of it. */
function hashOf(request: ServerRequest): string {
  const { method, originalUrl, url, body } = request;
  return sha256(JSON.stringify([method, originalUrl ?? url, body, headerOf(request, 'if-match')]));
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function repeated({ action, bodyHash, status, answer }: KeptAnswer, asked: KeyedRequest): Answer {
  if (action !== asked.action || bodyHash !== asked.bodyHash) {
    throw new RestProblem(
      422,
      'INTEGRATION_ADMIN_KEY_REUSED',
      `The ${HEADER} was used for another request within the last 24 hours: give each request a key of its own`,
    );
  }
  if (status === null) {
    throw new RestProblem(
      409,
      'INTEGRATION_ADMIN_KEY_IN_USE',
      `The first request with this ${HEADER} still runs, or its end is unknown. Look in the audit log whether its change was made, before you send it again with another key`,
    );
  }
  return repeatedAnswer(answer ?? '', status);
}

/** The answer to an earlier request. */
function repeatedAnswer(json: string, status: number): Answer {
  const type = status < 400 ? {} : { 'Content-Type': PROBLEM_TYPE };
  return Answer.ofText(json, { status, headers: { 'Idempotency-Replayed': 'true', ...type } });
}
