import { Inject, Injectable } from '@nestjs/common';
import type { Operation } from '../../../changes/operations/operation.js';
import { invalidArgument } from '../../../words/argument-checks.js';
import { WEBHOOKS_OPTIONS, type WebhooksModuleOptions } from '../../options/webhooks-options.js';
import { OutgoingEngine } from '../outgoing-engine.js';
import type { TenantDestinations } from '../tenants/tenant-destinations.js';
import { operationOfTenant } from './portal-operations.js';
import type { PortalAnswering, PortalCall } from './portal-route.js';
import type { PORTAL_ROUTES as ROUTES } from './portal-routes.js';
import { deliveryDetailsOf, deliveryOf, destinationOf, detailsOf } from './portal-views.js';

type CallOf<Name extends keyof typeof ROUTES> = PortalCall<(typeof ROUTES)[Name]>;

/**
 * What a tenant may do with its destinations. Only the answers of `create` and `rotateSecret` have a secret.
 */
@Injectable()
export class PortalHandlers implements PortalAnswering<typeof ROUTES, PortalHandlers> {
  constructor(
    private readonly engine: OutgoingEngine,
    @Inject(WEBHOOKS_OPTIONS) private readonly options: WebhooksModuleOptions,
  ) {}

  async eventTypes({ destinations }: CallOf<'eventTypes'>) {
    return { items: await destinations.eventTypes() };
  }

  async list({ destinations, query: { status, ...page } }: CallOf<'list'>) {
    const { destinations: found, next } = await destinations.list({ status }, page);
    return { items: found.map(destinationOf), next };
  }

  async create({ destinations, body: { reason: _, filter, headers, ...given }, author }: CallOf<'create'>) {
    this.checkLimits(given);
    const added = await destinations.create({ ...given, ...objectsOf({ filter, headers }), ...author });
    return { ...added, destination: detailsOf(added.destination) };
  }

  async one({ destinations, path: { id } }: CallOf<'one'>) {
    return detailsOf(await destinations.get(id));
  }

  async update({ destinations, path: { id }, body, author }: CallOf<'update'>) {
    const { reason: _, filter, headers, ...given } = body;
    this.checkLimits(given);
    return detailsOf(
      await destinations.update(id, { ...given, ...objectsOf({ filter, headers }), ...author }),
    );
  }

  async pause({ destinations, path: { id }, author }: CallOf<'pause'>) {
    await destinations.pause(id, author);
    return detailsOf(await destinations.get(id));
  }

  async resume({ destinations, path: { id }, author }: CallOf<'resume'>) {
    await destinations.resume(id, author);
    return detailsOf(await destinations.get(id));
  }

  async enable({ destinations, path: { id }, author }: CallOf<'enable'>) {
    await destinations.enable(id, author);
    return detailsOf(await destinations.get(id));
  }

  async remove({ destinations, path: { id }, author }: CallOf<'remove'>) {
    await destinations.remove(id, author);
    return { done: true };
  }

  async rotateSecret({ destinations, path: { id }, body, author }: CallOf<'rotateSecret'>) {
    const { secret, overlapMs } = body;
    const rotated = await destinations.rotateSecret(id, { secret, overlapMs, ...author });
    return { ...rotated, destination: detailsOf(rotated.destination) };
  }

  async test({ destinations, path: { id }, body: { type }, author }: CallOf<'test'>) {
    return destinations.sendTest(id, { type, ...author });
  }

  async deliveries({ destinations, path: { id }, query }: CallOf<'deliveries'>) {
    const { status, type, ...page } = query;
    const found = await destinations.deliveries({ destinationId: id, status, type }, page);
    return { items: found.deliveries.map(deliveryOf), next: found.next };
  }

  async delivery({ destinations, path: { id, position } }: CallOf<'delivery'>) {
    return deliveryDetailsOf(await destinations.delivery(`${id}.${position}`));
  }

  async redrive({ destinations, path: { id, position }, author }: CallOf<'redrive'>) {
    const place = `${id}.${position}`;
    const { data } = await destinations.delivery(place);
    if (data === null)
      throw invalidArgument('The body of this event could not be made, so there is nothing to send', {
        field: 'position',
      });
    await destinations.redrive(place, author);
    return deliveryDetailsOf(await destinations.delivery(place));
  }

  async planRedrive({ destinations, path: { id }, body, author }: CallOf<'planRedrive'>) {
    const { maxEvents, rate } = body;
    const options = { maxEvents, rate, ...author };
    return this.shown(await destinations.planRedrive({ destinationId: id }, options), destinations);
  }

  async planReplay({ destinations, path: { id }, body, author }: CallOf<'planReplay'>) {
    const { since, until, types, maxEvents, rate } = body;
    const wish = { destinationId: id, since, until, types };
    return this.shown(await destinations.planReplay(wish, { maxEvents, rate, ...author }), destinations);
  }

  async operation(call: CallOf<'operation'>) {
    return this.found(call);
  }

  async run(call: CallOf<'run'>) {
    const { id } = await this.found(call);
    return this.shown(await this.engine.operations.run(id, call.author), call.destinations);
  }

  async cancel(call: CallOf<'cancel'>) {
    const { id } = await this.found(call);
    return this.shown(await this.engine.operations.cancel(id, call.author), call.destinations);
  }

  /** The methods of routes are another thing on the controller, so no method here calls one of them. */
  private async found({ destinations, path: { id } }: CallOf<'operation'>) {
    return this.shown(await this.engine.operations.get(id), destinations);
  }

  /** With a `tenantOf` of the host, a plan cannot tell whose the events of the log are, and counts all. */
  private shown(operation: Operation, { tenantId }: TenantDestinations) {
    const countsOwnOnly = this.options.outgoing?.tenantOf === undefined;
    return operationOfTenant(operation, tenantId, { countsOwnOnly });
  }

  /** A tenant may ask for less than the application gives each destination, and not for more. */
  private checkLimits(given: {
    maxInFlight?: number | null | undefined;
    timeoutMs?: number | null | undefined;
  }) {
    const { settings } = this.engine;
    const most = {
      maxInFlight: settings['outgoing.maxInFlightPerDestination'],
      timeoutMs: settings['outgoing.timeoutMs'],
    };
    for (const field of ['maxInFlight', 'timeoutMs'] as const)
      if ((given[field] ?? 0) > most[field])
        throw invalidArgument(`${field} must be at most ${most[field]}`, { field });
  }
}

/** The service checks whether they are objects of the right kind. */
function objectsOf({ filter, headers }: { readonly filter: unknown; readonly headers: unknown }) {
  return {
    filter: filter as object | null | undefined,
    headers: headers as Readonly<Record<string, string>> | undefined,
  };
}
