import { describe, expect, it } from '@jest/globals';
import { StatementGate } from './statement-gate.js';

const refusal = new Error('too late');

describe('a gate of statements', () => {
  it('lets no statement pass once it is closed, except for one ROLLBACK', async () => {
    const gate = new StatementGate();
    const sent: string[] = [];
    const send = (sql: string) =>
      gate.pass(sql, async () => {
        sent.push(sql);
      });
    await send('INSERT 1');
    await gate.close(refusal);
    await expect(send('INSERT 2')).rejects.toBe(refusal);
    await expect(send('ROLLBACK TO SAVEPOINT a')).rejects.toBe(refusal);
    await expect(send('COMMIT')).rejects.toBe(refusal);
    await send('rollback;');
    await expect(send('ROLLBACK')).rejects.toBe(refusal);
    expect(sent).toEqual(['INSERT 1', 'rollback;']);
  });

  it('lets nothing pass after the end, when the connection may be somebody else’s', async () => {
    const gate = new StatementGate();
    gate.end();
    await expect(gate.pass('ROLLBACK', async () => {})).rejects.toMatchObject({
      code: 'INTEGRATION_CLIENT_INVALID',
    });
  });

  it('is closed for its statement in flight only when that has ended, also with an error', async () => {
    const gate = new StatementGate();
    let fail = (_: Error): void => {};
    const inFlight = gate.pass('SELECT 1', () => new Promise((_, reject) => (fail = reject)));
    expect(gate.isBusy).toBe(true);
    const order: string[] = [];
    const closed = gate.close(refusal).then(() => order.push('closed'));
    const ended = inFlight.catch(() => order.push('ended'));
    fail(new Error('of the statement'));
    await Promise.all([closed, ended]);
    expect([...order].sort()).toEqual(['closed', 'ended']);
    expect(gate.isBusy).toBe(false);
  });

  it('does not wait for a statement that it has refused', async () => {
    const gate = new StatementGate();
    await gate.close(refusal);
    await gate.pass('SELECT 1', async () => {}).catch(() => {});
    expect(gate.isBusy).toBe(false);
  });
});
