import { Injectable } from '@nestjs/common';
import { ConsumerService } from '../../changes/consumer.service.js';
import { IntegrationError } from '../../errors.js';
import { Answer } from '../../http/answer.js';
import { choice, count, flag, optional, text } from '../../rest/field.js';
import { otherOrder } from '../../rest/problem.js';
import { limit, PAGE_SIZE, reason } from '../../rest/route.js';
import { CONSUMER_ORDERS } from '../../status/consumer-order.js';
import { CONSUMER_STATES, listedOf } from '../../status/consumer-summary.js';
import { MAX_PARTITIONS } from '../../subscribers/subscriber-validation.js';
import { Consumer, ConsumerPage, Repartition } from '../answers/consumers.js';
import { Done } from '../answers/done.js';
import { cursor, cursorText } from '../input/cursor.js';
import type { Answering } from '../routes/answering.js';
import { type Call, route } from '../routes/route.js';

const pathFields = { name: text('The name of the consumer.', 127) };
const target = ({ name }: { readonly name: string }) => ({ consumer: name });
const after = optional(cursor(['text', 'text', 'number']));

/** Milliseconds that a request waits for a change of partitions. The change goes on after that. */
const REPARTITION_WAIT_MS = 2_000;

const ROUTES = {
  list: route({
    method: 'GET',
    path: 'consumers',
    action: 'consumers.read',
    about:
      'The consumers, each with its partitions. For a state or another order than by name, all of them are read first.',
    query: {
      limit,
      after,
      name: optional(text('A text that the names contain.', 127)),
      paused: optional(flag('Only those that are paused, or only the others.')),
      state: optional(choice('Only those in this state.', CONSUMER_STATES)),
      order: optional(choice('The order of the list. The default is name.', CONSUMER_ORDERS)),
    },
    answer: ConsumerPage,
    // A page that is open reads it every five seconds.
    isCompressed: true,
    changingRows: Consumer,
  }),
  one: route({
    method: 'GET',
    path: 'consumers/:name',
    action: 'consumers.read',
    about: 'One consumer.',
    pathFields,
    target,
    answer: Consumer,
  }),
  pause: route({
    method: 'POST',
    path: 'consumers/:name/pause',
    action: 'consumers.pause',
    about: 'Stops a consumer until it is resumed, also across restarts.',
    pathFields,
    target,
    body: { reason },
    answer: Consumer,
  }),
  resume: route({
    method: 'POST',
    path: 'consumers/:name/resume',
    action: 'consumers.resume',
    about: 'Lets a paused consumer go on where it stopped.',
    pathFields,
    target,
    body: { reason },
    answer: Consumer,
  }),
  repartition: route({
    method: 'POST',
    path: 'consumers/:name/repartition',
    action: 'consumers.repartition',
    about: 'Changes the number of partitions. The answer says what the change still waits for.',
    pathFields,
    target,
    body: { partitions: count('The new number of partitions.', 1, MAX_PARTITIONS), reason },
    answer: Repartition,
    mayGoOn: true,
  }),
  remove: route({
    method: 'DELETE',
    path: 'consumers/:name',
    action: 'consumers.remove',
    about: 'Deletes a consumer with its place in the log, its rows and its replays.',
    pathFields,
    target,
    body: { force: optional(flag('Whether to delete it although live processes work on it.')), reason },
    answer: Done,
  }),
};

@Injectable()
export class ConsumersHandlers implements Answering<typeof ROUTES, ConsumersHandlers> {
  static readonly routes = ROUTES;

  constructor(private readonly consumers: ConsumerService) {}

  async list({ query }: Call<typeof ROUTES.list>) {
    const { limit = PAGE_SIZE, after, name, paused, state, order = 'name' } = query;
    if (after !== undefined && after[0] !== order) throw otherOrder();
    const { consumers, next } = await this.consumers.page({
      nameContains: name,
      paused,
      state,
      order,
      after: after && { consumerName: after[1], value: after[2] },
      limit,
    });
    return {
      items: consumers.map(({ summary }) => summary),
      next: next && cursorText([order, next.consumerName, next.value]),
    };
  }

  one({ path }: Call<typeof ROUTES.one>) {
    return this.find(path.name);
  }

  async pause({ path, author }: Call<typeof ROUTES.pause>) {
    await this.consumers.pause(path.name, author);
    return this.find(path.name);
  }

  async resume({ path, author }: Call<typeof ROUTES.resume>) {
    await this.consumers.resume(path.name, author);
    return this.find(path.name);
  }

  async repartition({ path, body, author }: Call<typeof ROUTES.repartition>) {
    const state = await this.consumers.repartition(path.name, body.partitions, {
      timeoutMs: REPARTITION_WAIT_MS,
      ...author,
    });
    return Answer.of({ state }, { status: state === 'done' ? 200 : 202 });
  }

  async remove({ path, body, author }: Call<typeof ROUTES.remove>) {
    await this.consumers.remove(path.name, { force: body.force, ...author });
    return { done: true };
  }

  private async find(name: string) {
    const { consumers, rates } = await this.consumers.listWithRates({ consumerName: name });
    const [consumer] = listedOf(consumers, rates);
    if (consumer !== undefined) return consumer.summary;
    throw new IntegrationError('INTEGRATION_CONSUMER_UNKNOWN', `There is no consumer "${name}"`, {
      consumerName: name,
    });
  }
}
