import { call } from '../../api/client.ts';
import { commandLine } from '../../parts/command.ts';
import { Confirm } from '../../parts/confirm.tsx';

export type ScheduleChange = 'pause' | 'resume' | 'trigger' | 'remove';

const CHANGES = {
  pause: {
    title: 'Pause the schedule',
    act: 'Pause it',
    path: 'POST schedules/{schedule}/pause',
    about: 'None of its times is published until it is resumed. What was published is handled.',
  },
  resume: {
    title: 'Resume the schedule',
    act: 'Resume it',
    path: 'POST schedules/{schedule}/resume',
    about: 'It goes on with its next time. Times of the pause were not missed.',
  },
  trigger: {
    title: 'Trigger the schedule',
    act: 'Trigger it',
    path: 'POST schedules/{schedule}/trigger',
    about: 'Its event is published now, whatever its timing says.',
  },
  remove: {
    title: 'Remove the schedule',
    act: 'Remove it',
    path: 'POST schedules/{schedule}/remove',
    about: 'Its events stay. If code has declared it, it comes back when a process with that code boots.',
  },
} as const;

interface DialogProps {
  readonly change: ScheduleChange;
  readonly schedule: string;
  readonly onClose: () => void;
}

/** Asks before a schedule is changed. */
export function ChangeSchedule({ change, schedule, onClose }: DialogProps) {
  const { title, act, path, about } = CHANGES[change];
  return (
    <Confirm
      title={title}
      act={act}
      isDangerous={change === 'remove'}
      command={(reason) => commandLine(`schedules ${change}`, [schedule], { reason })}
      onAct={(reason) => call(path, { path: { schedule }, body: reason === undefined ? {} : { reason } })}
      onClose={onClose}
    >
      <p class="muted">{about}</p>
    </Confirm>
  );
}
