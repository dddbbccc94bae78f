import { ConnectionError } from '../../errors.ts'
import { isIdleInTransaction } from '../../postgres/idle-in-transaction.ts'
import type { ServerSession, ServerSnapshot } from '../../postgres/index.ts'
import type { OriginOf } from '../../postgres/report/session-origin.ts'
import { askService, fieldOf, pathBelow, serviceUrl, textOf } from '../../service/ask-service.ts'
import { UsageError } from '../command.ts'

/** The parts of an application's checkout that are used. */
interface AppCheckout {
  readonly pid: number
  readonly pool: string
  readonly transaction: string
  readonly acquiredAt?: number
  readonly place?: string
  readonly scope?: string
}

export interface AppAccess {
  readonly token: string | undefined
  readonly signal?: AbortSignal
}

export interface AppState {
  readonly url: string
  readonly checkouts: readonly AppCheckout[]
}

/** The tolerated difference between the clocks of two machines. */
const clockSkewMillis = 5_000

/**
 * Reads the checkouts of an application that has mounted `lifeguardHandler`.
 *
 * @param url a result of {@link appUrl}
 * @throws ConnectionError without an answer of a lifeguard
 */
export async function readApp(url: string, access: AppAccess): Promise<AppState> {
  const service = await askService(url, { ...access, tokenName: '--app-token' })
  const checkouts = fieldOf(await service.ask('snapshot'), 'checkouts')
  if (!Array.isArray(checkouts))
    throw new ConnectionError(`${service.url}/snapshot: the answer is not the snapshot of a lifeguard`)
  const { workingDirectory } = service
  return { url: service.url, checkouts: checkouts.flatMap((one) => readCheckout(one, workingDirectory)) }
}

/**
 * Checks the value of `--app`.
 *
 * @throws UsageError, without the value, which may contain a password
 */
export function appUrl(text: string): string {
  const url = serviceUrl(text)
  if (url === undefined) {
    throw new UsageError('--app must be a URL such as http://127.0.0.1:3000/lifeguard.')
  }
  return url
}

/**
 * Finds the checkout of a session by the server's process id. Behind a pooler the id is arbitrary, and another server
 * may use the same ids, so the other fields are compared, too.
 */
export function appOrigins({ checkouts }: AppState, snapshot: ServerSnapshot): OriginOf {
  const byPid = new Map(checkouts.map((checkout) => [checkout.pid, checkout]))
  const known = new Set(snapshot.sessions.map(({ pid }) => pid))
  const strangers = checkouts.filter(({ pid }) => !known.has(pid))
  return (session) => {
    const checkout = byPid.get(session.pid)
    if (checkout === undefined) return undefined
    const { place, scope, pool } = checkout
    const unknown = strangers.filter((one) => one.pool === pool).length
    const unverified = doubt(session, checkout, unknown)
    return {
      source: 'application',
      text: [place ?? `pool ${pool}`, ...(scope === undefined ? [] : [scope])].join(' '),
      ...(unverified === undefined ? {} : { unverified }),
    }
  }
}

/** A warning that part of the join may be missing. */
export function unknownToServer({ checkouts, url }: AppState, snapshot: ServerSnapshot): string | undefined {
  const known = new Set(snapshot.sessions.map(({ pid }) => pid))
  const strangers = checkouts.filter(({ pid }) => !known.has(pid)).length
  if (strangers === 0) return undefined
  return `${url}: ${strangers} of its ${checkouts.length} checkouts have process ids that this server does not have: they belong to another server, or the application connects through a pooler`
}

function doubt(session: ServerSession, checkout: AppCheckout, unknown: number): string | undefined {
  if (unknown > 0) {
    return `this server does not have ${unknown} of the process ids of its pool ${checkout.pool}: the application may connect through a pooler`
  }
  const isOpen = isIdleInTransaction(session)
  if (
    (isOpen && checkout.transaction === 'idle') ||
    (session.state === 'idle' && checkout.transaction !== 'idle')
  ) {
    return `the application reports the transaction as ${checkout.transaction}, the server reports ${session.state}`
  }
  const started = session.backendStart === undefined ? undefined : Date.parse(session.backendStart)
  if (
    started !== undefined &&
    checkout.acquiredAt !== undefined &&
    started > checkout.acquiredAt + clockSkewMillis
  ) {
    return 'the session is younger than the checkout'
  }
  return undefined
}

function readCheckout(checkout: unknown, directory: string | undefined): AppCheckout[] {
  const pid = fieldOf(checkout, 'pid')
  if (typeof pid !== 'number' || fieldOf(checkout, 'phase') === 'waiting') return []
  const acquiredAt = fieldOf(checkout, 'acquiredAt')
  const origin = fieldOf(checkout, 'origin') ?? fieldOf(checkout, 'transactionOrigin')
  const file = textOf(fieldOf(origin, 'file'))
  const scope = textOf(fieldOf(fieldOf(checkout, 'scope'), 'name'))
  return [
    {
      pid,
      pool: textOf(fieldOf(checkout, 'pool')) ?? '',
      transaction: textOf(fieldOf(checkout, 'transaction')) ?? 'idle',
      ...(typeof acquiredAt === 'number' ? { acquiredAt } : {}),
      ...(file === undefined
        ? {}
        : { place: `${pathBelow(file, directory) ?? file}:${String(fieldOf(origin, 'line'))}` }),
      ...(scope === undefined ? {} : { scope }),
    },
  ]
}
