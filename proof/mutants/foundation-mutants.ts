import type { SpecMutant } from './spec-mutants.js';

const SETTLER = 'src/delivery/partition/outcome-settler.ts';
const POSTPONING = 'test/delivery/postponing.spec.ts';

/** Wrong turns in what webhooks, connectors and the like stand on. */
export const foundationMutants: readonly SpecMutant[] = [
  {
    name: 'unserved: a consumer that was served counts as one that was just registered',
    patches: [
      {
        file: 'src/status/unserved.store.ts',
        find: '.served_at <> ',
        put: '.served_at < ',
      },
    ],
    spec: 'test/maintenance/unserved-consumers.spec.ts',
    test: 'is said by the boot of a process that lacks it, seconds after the last one, and status says it too',
  },
  {
    name: 'watchdog: ends a process that somebody debugs',
    patches: [
      {
        // The scripts of the spec run the built package.
        file: 'dist/delivery/watchdog/watchdog.js',
        find: 'this.memory.beat(leaseMs, hasOpenInspector());',
        put: 'this.memory.beat(leaseMs, false);',
      },
    ],
    spec: 'test/delivery/watchdog.spec.ts',
    test: 'reports a loop that computes, and ends nothing',
  },
  {
    name: 'an event that is put off counts its attempt',
    patches: [
      {
        file: SETTLER,
        find: 'attemptGivenBack: verdict.isPostponed ?? false',
        put: 'attemptGivenBack: false',
      },
    ],
    spec: POSTPONING,
    test: 'counts no attempt, however often it does',
  },
  {
    name: 'an event that is put off holds nothing back',
    patches: [
      {
        file: SETTLER,
        find: 'this.writePostponed(delivery, outcome);\n        this.failed(delivery);',
        put: 'this.writePostponed(delivery, outcome);\n        inHand.queues.resolved(delivery);',
      },
    ],
    spec: POSTPONING,
    test: 'keeps later events of the aggregate waiting',
  },
];
