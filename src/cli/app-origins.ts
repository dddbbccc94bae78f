import { ConnectionError } from '../errors.ts'
import type { ServerSession, ServerSnapshot } from '../postgres/index.ts'
import { UsageError } from './command.ts'
import type { OriginOf } from './session-origin.ts'

/** What a running application says of one of its checkouts, as far as it is used here. */
interface AppCheckout {
  readonly pid: number
  readonly pool: string
  readonly transaction: string
  readonly acquiredAt?: number
  readonly place?: string
  readonly scope?: string
}

export interface AppState {
  readonly url: string
  readonly checkouts: readonly AppCheckout[]
}

const answerMillis = 5_000
/** Clocks of two machines differ. */
const clockSkewMillis = 5_000

/**
 * Asks an application that has mounted `lifeguardHandler` what it has checked out.
 *
 * @throws ConnectionError if it does not answer, or not as a lifeguard does; UsageError if the URL is none
 */
export async function readApp(url: string, token: string | undefined): Promise<AppState> {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new UsageError('--app must be a URL such as http://127.0.0.1:3000/lifeguard.')
  }
  const base = url.replace(/\/+$/, '')
  const index = await get(base, token)
  if (field(index, 'service') !== 'pg-lifeguard') {
    throw new ConnectionError(
      `${base}: there is no lifeguard here; is lifeguardHandler mounted at this path?`,
    )
  }
  const directory = textOf(field(index, 'workingDirectory'))
  const checkouts = field(await get(`${base}/snapshot`, token), 'checkouts')
  if (!Array.isArray(checkouts))
    throw new ConnectionError(`${base}/snapshot: this is no snapshot of a lifeguard`)
  return { url: base, checkouts: checkouts.flatMap((one) => readCheckout(one, directory)) }
}

/**
 * Finds the checkout behind a session by the server's process id. The id is a pooler's invention where one is in between,
 * and another server has the same ids, so what can be compared is compared.
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

/** What a reader should know of the join: that part of it may be missing. */
export function unknownToServer({ checkouts, url }: AppState, snapshot: ServerSnapshot): string | undefined {
  const known = new Set(snapshot.sessions.map(({ pid }) => pid))
  const strangers = checkouts.filter(({ pid }) => !known.has(pid)).length
  if (strangers === 0) return undefined
  return `${url}: of its ${checkouts.length} checkouts, ${strangers} have process ids that this server does not know: they are of another server, or a pooler is in between`
}

function doubt(session: ServerSession, checkout: AppCheckout, unknown: number): string | undefined {
  if (unknown > 0) {
    return `the server does not know ${unknown} of the process ids of its pool ${checkout.pool}: is there a pooler in between?`
  }
  const isOpen = session.state?.startsWith('idle in transaction') === true
  if (
    (isOpen && checkout.transaction === 'idle') ||
    (session.state === 'idle' && checkout.transaction !== 'idle')
  ) {
    return `the application says its transaction is ${checkout.transaction}, the server says ${session.state}`
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

async function get(url: string, token: string | undefined): Promise<unknown> {
  let response: Response
  try {
    response = await fetch(url, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      redirect: 'error',
      signal: AbortSignal.timeout(answerMillis),
    })
  } catch (error) {
    const cause = error instanceof Error ? (error.cause ?? error) : error
    throw new ConnectionError(
      `${url}: ${cause instanceof Error ? cause.message || cause.name : String(cause)}`,
    )
  }
  if (response.status === 401 || response.status === 403) {
    throw new ConnectionError(`${url}: refused (${response.status}); give its token with --app-token`)
  }
  if (!response.ok) throw new ConnectionError(`${url}: answered ${response.status}`)
  try {
    return await response.json()
  } catch {
    throw new ConnectionError(`${url}: the answer is no JSON`)
  }
}

function readCheckout(checkout: unknown, directory: string | undefined): AppCheckout[] {
  const pid = field(checkout, 'pid')
  if (typeof pid !== 'number' || field(checkout, 'phase') === 'waiting') return []
  const acquiredAt = field(checkout, 'acquiredAt')
  const origin = field(checkout, 'origin') ?? field(checkout, 'transactionOrigin')
  const file = textOf(field(origin, 'file'))
  const scope = textOf(field(field(checkout, 'scope'), 'name'))
  return [
    {
      pid,
      pool: textOf(field(checkout, 'pool')) ?? '',
      transaction: textOf(field(checkout, 'transaction')) ?? 'idle',
      ...(typeof acquiredAt === 'number' ? { acquiredAt } : {}),
      ...(file === undefined ? {} : { place: `${below(file, directory)}:${String(field(origin, 'line'))}` }),
      ...(scope === undefined ? {} : { scope }),
    },
  ]
}

function below(file: string, directory: string | undefined): string {
  const prefix = directory === undefined ? undefined : `${directory.replace(/[\\/]+$/, '')}`
  if (prefix === undefined || !file.startsWith(prefix) || !/^[\\/]/.test(file.slice(prefix.length)))
    return file
  return file.slice(prefix.length + 1)
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
