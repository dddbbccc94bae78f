import type { ClientControl, Fence } from '../core/client-control.ts'
import { tolerated } from '../core/unawaited.ts'
import { type FindingReference, SessionDestroyedError, TransactionRolledBackError } from '../errors.ts'

/**
 * Refuses the owner's statements until it sends ROLLBACK or releases: its transaction is rolled back.
 *
 * @returns a function to call when the remedy is finished; the owner's actions until then wait for that
 */
export function fenceTransaction(
  control: ClientControl,
  reference: FindingReference,
  lifted: (() => void) | undefined,
): () => void {
  return raise(control, {
    refusal: (cause) => tolerated(new TransactionRolledBackError(reference, withCause(cause))),
    admitsRollback: lifted !== undefined,
    lifted: lifted ?? (() => {}),
  })
}

/** Refuses all further statements, because the session is being closed. Returns the same as {@link fenceTransaction}. */
export function fenceSession(control: ClientControl, reference: FindingReference): () => void {
  return raise(control, {
    refusal: (cause) => tolerated(new SessionDestroyedError(reference, withCause(cause))),
    admitsRollback: false,
    lifted: () => {},
  })
}

function raise(control: ClientControl, fence: Omit<Fence, 'settled'>): () => void {
  let settle = () => {}
  const settled = new Promise<void>((resolve) => {
    settle = resolve
  })
  control.fence({ ...fence, settled })
  return settle
}

function withCause(cause: unknown): ErrorOptions | undefined {
  return cause === undefined ? undefined : { cause }
}
