import { PoolExhaustedError } from '../errors.ts'
import { describeMillis } from '../text/duration.ts'
import { oneLine } from '../text/safe-text.ts'
import type { CheckoutPool } from './checkout.ts'
import type { Holder } from './findings/finding.ts'
import { describeFrame } from './origin/origin.ts'
import { describePool } from './pool-record.ts'
import type { ScopeData } from './scope.ts'

/** The messages of pg-pool, of tarn and of sequelize-pool. */
const acquireTimeouts =
  /timeout exceeded when trying to connect|^operation timed out for an unknown reason$|^operation timeout$/i

/** Whether it is what a pool answers with when nobody has released a client within its acquire timeout. */
export function isAcquireTimeout(error: unknown): error is Error {
  return error instanceof Error && acquireTimeouts.test(error.message)
}

/** The same, or what it answers with when a connection has not opened within that time. */
export function isAnyTimeout(error: unknown): boolean {
  return (
    isAcquireTimeout(error) ||
    (error instanceof Error && /terminated due to connection timeout|^timeout expired$/i.test(error.message))
  )
}

/**
 * Gives the pool's own timeout error the reason: `holders` as data, and a `cause` whose message can be read. The
 * message itself stays, since programs compare it.
 */
export function nameHolders(error: Error, pool: CheckoutPool, holders: readonly Holder[]): void {
  if (!Object.isExtensible(error) || Object.hasOwn(error, 'holders')) return
  // Not enumerable: a logger that prints the error prints its cause, and would print the same again.
  Object.defineProperty(error, 'holders', { value: holders, configurable: true, writable: true })
  if (error.cause !== undefined) return
  Object.defineProperty(error, 'cause', {
    value: new PoolExhaustedError(exhaustionMessage(pool, holders)),
    configurable: true,
    writable: true,
  })
}

/** Who has the clients of a pool, one a line. */
export function exhaustionMessage(pool: CheckoutPool, holders: readonly Holder[]): string {
  const { total, max, waiting } = pool.gauge()
  const size = max ?? total
  const taken = size === 1 ? 'the only client is taken' : `all ${size} clients are taken`
  const more = waiting === 0 ? '' : `, ${waiting} more ${waiting === 1 ? 'caller waits' : 'callers wait'}`
  const head = `${describePool(pool.name)}: ${taken}${more}`
  return [head, ...holders.map((holder) => `  - ${describeHolder(holder)}`)].join('\n')
}

/** `request GET /datasets/:id (id 7)` */
export function describeScope({ kind, name, id }: ScopeData): string {
  return `${kind} ${name}${id === undefined ? '' : ` (id ${id})`}`
}

/** One line: where, for how long, in what state, doing what. */
export function describeHolder(holder: Holder): string {
  const parts = [holder.origin === undefined ? holder.via : describeFrame(holder.origin)]
  if (holder.scope !== undefined) parts.push(describeScope(holder.scope))
  if (holder.heldMillis !== undefined) parts.push(`held for ${describeMillis(holder.heldMillis)}`)
  if (holder.transaction !== undefined && holder.transaction !== 'idle') {
    const idle = holder.idleMillis ? `, idle for ${describeMillis(holder.idleMillis)}` : ''
    parts.push(`transaction ${holder.transaction}${idle}`)
  }
  if (holder.pid !== undefined) parts.push(`server pid ${holder.pid}`)
  if (holder.lastQuery !== undefined) parts.push(`last query: ${holder.lastQuery}`)
  if (holder.exemption !== undefined) parts.push(`exempted: ${holder.exemption}`)
  return oneLine(parts.join(', '))
}
