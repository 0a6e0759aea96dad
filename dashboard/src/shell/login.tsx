import { useState } from 'preact/hooks';

/** Says that nobody is logged in, and takes a token where the application wants one. */
export function Login({
  wasLoggedIn,
  onToken,
}: {
  wasLoggedIn: boolean;
  onToken: (token: string) => Promise<void>;
}) {
  const [token, setToken] = useState('');
  const [isTried, setIsTried] = useState(false);
  return (
    <form
      class="box warn login"
      onSubmit={(event) => {
        event.preventDefault();
        void onToken(token.trim()).then(() => setIsTried(true));
      }}
    >
      <h2>{wasLoggedIn ? 'Your session has ended' : 'You are not signed in'}</h2>
      <p role="status">
        {isTried
          ? 'The application still does not know you.'
          : wasLoggedIn
            ? 'What you see stays, and is not kept up to date.'
            : 'The application wants to know who you are.'}{' '}
        Sign in to the application in another tab and try again, or give a bearer token if it uses these.
      </p>
      <div class="field">
        <label for="token">Bearer token</label>
        <input
          id="token"
          type="password"
          autoComplete="off"
          value={token}
          onInput={(event) => setToken(event.currentTarget.value)}
          aria-describedby="token-note"
        />
        <p class="muted small" id="token-note">
          This tab keeps it until you close the tab.
        </p>
      </div>
      <button type="submit" class="primary">
        Try again
      </button>
    </form>
  );
}
