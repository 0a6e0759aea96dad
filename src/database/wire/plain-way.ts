/** Clients whose insides are not as this folder expects (see `SelfTest`). */
const takingPlainWay = new WeakSet<object>();

/** From now on, only the documented part of `pg` is used for this client. */
export function takePlainWay(client: object): void {
  takingPlainWay.add(client);
}

export function takesPlainWay(client: object): boolean {
  return takingPlainWay.has(client);
}
