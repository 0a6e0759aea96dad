import { type ComponentChildren, createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Routes, Session } from './schemas.ts';

export type Action = Routes[keyof Routes]['action'];

const SessionContext = createContext<Session>({ actor: '', actions: [] });

export function SessionProvider({ value, children }: { value: Session; children: ComponentChildren }) {
  return <SessionContext.Provider value={value}>{children}</SessionContext.Provider>;
}

export const useSession = (): Session => useContext(SessionContext);

const WORDS: { readonly [A in Action]?: string } = {
  'session.read': 'see who you are',
  'overview.read': 'see how all consumers do',
  'consumers.read': 'see consumers',
  'consumers.pause': 'pause consumers',
  'consumers.resume': 'resume consumers',
  'consumers.replay': 'replay events',
  'consumers.repartition': 'change the number of partitions',
  'consumers.remove': 'delete consumers',
  'events.read': 'see events',
  'payloads.read': 'see payloads',
  'entities.read': 'see entities',
  'dead-letters.read': 'see dead letters',
  'dead-letters.note': 'note something about failures',
  'operations.read': 'see operations',
  'operations.plan': 'plan operations',
  'operations.run': 'run operations',
  'operations.cancel': 'cancel operations',
  'settings.read': 'see settings',
  'settings.change': 'change settings',
  'processes.read': 'see processes',
  'doctor.read': 'have the database examined',
  'audit.read': 'see the audit',
};

/** Why the person may not do something that takes these permissions. Undefined if the person may. */
export function useDenial(needs: Action | readonly Action[] = []): string | undefined {
  const { actor, actions } = useSession();
  const missing = [needs].flat().filter((action) => !actions.includes(action));
  if (missing.length === 0) return undefined;
  const words = missing.map((action) => WORDS[action] ?? 'do this').join(', or ');
  const are = missing.length === 1 ? 'permission that is missing is' : 'permissions that are missing are';
  return `You (${actor}) may not ${words}. The ${are} ${missing.join(', ')}.`;
}
