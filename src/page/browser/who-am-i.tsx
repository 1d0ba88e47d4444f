import type { Me } from './contract.ts';

/** The client, the MAAS, and the policy. */
export function WhoAmI({ me, onForget }: { readonly me: Me; readonly onForget: (() => void) | undefined }) {
  const { maas, user, policy, client } = me;
  return (
    <dl class="who" aria-label="Who I am">
      <dt>MAAS</dt>
      <dd>
        {maas.url} {maas.version === null ? '' : `(${maas.version})`}
      </dd>
      <dt>User</dt>
      <dd>{user === null ? 'unknown' : `${user.name}${user.administrator ? ', administrator' : ''}`}</dd>
      <dt>Policy</dt>
      <dd>{policy}</dd>
      {client !== null && <dt>Client</dt>}
      {client !== null && (
        <dd>
          {client}{' '}
          {onForget !== undefined && (
            <button type="button" onClick={onForget}>
              Forget the key
            </button>
          )}
        </dd>
      )}
    </dl>
  );
}
