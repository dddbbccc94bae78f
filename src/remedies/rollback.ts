import type { ClientControl } from '../core/client-control.ts'
import type { Outcome } from '../core/findings/finding.ts'
import type { Clock } from '../core/time/clock.ts'
import { within } from '../core/time/within.ts'
import type { FindingReference } from '../errors.ts'
import { destroySession } from './destroy.ts'
import { fenceTransaction } from './fence.ts'

/** The time limit of ROLLBACK, which PostgreSQL answers in microseconds. */
const rollbackMillis = 2000
/** A late cancel request can hit ROLLBACK itself, once for each request that was sent. */
const mostAttempts = 3

/** The result of a remedy. */
export interface RemedyResult {
  readonly outcome: Outcome
  /** The reason why it is not the outcome that was asked for. */
  readonly detail?: string
}

export interface RollbackOrder {
  readonly control: ClientControl
  readonly reference: FindingReference
  readonly clock: Clock
  /** Called with the result, before anything that waits for it continues. */
  completed(result: RemedyResult): void
  /** Called if the transaction has ended by itself, by a COMMIT in flight: nothing was done, and the fence is lifted. */
  readonly ended?: () => void
  /** Called when the owner's own ROLLBACK has lifted the fence. Absent if the owner has released. */
  readonly lifted?: (() => void) | undefined
}

/**
 * Ends the transaction on the server and keeps the connection: fence, cancel if busy, ROLLBACK, confirm. If a step
 * fails or takes too long, the session is destroyed, so that the pool gets its slot back in any case. Never fails.
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
 * Ends a transaction that the last owner left open in a released client: ROLLBACK is sent before any statement that the
 * next owner has queued. If it fails, the connection is lost, and every statement behind it fails the same way.
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
      // The cancel request may still be on its way, and would hit the owner's next statement.
      await runPastCancel(control, 'SELECT 1')
      return 'ended by itself'
    }
  }
  await runPastCancel(control, 'ROLLBACK')
  // ReadyForQuery, which confirms it, comes after the answer to ROLLBACK.
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
