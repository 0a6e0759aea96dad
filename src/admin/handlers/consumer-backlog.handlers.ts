import { Injectable } from '@nestjs/common';
import { ProcessService } from '../../membership/process.service.js';
import { ConsumerRatesService } from '../../rates/consumer-rates.service.js';
import { choice, count, optional, text, time } from '../../rest/field.js';
import { limit } from '../../rest/route.js';
import { BACKLOG_STATES } from '../../status/consumer-backlog.js';
import { ConsumerBacklogService } from '../../status/consumer-backlog.service.js';
import { BacklogPage, BlockingEvents } from '../answers/backlog.js';
import { RunningAttempts } from '../answers/processes.js';
import { ConsumerRates, ConsumerWork, EngineRates, HeatMap } from '../answers/rates.js';
import { cursor, cursorText } from '../input/cursor.js';
import type { Answering } from '../routes/answering.js';
import { type Call, route } from '../routes/route.js';

const pathFields = { name: text('The name of the consumer.', 127) };
const target = ({ name }: { readonly name: string }) => ({ consumer: name });

const rangeFields = {
  from: optional(time('The beginning. The default is an hour before the end.')),
  to: optional(time('The end. The default is now.')),
};
const inMinutes = {
  ...rangeFields,
  step: optional(
    count('Seconds of a step: a multiple of 60. There are at most 1,000 steps.', 60, 2_147_483_640),
  ),
};

const ROUTES = {
  counts: route({
    method: 'GET',
    path: 'consumers/:name/backlog',
    action: 'consumers.read',
    about:
      'What one consumer has still to do, and what it has given up: counts, and its lag. With a state, a page of the events in that state comes with it, the oldest first. A page looks at 100,000 positions at most, so it may be empty although there is a next one. scannedTo is the position that it has come to.',
    pathFields,
    target,
    query: {
      limit,
      after: optional(cursor(['position', 'text'])),
      state: optional(choice('The state of the events.', BACKLOG_STATES)),
    },
    answer: BacklogPage,
  }),
  blocked: route({
    method: 'GET',
    path: 'consumers/:name/blocked',
    action: 'consumers.read',
    about:
      'The events that hold up others: they failed, their retry is still to come, and later events of their aggregate wait. At most 100.',
    pathFields,
    target,
    answer: BlockingEvents,
  }),
  running: route({
    method: 'GET',
    path: 'consumers/:name/running',
    action: 'consumers.read',
    about: 'The attempts that have run for more than two seconds, the longest first, each with its process.',
    pathFields,
    target,
    answer: RunningAttempts,
  }),
  rates: route({
    method: 'GET',
    path: 'consumers/:name/rates',
    action: 'consumers.read',
    about:
      'How many positions a second were published and settled, and how far the consumer was behind, in steps of time, for a week. Steps of whole hours are known for as many days as hourlyRetentionDays says. A step in which nobody wrote samples has nulls.',
    pathFields,
    target,
    query: {
      ...rangeFields,
      step: optional(
        count('Seconds of a step, 10 or more. There are at most 1,000 steps.', 10, 2_147_483_647),
      ),
    },
    answer: ConsumerRates,
  }),
  work: route({
    method: 'GET',
    path: 'consumers/:name/work',
    action: 'consumers.read',
    about:
      'How many events a second one consumer handled, how many attempts failed, and how long events took from their creation until they were handled, in steps of minutes, for a week. Steps of whole hours are known for as many days as hourlyRetentionDays says.',
    pathFields,
    target,
    query: inMinutes,
    answer: ConsumerWork,
  }),
  ratesOfAll: route({
    method: 'GET',
    path: 'rates',
    action: 'consumers.read',
    about:
      'How many events a second were published and handled, how many attempts failed, how long events took, and how far consumers were behind, in steps of minutes: all consumers together, and the five that did the most. A range of more than a day has steps of whole hours. A step in which nothing is known has nulls.',
    query: inMinutes,
    answer: EngineRates,
  }),
  heatMap: route({
    method: 'GET',
    path: 'heat',
    action: 'consumers.read',
    about:
      'How many events were in each class of latency, and how many attempts failed at which consumer, in steps of time. The default is a day in steps of an hour. The consumers at which most failed come first; the others are counted together.',
    query: {
      from: optional(time('The beginning. The default is a day before the end.')),
      to: rangeFields.to,
      step: inMinutes.step,
      consumer: optional(text('The name of a consumer, to see only this one.', 127)),
      limit: optional(count('How many failing consumers are told apart, 20 by default.', 1, 500)),
    },
    answer: HeatMap,
  }),
};

@Injectable()
export class ConsumerBacklogHandlers implements Answering<typeof ROUTES, ConsumerBacklogHandlers> {
  static readonly routes = ROUTES;

  constructor(
    private readonly backlogs: ConsumerBacklogService,
    private readonly processes: ProcessService,
    private readonly speeds: ConsumerRatesService,
  ) {}

  async counts({ path, query }: Call<typeof ROUTES.counts>) {
    const { limit, state, after } = query;
    const backlog = await this.backlogs.of(path.name);
    if (state === undefined) return { backlog, items: [], next: null, scannedTo: null };
    const place = after === undefined ? undefined : { position: after[0], id: after[1] };
    const { items, next } = await this.backlogs.events(path.name, state, { limit, after: place });
    return {
      backlog,
      items,
      next: next && cursorText([next.position, next.id]),
      scannedTo: next?.position ?? null,
    };
  }

  async blocked({ path }: Call<typeof ROUTES.blocked>) {
    return { items: await this.backlogs.blocking({ consumerName: path.name }) };
  }

  async running({ path }: Call<typeof ROUTES.running>) {
    return { items: await this.processes.running(path.name) };
  }

  rates({ path, query }: Call<typeof ROUTES.rates>) {
    return this.speeds.of(path.name, query);
  }

  work({ path, query }: Call<typeof ROUTES.work>) {
    return this.speeds.workOf(path.name, query);
  }

  ratesOfAll({ query }: Call<typeof ROUTES.ratesOfAll>) {
    return this.speeds.ofAll(query);
  }

  heatMap({ query: { consumer, ...query } }: Call<typeof ROUTES.heatMap>) {
    return this.speeds.heatMap({ ...query, consumerName: consumer });
  }
}
