import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { withoutCallers } from './stack-frames.js';

const OWN = join(import.meta.dirname, '..');
const HOST = '    at Invoices.onInvoice (/app/src/invoices.ts:12:11)';
const BELOW_HOST = '    at async Invoices.each (file:///app/dist/invoices.js:3:7)';
const CALLER = `    at async Attempt.run (${OWN}/execution/attempt-run.ts:50:9)`;
const PUBLISHING = `    at DomainEventPublisher.publish (${OWN}/../outbox/domain-event-publisher.ts:4:5)`;
const LIBRARY = '    at async $transaction (/app/node_modules/@prisma/client/runtime/client.js:1:2)';
const NODE = '    at process.processTicksAndRejections (node:internal/process/task_queues:105:5)';

describe('the lines of a stack', () => {
  it.each([
    ['end with the host', [HOST, BELOW_HOST, NODE, CALLER, LIBRARY, CALLER], [HOST, BELOW_HOST]],
    ['keep what the handler called', [LIBRARY, PUBLISHING, HOST, CALLER], [LIBRARY, PUBLISHING, HOST]],
    ['stay as they are without the host', [LIBRARY, CALLER, NODE], [LIBRARY, CALLER, NODE]],
    ['may be none', [], []],
    ['may be anything', ['    at x', HOST, 'x'], ['    at x', HOST]],
  ])('%s', (_, lines, left) => {
    expect(withoutCallers(lines)).toEqual(left);
  });
});
