import { Inject, Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { IntegrationError } from '../errors.js';
import type { DomainEvent } from '../events/domain-event.js';
import { PartReports } from '../membership/beat/part-reports.js';
import { type EngineOfApplication, engineOf } from '../module/engine-of.js';
import { EventSubscriberRegistry } from '../subscribers/event-subscriber-registry.js';
import type { BatchSubscriberContext } from '../subscribers/subscriber-definition.js';
import { PartMeasures } from '../telemetry/part-measures.js';
import { findClient } from './client-finder.js';
import { DEFAULT_SOURCE } from './cloud-events/cloud-event.js';
import { RELAY_CONSUMERS, RELAY_PART } from './relays/part-name.js';
import type { RelayBoot, RelayDefinition } from './relays/relay-definition.js';
import { RelayHandler } from './relays/relay-handler.js';
import type { Publish } from './relays/relay-message.js';
import { RelayMetrics } from './relays/relay-metrics.js';
import { DEFAULT_BATCH, DEFAULT_CONCURRENCY, DEFAULT_TIMEOUT_MS } from './relays/relay-options.js';
import { RelayRecord } from './relays/relay-record.js';
import { type Kind, nameIn, problemsOfRelaysOptions } from './relays-option-checks.js';
import { RELAYS_OPTIONS, type RelaysModuleOptions } from './relays-options.js';
import { type RunningSource, runSource } from './sources/running-source.js';
import type { SourceDefinition } from './sources/source-definition.js';
import type { SourceClient } from './sources/source-message.js';
import { SourceRecord } from './sources/source-record.js';

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
  private readonly records: { readonly relays: RelayRecord[]; readonly sources: SourceRecord[] } = {
    relays: [],
    sources: [],
  };

  constructor(
    private readonly modules: ModuleRef,
    @Inject(RELAYS_OPTIONS) private readonly options: RelaysModuleOptions,
  ) {
    this.engine = engineOf(modules, PLACE);
  }

  /** @throws IntegrationError INTEGRATION_RELAY_INVALID with every problem (`details.problems`) */
  onModuleInit(): Promise<void> {
    return this.engine.boot(() => this.start());
  }

  /** The engine has ended delivery before, and with it the leases. */
  onModuleDestroy(): void {
    for (const source of this.sources) source.stop();
  }

  private async start(): Promise<void> {
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
    for (const [i, source] of sources.entries()) {
      const client = clients[i];
      if (client !== undefined) this.run(source, client);
    }
    this.tellOthers();
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

  private run(source: SourceDefinition, client: SourceClient): void {
    const { options } = source;
    const record = new SourceRecord(source);
    this.records.sources.push(record);
    const receiver = { options, application: this.options.application };
    this.sources.push(runSource(this.engine, receiver, client, record));
  }

  /** The process says in its row what it knows of its relays and sources. */
  private tellOthers(): void {
    const { relays, sources } = this.records;
    if (relays.length + sources.length === 0) return;
    this.engine.get(PartReports).add(RELAY_PART, () => ({
      relays: relays.map((each) => each.report()),
      sources: sources.map((each) => each.report()),
    }));
  }

  private register(relay: RelayDefinition, publish: Publish): void {
    const { options } = relay;
    const { name, eventName, startFrom, partitions, concurrency = DEFAULT_CONCURRENCY } = options;
    const { batch = DEFAULT_BATCH, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
    const consumerName = `${RELAY_CONSUMERS}${name}`;
    const sender = {
      source: options.source ?? this.options.source ?? DEFAULT_SOURCE,
      application: this.options.application,
    };
    const metrics = new RelayMetrics(this.engine.get(PartMeasures), consumerName);
    const record = new RelayRecord(relay);
    this.records.relays.push(record);
    const handler = new RelayHandler(options, publish, sender, metrics, record);
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
