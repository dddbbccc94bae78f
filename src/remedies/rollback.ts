import type { ClientControl } from '../core/client-control.ts'
import type { Outcome } from '../core/findings/finding.ts'
import type { Clock } from '../core/time/clock.ts'
import { within } from '../core/time/within.ts'
import type { FindingReference } from '../errors.ts'
import { destroySession } from './destroy.ts'
import { fenceTransaction } from './fence.ts'

/** PostgreSQL answers ROLLBACK in microseconds; a session that has not answered by then will not. */
const rollbackMillis = 2000
/** A late cancel can hit ROLLBACK itself, once for each cancel that was sent. */
const mostAttempts = 3

/** What became of a session. */
export interface RemedyResult {
  readonly outcome: Outcome
  /** Why it is not the outcome that was asked for. */
  readonly detail?: string
}

export interface RollbackOrder {
  readonly control: ClientControl
  readonly reference: FindingReference
  readonly clock: Clock
  /** Called with the result before anything that waits for it goes on. */
  completed(result: RemedyResult): void
  /** The transaction has ended by itself, as a COMMIT that was in flight does: nothing was done, and the fence is down. */
  readonly ended?: () => void
  /** The owner's own ROLLBACK has lifted the fence. Absent if it has released and may not send any more. */
  readonly lifted?: (() => void) | undefined
}

/**
 * Ends the transaction on the server and keeps the connection: fence, cancel if busy, ROLLBACK, confirm. If any of it
 * fails or takes too long the session is destroyed, so that the pool has its slot back either way. Never fails.
 */
export async function rollBack(order: RollbackOrder): Promise<void> {
  const { control, reference, clock } = order
  const settle = fenceTransaction(control, reference, order.lifted)
  try {
    const end = await within(clock, rollbackMillis, endTransaction(control))
    if (end === 'rolled back') order.completed({ outcome: 'rolled-back' })
    else {
      control.lowerFence()
      order.ended?.()
    }
  } catch (error) {
    await destroySession(control, reference, clock)
    order.completed({ outcome: 'destroyed', detail: `ROLLBACK failed: ${reasonOf(error)}` })
  }
  settle()
}

/**
 * Ends a transaction that the last owner left in a client which is back in its pool: ROLLBACK goes ahead of whatever a
 * next owner has queued. If it fails the connection is lost, and every statement behind it fails the same way.
 */
export async function rollBackFirst(control: ClientControl): Promise<RemedyResult> {
  try {
    await control.runFirst('ROLLBACK')
    return { outcome: 'rolled-back' }
  } catch (error) {
    return { outcome: 'destroyed', detail: `ROLLBACK failed: ${reasonOf(error)}` }
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

async function endTransaction(control: ClientControl): Promise<'rolled back' | 'ended by itself'> {
  const work = control.work()
  if (work === 'portal' || work === 'copy') {
    throw new Error(work === 'portal' ? 'a cursor is open' : 'a COPY is running')
  }
  if (work === 'query') {
    await control.cancel()
    await control.whenReady()
    if (!control.gone && control.transaction === 'idle' && !control.hasFailedAtFence) {
      // The cancel may still be on its way, and would hit the owner's next statement.
      await runPastCancel(control, 'SELECT 1')
      return 'ended by itself'
    }
  }
  await runPastCancel(control, 'ROLLBACK')
  // The answer to ROLLBACK comes before the status that proves it.
  await control.whenReady()
  if (control.gone) throw new Error('the connection was lost')
  if (control.transaction !== 'idle') throw new Error(`the transaction is still ${control.transaction}`)
  return 'rolled back'
}

async function runPastCancel(control: ClientControl, statement: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await control.run(statement)
    } catch (error) {
      if (attempt === mostAttempts || (error as { code?: unknown }).code !== '57014') throw error
    }
  }
}
