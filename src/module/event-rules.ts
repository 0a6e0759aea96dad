import type { Provider } from '@nestjs/common';
import type { EngineDatabase } from '../database/engine-database.js';
import { type Delivering, EventGate, type Publishing } from '../events/event-gate.js';
import { ENGINE_NAME } from './engines.js';

/** Token of the `EventRules` of an application. Nobody provides it unless a part of the package has rules. */
export const EVENT_RULES = Symbol('nestjs-integration:event-rules');

/** Token of the step of a boot that the rules have. It does nothing in an application without rules. */
export const RULES_BOOT = Symbol('nestjs-integration:rules-boot');

/**
 * What an optional part of the package demands of events. A global module provides it, and the engine asks
 * for it.
 */
export interface EventRules {
  /** Whether the rules hold for the engine of this name. */
  appliesTo(engine: string): boolean;
  readonly publishing: Publishing;
  readonly delivering: Delivering;
  /** Runs in the boot, once the tables are there. If it rejects, the boot fails. */
  boot(db: EngineDatabase): Promise<void>;
}

export type RulesBoot = EventRules['boot'];

const inject = [ENGINE_NAME, { token: EVENT_RULES, optional: true }];

export const RULES: Provider[] = [
  {
    provide: EventGate,
    inject,
    useFactory: (engine: string, rules?: EventRules) =>
      rules?.appliesTo(engine) ? new EventGate(rules.publishing, rules.delivering) : new EventGate(),
  },
  {
    provide: RULES_BOOT,
    inject,
    useFactory:
      (engine: string, rules?: EventRules): RulesBoot =>
      async (db) => {
        if (rules?.appliesTo(engine)) await rules.boot(db);
      },
  },
];
