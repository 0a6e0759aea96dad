import type { Patch } from './patched-package.js';

/** Wrong turns that are taken in a copy of the source, each with the test on a real database that fails then: seconds, not minutes. */
export interface SpecMutant {
  readonly name: string;
  /** Of files in `dist/`, if the test starts processes of its own: they run what was built. */
  readonly patches: readonly Patch[];
  readonly spec: string;
  /** In the title of the test, with those of the groups around it. */
  readonly test: string;
}

const CURSOR = 'src/inbox/inbox-cursor.store.ts';
const SETTLEMENT = 'src/inbox/settlement.store.ts';
const INBOX = 'src/inbox/inbox-event.store.ts';
const CLAIM = 'src/inbox/claim-due.store.ts';
const TRANSACTION = 'src/delivery/execution/handler-transaction.ts';
const HOST_TRANSACTION = 'src/delivery/execution/host-transaction.ts';
const OWN_TRANSACTION = 'src/delivery/execution/own-transaction.ts';
const RUNNER = 'src/delivery/execution/transactional-runner.ts';
const DISCARD_ONE = 'src/changes/discard-one.store.ts';
const WORKER = 'src/delivery/worker/consumer-worker.ts';
const EXTENSIONS = 'test/module/extensions.spec.ts';
const OPERATIONS = 'test/changes/operations.spec.ts';
const SPANS = 'test/telemetry/spans.spec.ts';
const LEASE_STORE = 'src/membership/leases/lease.store.ts';
const LEASES = 'test/membership/lease-store.spec.ts';
const KEPT_LEASES = 'test/membership/leases-kept-by-saves.spec.ts';
const SECRETS = 'test/secrets/secrets.spec.ts';
const ATTEMPT_LINES = 'test/admin/attempt-lines.spec.ts';
const REHEARSALS = 'test/delivery/rehearsals.spec.ts';
const ROLLING = 'test/registration/rolling-deploys.spec.ts';

const ENTER =
  'const { isolation, start, inserted } = await inbox.insertRow(this.client, this.lease.key, row, timeoutMs);';
