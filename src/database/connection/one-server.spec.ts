import { beforeEach, describe, expect, it } from '@jest/globals';
import { OneServer } from './one-server.js';

const OLD = { started: '2026-01-01 10:00:00.000001+00', system: '1' };
const NEW = { started: '2026-01-02 10:00:00.000001+00', system: '1' };
const HALF_A_MINUTE = 30_000;

let server: OneServer;
let ended: string[];
let replaced: number;
let time: number;

beforeEach(() => {
  ended = [];
  replaced = 0;
  time = 1_000;
  server = new OneServer(
    () => {
      expect(ended).not.toEqual([]);
      replaced++;
    },
    () => time,
  );
});

function admit(name: string, identity: typeof OLD): object {
  const session = { name };
  server.admit(session, identity, () => {
    ended.push(name);
    server.sessionEnded(session);
  });
  return session;
}

describe('the sessions of a process', () => {
  it('are as many as there are while they are with one server', () => {
    const sessions = ['a', 'b'].map((name) => admit(name, OLD));
    expect(sessions.map((session) => server.isAdmitted(session))).toEqual([true, true]);
    expect({ ended, replaced, started: server.started }).toEqual({
      ended: [],
      replaced: 0,
      started: OLD.started,
    });
  });

  it.each([
    ['was started at another time', NEW],
    ['has other data', { ...OLD, system: '2' }],
  ])('end, all of them, before the first one with a server that %s is accepted', (_, other) => {
    admit('a', OLD);
    admit('b', OLD);
    const first = admit('c', other);
    expect({ ended, replaced }).toEqual({ ended: ['a', 'b'], replaced: 1 });
    expect(server.isAdmitted(first)).toBe(true);
  });

  it('do not go back to a server that was left, before half a minute has passed', () => {
    admit('a', OLD);
    admit('b', NEW);
    time += HALF_A_MINUTE - 1;
    expect(() => admit('late', OLD)).toThrow('connection error');
    expect({ ended, replaced, started: server.started }).toEqual({
      ended: ['a'],
      replaced: 1,
      started: NEW.started,
    });
    time += 1;
    admit('back', OLD);
    expect({ ended, replaced }).toEqual({ ended: ['a', 'b'], replaced: 2 });
  });

  it('that have ended by themselves are not ended again', () => {
    server.sessionEnded(admit('a', OLD));
    admit('b', OLD);
    admit('c', NEW);
    expect(ended).toEqual(['b']);
  });
});
