import { useState } from 'preact/hooks';
import type { Action } from '../api/action.ts';
import { type Args, call, type RouteName } from '../api/client.ts';
import type { Examination } from '../api/schemas.ts';
import { Act } from '../parts/button.tsx';
import { commandLine } from '../parts/command.ts';
import { Confirm } from '../parts/confirm.tsx';
import { consumerHref } from '../parts/links.tsx';
import { Foreign, visible } from '../parts/text.tsx';
import { to } from '../router/router.ts';

interface RemedyCall {
  readonly kind: 'call';
  readonly says: string;
  readonly needs: Action;
  readonly command: (reason: string | undefined) => string;
  readonly run: (reason: string | undefined) => Promise<unknown>;
}
type Remedy = RemedyCall | { readonly kind: 'link'; readonly says: string; readonly href: string };

/** Does it, after it was asked once more. */
export function RemedyButton({
  remedy,
  about,
  onDone,
}: {
  remedy: RemedyCall;
  about: string;
  onDone: () => void;
}) {
  const [isAsked, setIsAsked] = useState(false);
  return (
    <>
      <Act needs={remedy.needs} kind="primary" onAct={() => setIsAsked(true)}>
        {visible(remedy.says)}
      </Act>
      {isAsked && (
        <Confirm
          title={`${remedy.says}?`}
          act={remedy.says}
          command={remedy.command}
          onAct={remedy.run}
          onClose={() => {
            setIsAsked(false);
            onDone();
          }}
        >
          <p class="muted">
            <Foreign>{about}</Foreign>
          </p>
        </Confirm>
      )}
    </>
  );
}

const post = <N extends RouteName>(name: N, args: Args<N>) => call(name, args);

/** What a page can do about a finding or a problem. Undefined where only a person can. */
export function remedyOf(action: Examination['findings'][number]['action']): Remedy | undefined {
  if (action === null) return undefined;
  const [first, second] = action.arguments;
  const name = String(first ?? '');
  const because = (reason: string | undefined) => (reason === undefined ? {} : { reason });
  switch (`${action.service}.${action.method}`) {
    case 'ConsumerService.resume':
      return {
        kind: 'call',
        says: `Resume ${name}`,
        needs: 'consumers.resume',
        command: (reason) => commandLine('consumers resume', [name], { reason }),
        run: (reason) => post('POST consumers/{name}/resume', { path: { name }, body: because(reason) }),
      };
    case 'OperationService.cancel':
      return {
        kind: 'call',
        says: 'Cancel the operation',
        needs: 'operations.cancel',
        command: (reason) => commandLine('operations cancel', [name], { reason }),
        run: (reason) => post('POST operations/{id}/cancel', { path: { id: name }, body: because(reason) }),
      };
    case 'ConsumerService.remove':
      return {
        kind: 'call',
        says: `Delete ${name}`,
        needs: 'consumers.remove',
        command: (reason) => commandLine('consumers remove', [name], { reason }),
        run: (reason) => post('DELETE consumers/{name}', { path: { name }, body: because(reason) }),
      };
    case 'ConsumerService.repartition':
      return {
        kind: 'call',
        says: `Give ${name} ${String(second)} partitions`,
        needs: 'consumers.repartition',
        command: (reason) => commandLine('consumers repartition', [name, Number(second)], { reason }),
        run: (reason) =>
          post('POST consumers/{name}/repartition', {
            path: { name },
            body: { partitions: Number(second), ...because(reason) },
          }),
      };
    case 'ConsumerService.redrive':
      return { kind: 'link', says: 'See its dead letters', href: to(['dead-letters'], { consumer: name }) };
    case 'IntegrationSettingsService.reset':
    case 'IntegrationSettingsService.set':
      return { kind: 'link', says: 'Open the setting', href: to(['settings'], { key: name }) };
    default:
      return action.service === 'ConsumerService' && name !== ''
        ? { kind: 'link', says: 'Open the consumer', href: consumerHref(name) }
        : undefined;
  }
}
