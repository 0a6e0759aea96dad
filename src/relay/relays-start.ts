import { Inject, Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { IntegrationError } from '../errors.js';
import type { DomainEvent } from '../events/domain-event.js';
import { type EngineOfApplication, engineOf } from '../module/engine-of.js';
import { EventSubscriberRegistry } from '../subscribers/event-subscriber-registry.js';
import type { BatchSubscriberContext } from '../subscribers/subscriber-definition.js';
import { PartMeasures } from '../telemetry/part-measures.js';
import { findClient } from './client-finder.js';
import { DEFAULT_SOURCE } from './cloud-events/cloud-event.js';
import type { RelayBoot, RelayDefinition } from './relays/relay-definition.js';
import { RelayHandler } from './relays/relay-handler.js';
import type { Publish } from './relays/relay-message.js';
import { RelayMetrics } from './relays/relay-metrics.js';
import { DEFAULT_BATCH, DEFAULT_CONCURRENCY, DEFAULT_TIMEOUT_MS } from './relays/relay-options.js';
import { type Kind, nameIn, problemsOfRelaysOptions } from './relays-option-checks.js';
import { RELAYS_OPTIONS, type RelaysModuleOptions } from './relays-options.js';
import { type RunningSource, runSource } from './sources/running-source.js';
import type { SourceClient } from './sources/source-message.js';

const PLACE = 'RelaysModule';
/** What a batch needs besides the answers of the broker. */
const SLACK_MS = 10_000;

/** A relay or a source. */
interface Opened<Way> {
  readonly options: { readonly name: string };
  readonly open: (boot: RelayBoot) => Promise<Way | undefined>;
}

/** Looks at the relays and their clients when the application boots, and registers a consumer for each. */
@Injectable()
export class RelaysStart implements OnModuleInit, OnModuleDestroy {
  private readonly engine: EngineOfApplication;
  private readonly logger = new Logger(PLACE);
  private readonly sources: RunningSource[] = [];

  constructor(
    private readonly modules: ModuleRef,
    @Inject(RELAYS_OPTIONS) private readonly options: RelaysModuleOptions,
  ) {
    this.engine = engineOf(modules, PLACE);
  }

  /** @throws IntegrationError INTEGRATION_RELAY_INVALID with every problem (`details.problems`) */
  async onModuleInit(): Promise<void> {
    const problems = problemsOfRelaysOptions(this.options);
    const relays = Array.isArray(this.options?.relays) ? this.options.relays : [];
    const sources = Array.isArray(this.options?.sources) ? this.options.sources : [];
    const [ways, clients] = await Promise.all([
      Promise.all(relays.map((relay, i) => this.open<Publish>(relay, i, 'relay', problems))),
      Promise.all(sources.map((source, i) => this.open<SourceClient>(source, i, 'source', problems))),
    ]);
    if (problems.length > 0)
      throw new IntegrationError(
        'INTEGRATION_RELAY_INVALID',
        `RelaysModule cannot start: ${problems.join('; ')}`,
        {
          problems,
        },
      );
    for (const [i, relay] of relays.entries()) {
      const publish = ways[i];
      if (publish !== undefined) this.register(relay, publish);
    }
    for (const [i, { options }] of sources.entries()) {
      const client = clients[i];
      const receiver = { options, application: this.options.application };
      if (client !== undefined) this.sources.push(runSource(this.engine, receiver, client));
    }
  }

  /** The engine has ended delivery before, and with it the leases. */
  onModuleDestroy(): void {
    for (const source of this.sources) source.stop();
  }

  private async open<Way>(
    each: Opened<Way>,
    index: number,
    kind: Kind,
    problems: string[],
  ): Promise<Way | undefined> {
    if (typeof each?.open !== 'function') return undefined;
    const who = nameIn(kind, each.options.name, index);
    return each.open({
      find: (client) => findClient(this.modules, client),
      problem: (problem) => problems.push(`${who}: ${problem}`),
      warn: (words) => this.logger.warn(`${who}: ${words}`),
    });
  }

  private register({ options }: RelayDefinition, publish: Publish): void {
    const { name, eventName, startFrom, partitions, concurrency = DEFAULT_CONCURRENCY } = options;
    const { batch = DEFAULT_BATCH, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
    const consumerName = `relay.${name}`;
    const sender = {
      source: options.source ?? this.options.source ?? DEFAULT_SOURCE,
      application: this.options.application,
    };
    const metrics = new RelayMetrics(this.engine.get(PartMeasures), consumerName);
    const handler = new RelayHandler(options, publish, sender, metrics);
    this.engine.get(EventSubscriberRegistry).registerAt(PLACE, {
      consumerName,
      eventName,
      startFrom,
      partitions,
      concurrency,
      payload: 'text',
      batch: { maxSize: batch },
      // A batch may be of one aggregate, whose messages go one after another. Each has a time of its own.
      timeoutMs: batch * timeoutMs + SLACK_MS,
      handler: (events: DomainEvent<string>[], context: BatchSubscriberContext) =>
        handler.handle(events, context),
    });
  }
}
