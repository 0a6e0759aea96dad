/** Who takes part when leases are spread. */
export interface Members {
  readonly self: string;
  /** The live processes, with or without this one. */
  readonly live: readonly string[];
  /** How many leases each process holds. */
  readonly loads: Readonly<Record<string, number>>;
}

/*
 * No table says which process wants which names, because a process may want very many. So leases are spread
 * in two ways that need no such list:
 *
 * - Each live process takes a part of the names that are free. The processes with the fewest leases come
 *   first. If a name is still free at the next look, the others do not want it, so any process takes it.
 * - A process may hold at least two leases fewer than another one that has what it waits for. Then it asks
 *   that one for some of it. It asks for a small number, so that all processes that ask at the same time get
 *   at most half of the difference. It asks again when it has got them.
 */

/** Of the names that are free, those that this process takes now. */
export function namesToTake(
  free: readonly string[],
  freeBefore: ReadonlySet<string>,
  members: Members,
): string[] {
  const order = orderOf(members);
  const place = order.indexOf(members.self);
  const part = Math.ceil(free.length / order.length);
  return [...free]
    .sort()
    .filter((name, i) => (i >= place * part && i < (place + 1) * part) || freeBefore.has(name));
}

/** The process to ask for leases, and for how many. Undefined if the leases are even. */
export function leasesToAsk(
  members: Members,
): { readonly owner: string; readonly count: number } | undefined {
  const order = orderOf(members);
  const owner = order.at(-1);
  if (owner === undefined || owner === members.self) return undefined;
  const difference = loadOf(owner, members) - loadOf(members.self, members);
  if (difference < 2) return undefined;
  return { owner, count: Math.max(1, Math.floor(difference / (2 * order.length))) };
}

/** The processes, the one with the fewest leases first. */
function orderOf(members: Members): string[] {
  const all = new Set([members.self, ...members.live]);
  return [...all].sort((a, b) => loadOf(a, members) - loadOf(b, members) || (a < b ? -1 : 1));
}

function loadOf(id: string, { loads }: Members): number {
  return loads[id] ?? 0;
}
