import type { SpecMutant } from './spec-mutants.js';

const SETTLER = 'src/delivery/partition/outcome-settler.ts';
const POSTPONING = 'test/postponing.spec.ts';

/** Wrong turns in what webhooks, connectors and the like stand on. */
export const foundationMutants: readonly SpecMutant[] = [
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
