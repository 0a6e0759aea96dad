import type { StatementGate } from '../database/clients/statement-gate.js';

type Query = (...args: unknown[]) => unknown;

/**
 * A client of node-postgres whose statements pass a gate. It is for libraries that hand out the client
 * itself, or that send through whatever stands where they keep it. All else is that of the client.
 */
export function guardedClient<C extends object>(client: C, gate: StatementGate): C {
  const methods = new Map<string | symbol, unknown>();
  const query = (...args: unknown[]) => sendThrough(client, gate, args);
  const release = (...args: unknown[]) => {
    gate.end();
    return (client as unknown as { release: Query }).release(...args);
  };
  // Publishing asks a client what it stands for. This one stands for itself: whatever stood for the client
  // behind it would get past the gate.
  const own: Record<string | symbol, unknown> = { query, release, valueOf: () => guarded };
  const guarded: C = new Proxy(client, {
    get(target, name) {
      if (Object.hasOwn(own, name)) return own[name];
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      // The methods of a client change its state, so they must be called on the client itself.
      if (!methods.has(name)) methods.set(name, value.bind(target));
      return methods.get(name);
    },
  });
  return guarded;
}

function sendThrough(client: object, gate: StatementGate, args: unknown[]): unknown {
  const { query } = client as { query: Query };
  const refusal = gate.refuses(args[0]);
  const callback = args.at(-1);
  if (typeof callback === 'function') {
    if (refusal !== undefined) return void process.nextTick(callback as Query, refusal);
    gate.sent();
    const answered: Query = (...answer) => {
      gate.answered();
      return callback(...answer);
    };
    return query.call(client, ...args.slice(0, -1), answered);
  }
  if (isSubmittable(args[0])) {
    // A cursor or a stream has nobody to whom a promise could be given.
    if (refusal !== undefined) throw refusal;
    return query.apply(client, args);
  }
  if (refusal !== undefined) return Promise.reject(refusal);
  const answer = query.apply(client, args);
  // A statement with a callback of its own answers with nothing.
  if (!(answer instanceof Promise)) return answer;
  gate.sent();
  const answered = () => gate.answered();
  answer.then(answered, answered);
  return answer;
}

function isSubmittable(statement: unknown): boolean {
  return typeof (statement as { submit?: unknown } | null)?.submit === 'function';
}
