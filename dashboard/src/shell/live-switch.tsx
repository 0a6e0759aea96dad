import { type LiveMode, live, useLive } from '../live/live.ts';

const MODES: Readonly<Record<LiveMode, readonly [word: string, meaning: string]>> = {
  starting: ['Starting', 'Waiting for the first figures.'],
  stream: ['Live', 'The server sends new figures every two seconds.'],
  polling: ['Polling', 'The page asks every five seconds, because no stream of figures is open.'],
  lost: ['No answer', 'The server or its database does not answer. The page keeps trying.'],
  hidden: ['Resting', 'Nothing is read while nobody sees this tab.'],
  ended: ['Stopped', 'Your session has ended. Nothing is read until you have signed in again.'],
  denied: ['Lists only', 'You may not see the overview. Lists are updated every five seconds.'],
};

/** Says how the page is kept up to date, and lets a person stop that. */
export function LiveSwitch() {
  const { mode, pause } = useLive();
  const [word, meaning] =
    pause === 'selection'
      ? ['Held', 'Nothing is updated while rows are selected or settings are being changed.']
      : pause === 'person'
        ? ['Paused', 'Nothing is updated until you resume.']
        : MODES[mode];
  return (
    <button
      type="button"
      class={`live ${pause === undefined ? mode : 'held'}`}
      aria-pressed={pause === 'person'}
      title={meaning}
      aria-label={`${word}. ${meaning} ${pause === 'person' ? 'Resume' : 'Pause'}.`}
      onClick={() => live.pauseByPerson(pause !== 'person')}
    >
      {word}
    </button>
  );
}
