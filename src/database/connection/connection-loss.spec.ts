import { describe, expect, it } from '@jest/globals';
import { isDatabaseOutage } from '../../delivery/execution/infrastructure-failure.js';
import { answerWithin } from '../wire/answer-within.js';
import { isConnectionLoss, isSessionLoss, isStaleStatement } from './connection-loss.js';

const saying = (message: string, fields: object = {}) => Object.assign(new Error(message), fields);

describe('an error', () => {
  it.each(['CONNECTION_CLOSED', 'CONNECTION_DESTROYED', 'CONNECTION_ENDED', 'CONNECT_TIMEOUT'])(
    'of postgres.js says by its code that the connection is lost: %s',
    (code) => {
      expect(isConnectionLoss(saying(`write ${code} localhost:5432`, { code }))).toBe(true);
    },
  );

  it('of a silent server is a loss, and no failure of the handler that met it', async () => {
    const silence = await answerWithin(1, new Promise(() => {})).catch((error) => error);
    expect(isConnectionLoss(silence)).toBe(true);
    expect(isDatabaseOutage(silence)).toBe(true);
    // This does not say that a session has ended, because nobody knows that.
    expect(isSessionLoss(silence)).toBe(false);
  });

  it('of a client that was not connected in time is a loss, and says nothing where others use its words', () => {
    expect(isConnectionLoss(saying('timeout expired'))).toBe(true);
    expect(isConnectionLoss(saying('the timeout expired of the payment'))).toBe(false);
    expect(isDatabaseOutage(saying('timeout expired'))).toBe(false);
  });

  it('of a statement whose rows have another shape now is told by its routine, in whatever language', () => {
    const error = { code: '0A000', severity: 'FEHLER', routine: 'RevalidateCachedQuery' };
    expect(isStaleStatement(saying('Ausführungsplan darf Ergebnistyp nicht verändern', error))).toBe(true);
    expect(isStaleStatement(saying('cached plan', { ...error, routine: 'transformSetOp' }))).toBe(false);
  });

  it('in the words of node-postgres that carries a code is of what the code says', () => {
    expect(isDatabaseOutage(saying('Connection terminated unexpectedly'))).toBe(true);
    expect(isDatabaseOutage(saying('Connection terminated unexpectedly', { code: 'EHANDLER' }))).toBe(false);
  });
});
