import { Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { AUTHOR_FIELDS, authorOf, type ChangeAuthor } from '../audit/change-author.js';
import { ConsumerService } from '../changes/consumer.service.js';
import { AdminDatabase } from '../database/admin-database.js';
import { EventLimits } from '../events/event-limits.js';
import { type EngineOfApplication, engineOf } from '../module/engine-of.js';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import { OutboxNotifier } from '../wakeups/outbox-notifier.js';
import {
  checkChoice,
  checkNames,
  checkText,
  checkUuid,
  invalidArgument,
  pageSizeOf,
} from '../words/argument-checks.js';
import { problemOfText } from '../words/text.js';
import { endSaga } from './saga-end.js';
import { LONGEST_KEY, unknownSaga } from './saga-errors.js';
import {
  SAGA_OUTCOMES,
  SAGA_STATUSES,
  type SagaFilter,
  type SagaHistoryEntry,
  type SagaInstance,
  type SagaOutcome,
  type SagaPage,
  type SagaPageRequest,
  type SagaSteps,
  type SagaTransition,
} from './saga-instance.js';
import { SagaLookStore } from './saga-look.store.js';
import { retrySaga } from './saga-retry.js';
import { sagaSettings } from './saga-settings.js';

const LONGEST_NAME = 127;

/** As what a saga ends, who ends it, and why. */
export interface EndSagaOptions extends ChangeAuthor {
  /** `undone` publishes what the saga has remembered with `onUndo`. */
  outcome: SagaOutcome;
}

/** Looks at sagas, and lets admins set them going again or end them. */
@Injectable()
export class SagasService {
  private readonly engine: EngineOfApplication;

  constructor(modules: ModuleRef) {
    this.engine = engineOf(modules, 'SagasModule');
  }

  /**
   * One saga, with its state and with what waits for it. Undefined if it has not begun, or was deleted long
   * after its end.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for a name or a key that no saga has
   */
  async get(name: string, key: string): Promise<SagaInstance | undefined> {
    checkWhich(name, key);
    return this.look.find(name, key);
  }

  /**
   * A page of sagas, those that began last first. Pages lose none and repeat none.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for an invalid filter or page
   */
  async list(filter: SagaFilter = {}, page: SagaPageRequest = {}): Promise<SagaPage> {
    checkNames('a field of a filter', filter, ['saga', 'status', 'step', 'tenantId', 'stuck']);
    checkNames('an option of a page', page, ['limit', 'after']);
    for (const field of ['saga', 'step', 'tenantId'] as const) checkText(field, filter[field], LONGEST_NAME);
    if (filter.status !== undefined) checkChoice('status', filter.status, SAGA_STATUSES);
    if (filter.stuck !== undefined) checkChoice('stuck', filter.stuck, [true, false]);
    checkUuid('after', page.after);
    return this.look.page(filter, { after: page.after, limit: pageSizeOf(page.limit) });
  }

  /**
   * How many active sagas are in which step, and since when. At most 100,000 are counted, those that have not
   * changed for longest.
   */
  async steps(): Promise<SagaSteps> {
    return this.look.steps();
  }

  /**
   * The ways from step to step that the sagas of a name have taken, those that were taken most often first.
   * At most 100, of the 1,000 sagas that began last, and of the first 100 entries of their histories.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for a name that no saga has
   */
  async transitions(name: string): Promise<SagaTransition[]> {
    checkName('name', name, LONGEST_NAME);
    return this.look.transitions(name);
  }

  /**
   * What a saga did, in its order.
   *
   * @throws IntegrationError INTEGRATION_SAGA_UNKNOWN
   */
  async history(name: string, key: string): Promise<SagaHistoryEntry[]> {
    checkWhich(name, key);
    const found = await this.look.find(name, key);
    if (found === undefined) throw unknownSaga(name, key);
    return this.look.history(found.id);
  }

  /**
   * Sends the dead letters of a saga again, at most 1,000: its timeouts, its events that have waited for too
   * long, and events whose aggregate has the key as its id. Resolves to their number. A dead letter of
   * another aggregate is sent again as that of every consumer is.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for an invalid argument
   */
  async retry(name: string, key: string, author: ChangeAuthor = {}): Promise<number> {
    checkWhich(name, key);
    checkNames('an option of retry', author, AUTHOR_FIELDS);
    const { engine } = this;
    const parts = { admin: engine.get(AdminDatabase), consumers: engine.get(ConsumerService) };
    return retrySaga(parts, { saga: name, key }, author);
  }

  /**
   * Ends a saga by hand. It waits for the step that runs at this moment. The saga's history and the audit say
   * who ended it, and why.
   *
   * @throws IntegrationError INTEGRATION_SAGA_UNKNOWN; INTEGRATION_SAGA_STATE if it has ended already
   */
  async end(name: string, key: string, options: EndSagaOptions): Promise<void> {
    checkWhich(name, key);
    checkNames('an option of end', options, ['outcome', ...AUTHOR_FIELDS]);
    const { outcome, ...author } = options;
    checkChoice('outcome', outcome, SAGA_OUTCOMES);
    const { engine } = this;
    const given = { saga: name, key, outcome, author: authorOf(author) };
    const { published } = await endSaga(engine.get(AdminDatabase), engine.get(EventLimits), given);
    if (published.length > 0)
      engine.get(OutboxNotifier).signal({ source: 'commit', eventNames: [...new Set(published)] });
  }

  private get look(): SagaLookStore {
    const { stuckAfterHours } = this.engine.get(IntegrationSettingsService).snapshotOf(sagaSettings);
    return new SagaLookStore(this.engine.get(AdminDatabase), stuckAfterHours);
  }
}

function checkWhich(name: unknown, key: unknown): void {
  for (const [field, value, most] of [
    ['name', name, LONGEST_NAME],
    ['key', key, LONGEST_KEY],
  ] as const)
    checkName(field, value, most);
}

function checkName(field: string, value: unknown, most: number): void {
  const problem = problemOfText(value, most);
  if (problem !== undefined) throw invalidArgument(`The ${field} of a saga ${problem}`, { field });
}
