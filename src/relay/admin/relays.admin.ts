import { Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { AdminAddition } from '../../admin/routes/admin-sections.js';
import type { Answering } from '../../admin/routes/answering.js';
import { route } from '../../admin/routes/route.js';
import { AdminDatabase } from '../../database/admin-database.js';
import { engineOf } from '../../module/engine-of.js';
import { INTEGER, list, NUMBER, named, object, oneOf, orNull, TEXT, TIME, UUID } from '../../rest/schema.js';
import { RELAY_STATES, relayList } from '../list/relay-list.js';

const LISTED = {
  name: TEXT,
  broker: orNull(TEXT),
  addresses: list(TEXT),
  state: oneOf(RELAY_STATES),
  since: orNull(TIME),
  reason: orNull(TEXT),
  processes: list(object({ id: UUID, host: orNull(TEXT), pid: orNull(INTEGER) })),
};

const Relay = named(
  'Relay',
  object({
    ...LISTED,
    consumerName: TEXT,
    eventNames: list(TEXT),
    acceptedPerSecond: orNull(NUMBER),
    refusedPerSecond: orNull(NUMBER),
    duplicatesPerSecond: orNull(NUMBER),
    unacceptedPerSecond: orNull(NUMBER),
    latencyMedianSeconds: orNull(NUMBER),
    latencyP95Seconds: orNull(NUMBER),
    lastRefusal: orNull(
      object({ at: TIME, reason: TEXT, eventId: UUID, eventName: TEXT, position: INTEGER }),
    ),
  }),
);

const RelaySource = named(
  'RelaySource',
  object({
    ...LISTED,
    storedPerSecond: orNull(NUMBER),
    repeatedPerSecond: orNull(NUMBER),
    rejectedPerSecond: orNull(NUMBER),
    lastRejection: orNull(object({ at: TIME, reason: TEXT })),
  }),
);

const ROUTES = {
  list: route({
    method: 'GET',
    path: 'relays',
    action: 'relays.read',
    about:
      'Relays and sources: which processes run them, and what became of their messages in the last five minutes. Processes write it when they renew their leases.',
    query: {},
    answer: named('Relays', object({ at: TIME, relays: list(Relay), sources: list(RelaySource) })),
  }),
};

@Injectable()
export class RelaysHandlers implements Answering<typeof ROUTES, RelaysHandlers> {
  static readonly routes = ROUTES;

  constructor(private readonly modules: ModuleRef) {}

  async list() {
    return relayList(engineOf(this.modules, 'RelaysModule').get(AdminDatabase));
  }
}

export const relaysAdmin: AdminAddition = { sections: [RelaysHandlers] };
