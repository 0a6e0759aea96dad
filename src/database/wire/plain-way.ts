/** Clients whose insides are not what this room takes them for (see `SelfTest`). */
const takingPlainWay = new WeakSet<object>();

/** Nothing but the documented part of `pg` is used of this client from now on. */
export function takePlainWay(client: object): void {
  takingPlainWay.add(client);
}

export function takesPlainWay(client: object): boolean {
  return takingPlainWay.has(client);
}
