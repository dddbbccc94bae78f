import { createHash, timingSafeEqual } from 'node:crypto'
import { doubtOf, type RequestEvidence } from './local-request.ts'

/** The answer to a request that may not read. */
export interface Refusal {
  readonly status: 401 | 403
  readonly error: string
  readonly headers: Readonly<Record<string, string>>
}

/** Judges requests before their path is looked at, so that a stranger does not learn which paths exist. */
export type ReaderCheck = (request: RequestEvidence) => Refusal | undefined

export interface ReaderOptions {
  /** Undefined: only programs on this machine may read. */
  readonly token: string | undefined
  /** Also accepts the token as the password of Basic authentication, which browsers ask for. */
  readonly forBrowsers?: boolean
}

/** With a token, only requests that send it are served, including those from this machine. */
export function readerCheck({ token, forBrowsers = false }: ReaderOptions): ReaderCheck {
  if (token === undefined) return refuseStrangers
  const expected = digest(token)
  return ({ headers: { authorization } }) => {
    const given = typeof authorization === 'string' ? tokenIn(authorization, forBrowsers) : undefined
    if (given !== undefined && timingSafeEqual(digest(given), expected)) return undefined
    return {
      status: 401,
      error: 'the token is missing or wrong',
      headers: {
        'www-authenticate': forBrowsers
          ? 'Basic realm="pg-lifeguard: the token as password", charset="UTF-8"'
          : 'Bearer realm="pg-lifeguard"',
      },
    }
  }
}

function refuseStrangers(request: RequestEvidence): Refusal | undefined {
  const doubt = doubtOf(request)
  if (doubt === undefined) return undefined
  return {
    status: 403,
    error: `only programs on this machine may read this, and ${doubt}: give the handler a token`,
    headers: {},
  }
}

function tokenIn(authorization: string, forBrowsers: boolean): string | undefined {
  const bearer = /^Bearer +(\S.*)$/i.exec(authorization)?.[1]
  if (bearer !== undefined || !forBrowsers) return bearer
  const basic = /^Basic +([\w+/]+=*)$/i.exec(authorization)?.[1]
  if (basic === undefined) return undefined
  const credentials = Buffer.from(basic, 'base64').toString()
  const colon = credentials.indexOf(':')
  return colon === -1 ? undefined : credentials.slice(colon + 1)
}

/** All digests have the same length, so that the time of the comparison reveals nothing about the token. */
function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
