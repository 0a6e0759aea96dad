import type { Routes } from './schemas.ts';

/** The name of an action of the admin API. A replay is asked for by the action of operations and its own. */
export type Action = Routes[keyof Routes]['action'] | 'consumers.replay';

/** What actions allow, in words that follow "may not". */
export type Words = { readonly [A in Action]?: string };

const OWN_WORDS: Words = {
  'session.read': 'see who you are',
  'overview.read': 'see how all consumers do',
  'consumers.read': 'see consumers',
  'consumers.pause': 'pause consumers',
  'consumers.resume': 'resume consumers',
  'consumers.replay': 'replay events',
  'consumers.repartition': 'change the number of partitions',
  'consumers.remove': 'delete consumers',
  'events.read': 'see events',
  'payloads.read': 'see payloads',
  'entities.read': 'see entities',
  'dead-letters.read': 'see dead letters',
  'dead-letters.note': 'note something about failures',
  'dead-letters.rehearse': 'rehearse dead letters',
  'operations.read': 'see operations',
  'operations.plan': 'plan operations',
  'operations.run': 'run operations',
  'operations.pause': 'pause operations',
  'operations.resume': 'resume operations',
  'operations.rate': 'change the rate of operations',
  'operations.cancel': 'cancel operations',
  'settings.read': 'see settings',
  'settings.change': 'change settings',
  'processes.read': 'see processes',
  'doctor.read': 'have the database examined',
  'audit.read': 'see the audit',
};

/** Those of the engine, and those of the parts, which each part has in `words.ts` of its folder of pages. */
export const WORDS: Words = Object.assign(
  {},
  OWN_WORDS,
  ...Object.values(import.meta.glob<Words>('../pages/*/words.ts', { eager: true, import: 'words' })),
);
