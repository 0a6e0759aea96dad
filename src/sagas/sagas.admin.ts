import { Injectable } from '@nestjs/common';
import type { AdminAddition } from '../admin/routes/admin-sections.js';
import type { Answering } from '../admin/routes/answering.js';
import { type Call, route } from '../admin/routes/route.js';
import { choice, flag, optional, text, uuid } from '../rest/field.js';
import { limit, PAGE_SIZE, reason } from '../rest/route.js';
import {
  FLAG,
  INTEGER,
  list,
  named,
  object,
  oneOf,
  orNull,
  pageOf,
  TEXT,
  TIME,
  UUID,
} from '../rest/schema.js';
import { LONGEST_KEY, unknownSaga } from './saga-errors.js';
import { SAGA_OUTCOMES, SAGA_STATUSES, type SagaInstance } from './saga-instance.js';
import { SagasService } from './sagas.service.js';

const LISTED = {
  saga: TEXT,
  key: TEXT,
  id: UUID,
  tenantId: TEXT,
  step: TEXT,
  status: oneOf(SAGA_STATUSES),
  version: INTEGER,
  steps: INTEGER,
  startedAt: TIME,
  changedAt: TIME,
  endedAt: orNull(TIME),
  stuck: FLAG,
};

const SagaPage = named('SagaPage', pageOf(object(LISTED)));

const Saga = named(
  'Saga',
  object({
    ...LISTED,
    timeouts: list(object({ name: TEXT, at: TIME })),
    undo: INTEGER,
    waiting: list(
      object({
        outboxEventId: UUID,
        position: INTEGER,
        eventName: TEXT,
        wanted: list(TEXT),
        until: TIME,
        releasedAt: orNull(TIME),
      }),
    ),
  }),
);

const SagaHistory = named(
  'SagaHistory',
  object({
    items: list(
      object({
        n: INTEGER,
        outboxEventId: orNull(UUID),
        name: TEXT,
        stepBefore: orNull(TEXT),
        stepAfter: TEXT,
        reason: orNull(TEXT),
        at: TIME,
      }),
    ),
  }),
);

const SagaSteps = named(
  'SagaSteps',
  object({
    steps: list(
      object({
        saga: TEXT,
        step: TEXT,
        sagas: INTEGER,
        oldestChangeAt: TIME,
        medianChangeAt: TIME,
        stuck: INTEGER,
      }),
    ),
    atLeast: FLAG,
  }),
);

const SagaTransitions = named(
  'SagaTransitions',
  object({
    items: list(
      object({
        from: orNull(TEXT),
        to: TEXT,
        outcome: orNull(oneOf(SAGA_OUTCOMES)),
        name: TEXT,
        times: INTEGER,
        lastAt: TIME,
      }),
    ),
  }),
);

const pathFields = {
  saga: text('The name of the saga.', 100),
  key: text('Its key.', LONGEST_KEY),
};
const target = ({ saga, key }: { readonly saga: string; readonly key: string }) => ({ saga, sagaKey: key });

const ROUTES = {
  list: route({
    method: 'GET',
    path: 'sagas',
    action: 'sagas.read',
    about: 'Sagas without their state, those that began last first.',
    query: {
      limit,
      after: optional(uuid('The `next` of the page before. Leave it out for the first page.')),
      saga: optional(text('The name of the saga.', 100)),
      status: optional(choice('How they stand.', SAGA_STATUSES)),
      step: optional(text('The step that they are in.', 127)),
      tenant: optional(text('The id of their tenant.', 127)),
      stuck: optional(flag('Only those that are stuck, or only the others.')),
    },
    answer: SagaPage,
  }),
  steps: route({
    method: 'GET',
    path: 'sagas/steps',
    action: 'sagas.read',
    about:
      'How many active sagas are in which step, and since when. At most 100,000 are counted, those that have not changed for longest.',
    answer: SagaSteps,
  }),
  transitions: route({
    method: 'GET',
    path: 'sagas/transitions',
    action: 'sagas.read',
    about:
      'The ways from step to step that the sagas of a name have taken, those that were taken most often first. It looks at the 1,000 that began last.',
    query: { saga: text('The name of the saga.', 100) },
    answer: SagaTransitions,
  }),
  one: route({
    method: 'GET',
    path: 'sagas/:saga/:key',
    action: 'sagas.read',
    about: 'One saga without its state, with its timeouts and with the events that wait for it.',
    pathFields,
    target,
    answer: Saga,
  }),
  history: route({
    method: 'GET',
    path: 'sagas/:saga/:key/history',
    action: 'sagas.read',
    about: 'What a saga did, in its order.',
    pathFields,
    target,
    answer: SagaHistory,
  }),
  retry: route({
    method: 'POST',
    path: 'sagas/:saga/:key/retry',
    action: 'sagas.change',
    about:
      'Sends the dead letters of a saga again: its timeouts, events that have waited for too long, and events whose aggregate has the key as its id.',
    pathFields,
    target,
    body: { reason },
    answer: named('RetriedSaga', object({ retried: INTEGER })),
  }),
  end: route({
    method: 'POST',
    path: 'sagas/:saga/:key/end',
    action: 'sagas.change',
    about: 'Ends a saga. With the outcome `undone` it publishes what the saga has remembered for that.',
    pathFields,
    target,
    body: { outcome: choice('As what it ends.', SAGA_OUTCOMES), reason },
    answer: Saga,
  }),
};

/** Sagas for admins. Their state is data of the application, so these routes do not show it. */
@Injectable()
export class SagasHandlers implements Answering<typeof ROUTES, SagasHandlers> {
  static readonly routes = ROUTES;

  constructor(private readonly sagas: SagasService) {}

  async list({ query }: Call<typeof ROUTES.list>) {
    const { limit = PAGE_SIZE, after, tenant, ...filter } = query;
    const { sagas, next } = await this.sagas.list({ ...filter, tenantId: tenant }, { limit, after });
    return { items: sagas, next };
  }

  steps() {
    return this.sagas.steps();
  }

  async transitions({ query: { saga } }: Call<typeof ROUTES.transitions>) {
    return { items: await this.sagas.transitions(saga) };
  }

  async one({ path: { saga, key } }: Call<typeof ROUTES.one>) {
    return this.found(saga, key);
  }

  async history({ path: { saga, key } }: Call<typeof ROUTES.history>) {
    return { items: await this.sagas.history(saga, key) };
  }

  async retry({ path: { saga, key }, author }: Call<typeof ROUTES.retry>) {
    return { retried: await this.sagas.retry(saga, key, author) };
  }

  async end({ path: { saga, key }, body: { outcome }, author }: Call<typeof ROUTES.end>) {
    await this.sagas.end(saga, key, { outcome, ...author });
    return this.found(saga, key);
  }

  private async found(saga: string, key: string): Promise<Omit<SagaInstance, 'state'>> {
    const found = await this.sagas.get(saga, key);
    if (found === undefined) throw unknownSaga(saga, key);
    const { state: _, ...shown } = found;
    return shown;
  }
}

export const sagasAdmin: AdminAddition = {
  sections: [SagasHandlers],
  statuses: {
    INTEGRATION_SAGA_UNKNOWN: 404,
    INTEGRATION_SAGA_STATE: 409,
  },
};
