import { type ComponentChildren, createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { type Action, WORDS } from './action.ts';
import type { Session } from './schemas.ts';

const SessionContext = createContext<Session>({
  actor: '',
  actions: [],
  parts: [],
  links: { trace: null, log: null, host: null },
});

export function SessionProvider({ value, children }: { value: Session; children: ComponentChildren }) {
  return <SessionContext.Provider value={value}>{children}</SessionContext.Provider>;
}

export const useSession = (): Session => useContext(SessionContext);

/** Why the person may not do something that takes these permissions. Undefined if the person may. */
export function useDenial(needs: Action | readonly Action[] = []): string | undefined {
  const { actor, actions } = useSession();
  const missing = [needs].flat().filter((action) => !actions.includes(action));
  if (missing.length === 0) return undefined;
  const words = missing.map((action) => WORDS[action] ?? 'do this').join(', or ');
  const are = missing.length === 1 ? 'permission that is missing is' : 'permissions that are missing are';
  return `You (${actor}) may not ${words}. The ${are} ${missing.join(', ')}.`;
}
