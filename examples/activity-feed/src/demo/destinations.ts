import type { INestApplicationContext } from '@nestjs/common';
import {
  type ReceiverBehaviour,
  type ReceiverRequest,
  type WebhookReceiver,
  webhookReceiver,
} from 'nestjs-integration/testing';
import { type CreateDestination, WebhookDestinationsService } from 'nestjs-integration/webhooks';
import type { Closing } from './closing.js';

/** Somebody who wants webhooks, and how their receiver answers the first requests. Later ones are answered well. */
interface Wanted
  extends Pick<CreateDestination, 'eventTypes' | 'format' | 'order' | 'signing' | 'timeoutMs'> {
  readonly name: string;
  readonly answers: readonly ReceiverBehaviour[];
  readonly isPaused?: boolean;
}

/** The destination that meets with troubles. */
export const TROUBLED = 'troubled';

const WANTED: readonly Wanted[] = [
  {
    name: TROUBLED,
    eventTypes: ['activity.*'],
    // So many failures in a row make it one that is probed.
    answers: [
      'reset',
      'refuse',
      'hang',
      'retry-after',
      'slow',
      'cut',
      'refuse',
      'refuse',
      'garbage',
      'refuse',
    ],
    timeoutMs: 2_000,
  },
  { name: 'steady', eventTypes: ['activity.*'], answers: [], format: 'cloudevents', signing: 'v1a' },
  {
    name: 'orderly',
    eventTypes: ['activity.recorded'],
    answers: ['ok', 'refuse', 'ok', 'reset', 'retry-after', 'ok', 'refuse'],
    order: 'entity',
  },
  { name: 'paused', eventTypes: ['activity.recorded'], answers: [], isPaused: true },
];

/** A destination of webhooks, and the receiver behind it. */
export interface Destination {
  readonly name: string;
  readonly id: string;
  readonly receiver: WebhookReceiver;
  readonly eventTypes: readonly string[];
  readonly isInOrder: boolean;
  readonly isPaused: boolean;
  /** How many requests its receiver does not take. */
  readonly refusals: number;
}

export type Receivers = ReadonlyMap<Wanted, WebhookReceiver>;

/** The application is not tenants', so all destinations belong to nobody. */
export const TENANT = '';
export const AUTHOR = { by: 'the demo' };

export async function startReceivers(closing: Closing): Promise<Receivers> {
  const receivers = new Map<Wanted, WebhookReceiver>();
  for (const wanted of WANTED) {
    const receiver = await webhookReceiver();
    closing.add(() => receiver.close());
    const [first, ...others] = wanted.answers;
    if (first !== undefined) receiver.behave(first, ...others, 'ok');
    receivers.set(wanted, receiver);
  }
  return receivers;
}

/** The environment under which the application may call them: loopback is refused by default. */
export function networkOf(urls: readonly string[]): Record<string, string> {
  const ports = urls.map((url) => new URL(url).port);
  return { WEBHOOKS_ALLOW: '127.0.0.1/32', WEBHOOKS_PORTS: ports.join(',') };
}

/** Adds the destinations, and removes what a run before has left in the same database. */
export async function addDestinations(
  app: INestApplicationContext,
  receivers: Receivers,
): Promise<Destination[]> {
  const service = app.get(WebhookDestinationsService, { strict: false }).forTenant(TENANT);
  const { destinations: left } = await service.list({}, { limit: 1_000 });
  for (const { id, metadata } of left)
    if ('demo' in metadata) await service.remove(id, { ...AUTHOR, reason: 'a run before has left it' });

  const added: Destination[] = [];
  for (const [{ name, answers, isPaused = false, ...wanted }, receiver] of receivers) {
    const { destination, secret, publicKey } = await service.create({
      ...wanted,
      ...AUTHOR,
      url: receiver.url,
      metadata: { demo: name },
    });
    receiver.trust(secret ?? publicKey ?? '');
    const { id } = destination;
    if (isPaused) await service.pause(id, { ...AUTHOR, reason: 'its owner is on holiday' });
    const { eventTypes, order } = destination;
    const refusals = answers.filter((behaviour) => !isAccepted({ behaviour })).length;
    added.push({ name, id, receiver, eventTypes, isInOrder: order === 'entity', isPaused, refusals });
  }
  return added;
}

/** Whether the receiver has taken it, so that it need not come again. */
export function isAccepted({ behaviour }: Pick<ReceiverRequest, 'behaviour'>): boolean {
  return behaviour === 'ok' || behaviour === 'slow';
}
