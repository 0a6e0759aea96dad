import { setTimeout as wait } from 'node:timers/promises';
import { AUTHOR_FIELDS, authorOf, type ChangeAuthor } from '../../audit/change-author.js';
import type { AdminDatabase } from '../../database/admin-database.js';
import { IntegrationError } from '../../errors.js';
import type { IntegrationSettingsService } from '../../settings/integration-settings.service.js';
import type { SettingsView } from '../../settings/settings-view.js';
import { checkNames, checkText, checkUuid, invalidArgument } from '../../words/argument-checks.js';
import type { Rehearsal, RehearsalOutlook, RehearsedEvent } from './rehearsal.js';
import { type HandlingProcess, type RehearsalFacts, RehearsalStore } from './rehearsal.store.js';
import { linesSentenceOf, REHEARSAL_WARNING, sentenceOfRehearsal } from './rehearsal-sentences.js';

const LONGEST_CONSUMER_NAME = 127;
/** Milliseconds between two looks at a rehearsal whose end is awaited: the first, and the longest. */
const FIRST_LOOK_MS = 50;
const LOOK_MS = 1_000;

type Settings = Pick<IntegrationSettingsService, 'snapshot'> & SettingsView<'processingLeaseMs'>;

/**
 * Rehearses dead letters: a live process runs the handler once, in a transaction that is always rolled back,
 * and says what came of it. The dead letter stays as it is, no attempt is counted, and no event is published.
 * Calls to other services are not undone. It is for transactional handlers only, because of no other handler
 * anything could be rolled back.
 */
export class RehearsalService {
  private readonly store: RehearsalStore;

  constructor(
    db: AdminDatabase,
    private readonly settings: Settings,
  ) {
    this.store = new RehearsalStore(db);
  }

  /**
   * Tells what a rehearsal does, whether it would be refused, and which processes have the handler.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for an event that is not named
   */
  async outlook(event: RehearsedEvent): Promise<RehearsalOutlook> {
    checkEvent(event);
    const [facts, processes] = await this.lookAt(event);
    return {
      warning: REHEARSAL_WARNING,
      refusal: refusalOf(event, facts, processes)?.message ?? null,
      processes: [...processes],
    };
  }

  /**
   * Asks for a rehearsal, and notes that in the audit. It returns before a process has taken it: `get` says
   * how far it is. Whether the handler is transactional is known to that process only, so the result says it.
   *
   * @throws IntegrationError INTEGRATION_REHEARSAL_REFUSED if the event is no dead letter of this consumer,
   * if it may have ended a process, if the log no longer has it, or if no live process has the handler;
   * INTEGRATION_ADMIN_INVALID for an event that is not named
   */
  async start(event: RehearsedEvent, author: ChangeAuthor = {}): Promise<Rehearsal> {
    checkEvent(event);
    checkNames('an option of start', author, AUTHOR_FIELDS);
    const [facts, processes] = await this.lookAt(event);
    const refusal = refusalOf(event, facts, processes);
    if (refusal !== undefined || facts === undefined) throw refusal ?? refused(event, 'it is not known');
    return this.require(await this.store.ask(event, facts.position, authorOf(author)));
  }

  /** Undefined if there is no such rehearsal. They are kept for an hour. */
  async get(id: string): Promise<Rehearsal | undefined> {
    checkUuid('id', id);
    const found = await this.store.find(id);
    if (found === undefined) return undefined;
    return { ...found, sentence: sentenceOfRehearsal(found), linesSentence: linesSentenceOf(found) };
  }

  /** Starts a rehearsal and waits for its end, or until it is known that there will be none. */
  async rehearse(event: RehearsedEvent, author: ChangeAuthor = {}): Promise<Rehearsal> {
    let rehearsal = await this.start(event, author);
    for (let ms = FIRST_LOOK_MS; isOpen(rehearsal); ms = Math.min(LOOK_MS, ms * 2)) {
      await wait(ms);
      rehearsal = await this.require(rehearsal.id);
    }
    return rehearsal;
  }

  private async require(id: string): Promise<Rehearsal> {
    const found = await this.get(id);
    if (found !== undefined) return found;
    throw invalidArgument(`There is no rehearsal ${id} any more: was the table emptied?`, { field: 'id' });
  }

  private lookAt(event: RehearsedEvent) {
    const { processingLeaseMs } = this.settings.snapshot();
    return Promise.all([
      this.store.factsOf(event),
      this.store.processesOf(event.consumerName, processingLeaseMs),
    ]);
  }
}

/** Whether something may still come of it. */
function isOpen({ state }: Rehearsal): boolean {
  return state === 'asked' || state === 'running';
}

function checkEvent(event: RehearsedEvent): void {
  checkNames('a field of the event', event, ['outboxEventId', 'consumerName']);
  const { outboxEventId, consumerName } = event;
  checkUuid('outboxEventId', outboxEventId);
  checkText('consumerName', consumerName, LONGEST_CONSUMER_NAME);
  for (const field of ['outboxEventId', 'consumerName'] as const)
    if (event[field] === undefined)
      throw invalidArgument('Name one event of one consumer: give outboxEventId and consumerName', { field });
}

function refusalOf(
  event: RehearsedEvent,
  facts: RehearsalFacts | undefined,
  processes: readonly HandlingProcess[],
): IntegrationError | undefined {
  const why =
    facts === undefined || !facts.isDead
      ? 'it is not a dead letter there, and has not failed there for good'
      : !facts.isInLog
        ? 'the log does not have it any more'
        : facts.isSuspect
          ? 'its handler may have ended a process, and would do so once more. Read the history of its attempts, and send it again once the cause is gone: it then runs alone'
          : processes.length === 0
            ? `no live process has a handler of this consumer. Start one, or look at "processes list"`
            : undefined;
  return why === undefined ? undefined : refused(event, why);
}

function refused({ outboxEventId, consumerName }: RehearsedEvent, why: string): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_REHEARSAL_REFUSED',
    `Event ${outboxEventId} cannot be rehearsed for consumer "${consumerName}": ${why}. Nothing was run`,
    { outboxEventId, consumerName },
  );
}
