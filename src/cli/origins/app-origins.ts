import { ConnectionError } from '../../errors.ts'
import type { ServerSnapshot } from '../../postgres/index.ts'
import { checkoutOrigins, type OwnCheckout } from '../../postgres/report/checkout-origins.ts'
import type { OriginOf } from '../../postgres/report/session-origin.ts'
import { askService, fieldOf, pathBelow, serviceUrl, textOf } from '../../service/ask-service.ts'
import { UsageError } from '../command.ts'

export interface AppAccess {
  readonly token: string | undefined
  readonly signal?: AbortSignal
}

export interface AppState {
  readonly url: string
  readonly checkouts: readonly OwnCheckout[]
}

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

/** The origins of the sessions of an application. */
export function appOrigins({ checkouts }: AppState, snapshot: ServerSnapshot): OriginOf {
  return checkoutOrigins(checkouts, snapshot)
}

/** A warning that part of the join may be missing. */
export function unknownToServer({ checkouts, url }: AppState, snapshot: ServerSnapshot): string | undefined {
  const known = new Set(snapshot.sessions.map(({ pid }) => pid))
  const strangers = checkouts.filter(({ pid }) => !known.has(pid)).length
  if (strangers === 0) return undefined
  return `${url}: ${strangers} of its ${checkouts.length} checkouts have process ids that this server does not have: they belong to another server, or the application connects through a pooler`
}

function readCheckout(checkout: unknown, directory: string | undefined): OwnCheckout[] {
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
