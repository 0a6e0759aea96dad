import { useCallback, useEffect, useState } from 'preact/hooks';
import { call, keepToken, onLoggedOut } from '../api/client.ts';
import { ApiProblem } from '../api/problem.ts';
import type { Session } from '../api/schemas.ts';
import { SessionProvider } from '../api/session.tsx';
import { live } from '../live/live.ts';
import { ProblemBox } from '../parts/problem-box.tsx';
import { Login } from './login.tsx';
import { Shell } from './shell.tsx';

/** Asks who the person is, and shows the page to them. */
export function App() {
  const [session, setSession] = useState<Session>();
  const [error, setError] = useState<unknown>();
  const [isLoggedOut, setIsLoggedOut] = useState(false);

  const enter = useCallback(async () => {
    try {
      const found = await call('GET session', {});
      setSession(found);
      setError(undefined);
      setIsLoggedOut(false);
      live.start(found.actions.includes('overview.read'));
    } catch (problem) {
      if (problem instanceof ApiProblem && problem.problem.status === 401) setIsLoggedOut(true);
      else setError(problem);
    }
  }, []);

  useEffect(() => {
    const forget = onLoggedOut(() => {
      live.end();
      setIsLoggedOut(true);
    });
    void enter();
    return forget;
  }, [enter]);

  const login = (
    <Login
      wasLoggedIn={session !== undefined}
      onToken={(token) => {
        keepToken(token);
        return enter();
      }}
    />
  );
  if (session === undefined) {
    return (
      <main class="alone">
        {isLoggedOut ? login : <ProblemBox error={error} retry={() => void enter()} />}
        {!isLoggedOut && error === undefined && <p class="muted">Loading…</p>}
      </main>
    );
  }
  return (
    <SessionProvider value={session}>
      <Shell notice={isLoggedOut ? login : undefined} />
    </SessionProvider>
  );
}
