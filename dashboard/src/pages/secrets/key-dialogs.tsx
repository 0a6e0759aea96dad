import { useId, useState } from 'preact/hooks';
import { call } from '../../api/client.ts';
import type { SecretKey } from '../../api/schemas.ts';
import { commandLine } from '../../parts/command.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { counted } from '../../parts/number.ts';

interface DialogProps {
  /** Gets a sentence about what was done. */
  readonly onDone: (said: string) => void;
  readonly onClose: () => void;
}

const because = (reason: string | undefined) => (reason === undefined ? {} : { reason });

/** Wraps all data keys with the current key. */
export function RotateDialog({
  others,
  onDone,
  onClose,
}: DialogProps & { readonly others: readonly SecretKey[] }) {
  const dataKeys = others.reduce((sum, key) => sum + key.dataKeys, 0);
  return (
    <Confirm
      title="Rotate the keys"
      act="Rotate"
      onClose={onClose}
      command={(reason) => commandLine('keys rotate', [], { reason })}
      onAct={async (reason) => onDone(await rotateAll(reason))}
    >
      <p>
        The current key will wrap {counted(dataKeys, 'data key')} of other keys. Every secret can be read at
        every moment meanwhile.
      </p>
    </Confirm>
  );
}

/** One request takes a portion. They follow each other until nothing is left that can be wrapped. */
async function rotateAll(reason: string | undefined): Promise<string> {
  for (let wrapped = 0; ; ) {
    const { rewrapped, unreadable, left } = await call('POST keys/rotate', { body: because(reason) });
    wrapped += rewrapped;
    if (left > 0 && rewrapped > 0) continue;
    const done = `${counted(wrapped, 'data key')} ${wrapped === 1 ? 'is' : 'are'} wrapped by the current key now.`;
    return unreadable === 0 ? done : `${done} ${counted(unreadable, 'data key')} could not be opened.`;
  }
}

/** Seals the secrets of a tenant with a new data key. */
export function ResealDialog({ onDone, onClose }: DialogProps) {
  const id = useId();
  const [tenant, setTenant] = useState('');
  const reseal = async (reason: string | undefined) => {
    const body = { ...(tenant.trim() === '' ? {} : { tenant: tenant.trim() }), ...because(reason) };
    const { resealed, unreadable } = await call('POST keys/reseal', { body });
    const done = `${counted(resealed, 'version')} of secrets ${resealed === 1 ? 'is' : 'are'} sealed with a new data key.`;
    onDone(unreadable === 0 ? done : `${done} ${counted(unreadable, 'version')} could not be opened.`);
  };
  return (
    <Confirm
      title="Reseal the secrets of a tenant"
      act="Reseal"
      command={(reason) => commandLine('keys reseal', [], { tenant: tenant.trim(), reason })}
      onClose={onClose}
      onAct={reseal}
    >
      <p>For a data key that has leaked. The tenant gets a new one, and the old one is deleted.</p>
      <div class="field">
        <label for={id}>Tenant (empty in an application without tenants)</label>
        <input
          id={id}
          value={tenant}
          maxLength={127}
          autoComplete="off"
          onInput={(event) => setTenant(event.currentTarget.value)}
        />
      </div>
    </Confirm>
  );
}
