import { useCallback, useState } from 'preact/hooks';

/**
 * Runs work that may fail. While it runs, `isBusy` is true. If it fails, `error` has the reason until the next
 * work begins.
 */
export function useAttempt() {
  const [error, setError] = useState<unknown>();
  const [isBusy, setIsBusy] = useState(false);
  const attempt = useCallback(async (work: () => Promise<void>) => {
    setIsBusy(true);
    setError(undefined);
    await work().catch(setError);
    setIsBusy(false);
  }, []);
  return { attempt, error, isBusy };
}
