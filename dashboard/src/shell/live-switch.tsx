import { type LiveMode, live, useLive } from '../live/live.ts';

const MODES: Readonly<Record<LiveMode, readonly [word: string, meaning: string]>> = {
  starting: ['Starting', 'The first look is on its way.'],
  stream: ['Live', 'The server sends a look every two seconds.'],
  polling: ['Polling', 'The page asks every five seconds, because the stream is not there.'],
  lost: ['No answer', 'The server or its database does not answer. The page keeps trying.'],
  hidden: ['Resting', 'Nothing is read while nobody sees this tab.'],
  denied: ['No look', 'You may not see the overview. Lists are read every five seconds.'],
};

/** Says how the page is kept up to date, and lets a person stop that. */
export function LiveSwitch() {
  const { mode, pause } = useLive();
  const [word, meaning] =
    pause === 'selection'
      ? ['Held', 'Nothing is read again while rows are selected.']
      : pause === 'person'
        ? ['Paused', 'Nothing is read again until you go on.']
        : MODES[mode];
  return (
    <button
      type="button"
      class={`live ${pause === undefined ? mode : 'held'}`}
      aria-pressed={pause === 'person'}
      title={meaning}
      aria-label={`${word}. ${meaning} ${pause === 'person' ? 'Go on' : 'Pause'}.`}
      onClick={() => live.pauseByPerson(pause !== 'person')}
    >
      {word}
    </button>
  );
}