const INSERTED = 'return { isNew: inserted === 1, isHeld: held === 1 };';
const DELETE_ROW = `await this.client.$executeRawUnsafe('DELETE FROM "integration".inbox_event WHERE outbox_event_id = $1::uuid', row.outboxEventId);`;

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: these are pieces of source.
export const specMutants: readonly SpecMutant[] = [
  {
    name: 'save without fence',
    patches: [
      {
        file: SETTLEMENT,
        find: 'AND lease_token = $3::uuid RETURNING 1`,\n      [key.consumerName, key.partition, token, positions, readUpto],',
        put: 'AND $3::uuid IS NOT NULL RETURNING 1`,\n      [key.consumerName, key.partition, token, positions, readUpto],',
      },
    ],
    spec: 'test/membership/consumer-leases.spec.ts',
    test: 'whose token was changed saves nothing',
  },
  {
    name: 'discard that leaves the position unread',
    patches: [{ file: DISCARD_ONE, find: 'unread = c.unread - aside.taken_out', put: 'unread = c.unread' }],
    spec: 'test/changes/discard-unread.spec.ts',
    test: 'is read by nobody',
  },
  {
    name: 'discard that overwrites what a transaction has processed',
    patches: [
      {
        file: DISCARD_ONE,
        find: 'ON CONFLICT (outbox_event_id, consumer_name) DO NOTHING',
        put: "ON CONFLICT (outbox_event_id, consumer_name) DO UPDATE SET status = 'skipped'",
      },
    ],
    spec: 'test/changes/discard-unread.spec.ts',
    test: 'waits for the transaction of an event that runs',
  },
  {
    name: 'owner that reads what was discarded meanwhile',
    patches: [{ file: 'src/delivery/worker/discarded-events.ts', find: 'reader.exclude(gone);', put: '' }],
    spec: 'test/changes/discard-unread.spec.ts',
    test: 'had still to read it',
  },
  {
    name: 'group commit of saves without fence',
    patches: [{ file: SETTLEMENT, find: ' AND k.lease_token = x.token', put: '' }],
    spec: 'test/inbox/settlement-group-commit.spec.ts',
    test: 'are each behind the fence',
  },
  {
    name: 'group commit that waits for whoever holds a row',
    patches: [
      { file: SETTLEMENT, find: 'FOR NO KEY UPDATE OF k SKIP LOCKED', put: 'FOR NO KEY UPDATE OF k' },
    ],
    spec: 'test/inbox/settlement-group-commit.spec.ts',
    test: 'do not wait for one whose row is held',
  },
  {
    name: 'group commit that takes what it has not settled for settled',
    patches: [
      {
        file: 'src/inbox/settlement-group-commit.ts',
        find: 'if (settled.has(request.token))',
        put: 'if (settled.size > 0)',
      },
    ],
    spec: 'test/inbox/settlement-group-commit.spec.ts',
    test: 'are not settled where the token changes',
  },
  {
    name: 'group commit repeated one by one behind a loss',
    patches: [
      {
        file: 'src/inbox/settlement-group-commit.ts',
        find: 'else if (this.losses === lossesBefore)',
        put: 'else if (this.losses >= lossesBefore)',
      },
    ],
    spec: 'test/inbox/settlement-group-commit.spec.ts',
    test: 'are not settled one by one behind a loss',
  },
  {
    name: 'retention that deletes what an open replay is to send',
    patches: [
      {
        file: 'src/maintenance/retention.store.ts',
        find: 'WHERE p.finished_at IS NULL AND p.next_position <= p.to_position',
        put: 'WHERE false AND p.next_position <= p.to_position',
      },
    ],
    spec: 'test/maintenance/retention.spec.ts',
    test: 'keeps what a replay that is not finished has still to look at',
  },
  {
    name: 'attempts counted after the run',
    patches: [
      {
        file: CLAIM,
        find: "SET status = 'processing', attempt_count = i.attempt_count + 1,",
        put: "SET status = 'processing',",
      },
      {
        file: CLAIM,
        find: 'i.position, i.attempt_count AS attempt,',
        put: 'i.position, i.attempt_count + 1 AS attempt,',
      },
      {
        file: SETTLEMENT,
        find: "i.status = 'processing' AND i.attempt_count = x.attempt",
        put: "i.status = 'processing' AND i.attempt_count = x.attempt - 1",
      },
    ],
    spec: 'test/delivery/retries.spec.ts',
    test: 'counts an attempt before it runs',
  },
  {
    name: 'release without saving',
    patches: [
      { file: WORKER, find: 'await this.flushes.flushRest(deadline);', put: '' },
      {
        file: WORKER,
        find: 'return finished && this.flushes.isIdle && this.lease',
        put: 'return finished && this.lease',
      },
    ],
    spec: 'test/module/shutdown.spec.ts',
    test: 'saves what they did, begins no other, and gives the lease back',
  },
  {
    name: 'takeover in one statement',
    patches: [
      { file: CURSOR, find: 'FOR UPDATE OF f SKIP LOCKED', put: 'FOR UPDATE OF f' },
      {
        file: CURSOR,
        find: 'AS unread\n      )\n      SELECT described::text',
        put: `AS unread
      ), marked AS (
        UPDATE \${this.inbox} i SET status = 'failed', available_at = clock_timestamp() FROM claimed
        WHERE i.consumer_name = claimed.described->>'consumerName' AND i.partition = (claimed.described->>'partition')::int
          AND i.status = 'processing'
      )
      SELECT described::text`,
      },
      {
        file: INBOX,
        find: ' ): Promise<number> {\n    // The claim wrote',
        put: ' ): Promise<number> {\n    if (mine.length === 0) return 0;\n    // The claim wrote',
      },
    ],
    spec: 'test/inbox/rows-of-former-owners.spec.ts',
    test: 'is found although its last claim commits while the takeover is under way',
  },
  {
    name: 'token checked before the inbox row',
    patches: [
      {
        file: HOST_TRANSACTION,
        find: ENTER,
        put: `if (!(await this.holdsLease())) return { isNew: true, isHeld: false };\n    ${ENTER}`,
      },
      {
        file: HOST_TRANSACTION,
        find: 'isHeld: inserted && (await this.holdsLease())',
        put: 'isHeld: inserted',
      },
    ],
    spec: 'test/delivery/transactional.spec.ts',
    test: 'with its transaction open and no row yet',
  },
  {
    name: 'a first statement that a BEGIN which fails does not keep from running',
    patches: [
      {
        file: 'src/database/wire/opening-message.ts',
        find: 'wire.execute();\n      }',
        put: 'wire.execute();\n        wire.sync();\n      }',
      },
    ],
    spec: 'test/database/engine-client.spec.ts',
    test: 'does not run where BEGIN fails',
  },
  {
    name: 'a first statement that waits for BEGIN',
    patches: [
      {
        file: 'src/database/clients/engine-transaction.ts',
        find: 'opens && isPrepared(this.connection, opening)',
        put: 'false',
      },
    ],
    spec: 'test/database/engine-client.spec.ts',
    test: 'travels with BEGIN, once that is prepared',
  },
  {
    name: 'a transaction that keeps its connection until COMMIT is answered, though others wait for it',
    patches: [
      {
        file: 'src/database/clients/engine-client.ts',
        find: 'this.connections.waitingCount > 0',
        put: 'false',
      },
    ],
    spec: 'test/database/engine-client.spec.ts',
    test: 'sends its COMMIT in one message with the beginning of the next',
  },
  {
    name: 'a transaction with others behind it that is believed to have committed',
    patches: [
      {
        file: 'src/database/clients/engine-transaction.ts',
        find: "if (command !== 'COMMIT') throw swallowedError();",
        put: '',
      },
    ],
    spec: 'test/database/engine-client.spec.ts',
    test: 'is told what became of it, and none of the others is',
  },
  {
    name: 'what was read is handed on without a copy',
    patches: [
      {
        file: 'src/database/wire/large-read-socket.ts',
        find: 'Buffer.from(arrived.subarray(0, length))',
        put: 'Buffer.from(arrived.buffer, arrived.byteOffset, length)',
      },
    ],
    spec: 'src/database/wire/large-read-socket.spec.ts',
    test: 'nothing of it changes with what is read later',
  },
  {
    name: 'a handler that ran ahead commits unasked',
    patches: [
      {
        file: RUNNER,
        find: "await entered;\n    if (attempt.isAbandoned) run.rollBack(givenUp(attempt));\n    if (this.crashes('after-handler'",
        put: "if (this.crashes('after-handler'",
      },
    ],
    spec: 'test/delivery/transactional.spec.ts',
    test: 'where its inbox row is there all the same and it writes',
  },
  {
    name: 'the failure of a handler that ran ahead is believed',
    patches: [{ file: RUNNER, find: 'await entered;\n      // A statement', put: '// A statement' }],
    spec: 'test/delivery/transactional.spec.ts',
    test: 'is not to blame where its transaction cannot be entered and it fails for a reason of its own',
  },
  {
    name: 'a handler runs ahead where a former owner may have begun',
    patches: [
      {
        file: 'src/delivery/suspects/crash-recovery.ts',
        find: 'this.begunBelow = cursor.readUpto ?? 0;',
        put: 'this.begunBelow = 0;',
      },
    ],
    spec: 'test/delivery/transactional.spec.ts',
    test: 'is called no sooner where another owner may have begun it',
  },
  {
    name: 'a handler runs ahead once more',
    patches: [{ file: TRANSACTION, find: 'delivery.isNew = false;', put: '' }],
    spec: 'test/delivery/transactional.spec.ts',
    test: 'is called while its inbox row is not in yet, at its first attempt',
  },
  {
    name: 'a handler runs ahead under a lease that has passed',
    patches: [{ file: TRANSACTION, find: ' && this.lease.isValid()', put: '' }],
    spec: 'test/delivery/transactional.spec.ts',
    test: 'before its transaction began',
  },
  {
    name: 'rows claimed ahead whatever their size',
    patches: [{ file: CLAIM, find: 'OR sized.bytes <= ', put: 'OR true OR sized.bytes <= ' }],
    spec: 'test/inbox/many-due-rows.spec.ts',
    test: 'takes rows beyond the places only as far as',
  },
  {
    name: 'a save that compares each of its rows with each that is processing',
    patches: [
      {
        file: SETTLEMENT,
        find: "CASE WHEN i.status = 'processing' AND i.attempt_count = x.attempt THEN true ELSE false END",
        put: "i.status = 'processing' AND i.attempt_count = x.attempt",
      },
    ],
    spec: 'test/inbox/many-due-rows.spec.ts',
    test: 'find their rows by their ids',
  },
  {
    name: 'rows claimed in a run behind one that does more than wait',
    patches: [{ file: CLAIM, find: 'AND run.unbroken', put: 'AND true' }],
    spec: 'test/inbox/simulated-inbox.fuzz.ts',
    test: 'answers and holds what the stores do on a database',
  },
  {
    name: 'repeatable read accepted in the handler’s transaction',
    patches: [
      {
        file: TRANSACTION,
        find: "if (isolation === 'read committed') return;",
        put: "if (isolation !== '') return;",
      },
      { file: INBOX, find: " WHERE isolation = 'read committed'", put: '' },
    ],
    spec: 'test/delivery/transactional.spec.ts',
    test: 'a client that opens repeatable read is told so',
  },
  {
    name: 'settle overwrites processed',
    patches: [
      {
        file: SETTLEMENT,
        find: 'DO UPDATE SET status = i.status\n',
        put: 'DO UPDATE SET status = EXCLUDED.status, attempt_count = EXCLUDED.attempt_count, available_at = EXCLUDED.available_at\n',
      },
    ],
    spec: 'test/delivery/transactional.spec.ts',
    test: 'are there once where the commit takes longer than the deadline',
  },
  {
    name: 'transactional handler without its inbox row',
    patches: [
      {
        file: OWN_TRANSACTION,
        find: INSERTED,
        put: `${DELETE_ROW}\n    return { isNew: true, isHeld: held === 1 };`,
      },
      {
        file: HOST_TRANSACTION,
        find: ENTER,
        put: `const isolation = 'read committed';\n      const start = undefined;\n      const inserted = true;`,
      },
    ],
    spec: 'test/delivery/transactional.spec.ts',
    test: 'are there once where the process forgets everything between the commit and the save',
  },
  {
    name: "batch settled outside its handler's transaction",
    patches: [
      {
        file: TRANSACTION,
        find: 'if (!attempt.settlesPositions) return undefined;',
        put: 'if (attempt.deliveries.length > 0) return undefined;',
      },
      {
        file: 'src/delivery/partition/attempt-settler.ts',
        find: "if (outcome.kind === 'processed' && attempt.settlesPositions) {",
        put: "if (outcome.kind === 'processed' && attempt.deliveries.length === 0) {",
      },
    ],
    spec: 'test/delivery/batch.spec.ts',
    test: 'happen once where the process forgets everything right after the commit',
  },
  {
    name: 'stalled transactions not ended by the server',
    patches: [
      {
        file: INBOX,
        find: "set_config('idle_in_transaction_session_timeout', $7, true)",
        put: "set_config('idle_in_transaction_session_timeout', coalesce('0', $7), true)",
      },
    ],
    spec: 'test/delivery/transactional.spec.ts',
    test: 'in its handler, for good: the server ends its transaction',
  },
  {
    name: 'retention ignores what consumers have unread',
    patches: [{ file: 'src/maintenance/retention.store.ts', find: ' - held.positions', put: '' }],
    spec: 'test/maintenance/retention.spec.ts',
    test: 'keeps what some consumer has not read',
  },
  {
    name: 'a sweep that waits for whoever is prepared, one after the other',
    patches: [
      {
        file: 'src/inbox/cursor-reader.ts',
        find: 'areGone && prepared?.size === 0',
        put: 'areGone && !writers.some(isPrepared)',
      },
    ],
    spec: 'test/inbox/cursor-plays.spec.ts',
    test: 'is not held up by two-phase commits',
  },
  {
    name: 'very many holes asked for in one statement',
    patches: [
      {
        file: 'src/log/outbox-log.store.ts',
        find: 'const MOST_RANGES = 10_000;',
        put: 'const MOST_RANGES = 10_000_000;',
      },
    ],
    spec: 'test/inbox/many-holes.spec.ts',
    test: 'by statements none of which asks for too many',
  },
  {
    name: 'very many holes saved like a few',
    patches: [
      {
        file: 'src/inbox/unflushed.ts',
        find: 'const MANY_RANGES = 1_000;',
        put: 'const MANY_RANGES = 10_000_000;',
      },
    ],
    spec: 'src/inbox/flush-writer.spec.ts',
    test: 'is saved by itself, in parts',
  },
  {
    name: 'a position drawn for a key that is known',
    patches: [
      {
        file: 'src/outbox/outbox-event.store.ts',
        find: "WHERE ${isNew('$10::text')} ${ONCE}",
        put: '${ONCE}',
      },
    ],
    spec: 'test/outbox/publishing.spec.ts',
    test: 'burns no position where its event is committed',
  },
  {
    name: 'texts of an event that are put between quotes as they are',
    patches: [
      {
        file: 'src/log/log-entry.ts',
        find: 'JSON.stringify([id, eventName, eventVersion, sourceModule, aggregateType, aggregateId])',
        put: '`["${[id, eventName, eventVersion, sourceModule, aggregateType, aggregateId].join(\'","\')}"]`',
      },
    ],
    spec: 'test/database/pg-sql-client.spec.ts',
    test: 'keeps every character',
  },
  {
    name: 'a refusal of the server that passes for an answer',
    patches: [
      {
        file: 'src/database/wire/value-query.ts',
        find: 'this.callback(error);',
        put: 'this.callback(null, error === undefined ? null : this.value);',
      },
    ],
    spec: 'test/database/pg-sql-client.spec.ts',
    test: 'what the server refuses',
  },
  {
    name: 'a COMMIT that waits for a silent server for ever',
    patches: [
      {
        file: 'src/database/clients/engine-transaction.ts',
        find: "await this.answered(this.connection.query('COMMIT'))",
        put: "await this.connection.query('COMMIT')",
      },
    ],
    spec: 'test/database/engine-client.spec.ts',
    test: 'gives up a COMMIT that a silent server does not answer',
  },
  {
    name: 'another pg than was tested, whose insides are used all the same',
    patches: [
      {
        file: 'src/database/wire/self-test.ts',
        find: 'if (missing.length > 0) takePlainWay(this.client);',
        put: '',
      },
    ],
    spec: 'test/database/other-pg.spec.ts',
    test: 'notices a transaction that has ended itself',
  },
  {
    name: 'connections that a silent server keeps open',
    patches: [
      {
        file: 'src/database/open-connections.ts',
        find: 'for (const client of this.pooled) cutOff(client);',
        put: '',
      },
    ],
    spec: 'test/database/engine-database.spec.ts',
    test: 'ends every connection though the server has fallen silent',
  },
  {
    name: 'a thread that had no time for an answer and says that there was none',
    patches: [
      {
        file: 'src/database/wire/answer-within.ts',
        find: 'if (!hasEnded) reject(late());\n        });',
        put: '});\n        reject(late());',
      },
    ],
    spec: 'src/database/wire/answer-within.spec.ts',
    test: 'that arrived while the thread had no time for it is in time',
  },
  {
    name: 'handlers that end at once and never let the event loop turn',
    patches: [
      {
        file: 'src/delivery/execution/concurrency-limiter.ts',
        find: 'this.begunInThisTurn < this.mostInThisTurn',
        put: 'this.begunInThisTurn < Number.POSITIVE_INFINITY',
      },
    ],
    spec: 'test/delivery/order.spec.ts',
    test: 'leave the event loop its turns',
  },
  {
    name: 'sessions of a server that was replaced go on',
    patches: [
      {
        file: 'src/database/connection/one-server.ts',
        find: 'for (const end of this.sessions.values()) end();',
        put: '',
      },
    ],
    spec: 'test/database/replaced-server.spec.ts',
    test: 'is left with all connections when one of "nestjs-integration heartbeat" is cut',
  },
  {
    name: 'statement sent to another server than it was put together for',
    patches: [
      {
        file: 'src/database/engine-database.ts',
        find: 'if (server.moves !== moves)',
        put: 'if (server.moves < 0)',
      },
    ],
    spec: 'test/database/replaced-server.spec.ts',
    test: 'that waited for its connection until another server was found is not sent',
  },
  {
    name: "batch in a transaction of another server than the engine's",
    patches: [{ file: CURSOR, find: 'if (row?.elsewhere === true)', put: 'if (row === null)' }],
    spec: 'test/database/replaced-server.spec.ts',
    test: 'whose client is with another server than the engine settles nothing there',
  },
  {
    name: "batch settled in another transaction than its handler's",
    patches: [{ file: CURSOR, find: 'AND ${TRANSACTION_START} = $5::text', put: 'AND $5::text IS NOT NULL' }],
    spec: 'test/delivery/ended-transactions.spec.ts',
    test: 'settles nothing in another one: the event at fault is found (COMMIT; BEGIN, node-postgres)',
  },
  {
    name: 'a transaction that its handler has rolled back and that is taken for committed',
    patches: [
      {
        file: TRANSACTION,
        find: 'transactionStart !== undefined && start !== transactionStart',
        put: 'start === undefined',
      },
    ],
    spec: 'test/delivery/ended-transactions.spec.ts',
    test: 'has failed at each attempt, and is told why: ROLLBACK (node-postgres)',
  },
  {
    name: 'an answer to ROLLBACK TO SAVEPOINT that is taken for the end of the transaction',
    patches: [
      {
        file: 'src/database/sql/transaction-ends.ts',
        find: '(this.hasRolledBack && this.tags.savepoints === this.savepoints)',
        put: 'this.hasRolledBack',
      },
    ],
    spec: 'test/delivery/ended-transactions.spec.ts',
    test: 'has ended nothing (no client)',
  },
  {
    name: 'a failed COMMIT that is always taken for the infrastructure’s',
    patches: [
      {
        file: RUNNER,
        find: 'hasResolved ? isFailureOfCommit(error) : isAborted(error)',
        put: '!hasResolved && isAborted(error)',
      },
    ],
    spec: 'test/delivery/failed-attempts.spec.ts',
    test: 'P0001 raised at COMMIT (node-postgres)',
  },
  {
    name: 'a batch whose COMMIT failed and that stays whole',
    patches: [
      {
        file: RUNNER,
        find: 'if (!isOfTheEvent) return',
        put: 'if (!isOfTheEvent || attempt.isBatch) return',
      },
    ],
    spec: 'test/delivery/failed-attempts.spec.ts',
    test: 'is split: the others are handled, and it fails alone (P0001, node-postgres)',
  },
  {
    name: 'one value too many that is taken for a lost connection',
    patches: [
      { file: 'src/database/connection/connection-loss.ts', find: ' && !isOfOneStatement(said)', put: '' },
    ],
    spec: 'test/delivery/failed-attempts.spec.ts',
    test: 'in no transaction of ours (node-postgres)',
  },
  {
    name: 'an attempt judged by what the host’s client throws',
    patches: [
      {
        file: RUNNER,
        find: "if (run?.state.kind === 'rolled-back') return run.state.outcome;\n    const ended",
        put: 'const ended',
      },
    ],
    spec: 'test/delivery/failed-attempts.spec.ts',
    test: 'hides what failed: a handler that throws has failed (node-postgres)',
  },
  {
    name: 'a transaction taken for committed because its client resolved',
    patches: [{ file: RUNNER, find: 'run !== undefined && result === run', put: 'run !== undefined' }],
    spec: 'test/delivery/failed-attempts.spec.ts',
    test: 'swallows the error of a COMMIT',
  },
  {
    name: 'position that was left behind is handed out unnoticed',
    patches: [
      {
        file: 'src/outbox/domain-event-publisher.ts',
        find: 'if (result.position < tail && !result.duplicate) await this.sequence.verifySequence();',
        put: '',
      },
    ],
    spec: 'test/outbox/sequence-behind.spec.ts',
    test: 'fails publishing with the statement that mends it',
  },
  {
    name: 'cursor of an emptied log begins anew behind what was published meanwhile',
    patches: [
      {
        file: 'src/inbox/sequence.store.ts',
        find: '(int8multirange(int8range(1, NULL)) - coalesce',
        put: '(int8multirange(int8range($1, NULL)) - coalesce',
      },
    ],
    spec: 'test/outbox/sequence-behind.spec.ts',
    test: 'loses nothing that was published before anybody could notice',
  },
  {
    name: 'sequence compared by publishers alone',
    patches: [
      {
        file: 'src/membership/lease-keeper.ts',
        find: 'if (snapshot.sequenceSuspect === true) this.sequence.compareSoon();',
        put: 'if (renew && snapshot.sequenceSuspect === undefined) this.sequence.compareSoon();',
      },
    ],
    spec: 'test/outbox/sequence-behind.spec.ts',
    test: 'fails publishing in a process without consumers too',
  },
  {
    name: 'long attempts: a report begins while another one is under way',
    patches: [
      { file: 'src/membership/long-attempt-reports.ts', find: 'if (this.isWriting) return;', put: '' },
    ],
    spec: 'src/membership/long-attempt-reports.spec.ts',
    test: 'are not sent while one is under way, and what has changed meanwhile is in the next',
  },
  {
    name: 'long attempts: a report for each attempt that begins or ends',
    patches: [
      {
        file: 'src/membership/long-attempt-reports.ts',
        find: 'const LOOK_EVERY_MS = 1_000;',
        put: 'const LOOK_EVERY_MS = 10;',
      },
    ],
    spec: 'src/membership/long-attempt-reports.spec.ts',
    test: 'are at most one a second, however many attempts begin and end',
  },
  {
    name: 'beat that waits for the row of its process',
    patches: [
      {
        file: 'src/membership/beat/integration-process.store.ts',
        find: '$5::boolean FOR NO KEY UPDATE SKIP LOCKED)',
        put: '$5::boolean FOR NO KEY UPDATE)',
      },
    ],
    spec: 'test/membership/process-service.spec.ts',
    test: 'keeps its leases while somebody holds its row, and says what runs after that',
  },
  {
    name: 'beat that found its row held, taken as told',
    patches: [{ file: 'src/membership/lease-keeper.ts', find: ' && snapshot.isTold;', put: ';' }],
    spec: 'test/membership/process-service.spec.ts',
    test: 'makes up at once for a beat that has found its row held',
  },
  {
    name: 'why not yet: a pause is said before the attempt that runs',
    patches: [
      {
        file: 'src/status/why-reason.ts',
        find: `    runs(known) ??
    cannotBegin(known.cursor) ??`,
        put: `    cannotBegin(known.cursor) ??
    runs(known) ??`,
      },
    ],
    spec: 'src/status/why-reason.spec.ts',
    test: 'is the first of several that hold at once',
  },
  {
    name: 'newcomer that waits for the lease of a killed process',
    patches: [
      {
        file: 'src/membership/beat/failure-detector.ts',
        find: 'if (signedInToThisRun || this.seenAlive.has(id))',
        put: 'if (this.seenAlive.has(id))',
      },
    ],
    spec: 'src/membership/beat/failure-detector.spec.ts',
    test: 'is dead for somebody who came later as well',
  },
  {
    name: 'server that crashed taken for the same run',
    patches: [
      {
        file: 'src/membership/beat/integration-process.store.ts',
        find: 'p.server_started = pg_postmaster_start_time() AND p.server_pids && ${SERVERS_OWN_PIDS}',
        put: 'p.server_started = pg_postmaster_start_time()',
      },
    ],
    spec: 'test/membership/early-takeover.spec.ts',
    test: 'names the run of the server: another one than after a restart, and than after a crash',
  },
  {
    name: 'newcomer that judges after one look',
    patches: [
      {
        file: 'src/membership/beat/failure-detector.ts',
        find: 'if (now - since < LOOKS_APART_MS) continue;',
        put: '',
      },
    ],
    spec: 'src/membership/beat/failure-detector.spec.ts',
    test: 'is dead for somebody who came later as well',
  },
  {
    name: 'renewal that waits for whoever holds a row',
    patches: [
      {
        file: 'src/membership/beat/cursor-beat.store.ts',
        find: 'lease_token = ANY ($3::uuid[]) FOR NO KEY UPDATE SKIP LOCKED',
        put: 'lease_token = ANY ($3::uuid[]) ORDER BY consumer_name, partition FOR UPDATE',
      },
    ],
    spec: 'test/delivery/locked-rows.spec.ts',
    test: 'the cursor of one consumer: no other consumer drops anything',
  },
  {
    name: 'killers of the server that get their attempts back',
    patches: [
      {
        file: 'src/delivery/worker/retry-loop.ts',
        find: 'cutOff ? entered.of(this.context.consumer.name).countedAttempts : []',
        put: '[]',
      },
    ],
    spec: 'test/delivery/handlers-that-end-their-session.spec.ts',
    test: 'is a dead letter after a stated number of crashes',
  },
  {
    name: 'killers that are counted with their lease, and forgotten with it',
    patches: [
      {
        file: 'src/delivery/partition/partition.ts',
        find: 'parts.entered.of(consumerName)',
        put: 'parts.entered.of(String(performance.now()))',
      },
    ],
    spec: 'test/delivery/handlers-that-end-their-session.spec.ts',
    test: 'is a dead letter after a stated number of crashes',
  },
  {
    name: 'two events of one aggregate taken out of their queue at once',
    patches: [
      {
        file: 'src/delivery/partition/aggregate-queues.ts',
        find: 'const next = queue.running > 0 ? undefined : queue.entries[0];',
        put: 'const next = queue.entries[0];',
      },
    ],
    spec: 'src/delivery/partition/partition.spec.ts',
    test: 'loses no event',
  },
  {
    name: 'an event released by the save that writes it down as waiting',
    patches: [
      {
        file: 'src/delivery/partition/blocked-queues.ts',
        find: "hold.kind === 'open' || hold.isRowUnsaved",
        put: "hold.kind === 'open'",
      },
    ],
    spec: 'src/delivery/partition/partition.spec.ts',
    test: 'loses no event',
  },
  {
    name: 'killers that no batch is taken apart for',
    patches: [
      {
        file: 'src/delivery/partition/attempt-settler.ts',
        find: '(isOfOneEvent(outcome) || this.isToBeDivided(attempt, outcome))',
        put: 'isOfOneEvent(outcome)',
      },
      {
        file: 'src/delivery/partition/attempt-settler.ts',
        find: 'if (!attempt.deliveries.some((each) => entered.mustBeSingle(each))) return false;',
        put: 'return false;',
      },
    ],
    spec: 'test/delivery/handlers-that-end-their-session.spec.ts',
    test: 'is found in a batch',
  },
  {
    name: 'an outage that speaks against its events',
    patches: [
      {
        file: 'src/delivery/partition/entered-events.ts',
        find: '(known === undefined || othersEnded > known.othersEnded)',
        put: 'true',
      },
    ],
    spec: 'test/delivery/handlers-that-end-their-session.spec.ts',
    test: 'to another one than the host’s, counts against no event',
  },
  {
    name: 'a group of suspects that runs before the cursor knows it',
    patches: [
      {
        file: 'dist/delivery/suspects/crash-recovery.js',
        find: 'return this.cursors.saveSuspectsBelow(this.lease.key, this.lease.token, below);',
        put: 'return Promise.resolve(below > 0);',
      },
    ],
    spec: 'test/delivery/batches-that-end-the-process.spec.ts',
    test: 'is found by halves',
  },
  {
    name: 'suspects of a consumer of batches that all run in one group',
    patches: [
      {
        file: 'dist/delivery/suspects/suspect-runs.js',
        find: 'Math.ceil(rest.length / 2)',
        put: 'rest.length',
      },
    ],
    spec: 'test/delivery/batches-that-end-the-process.spec.ts',
    test: 'is found by halves',
  },
  {
    name: 'suspects that run though the host’s database does not answer',
    patches: [
      {
        file: 'src/delivery/partition/partition.ts',
        find: 'attempt.asksHost = !delivery.subscription.transactional && this.entered.isSuspect(delivery);',
        put: '',
      },
    ],
    spec: 'test/delivery/handlers-that-end-their-session.spec.ts',
    test: 'to the host’s, counts against no event',
  },
  {
    name: 'names added: the owner is fenced off in the midst of its work',
    patches: [
      {
        file: 'src/registration/hand-over.store.ts',
        find: 'p.id = k.lease_owner AND k.lease',
        put: 'false AND k.lease',
      },
    ],
    spec: ROLLING,
    test: 'takes the consumer over when the running handler of the former owner has ended',
  },
  {
    name: 'names added: the owner passes over what it reads while it hands over',
    patches: [
      {
        file: 'src/delivery/partition/partition.ts',
        find: 'if (this.isClosed) return;\n    this.arrivals.page',
        put: 'this.arrivals.page',
      },
      {
        file: 'src/delivery/worker/page-loop.ts',
        find: 'if (this.partition.isClosed) return false;',
        put: '',
      },
    ],
    spec: ROLLING,
    test: 'takes the consumer over when the running handler of the former owner has ended',
  },
  {
    name: 'names added: nobody waits until the owner reads no more',
    patches: [
      {
        file: 'src/registration/consumer-registration.ts',
        find: 'if (readOn.length > 0)',
        put: 'if (false)',
      },
    ],
    spec: ROLLING,
    test: 'boots when the former owner reads no more',
  },
  {
    name: 'names added: an owner by the old names claims by what it saw before',
    patches: [
      {
        file: 'src/delivery/consumer-workers.ts',
        find: ' || !consumer.handlesAll(cursor.eventNames)',
        put: '',
      },
    ],
    spec: ROLLING,
    test: 'gives the consumer back',
  },
  {
    name: 'names added: handlers with a long deadline are cut short',
    patches: [
      {
        file: 'src/delivery/consumer-workers.ts',
        find: 'consumer.longestTimeoutMs(handlerTimeoutMs)',
        put: 'Math.min(consumer.longestTimeoutMs(handlerTimeoutMs), handlerTimeoutMs)',
      },
    ],
    spec: ROLLING,
    test: 'waits for a handler whose consumer gives it more time than others have',
  },
  {
    name: 'migrations of an extension applied among those of the engine, by their dates',
    patches: [
      {
        file: 'src/database/migrations/migration-files.ts',
        find: 'return (await Promise.all([own, ...added].map(readLine))).flat();',
        put: `const files = (await Promise.all([own, ...added].map(readLine))).flat();
  return files.sort((a, b) => (folderNameOf(a.name) < folderNameOf(b.name) ? -1 : 1));`,
      },
    ],
    spec: EXTENSIONS,
    test: 'and its line is left alone by who does not have it',
  },
  {
    name: 'tasks of extensions that nobody does',
    patches: [
      {
        file: 'src/module/maintenance.providers.ts',
        find: '...tasksOf(extensions, { db, settings, tasks, application }),',
        put: '',
      },
    ],
    spec: EXTENSIONS,
    test: 'has a task that the maintenance does with its own',
  },
  {
    name: 'checks of extensions that doctor does not make',
    patches: [
      {
        file: 'src/module/extension.ts',
        find: 'extensions.flatMap(({ checks }) => checks?.(tools) ?? [])',
        put: '[]',
      },
    ],
    spec: EXTENSIONS,
    test: 'is known to the commands: migrate, settings, doctor',
  },
  {
    name: "an extension that takes the name of the engine's own settings",
    patches: [{ file: 'src/module/extension.ts', find: ' || name === TAKEN', put: '' }],
    spec: EXTENSIONS,
    test: 'is refused where its name is none, or is taken',
  },
  {
    name: 'operations: a process that was given up goes on',
    patches: [
      {
        file: 'src/changes/operations/operation-work.store.ts',
        find: "AND lease_token = $2::uuid AND state = 'running' FOR UPDATE",
        put: "AND ($2::uuid IS NOT NULL) AND state = 'running' FOR UPDATE",
      },
    ],
    spec: OPERATIONS,
    test: 'change nothing where another process takes them over between a look and the change',
  },
  {
    name: 'operations: the place is not noted, and the next process begins at the beginning',
    patches: [
      {
        file: 'src/changes/operations/operation-work.store.ts',
        find: 'await this.note(session, operation, changed, chosen.last ?? place);',
        put: 'await this.note(session, operation, 0, place);',
      },
    ],
    spec: OPERATIONS,
    test: 'take over from one that died, and what it still sends changes nothing',
  },
  {
    name: 'operations: a portion is as large as ever while failures are awaited',
    patches: [
      {
        file: 'src/changes/operations/pacing.ts',
        find: 'return { most: Math.max(0, Math.min(underWay, mayFail) - pending) };',
        put: 'return { most: 500 };',
      },
    ],
    spec: OPERATIONS,
    test: 'stops by itself after so many failures, and has sent no more than could fail',
  },
  {
    name: 'operations: a redrive grows whatever becomes of its events',
    patches: [
      {
        file: 'src/changes/operations/pacing.ts',
        find: 'GROWTH * succeeded',
        put: 'GROWTH * sent',
      },
    ],
    spec: OPERATIONS,
    test: 'grows no further while nothing becomes of its events',
  },
  {
    name: 'operations: a plan is run however much has come since',
    patches: [
      {
        file: 'src/changes/operations/operation-checks.ts',
        find: 'now.events > operation.plannedEvents * PLAN_GROWTH',
        put: 'now.events < 0',
      },
    ],
    spec: OPERATIONS,
    test: 'is refused when it is old, when it has been outgrown, and when it was run',
  },
  {
    name: 'spans: handlers run outside of their span',
    patches: [
      {
        file: 'src/telemetry/spans.ts',
        find: 'private readonly span: Span,\n    private readonly around: Context,\n  ) {}\n\n  run<R>(fn: () => R): R {\n    return context.with(this.around, fn);',
        put: 'private readonly span: Span,\n    private readonly around: Context,\n  ) {}\n\n  run<R>(fn: () => R): R {\n    return fn();',
      },
    ],
    spec: SPANS,
    test: 'begins a new trace, linked to the publisher, and holds what the handler does',
  },
  {
    name: 'spans: a retry goes on in the trace of the publisher',
    patches: [
      {
        file: 'src/telemetry/spans.ts',
        find: ' && attempt === 1 && claim === undefined',
        put: '',
      },
    ],
    spec: SPANS,
    test: 'continues the trace of the publisher where that is asked for, in the first attempt alone',
  },
  {
    name: 'leases: a save does not look at the token',
    patches: [
      {
        file: LEASE_STORE,
        find: 'AND token = ${token}::text::bigint FOR KEY SHARE',
        put: 'AND ${token}::text IS NOT NULL FOR KEY SHARE',
      },
    ],
    spec: LEASES,
    test: 'under a former token, fenced by a condition of its statement, saves nothing',
  },
  {
    name: 'leases: a save does not hold the lease until it commits',
    patches: [
      {
        file: LEASE_STORE,
        find: '::text::bigint FOR KEY SHARE`',
        put: '::text::bigint OFFSET 0`',
      },
    ],
    spec: LEASES,
    test: 'that is under way is waited for: nobody takes the lease before it has committed',
  },
  {
    name: 'leases: a fence does not wait for a taking under way',
    patches: [
      {
        file: LEASE_STORE,
        find: '::text::bigint FOR KEY SHARE`',
        put: '::text::bigint OFFSET 0`',
      },
    ],
    spec: LEASES,
    test: 'that comes during a taking waits for it and saves nothing, also in a transaction that is READ COMMITTED',
  },
  {
    name: 'leases: a fence keeps renewals out',
    patches: [{ file: LEASE_STORE, find: '::text::bigint FOR KEY SHARE`', put: '::text::bigint FOR SHARE`' }],
    spec: LEASES,
    test: 'a save fenced by the first statement of its transaction is no obstacle for a renewal',
  },
  {
    name: 'leases: who asks for a lease passes over it while its owner saves',
    patches: [
      {
        file: LEASE_STORE,
        find: 'LIMIT $4 FOR NO KEY UPDATE SKIP LOCKED',
        put: 'LIMIT $4 FOR UPDATE SKIP LOCKED',
      },
    ],
    spec: LEASES,
    test: 'a save fenced by a condition of its statement is no obstacle for a renewal',
  },
  {
    name: 'leases: the token is no part of a key',
    patches: [
      {
        file: 'prisma/migrations/20261127200200_processes_and_settings/migration.sql',
        find: '("name", "token");',
        put: '("name") INCLUDE ("token");',
      },
    ],
    spec: LEASES,
    test: 'that comes during a taking waits for it and saves nothing, also in a transaction that is READ COMMITTED',
  },
  {
    name: 'leases: a fenced transaction may be idle for ever',
    patches: [
      {
        file: LEASE_STORE,
        find: "SELECT ${setIdleLimit('$3')} AS limited FROM",
        put: 'SELECT $3::text AS limited FROM',
      },
    ],
    spec: LEASES,
    test: 'a save fenced by the first statement of its transaction whose process says nothing more is ended by the server',
  },
  {
    name: 'leases: the idle limit of a fence overrides a stricter one of the host',
    patches: [
      {
        file: 'src/database/sql/idle-limit.store.ts',
        find: "WHEN ${current}::interval > interval '0' AND",
        put: 'WHEN false AND',
      },
    ],
    spec: LEASES,
    test: 'a save fenced by the first statement of its transaction limits how long its transaction may be idle',
  },
  {
    name: 'the save of a batch does not renew its lease',
    patches: [
      {
        file: CURSOR,
        find: 'last_progress_at = clock_timestamp(), ${KEEPS_LEASE}\n       WHERE consumer_name = $1 AND partition = $2::int',
        put: 'last_progress_at = clock_timestamp()\n       WHERE consumer_name = $1 AND partition = $2::int',
      },
    ],
    spec: KEPT_LEASES,
    test: 'keep the lease from the first commit on',
  },
  {
    name: 'a save sets the end of its lease and may make it shorter',
    patches: [
      {
        file: 'src/inbox/kept-lease.store.ts',
        find: "greatest(lease_expires_at, clock_timestamp() + lease_ms * interval '1 millisecond')",
        put: "clock_timestamp() + lease_ms * interval '1 millisecond'",
      },
    ],
    spec: KEPT_LEASES,
    test: 'a save of positions makes no lease shorter',
  },
  {
    name: 'an owner does not read how long its saves have made its lease',
    patches: [{ file: 'src/membership/lease-confirmation.ts', find: 'lease.seen(sentAt, leftMs);', put: '' }],
    spec: KEPT_LEASES,
    test: 'an owner goes on for as long as its saves have renewed its lease',
  },
  {
    name: 'leases: a taking keeps the token',
    patches: [{ file: LEASE_STORE, find: 'token = greatest(l.token + 1, ${now})', put: 'token = l.token' }],
    spec: LEASES,
    test: 'has a greater token with each taking',
  },
  {
    name: 'leases: tokens are counted without the time',
    patches: [
      { file: LEASE_STORE, find: 'token = greatest(l.token + 1, ${now})', put: 'token = l.token + 1' },
    ],
    spec: LEASES,
    test: 'has a greater token with each taking',
  },
  {
    name: 'leases: tokens are the time alone',
    patches: [{ file: LEASE_STORE, find: 'token = greatest(l.token + 1, ${now})', put: 'token = ${now}' }],
    spec: LEASES,
    test: 'has a greater token with each taking',
  },
  {
    name: 'leases: what was given back can still be saved under',
    patches: [
      {
        file: LEASE_STORE,
        find: 'SET owner = NULL, token = l.token + 1, expires_at',
        put: 'SET owner = NULL, expires_at',
      },
    ],
    spec: LEASES,
    test: 'that was given back fences off what its owner left behind',
  },
  {
    name: 'leases: a taking does not lock what it takes',
    patches: [{ file: LEASE_STORE, find: 'ORDER BY l.name FOR UPDATE SKIP LOCKED', put: 'ORDER BY l.name' }],
    spec: LEASES,
    test: 'at most one gets a name whose row somebody held when they came',
  },
  {
    name: 'leases: the clock of the process judges',
    patches: [
      {
        file: 'src/membership/beat/lease-beat.store.ts',
        find: 'l.owner IS NOT NULL AND l.expires_at <= clock_timestamp()',
        put: 'l.owner IS NOT NULL AND l.expires_at <= to_timestamp(${Date.now() / 1000})',
      },
    ],
    spec: 'test/membership/lease-service.spec.ts',
    test: 'in force is taken by nobody, even where the clock of a process is an hour fast',
  },
  {
    name: 'leases: another process takes over while the work here goes on',
    patches: [
      {
        file: 'src/membership/leases/named-leases.ts',
        find: "if (lost.has(name)) this.drop(want, lease, 'another process has it now, or its row is gone');\n      else if",
        put: 'if',
      },
    ],
    spec: 'test/membership/lease-service.spec.ts',
    test: 'that another process has taken is lost',
  },
  {
    name: 'secrets: bytes are not bound to their place',
    patches: [
      {
        file: 'src/secrets/sealing.ts',
        find: 'return Buffer.from(JSON.stringify(as));',
        put: 'return Buffer.from(String(as.length > 99));',
      },
    ],
    spec: SECRETS,
    test: 'cannot be opened in another place: tenant, owner, name, version and key are sealed with it',
  },
  {
    name: 'secrets: a data key is not bound to its tenant',
    patches: [
      {
        file: 'src/secrets/data-keys.ts',
        find: "return ['integration_data_key', dataKeyId, tenantId];",
        put: "return ['integration_data_key', dataKeyId && tenantId && ''];",
      },
    ],
    spec: SECRETS,
    test: 'may be wrapped by a service of its own, which gets what each is for',
  },
  {
    name: 'secrets: one version that cannot be opened hides the others',
    patches: [
      {
        file: 'src/secrets/secret.service.ts',
        find: 'if (opened.length === 0 && failed !== undefined) throw failed;',
        put: 'if (failed !== undefined) throw failed;',
      },
    ],
    spec: SECRETS,
    test: 'that cannot be opened is set aside and named by the doctor',
  },
  {
    name: 'secrets: whoever seals does not hold the key',
    patches: [
      {
        file: 'src/secrets/data-key.store.ts',
        find: 'WHERE tenant_id = $1 AND retired_at IS NULL FOR SHARE',
        put: 'WHERE tenant_id = $1 AND retired_at IS NULL',
      },
    ],
    spec: SECRETS,
    test: 'wait for who is sealing: nothing is left under the old key',
  },
  {
    name: 'secrets: a change of keys is not noted',
    patches: [{ file: 'src/secrets/key-rotation.ts', find: 'if (affected > 0)', put: 'if (affected < 0)' }],
    spec: SECRETS,
    test: 'leave who changed them, and why, in the audit',
  },
  {
    name: 'lines: cut before they are redacted',
    patches: [
      {
        file: 'src/delivery/partition/attempt-lines.ts',
        find: 'cut(this.redacted(level, text))',
        put: 'this.redacted(level, cut(text))',
      },
    ],
    spec: 'src/delivery/partition/attempt-lines.spec.ts',
    test: 'are redacted whole, before they are cut',
  },
  {
    name: 'lines: each look at the logger begins anew',
    patches: [
      {
        file: 'src/delivery/execution/line-keeping.ts',
        find: 'attempt.lines ??=',
        put: 'attempt.lines =',
      },
    ],
    spec: 'test/delivery/handler-lines.spec.ts',
    test: 'are all kept, however often the handler asks for its logger',
  },
  {
    name: 'lines: the mask is not asked',
    patches: [
      {
        file: 'src/admin/payload/hidden-values.ts',
        find: 'return (text) => withoutForms(text, forms, words);',
        put: 'return (text) => (forms.length < 0 ? withoutForms(text, forms, words) : text);',
      },
    ],
    spec: ATTEMPT_LINES,
    test: 'shows a hidden value in no answer, whole or cut',
  },
  {
    name: 'lines: the beginning of a hidden value stays where the line was cut',
    patches: [
      {
        file: 'src/admin/payload/hidden-values.ts',
        find: 'text.endsWith(CUT) ? withoutBeginning(text.slice(0, -CUT.length), forms) : text',
        put: 'text.endsWith(CUT) && forms.length < 0 ? withoutBeginning(text, forms) : text',
      },
    ],
    spec: 'src/admin/payload/hidden-values.spec.ts',
    test: 'has no beginning of a value at which it was cut',
  },
  {
    name: 'lines: a word of a hidden name stays where it stands alone',
    patches: [
      {
        file: 'src/admin/payload/hidden-values.ts',
        find: 'words.length > MOST_WORDS',
        put: 'words.length > 1',
      },
    ],
    spec: 'src/admin/payload/hidden-values.spec.ts',
    test: 'has no word of a short value that stands alone, and keeps the words of a long text',
  },
  {
    name: 'problems: the place in the code is a part of the cause',
    patches: [
      {
        file: 'src/delivery/partition/error-fingerprint.ts',
        find: 'const cause = `${classOf(error)}',
        put: 'const cause = `${ownFrame(error)}${classOf(error)}',
      },
    ],
    spec: 'test/problems/causes.spec.ts',
    test: 'that fail because one address refuses them are one problem, and another error is another one',
  },
  {
    name: 'search: each part asks anew where the log ends',
    patches: [
      {
        file: 'src/log/event-look.service.ts',
        find: 'last = await this.part(plan, limit - items.length,',
        put: 'last = await this.part(await this.planOf(filter, page), limit - items.length,',
      },
    ],
    spec: 'test/admin/events.spec.ts',
    test: 'are searched for as far as the log went at the beginning, however many are written meanwhile',
  },
  {
    name: 'lines: whoever may read events may read them',
    patches: [
      {
        file: 'src/admin/handlers/events.handlers.ts',
        find: "path: 'events/:id/lines',\n    action: 'payloads.read',",
        put: "path: 'events/:id/lines',\n    action: 'events.read',",
      },
    ],
    spec: ATTEMPT_LINES,
    test: 'is for those who may read payloads',
  },
  {
    name: 'rehearsals: the database lets a COMMIT of the handler pass',
    patches: [
      {
        file: 'src/delivery/rehearsals/rehearsal-transaction.store.ts',
        find: "VALUES ($1::text::uuid, 'fence',",
        put: "VALUES ($1::text::uuid, 'ended',",
      },
    ],
    spec: REHEARSALS,
    test: 'is refused, and leaves no row: COMMIT',
  },
  {
    name: 'rehearsals: one that succeeds is committed',
    patches: [
      {
        file: 'src/delivery/rehearsals/rehearsal-transaction.ts',
        find: 'this.running.hasSucceeded = true;\n    return PROCESSED;',
        put: 'this.running.hasSucceeded = true;\n    return undefined as never;',
      },
      {
        file: 'src/delivery/rehearsals/rehearsal-transaction.ts',
        find: "throw new Error('a rehearsal is never committed');",
        put: 'return undefined as never;',
      },
      {
        file: 'src/delivery/rehearsals/rehearsal-transaction.store.ts',
        find: "VALUES ($1::text::uuid, 'fence',",
        put: "VALUES ($1::text::uuid, 'ended',",
      },
    ],
    spec: REHEARSALS,
    test: 'leaves no row and no event',
  },
  {
    name: 'rehearsals: the handler publishes outside of its transaction',
    patches: [
      {
        file: 'src/database/sql/rehearsal-fence.store.ts',
        find: 'if (seen.length > 0) return;',
        put: 'if (seen.length >= 0) return;',
      },
    ],
    spec: REHEARSALS,
    test: 'cannot publish or link outside of its transaction',
  },
];
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: these are pieces of source.
