import { Inject, Injectable } from '@nestjs/common';
import { EngineDatabase } from '../database/engine-database.js';
import { endsWithin } from '../database/wire/answer-within.js';
import { EventSubscriberRegistry } from '../subscribers/event-subscriber-registry.js';
import { ENGINE_PARTS, type EnginePart } from './engine-parts.js';

/**
 * When the parts of the engine start and stop. Their order stands in `engine-parts.ts`. Consumers are
 * registered when the application boots. Handlers run only while every module of the application is ready
 * (`IntegrationLastModule`).
 */
@Injectable()
export class EngineLifecycle {
  private isClosing = false;
  /**
   * Whether every hook of the boot has been called. `init()` of a microservice calls all of them a second
   * time.
   */
  private hasBooted = false;
  /** Whether the database did not answer while delivery ended. */
  private isSilent = false;

  constructor(
    @Inject(ENGINE_PARTS) private readonly parts: readonly EnginePart[],
    private readonly registry: EventSubscriberRegistry,
    private readonly db: EngineDatabase,
  ) {}

  /** Runs before `onModuleInit` of every other module. */
  beginInit(): void {
    if (this.hasBooted) this.registry.repeatBegins();
  }

  /** Runs in `onModuleInit`. If it rejects, `stop` is to follow. */
  async init(): Promise<void> {
    if (this.hasBooted) return;
    for (const part of this.parts) await part.init?.();
  }

  /** Runs after every `onModuleInit`. If it rejects, `stop` is to follow. */
  async registerConsumers(): Promise<void> {
    if (this.hasBooted) return;
    for (const part of this.parts) await part.register?.();
  }

  /** Runs when every other module is ready. */
  async beginDelivery(): Promise<void> {
    this.registry.repeatEnds();
    if (this.hasBooted) return;
    this.hasBooted = true;
    for (const part of this.parts) {
      // The application may have been closed while it booted.
      if (this.isClosing) return;
      await part.begin?.();
    }
  }

  /** Runs before any other module is destroyed. */
  async endDelivery(): Promise<void> {
    this.isClosing = true;
    // A database that does not answer holds up each of them for as long as a statement may take.
    const ended = endsWithin(this.db.limits.closeMs, Promise.all(this.parts.map((part) => part.end?.())));
    const drained = await Promise.all(this.parts.map((part) => part.drain?.() ?? true));
    this.isSilent = !(await ended) || drained.includes(false);
  }

  /** Requests that were still being answered may have published until now. */
  async stop(): Promise<void> {
    for (const part of this.parts) await part.stop?.();
    const last = Promise.all(this.parts.map((part) => part.hangUp?.()));
    const isAnswered = await endsWithin(this.isSilent ? 0 : this.db.limits.silentMs, last);
    const how = { isSilent: this.isSilent || !isAnswered };
    await Promise.all(this.parts.map((part) => part.close?.(how)));
  }
}
