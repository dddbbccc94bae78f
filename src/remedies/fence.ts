import type { ClientControl, Fence } from '../core/client-control.ts'
import { type FindingReference, SessionDestroyedError, TransactionRolledBackError } from '../errors.ts'

/**
 * Refuses statements until the owner sends ROLLBACK or releases: its transaction is gone.
 *
 * @returns what to call when the remedy is done with the client; what the owner did in between waits for that
 */
export function fenceTransaction(
  control: ClientControl,
  reference: FindingReference,
  lifted: (() => void) | undefined,
): () => void {
  return raise(control, {
    refusal: (cause) => new TransactionRolledBackError(reference, withCause(cause)),
    admitsRollback: lifted !== undefined,
    lifted: lifted ?? (() => {}),
  })
}

/** Refuses statements for good: the session is gone, or about to be. Returns the same as {@link fenceTransaction}. */
export function fenceSession(control: ClientControl, reference: FindingReference): () => void {
  return raise(control, {
    refusal: (cause) => new SessionDestroyedError(reference, withCause(cause)),
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
