import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { LaneRunner } from '../../lanes/lane-runner.js';
import { LANES } from '../../lanes/outgoing-target.store.js';
import { OutgoingEngine } from './outgoing-engine.js';
import { GivingUp } from './sender/giving-up.js';
import { type DueDelivery, SendingStore } from './sender/sending.store.js';
import { SendingKeyRing } from './sender/sending-keys.js';
import { SignedRequests } from './sender/signed-requests.js';
import { WebhookWork } from './sender/webhook-work.js';

const CATCH_UP_EVERY_MS = 2_000;

/** Sends what is due to destinations, and catches up with what they have missed. */
@Injectable()
export class WebhookSender implements OnApplicationBootstrap, OnModuleDestroy {
  private runner: LaneRunner<DueDelivery> | undefined;
  private catchingUp: Promise<void> | undefined;
  private readonly stopping = new AbortController();

  constructor(private readonly engine: OutgoingEngine) {}

  onApplicationBootstrap(): void {
    if (!this.engine.isOn || this.runner !== undefined) return;
    this.runner = this.makeRunner();
    this.engine.onRouted(() => this.runner?.wake());
    this.runner.start();
    this.catchingUp = this.catchUp();
  }

  /** The engine has ended delivery before, which gives the lanes back. */
  async onModuleDestroy(): Promise<void> {
    this.stopping.abort();
    await this.catchingUp;
    await this.runner?.stop();
    this.engine.closeHttp();
  }

  /**
   * Catches up with everything that destinations have missed, and sends everything that is due, until nothing
   * is. Returns how many requests were made.
   *
   * @throws IntegrationError INTEGRATION_DRAIN_TIMEOUT if this takes too long, INTEGRATION_OPTIONS_INVALID
   * without the option `outgoing`
   */
  async sendDue(options?: { readonly timeoutMs?: number | undefined }): Promise<number> {
    this.engine.requireOn();
    const all = Array.from({ length: LANES }, (_, lane) => lane);
    while (await this.engine.catchUp.round(all, this.stopping.signal));
    return (await this.runner?.runDue(options)) ?? 0;
  }

  private makeRunner(): LaneRunner<DueDelivery> {
    const { engine } = this;
    const db = engine.database;
    const store = new SendingStore(db);
    const { events, metrics } = engine.told;
    const givingUp = new GivingUp(db, store, events, () => engine.settings['outgoing.disableAfterHours']);
    const keys = new SendingKeyRing(() => engine.secrets);
    const settings = () => engine.settings;
    const { http, cloudEventsSource: source } = engine;
    const requests = new SignedRequests({ http, keys, settings, source });
    const work = new WebhookWork({ store, requests, events, givingUp, metrics, settings });
    return new LaneRunner(engine.lanes, work);
  }

  /** One window of each destination of this process's lanes that is behind, again and again. */
  private async catchUp(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const lanes = this.runner?.ownLanes ?? [];
      const isMore = lanes.length > 0 && (await this.engine.catchUp.round(lanes, signal).catch(() => false));
      if (isMore) this.runner?.wake();
      else await delay(CATCH_UP_EVERY_MS, undefined, { signal }).catch(() => {});
    }
  }
}
