import type { SagaPage } from '../../api/schemas.ts';
import { Mark, type Tone } from '../../parts/status.tsx';
import { to } from '../../router/router.ts';

export type ListedSaga = SagaPage['items'][number];

const TONES: Readonly<Record<ListedSaga['status'], Tone>> = {
  active: 'info',
  completed: 'ok',
  undone: 'warn',
  canceled: 'quiet',
};

export function SagaMark({ status, stuck }: Pick<ListedSaga, 'status' | 'stuck'>) {
  return <Mark tone={stuck ? 'bad' : TONES[status]}>{stuck ? 'stuck' : status}</Mark>;
}

export const sagaHref = (saga: string, key: string): string => to(['sagas', saga, key]);

/** What led to a step. A timeout and the end by an admin are no events. */
export function causeText(name: string): string {
  if (name === 'end') return 'an admin';
  return name.startsWith('timeout:') ? `timeout ${name.slice('timeout:'.length)}` : name;
}
